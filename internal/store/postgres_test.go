package store

import (
	"context"
	"errors"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/needs/pgserver"
)

const pgSecret = "s3cret-pass"

// server starts a PostgreSQL for one test.
func server(t *testing.T, o pgserver.Options) *pgserver.Server {
	t.Helper()
	s, err := pgserver.Start(o)
	if errors.Is(err, pgserver.ErrMissing) && os.Getenv("INFRAHAUS_NEEDS") != "all" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// wantKind checks an error's kind, and that it has a hint and no password.
func wantKind(t *testing.T, err error, want Kind, says string) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || e.Kind != want {
		t.Errorf("err = %v, want kind %s", err, want)
		return
	}
	if text := e.Error(); !strings.HasPrefix(text, "cannot ") || strings.Contains(text+e.Hint, pgSecret) || !strings.Contains(text+" hint: "+e.Hint, says) {
		t.Errorf("says %q, hint %q, want %q", text, e.Hint, says)
	}
	if e.Hint == "" {
		t.Errorf("%q has no hint", e.Error())
	}
}

func tryOpen(t *testing.T, address string) error {
	t.Helper()
	s, err := OpenAt(t.Context(), Place{Dir: t.TempDir(), URL: address})
	if err == nil {
		s.Close()
	}
	return err
}

func TestPostgresURLs(t *testing.T) {
	for address, want := range map[string]string{
		"postgres://u:" + pgSecret + "@h:5433/d?sslmode=disable": "postgres://u@h:5433/d",
		"postgresql://h/d?password=" + pgSecret:                  "postgres://h/d",
		"postgres://u@/d?host=/run/pg&passfile=x":                "postgres://u@/d?host=/run/pg",
		"postgres://": "postgres:///",
		"postgres://u:" + pgSecret + "@h/d?sslrootcert=/nowhere/ca.pem": "",
		"postgres://u:" + pgSecret + "@h/d?sslmode=sometimes":           "",
		"postgres://u:" + pgSecret + "@h:port/d":                        "",
		"mysql://u:" + pgSecret + "@h/d":                                "",
	} {
		shown, err := ParseURL(address)
		if want != "" {
			if err != nil || shown != want {
				t.Errorf("%s: %s, %v", address, shown, err)
			}
			continue
		}
		wantKind(t, err, BadURL, "cannot use the address")
		if strings.Contains(address, "/nowhere") && !strings.Contains(err.Error(), "cannot read /nowhere/ca.pem") {
			t.Errorf("%s: the file is not named: %v", address, err)
		}
	}
}

func TestPostgresTrouble(t *testing.T) {
	s := server(t, pgserver.Options{Settings: map[string]string{"max_connections": "5", "superuser_reserved_connections": "1"}})
	ctx := t.Context()
	run := func(statements string) {
		t.Helper()
		if _, err := s.Run(ctx, statements); err != nil {
			t.Fatal(err)
		}
	}
	run(`CREATE ROLE plain LOGIN; CREATE SCHEMA theirs; CREATE TABLE theirs.recipes (name text); CREATE SCHEMA ours; CREATE SCHEMA newer; CREATE SCHEMA older`)
	wantKind(t, tryOpen(t, s.URL("theirs")), Garbage, "another program made the tables")
	if out, err := s.Run(ctx, `SELECT count(*) FROM pg_tables WHERE schemaname = 'theirs'`); err != nil || out != "1" {
		t.Errorf("another program's schema was changed: %s %v", out, err)
	}
	wantKind(t, tryOpen(t, s.URL("nowhere")), Garbage, "does not exist")
	wantKind(t, tryOpen(t, strings.Replace(s.URL("x"), "/postgres?", "/nowhere?", 1)), Missing, "createdb nowhere")
	wantKind(t, tryOpen(t, strings.Replace(s.URL("x"), "postgres@", "nobody:"+pgSecret+"@", 1)), Refused, "PGPASSWORD")
	wantKind(t, tryOpen(t, strings.Replace(s.URL("public"), "postgres@", "plain@", 1)), Forbidden, "AUTHORIZATION plain")
	wantKind(t, tryOpen(t, "postgres://u:"+pgSecret+"@127.0.0.1:1/d"), Away, "pg_isready")

	for _, schema := range []string{"newer", "older", "ours"} {
		if err := tryOpen(t, s.URL(schema)); err != nil {
			t.Fatal(err)
		}
	}
	run(`UPDATE newer.infrahaus SET value = '999' WHERE name = 'version'`)
	wantKind(t, tryOpen(t, s.URL("newer")), Newer, "its version is 999")
	db, err := OpenAt(ctx, Place{Dir: t.TempDir(), URL: s.URL("ours") + "&options=-c%20default_transaction_read_only%3Don"})
	if err != nil {
		t.Fatal(err)
	}
	wantKind(t, db.CreateContainer(ctx, lxc.Container{RecordID: NewRecordID(), Hostname: "a"}), ReadOnly, "target_session_attrs=read-write")
	db.Close()
}

func TestPostgresOutOfConnections(t *testing.T) {
	s := server(t, pgserver.Options{Settings: map[string]string{"max_connections": "3", "superuser_reserved_connections": "1", "max_wal_senders": "0"}})
	if _, err := s.Run(t.Context(), `CREATE ROLE plain LOGIN; CREATE SCHEMA ours AUTHORIZATION plain`); err != nil {
		t.Fatal(err)
	}
	address := strings.Replace(s.URL("ours"), "postgres@", "plain@", 1)
	var held []*postgres
	for range 3 {
		d, err := newPostgres(Place{URL: address})
		if err != nil {
			t.Fatal(err)
		}
		d.short = time.Millisecond
		db := d.connect(1)
		defer db.Close()
		err = d.wrap(db.Ping())
		// The server may still be ending the connection that made the role.
		for end := time.Now().Add(time.Minute); len(held) < 2 && err != nil && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
			err = d.wrap(db.Ping())
		}
		held = append(held, d)
		if len(held) == 3 {
			wantKind(t, err, Crowded, "pg_stat_activity")
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// A certificate that nobody whom we know has signed is not trusted.
func TestPostgresCertificate(t *testing.T) {
	certificate, key := selfSigned(t)
	s := server(t, pgserver.Options{TCP: true, Files: map[string][]byte{"server.crt": certificate, "server.key": key}, Settings: map[string]string{"ssl": "on", "ssl_cert_file": "../server.crt", "ssl_key_file": "../server.key"}})
	address := "postgres://postgres:" + pgSecret + "@127.0.0.1:" + portOf(s) + "/postgres?sslmode="
	wantKind(t, tryOpen(t, address+"verify-full"), Untrusted, "sslrootcert=FILE")
	ca := t.TempDir() + "/ca.pem"
	if err := os.WriteFile(ca, certificate, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := tryOpen(t, address+"verify-full&sslrootcert="+ca); err != nil {
		t.Error(err)
	}
	if err := tryOpen(t, address+"require"); err != nil {
		t.Error(err)
	}
}

func TestPostgresPooler(t *testing.T) {
	s := server(t, pgserver.Options{})
	p, err := s.Pool()
	if err != nil {
		if os.Getenv("INFRAHAUS_NEEDS") != "all" {
			t.Skip(err)
		}
		t.Fatal(err)
	}
	defer p.Close()
	db, err := OpenAt(t.Context(), Place{Dir: t.TempDir(), URL: p.URL(nil)})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var wg sync.WaitGroup
	for range 8 { // more than the pooler's connections
		wg.Go(func() {
			logRun(t, db, create(t, db, lxc.Container{HostID: host(t, db, "h"), Hostname: NewRecordID()}).RecordID, "create", 30)
		})
	}
	wg.Wait()
	wantKind(t, prepared(t, p.URL(url.Values{"default_query_exec_mode": {"cache_statement"}})), Pooled, "default_query_exec_mode=exec")
	wantKind(t, tryOpen(t, p.URL(url.Values{"search_path": {"x"}})), Pooled, "ALTER ROLE")
}

// prepared uses prepared statements over several connections until one fails.
func prepared(t *testing.T, address string) error {
	var first error
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			s, err := OpenAt(t.Context(), Place{Dir: t.TempDir(), URL: address})
			for i := 0; err == nil && i < 40; i++ {
				_, err = s.Containers(context.Background(), Filter{})
			}
			mu.Lock()
			defer mu.Unlock()
			if first == nil {
				first = err
			}
		})
	}
	wg.Wait()
	return first
}

// The server is stopped and killed while runs are in progress: they wait, and lose nothing.
func TestPostgresRestartsDuringRuns(t *testing.T) {
	s := server(t, pgserver.Options{})
	var waits sync.Map
	db, err := OpenAt(t.Context(), Place{Dir: t.TempDir(), URL: s.URL(""), Waiting: func(what string, _ time.Duration) func() {
		waits.Store(what, true)
		return func() {}
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	c := create(t, db, lxc.Container{HostID: host(t, db, "h"), Hostname: "web"})
	r := begin(t, db, c.RecordID, "create")
	sink := db.Sink()
	const n = 300
	done := make(chan struct{})
	go func() {
		defer close(done)
		for seq := 1; seq <= n; seq++ {
			emit(t, sink, r, seq)
			if err := db.SetStep(t.Context(), Step{RecordID: c.RecordID, RunID: r.ID, Phase: "p", Item: "i", State: Done}); err != nil {
				t.Error(err)
			}
			time.Sleep(5 * time.Millisecond)
		}
	}()
	for _, stop := range []func() error{s.Down, s.Kill} {
		time.Sleep(300 * time.Millisecond)
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(300 * time.Millisecond)
		if err := s.Up(); err != nil {
			t.Fatal(err)
		}
	}
	<-done
	if err := errors.Join(sink.Close(), db.EndRun(t.Context(), r.ID, 0)); err != nil {
		t.Fatal(err)
	}
	got := seqs(t, db, EventQuery{RunID: r.ID})
	if len(strings.Fields(got)) != n || !strings.HasSuffix(got, " 299 300") {
		t.Errorf("events: %s", got)
	}
	said := 0
	waits.Range(func(any, any) bool { said++; return true })
	if said == 0 {
		t.Error("nothing said that the database is waited for")
	}
}

// A run that waits for the database ends soon after its command was told to end, and what is
// on record by then can be gone on with.
func TestPostgresWaitEndsWithTheCommand(t *testing.T) {
	s := server(t, pgserver.Options{})
	until, stop := context.WithCancel(t.Context())
	waits := make(chan bool, 10)
	dir := t.TempDir()
	db, err := OpenAt(t.Context(), Place{Dir: dir, URL: s.URL(""), Until: until, Waiting: func(string, time.Duration) func() {
		waits <- true
		return func() {}
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	c := create(t, db, lxc.Container{HostID: host(t, db, "h"), Hostname: "web"})
	r := begin(t, db, c.RecordID, "create")
	sink := db.Sink()
	emit(t, sink, r, 3)
	if err := s.Down(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() {
		ended <- sink.Event(event.Event{Timestamp: time.Now(), Seq: 4, Type: event.Step, ContainerID: c.RecordID, RunID: r.ID})
	}()
	<-waits
	stop()
	select {
	case err := <-ended:
		wantKind(t, err, Away, "pg_isready")
	case <-time.After(time.Minute): // it would wait for ten
		t.Fatal("it still waits")
	}
	if err := s.Up(); err != nil {
		t.Fatal(err)
	}
	// A command that was told to end still records what it can.
	if err := db.EndRun(context.WithoutCancel(until), r.ID, 130); err != nil {
		t.Error(err)
	}
	other, err := OpenAt(t.Context(), Place{Dir: dir, URL: s.URL("")})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	begin(t, other, c.RecordID, "resume")
	if got := seqs(t, other, EventQuery{RunID: r.ID}); got != "3" {
		t.Errorf("events: %s", got)
	}
}

// A machine that was asleep for longer than its lease finds its run taken over, and writes
// nothing any more.
func TestLateRunIsFenced(t *testing.T) {
	address := urlOf(t, t.TempDir())
	open := func() *Store {
		s, err := OpenAt(t.Context(), Place{Dir: t.TempDir(), URL: address})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return s
	}
	asleep, other := open(), open()
	c := create(t, asleep, lxc.Container{HostID: host(t, asleep, "h"), Hostname: "web"})
	late := begin(t, asleep, c.RecordID, "create")
	sink := asleep.Sink()
	emit(t, sink, late, 3)
	var busy *Busy
	if err := other.BeginRun(t.Context(), Run{ID: NewRecordID(), RecordID: c.RecordID, Kind: "resume"}); !errors.As(err, &busy) {
		t.Fatalf("another machine: %v", err)
	}
	if _, err := asleep.changed(t.Context(), `UPDATE runs SET beat = beat - ? WHERE id = ?`, 10*beatLimit.Milliseconds(), late.ID); err != nil {
		t.Fatal(err)
	}
	next := begin(t, other, c.RecordID, "resume")
	emitted := func(typ event.Type) error {
		if err := sink.Event(event.Event{Timestamp: time.Now(), Seq: 4, Type: typ, ContainerID: c.RecordID, RunID: late.ID}); err != nil {
			return err
		}
		return sink.Flush(late.ID)
	}
	_, update := asleep.UpdateContainerIn(t.Context(), late.ID, c.RecordID, func(c *lxc.Container) error { c.Lifecycle = lxc.Failed; return nil })
	for what, err := range map[string]error{
		"event": emitted(event.Step), "log": emitted(event.Log), "update": update,
		"step": asleep.SetStep(t.Context(), Step{RecordID: c.RecordID, RunID: late.ID, Phase: "p", Item: "i", State: Claimed}),
	} {
		var taken *Taken
		if !errors.As(err, &taken) || taken.By.ID != next.ID {
			t.Errorf("%s of a late run: %v", what, err)
		}
	}
	if got := seqs(t, other, EventQuery{RunID: late.ID}); got != "3" {
		t.Errorf("a late run has written %s", got)
	}
}
