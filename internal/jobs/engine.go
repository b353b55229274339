package jobs

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"

	"github.com/infrahaus/infrahaus/internal/store"
)

// notice is what River carries: that an attempt of a job may begin.
type notice struct {
	Job     string `json:"job"`
	Attempt int    `json:"attempt"`
}

// Kind is the only kind of job that River sees, in every version of this program: a leader
// that does not know a kind discards the jobs of a killed worker.
func (notice) Kind() string { return "infrahaus_job" }

// engine is River in a catalogue, for either database.
type engine interface {
	migrate(ctx context.Context) error
	offer(ctx context.Context, tx *store.Tx, n notice, priority int) (int64, error)
	start(ctx context.Context) error
	stop(ctx context.Context) error
	close()
}

// Queue is the queue of a catalogue.
type Queue struct {
	store *store.Store
	e     engine
	lost  string
}

// Open makes the tables of the queue in the catalogue, unless they are there.
func Open(ctx context.Context, s *store.Store) (*Queue, error) {
	q, err := open(s, &river.Config{Logger: quiet()})
	if err != nil {
		return nil, err
	}
	if err := q.e.migrate(ctx); err != nil {
		q.Close()
		return nil, err
	}
	return q, nil
}

func open(s *store.Store, c *river.Config) (*Queue, error) {
	q := &Queue{store: s}
	// River's own migrations are checked by Open. Its logs are about its own rows.
	if config := s.EnginePostgres(); config != nil {
		// River's statements have arguments whose types only the server knows.
		config.DefaultQueryExecMode = pgx.QueryExecModeExec
		pool, err := poolOf(config)
		if err != nil {
			return nil, err
		}
		q.lost = lostPostgres
		e := &of[pgx.Tx]{driver: riverpgxv5.New(pool), shut: pool.Close, tx: func(t *store.Tx) pgx.Tx { return t.Pgx }}
		q.e = e
		return q.ready(e.client(c))
	}
	db, err := s.EngineSQLite()
	if err != nil {
		return nil, err
	}
	q.lost = lostSQLite
	e := &of[*sql.Tx]{driver: riversqlite.New(db), shut: func() { db.Close() }, tx: func(t *store.Tx) *sql.Tx { return t.SQL }}
	q.e = e
	return q.ready(e.client(c))
}

// ready is the queue, or closes it after an error.
func (q *Queue) ready(err error) (*Queue, error) {
	if err != nil {
		q.Close()
		return nil, err
	}
	return q, nil
}

// poolOf connects lazily. A few connections are enough: a listener, and one that fetches,
// completes and leads.
func poolOf(config *pgx.ConnConfig) (*pgxpool.Pool, error) {
	c, err := pgxpool.ParseConfig("")
	if err != nil {
		return nil, err
	}
	c.ConnConfig, c.MaxConns, c.MinConns = config, 4, 0
	return pgxpool.NewWithConfig(context.Background(), c)
}

// of is engine for one kind of transaction.
type of[T any] struct {
	driver riverdriver.Driver[T]
	river  *river.Client[T]
	tx     func(*store.Tx) T
	shut   func()
}

func (e *of[T]) client(c *river.Config) (err error) {
	e.river, err = river.NewClient(e.driver, c)
	return err
}

func (e *of[T]) migrate(ctx context.Context) error {
	m, err := rivermigrate.New(e.driver, &rivermigrate.Config{Logger: quiet()})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, makeLimit)
	defer cancel()
	for { // of several processes that make the tables at once, one fails, and finds them made
		there, err := m.ExistingVersions(ctx)
		if err == nil && len(there) >= len(m.AllVersions()) {
			return nil
		}
		if err == nil {
			_, err = m.Migrate(ctx, rivermigrate.DirectionUp, nil)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("cannot make the tables of the queue: %w", err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// makeLimit is how long the tables of the queue may take to be made.
const makeLimit = 15 * time.Second

func (e *of[T]) offer(ctx context.Context, tx *store.Tx, n notice, priority int) (int64, error) {
	res, err := e.river.InsertTx(ctx, e.tx(tx), n, &river.InsertOpts{Priority: priority})
	if err != nil {
		return 0, fmt.Errorf("cannot announce the job: %w", err)
	}
	return res.Job.ID, nil
}

func (e *of[T]) start(ctx context.Context) error { return e.river.Start(ctx) }

func (e *of[T]) stop(ctx context.Context) error { return e.river.Stop(ctx) }

func (e *of[T]) close() { e.shut() }

// Close closes the queue's connections.
func (q *Queue) Close() { q.e.close() }

// Offer is store.Offer.
func (q *Queue) Offer(ctx context.Context, tx *store.Tx, jobID string, attempt, priority int) (int64, error) {
	return q.e.offer(ctx, tx, notice{jobID, attempt}, priority)
}

// Engine is what the store needs to know of River.
func (q *Queue) Engine() store.Engine {
	return store.Engine{
		Offer: q.Offer,
		Drop: func(ctx context.Context, tx *store.Tx, n int64) error {
			// River refuses to delete a row that runs, and that of a dead worker runs forever.
			_, err := tx.ExecContext(ctx, `DELETE FROM river_job WHERE id = ?`, n)
			return err
		},
		Lost: func(alive string) string { return fmt.Sprintf(q.lost, alive) },
	}
}

// The ids of the queued jobs whose row of River has ended, or is with a worker that is dead.
const (
	lostSQLite = `SELECT q.id FROM queue q WHERE q.state = 'queued' AND NOT EXISTS (SELECT 1 FROM river_job r WHERE r.id = q.offer AND (
		r.state IN ('available', 'pending', 'retryable', 'scheduled') OR
		r.state = 'running' AND EXISTS (SELECT 1 FROM workers w WHERE w.id = json_extract(r.attempted_by, '$[#-1]') AND %s)))`
	lostPostgres = `SELECT q.id FROM queue q WHERE q.state = 'queued' AND NOT EXISTS (SELECT 1 FROM river_job r WHERE r.id = q.offer AND (
		r.state IN ('available', 'pending', 'retryable', 'scheduled') OR
		r.state = 'running' AND EXISTS (SELECT 1 FROM workers w WHERE w.id = r.attempted_by[array_length(r.attempted_by, 1)] AND %s)))`
)

// quiet drops River's log: what it says of a job, the catalogue knows better.
func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }
