package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

const (
	// callLimit bounds one statement on PostgreSQL. None of ours takes a tenth of it.
	callLimit = 30 * time.Second
	// connectLimit bounds a connection, unless connect_timeout in the URL says otherwise.
	connectLimit = 10 * time.Second
	// awayShort is how long a command waits for a server that restarts or is crowded.
	awayShort = 10 * time.Second
	// awayLong is how long a run in progress does.
	awayLong = 10 * time.Minute
	// awayOver is how long a command does that was told to end.
	awayOver = time.Second
)

// lockSpace is the first half of the key of the write lock ("ihau"); the other half is the schema.
const lockSpace = applicationID

// postgres is PostgreSQL, by its URL.
type postgres struct {
	shown   string // the URL without its password
	config  *pgx.ConnConfig
	working func() bool // a run of this process is in progress
	waiting func(what string, most time.Duration) (done func())
	until   context.Context
	met     *atomic.Bool // a connection has worked
	short   time.Duration
	long    time.Duration
}

// ParseURL checks the URL of a PostgreSQL database, and returns it as it may be shown. The
// error does not repeat its password.
func ParseURL(address string) (shown string, err error) {
	d, err := newPostgres(Place{URL: address})
	if err != nil {
		return "", err
	}
	return d.shown, nil
}

func newPostgres(p Place) (*postgres, error) {
	shown := ShownURL(p.URL)
	if !IsPostgres(p.URL) {
		return nil, &Error{Kind: BadURL, Path: shown, Err: errors.New("it does not begin with postgres://"), Hint: "such as postgres://user@db.example.org/infrahaus?sslmode=verify-full"}
	}
	given, err := url.Parse(p.URL)
	if err != nil {
		return nil, &Error{Kind: BadURL, Path: shown, Err: errors.New("it is not a URL"), Hint: "write special characters of the password as %XX"}
	}
	config, err := pgx.ParseConfig(p.URL)
	if err != nil {
		return nil, &Error{Kind: BadURL, Path: shown, Err: errors.New(parseTrouble(err)), Hint: "its options are libpq's, such as sslmode=verify-full and sslrootcert=FILE"}
	}
	// A prepared statement belongs to a connection. A pooler in front of the server may give the
	// next statement to another one, and most of ours run once.
	if given.Query().Get("default_query_exec_mode") == "" {
		config.DefaultQueryExecMode = pgx.QueryExecModeExec
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectLimit
	}
	if p.Until == nil {
		p.Until = context.Background()
	}
	d := &postgres{until: p.Until, shown: shown, config: config, working: func() bool { return false }, waiting: p.Waiting,
		met: &atomic.Bool{}, short: awayShort, long: awayLong}
	if d.waiting == nil {
		d.waiting = func(string, time.Duration) func() { return func() {} }
	}
	return d, nil
}

// IsPostgres reports whether an address is the URL of a PostgreSQL database.
func IsPostgres(address string) bool {
	return strings.HasPrefix(address, "postgres://") || strings.HasPrefix(address, "postgresql://")
}

// ShownURL is a URL without its password and its options, which may have one too.
func ShownURL(address string) string {
	u, err := url.Parse(address)
	if err != nil || !IsPostgres(address) {
		return "***"
	}
	shown := url.URL{Scheme: "postgres", Host: u.Host, Path: u.Path}
	if shown.Host == "" && shown.Path == "" {
		shown.Path = "/" // else the URL has no slashes
	}
	if name := u.User.Username(); name != "" {
		shown.User = url.User(name)
	}
	if host := u.Query().Get("host"); host != "" {
		shown.RawQuery = "host=" + host
	}
	return shown.String()
}

// parseTrouble is the reason in an error of ParseConfig, without the text that it quotes.
func parseTrouble(err error) string {
	if file, ok := errors.AsType[*fs.PathError](err); ok {
		return fmt.Sprintf("cannot read %s: %v", file.Path, file.Err)
	}
	for next := errors.Unwrap(err); next != nil; next = errors.Unwrap(err) {
		err = next
	}
	text := err.Error()
	if i := strings.LastIndex(text, "`: "); i >= 0 {
		text = text[i+3:]
	}
	return text
}

// connect opens a pool of at most n connections lazily.
func (d *postgres) connect(n int) *pool {
	db := stdlib.OpenDB(*d.config, stdlib.OptionAfterConnect(func(context.Context, *pgx.Conn) error {
		d.met.Store(true)
		return nil
	}))
	db.SetMaxOpenConns(n)
	db.SetMaxIdleConns(n)
	db.SetConnMaxIdleTime(time.Minute)
	return &pool{db, d}
}

func (d *postgres) rebind(query string) string {
	if !strings.Contains(query, "?") {
		return query
	}
	var out strings.Builder
	n := 0
	for part := range strings.SplitSeq(query, "?") { // none of our texts has one in quotes
		if n > 0 {
			out.WriteString("$" + strconv.Itoa(n))
		}
		out.WriteString(part)
		n++
	}
	return out.String()
}

func (d *postgres) limit(ctx context.Context) (context.Context, func()) {
	ctx, cut := context.WithCancelCause(ctx)
	ctx, done := context.WithTimeoutCause(ctx, callLimit, errSlow)
	kept := context.AfterFunc(d.until, func() { time.AfterFunc(awayOver, func() { cut(errSlow) }) })
	return ctx, func() {
		kept()
		done()
		cut(nil)
	}
}

func (d *postgres) ctid() string { return "vmid" } // ctid is a name of PostgreSQL's own

func (d *postgres) clock() string {
	return `CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)`
}

func (d *postgres) read(ctx context.Context, do func() error) error { return d.again(ctx, do) }

func (d *postgres) write(ctx context.Context, _ *pool, do func() error) error {
	return d.again(ctx, do)
}

func (d *postgres) whole(ctx context.Context, do func() error) error { return d.again(ctx, do) }

// again repeats do as long as the server is away or takes nobody in, and somebody may repair
// that. The repeated statements are such that a second one changes nothing.
func (d *postgres) again(ctx context.Context, do func() error) error {
	var done func()
	over := d.until.Done()
	for began, pause := time.Now(), 50*time.Millisecond; ; pause = min(2*pause, time.Second) {
		err := do()
		if left := d.patience(err) - time.Since(began); err == nil || left <= 0 || ctx.Err() != nil {
			if done != nil {
				done()
			}
			return err
		}
		if done == nil {
			done = d.waiting("the database: "+d.said(err), d.patience(err))
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		case <-over:
			over = nil // one more attempt, so that what can be recorded is
		}
	}
}

// patience is how long to wait after an error.
func (d *postgres) patience(err error) time.Duration {
	most := d.mostPatience(err)
	if d.until.Err() != nil {
		return min(most, awayOver)
	}
	return most
}

func (d *postgres) mostPatience(err error) time.Duration {
	k := d.kind(err)
	switch {
	case err == nil:
		return 0
	case k == conflict:
		return d.short
	case d.working() && (k == Away || k == Crowded || k == ReadOnly || k == Slow || k == Full):
		return d.long
	case k == Crowded, k == Away && (d.met.Load() || isStarting(err)):
		return d.short
	}
	return 0
}

// begin takes the write lock, which all processes share. SQLite has one of its own: with it,
// what a transaction has read stays true. The server ends a transaction whose machine is gone.
func (d *postgres) begin(ctx context.Context, db *sql.DB) (*Tx, error) {
	limited, done := d.limit(ctx)
	defer done()
	conn, err := db.Conn(limited)
	if err != nil {
		return nil, because(limited, err)
	}
	var tx pgx.Tx
	err = conn.Raw(func(driver any) error {
		tx, err = driver.(*stdlib.Conn).Conn().Begin(limited)
		return err
	})
	if err != nil {
		conn.Close()
		return nil, because(limited, err)
	}
	t := &Tx{Pgx: tx, on: conn, d: d}
	t.rollback = func() {
		ended, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		_ = tx.Rollback(ended)
		conn.Close()
	}
	t.commit = func() error {
		limited, done := d.limit(ctx)
		defer done()
		return because(limited, tx.Commit(limited))
	}
	waits, cancel := context.WithTimeoutCause(ctx, busyLimit+5*time.Second, errSlow)
	defer cancel()
	_, err = conn.ExecContext(waits, fmt.Sprintf(`SELECT set_config('lock_timeout', '%d', true), set_config('idle_in_transaction_session_timeout', '%d', true),
		pg_advisory_xact_lock(%d, hashtext(current_schema()))`, busyLimit.Milliseconds(), 2*busyLimit.Milliseconds(), lockSpace))
	if err != nil {
		t.rollback()
		return nil, because(waits, err)
	}
	return t, nil
}

// migrate makes the tables in an empty schema, and brings those of an older program up to
// date. A schema with tables of another program is left alone.
func (d *postgres) migrate(ctx context.Context, s *Store) error {
	version, err := d.check(ctx, s.records)
	if err != nil || version == len(migrations) {
		return err
	}
	from := version
	err = s.tx(ctx, func(tx *Tx) error {
		from = 0
		version, err := d.check(ctx, tx) // another process may have been first
		if err != nil || version == len(migrations) {
			return err
		}
		from = version
		for ; version < len(migrations); version++ {
			// Several statements in one text go only without arguments, by the simple protocol.
			if text := postgresMigrations[version]; text != "" {
				if _, err := tx.Pgx.Exec(ctx, text, pgx.QueryExecModeSimpleProtocol); err != nil {
					return err
				}
			}
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO infrahaus (name, value) VALUES ('version', ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
			strconv.Itoa(len(migrations)))
		return err
	})
	if from > 0 && err == nil {
		s.migration = Migration{From: from, To: len(migrations)}
	}
	if from > 0 && d.kind(err) == Forbidden {
		return &Error{Kind: Older, Path: d.shown, Err: fmt.Errorf("its version is %d, this program needs %d, and this login may not change its tables", from, len(migrations)),
			Hint: "run one command as the owner of its tables, or use the older infrahaus"}
	}
	return err
}

// check returns the schema's version, 0 for an empty one.
func (d *postgres) check(ctx context.Context, q querier) (int, error) {
	var schema sql.NullString
	var tables, ours int
	err := q.QueryRowContext(ctx, `SELECT current_schema(), count(c.oid), count(c.oid) FILTER (WHERE c.relname = 'infrahaus')
		FROM (SELECT 1) AS always LEFT JOIN pg_class c ON c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())
		AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT EXISTS (SELECT 1 FROM pg_depend WHERE objid = c.oid AND deptype = 'e')`).
		Scan(&schema, &tables, &ours)
	switch {
	case err != nil:
		return 0, err
	case !schema.Valid:
		return 0, &Error{Kind: Garbage, Path: d.shown, Err: errors.New("the schema of its search_path does not exist"),
			Hint: "make it, with its name in the search_path of the URL: psql -c 'CREATE SCHEMA infrahaus'"}
	case tables == 0:
		return 0, nil
	case ours == 0:
		return 0, d.foreign(schema.String)
	}
	var text string
	err = q.QueryRowContext(ctx, `SELECT value FROM infrahaus WHERE name = 'version'`).Scan(&text)
	version, wrong := strconv.Atoi(text)
	switch {
	case errors.Is(err, sql.ErrNoRows) || err == nil && wrong != nil || isCode(err, "42703"): // no such column
		return 0, d.foreign(schema.String)
	case err != nil:
		return 0, err
	case version > len(migrations):
		return 0, newer(d.shown, version, "use that newer infrahaus: infrahaus version shows this one's")
	}
	return version, nil
}

func (d *postgres) foreign(schema string) error {
	return &Error{Kind: Garbage, Path: d.shown, Err: fmt.Errorf("another program made the tables in its schema %s", schema),
		Hint: "give it a schema of its own, named by search_path in the URL: psql -c 'CREATE SCHEMA infrahaus'"}
}

func isCode(err error, codes ...string) bool {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return false
	}
	for _, c := range codes {
		if strings.HasPrefix(pg.Code, c) {
			return true
		}
	}
	return false
}
