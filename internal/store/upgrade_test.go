package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/lxc"
)

// upgrade opens and upgrades a catalogue, and returns what Tell was called with.
func upgrade(t *testing.T, dir string, u Upgrade) (*Store, []Exposure) {
	t.Helper()
	s := open(t, dir)
	var told []Exposure
	u.Tell = func(e Exposure) { told = append(told, e) }
	if err := s.Upgrade(context.Background(), u); err != nil {
		t.Fatal(err)
	}
	return s, told
}

// sealedNow prints the values of a container by service.
func sealedNow(t *testing.T, s *Store) string {
	t.Helper()
	list, err := s.Credentials(context.Background(), web)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, c := range list {
		if c.Service[0] != '_' {
			out = append(out, fmt.Sprintf("%s%v%v", c.Service, c.Keys, toyOpen(c.Envelope)))
		}
	}
	return strings.Join(out, "\n")
}

const wholeAgain = "b64[password]map[password:" + b64Name + "=]\n" +
	"nginx[PASSWORD USER]map[PASSWORD:right-pw USER:app]\n" +
	"url[password]map[password:" + urlName + "=require]\n" +
	"wg[content]map[content:" + wireName + "=zz\nPrivateKey=abc]"

func TestUpgradeScrubsEveryPlace(t *testing.T) {
	dir := version3(t)
	s, told := upgrade(t, dir, Upgrade{Reread: toyReread})
	nowhere(t, dir)
	if got := sealedNow(t, s); got != wholeAgain {
		t.Errorf("sealed is\n%s", got)
	}
	if len(told) != 1 || fmt.Sprint(told[0].Leaks) != fmt.Sprintf("[{%s b64} {%s url} {%s wg}]", web, web, web) || len(told[0].Copies) != 0 {
		t.Errorf("told %+v", told)
	}
	services, _, err := s.Services(context.Background(), web)
	if err != nil || fmt.Sprint(services[0].CredentialKeys, services[1].CredentialKeys) != "[PASSWORD USER] [content]" {
		t.Errorf("services %v, %v", services, err)
	}
	var events []string
	for e, err := range s.Events(context.Background(), EventQuery{RunID: run3, AfterSeq: 2, NoLogs: true}) {
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, fmt.Sprintf("%d %s %v", e.Seq, e.Message, e.Service.CredentialKeys))
	}
	if got := strings.Join(events, ";"); got != "3 *** is stopped [password];4 *** is stopped [password];5 *** is stopped [password]" {
		t.Errorf("events %s", got)
	}
	if job, err := s.Job(context.Background(), web); err != nil || string(job) != `{"big":12345678901234567890,"note":"***"}` {
		t.Errorf("job %s, %v", job, err)
	}
	log, err := os.ReadFile(filepath.Join(dir, "logs", web, run3+".ndjson"))
	if err != nil || !strings.Contains(string(log), "plain talk") || !strings.Contains(string(log), `"connecting to ***`) || strings.Count(string(log), "\n") != 5 {
		t.Errorf("log\n%s%v", log, err)
	}
	if _, told := upgrade(t, dir, Upgrade{Reread: func(Sealed) (Sealed, []string, error) { panic("again") }}); len(told) != 0 {
		t.Errorf("told a second time: %+v", told)
	}
}

// A copy stays a database of its version, and its values stay whole.
func TestUpgradeKeepsCopiesUsable(t *testing.T) {
	dir := version3(t)
	upgrade(t, dir, Upgrade{Reread: toyReread})
	found, err := filepath.Glob(filepath.Join(dir, "*.bak"))
	if err != nil || len(found) != 2 {
		t.Fatalf("%v %v", found, err)
	}
	for i, want := range []string{`["password"] map[password:` + goneName + `=10]`, `["password"] map[password:` + urlName + `=require]`} {
		db, err := sql.Open("sqlite", found[i])
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		var version int
		var ok, keys, envelope string
		err = db.QueryRow(`SELECT (SELECT user_version FROM pragma_user_version), (SELECT integrity_check FROM pragma_integrity_check),
			keys, envelope FROM sealed WHERE service = 'url'`).Scan(&version, &ok, &keys, &envelope)
		if got := keys + " " + fmt.Sprint(toyOpen(envelope)); err != nil || version != 3 || ok != "ok" || got != want {
			t.Errorf("%s: version %d, %s, %s, %v", found[i], version, ok, got, err)
		}
		if info, err := os.Stat(found[i]); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", found[i], info.Mode(), err)
		}
	}
}

// Without its key the upgrade loses nothing and shows nothing. Once the key is back, it
// does the rest.
func TestUpgradeWithoutKey(t *testing.T) {
	dir := version3(t)
	s, told := upgrade(t, dir, Upgrade{Reread: noKey})
	nowhere(t, dir)
	if len(told) != 1 || told[0].Unread != 4 || told[0].KeyErr != "no encryption key" || len(told[0].Leaks) != 3 {
		t.Errorf("told %+v", told)
	}
	if got := sealedNow(t, s); !strings.Contains(got, "url[password]map["+urlName+":require]") || !strings.Contains(got, "nginx[PASSWORD USER]") {
		t.Errorf("sealed is\n%s", got)
	}
	if _, told := upgrade(t, dir, Upgrade{Reread: noKey}); len(told) != 0 {
		t.Errorf("told a second time: %+v", told)
	}
	s, told = upgrade(t, dir, Upgrade{Reread: toyReread})
	if got := sealedNow(t, s); got != wholeAgain || len(told) != 1 {
		t.Errorf("told %+v, sealed is\n%s", told, got)
	}
	nowhere(t, dir)
	if due, err := s.upgradeDue(context.Background()); err != nil || due {
		t.Errorf("something is left to do: %v", err)
	}
}

// If the vault opens a value in a copy but not in the database, the value in the database
// is still read later.
func TestUpgradeKeepsCopiesApart(t *testing.T) {
	dir := version3(t)
	some := func(s Sealed) (Sealed, []string, error) {
		if toyOpen(s.Envelope)[urlName] != "" {
			return noKey(s)
		}
		return toyReread(s)
	}
	if _, told := upgrade(t, dir, Upgrade{Reread: some}); len(told) != 1 || told[0].Unread != 1 {
		t.Errorf("told %+v", told)
	}
	if s, _ := upgrade(t, dir, Upgrade{Reread: toyReread}); sealedNow(t, s) != wholeAgain {
		t.Errorf("sealed is\n%s", sealedNow(t, s))
	}
}

// A process of the older program that still runs after the migration saves what it has
// read by the old rules.
func TestUpgradeReadsWhatAnOldProcessSaves(t *testing.T) {
	dir := version3(t)
	s, _ := upgrade(t, dir, Upgrade{Reread: toyReread})
	for _, name := range []string{urlName, goneName} { // a new row, and a replaced one
		keys, _ := json.Marshal([]string{name})
		if err := s.exec(context.Background(), saveSealed, web, "late", string(keys), toySeal(map[string]string{name: "x"}), ""); err != nil {
			t.Fatal(err)
		}
		list, _ := s.Credentials(context.Background(), web)
		if got := fmt.Sprint(list); strings.Contains(got, name) {
			t.Errorf("it is shown: %s", got)
		}
		_, told := upgrade(t, dir, Upgrade{Reread: toyReread})
		if got := sealedNow(t, s); len(told) != 1 || !strings.Contains(got, "late[password]map[password:"+name+"=x]") {
			t.Errorf("told %+v, sealed is\n%s", told, got)
		}
		nowhere(t, dir)
	}
	if err := s.SaveSealed(context.Background(), web, "late", []string{"K"}, toySeal(map[string]string{"K": "v"})); err != nil {
		t.Fatal(err)
	}
	if due, err := s.upgradeDue(context.Background()); err != nil || due {
		t.Errorf("this program's own rows are read again: %v", err)
	}
}

// A run in progress has its log open. The upgrade waits for its end, and shows nothing
// until then.
func TestUpgradeWaitsForRuns(t *testing.T) {
	dir := version3(t)
	s := open(t, dir)
	run := begin(t, s, web, "sync")
	if _, told := upgrade(t, dir, Upgrade{Reread: toyReread}); len(told) != 0 {
		t.Errorf("told %+v", told)
	}
	for e, err := range s.Events(context.Background(), EventQuery{RunID: run3, AfterSeq: 3, NoLogs: true}) {
		if got := fmt.Sprint(e.Service.CredentialKeys); err != nil || strings.Contains(got, urlName) {
			t.Errorf("shown: %s, %v", got, err)
		}
	}
	if err := s.EndRun(context.Background(), run.ID, 0); err != nil {
		t.Fatal(err)
	}
	if _, told := upgrade(t, dir, Upgrade{Reread: toyReread}); len(told) != 1 {
		t.Errorf("told %+v", told)
	}
	nowhere(t, dir)
}

func TestUpgradeScrubsRedis(t *testing.T) {
	dir := version3(t)
	server := miniredis.RunT(t)
	m := mirror(t, server.Addr())
	percent := 5
	for seq, keys := range [][]string{{"USER"}, {urlName}, {b64Name}} {
		m.Event(event.Event{Seq: seq + 1, Type: event.Service, ContainerID: web, RunID: run3, Percent: &percent,
			Service: &lxc.Service{Name: "url", CredentialKeys: keys}})
	}
	m.Event(event.Event{Seq: 4, Type: event.Log, ContainerID: "OTHER", RunID: "R", Message: "not ours, but " + urlName})
	m.Event(event.Event{Seq: 5, Type: event.Log, ContainerID: "OTHER", RunID: "R", Message: "clean"})
	if r := m.Close(); r.Sent != 5 {
		t.Fatalf("%+v", r)
	}
	server.Set(servicesKey(web), `{"services":[{"name":"url","note":"`+urlName+`"}]}`)

	_, told := upgrade(t, dir, Upgrade{Reread: toyReread, Redis: server.Addr()})
	if len(told) != 1 || told[0].Redis != server.Addr() || told[0].Removed != 3 || told[0].Trouble != "" {
		t.Errorf("told %+v", told)
	}
	ring, err := server.List(ringKey(web))
	if err != nil || len(ring) != 3 || server.TTL(ringKey(web)) != ringLife {
		t.Errorf("%v, %v, %v", ring, err, server.TTL(ringKey(web)))
	}
	stream, err := server.Stream(streamKey)
	if err != nil || len(stream) != 2 {
		t.Errorf("%v, %v", stream, err)
	}
	doc, _ := server.Get(servicesKey(web))
	all := fmt.Sprint(ring, stream, doc)
	for _, text := range leakedTexts {
		if strings.Contains(all, text) {
			t.Errorf("%s is in %s", text, all)
		}
	}
}

func TestUpgradeWithRedisInTrouble(t *testing.T) {
	dir := version3(t)
	_, told := upgrade(t, dir, Upgrade{Reread: toyReread, Redis: "redis://:hunter22@127.0.0.1:1"})
	if len(told) != 1 || told[0].Redis != "127.0.0.1:1" || told[0].Trouble != "connection refused" {
		t.Errorf("told %+v", told)
	}
	nowhere(t, dir)
}

// A file that is no database, and a copy that cannot be written, are reported by name.
func TestUpgradeNamesWhatItCannotScrub(t *testing.T) {
	dir := version3(t)
	bad := filepath.Join(dir, FileName+".v1-x.bak")
	if err := os.WriteFile(bad, []byte("no database: "+urlName), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, told := upgrade(t, dir, Upgrade{Reread: toyReread}); len(told) != 1 || len(told[0].Copies) != 1 || told[0].Copies[0].Path != bad {
		t.Errorf("told %+v", told)
	}
	os.Remove(bad)
	nowhere(t, dir)
}

// After a rollback the catalogue may hold services as an older program has found them.
func TestSavedServicesHaveNamesAlone(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	c := create(t, s, lxc.Container{Host: "h", Hostname: "web"})
	list := []lxc.Service{{Name: "url", CredentialKeys: []string{urlName}}, {Name: "nginx", CredentialKeys: []string{"USER"}}}
	if err := s.SaveServices(context.Background(), c.RecordID, list, time.Now()); err != nil {
		t.Fatal(err)
	}
	if found := holders(t, dir, urlName); len(found) > 0 {
		t.Errorf("it stands in %v", found)
	}
	if got, _, err := s.Services(context.Background(), c.RecordID); err != nil || fmt.Sprint(got[0].CredentialKeys, got[1].CredentialKeys) != "[password] [USER]" {
		t.Errorf("%v, %v", got, err)
	}
	if list[0].CredentialKeys[0] != urlName {
		t.Error("the caller's own list was changed")
	}
}
