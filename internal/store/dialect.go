package store

import (
	"context"
	"database/sql"
	"errors"

	"github.com/jackc/pgx/v5"
)

// dialect is everything in which the two databases differ. All other code of this package
// is the same for both: it writes ? for an argument, and only what SQLite and PostgreSQL
// understand alike.
type dialect interface {
	// rebind turns ? into the database's own placeholders.
	rebind(query string) string
	// limit bounds one call. done frees it once the call's rows are read.
	limit(ctx context.Context) (limited context.Context, done func())
	// read repeats a read as long as that may help.
	read(ctx context.Context, do func() error) error
	// write repeats a write outside of a transaction, or the begin of one, in the same way.
	write(ctx context.Context, db *pool, do func() error) error
	// whole repeats a transaction from its begin to its end, after a connection was lost.
	whole(ctx context.Context, do func() error) error
	// begin starts a transaction that holds the catalogue's write lock.
	begin(ctx context.Context, db *sql.DB) (*Tx, error)
	// migrate brings the schema up to date.
	migrate(ctx context.Context, s *Store) error
	// clock is an expression for the database's own time in milliseconds since 1970.
	clock() string
	// ctid is the column with a container's id on Proxmox.
	ctid() string
	// wrap replaces an error of the driver by one of ours.
	wrap(err error) error
}

// pool is the connections to a database.
type pool struct {
	*sql.DB
	d dialect
}

// Tx is a transaction that holds the catalogue's write lock, so that what it has read is
// still true when it writes. One of SQL and Pgx is set, for libraries that insert rows of
// their own in the same transaction.
type Tx struct {
	SQL *sql.Tx // SQLite
	Pgx pgx.Tx  // PostgreSQL

	on       statements
	d        dialect
	commit   func() error
	rollback func()
}

// statements are sql.DB, sql.Conn and sql.Tx.
type statements interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func (p *pool) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return execOn(ctx, p.d, p.DB, query, args)
}

func (p *pool) QueryContext(ctx context.Context, query string, args ...any) (found *rows, err error) {
	err = p.d.read(ctx, func() error {
		found, err = queryOn(ctx, p.d, p.DB, query, args)
		return err
	})
	return found, err
}

func (p *pool) QueryRowContext(ctx context.Context, query string, args ...any) *row {
	return one(p.QueryContext(ctx, query, args...))
}

func (t *Tx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return execOn(ctx, t.d, t.on, query, args)
}

func (t *Tx) QueryContext(ctx context.Context, query string, args ...any) (*rows, error) {
	return queryOn(ctx, t.d, t.on, query, args)
}

func (t *Tx) QueryRowContext(ctx context.Context, query string, args ...any) *row {
	return one(t.QueryContext(ctx, query, args...))
}

func execOn(ctx context.Context, d dialect, on statements, query string, args []any) (sql.Result, error) {
	ctx, done := d.limit(ctx)
	defer done()
	res, err := on.ExecContext(ctx, d.rebind(query), args...)
	return res, because(ctx, err)
}

func queryOn(ctx context.Context, d dialect, on statements, query string, args []any) (*rows, error) {
	ctx, done := d.limit(ctx)
	all, err := on.QueryContext(ctx, d.rebind(query), args...)
	if err != nil {
		done()
		return nil, because(ctx, err)
	}
	r := &rows{Rows: all, ctx: ctx, done: done, ahead: true}
	// Some drivers send the query only now. An error here can still be repeated.
	if r.first = all.Next(); !r.first && all.Err() != nil {
		err := r.Err()
		r.Close()
		return nil, err
	}
	return r, nil
}

// because returns errSlow in place of the error of a call that its own limit has ended.
func because(ctx context.Context, err error) error {
	if err != nil && errors.Is(context.Cause(ctx), errSlow) {
		return errSlow
	}
	return err
}

// rows are the rows of a query, whose first one is read already.
type rows struct {
	*sql.Rows
	ctx          context.Context
	done         func()
	ahead, first bool
}

func (r *rows) Next() bool {
	if r.ahead {
		r.ahead = false
		return r.first
	}
	return r.Rows.Next()
}

func (r *rows) Err() error { return because(r.ctx, r.Rows.Err()) }

func (r *rows) Close() error {
	defer r.done()
	return r.Rows.Close()
}

// row is the only row of a query.
type row struct {
	rows *rows
	err  error
}

func one(r *rows, err error) *row { return &row{r, err} }

// Scan is like that of sql.Row.
func (r *row) Scan(into ...any) error {
	if r.err != nil {
		return r.err
	}
	defer r.rows.Close()
	if !r.rows.Next() {
		if err := r.rows.Err(); err != nil {
			return err
		}
		return sql.ErrNoRows
	}
	return r.rows.Scan(into...)
}

type rowsQuerier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*rows, error)
}

type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *row
}

// each calls take for every row of a query.
func each(ctx context.Context, q rowsQuerier, query string, take func(*sql.Rows) error, args ...any) error {
	found, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer found.Close()
	for found.Next() {
		if err := take(found.Rows); err != nil {
			return err
		}
	}
	return found.Err()
}
