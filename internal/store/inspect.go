package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"

	"github.com/redis/go-redis/v9"
)

// Inspection is what a look at a catalogue tells without changing it.
type Inspection struct {
	Version    int // of its schema
	Newest     int // the version that this program knows, to which Open migrates
	Containers int // that are not destroyed
	Sealed     []Sealed
	Retired    map[string]string // sealed retired keys, by id

	// Of a shared catalogue.
	Where    string // its URL, without a password; "" for a file
	Server   string // its version
	ReadOnly bool
}

// Inspect looks at the catalogue. It neither makes nor migrates anything, and
// returns nil if there is none. The error is an *Error. Of the sealed values it returns
// one, to try a key on.
func Inspect(ctx context.Context, p Place) (*Inspection, error) {
	dir := p.Dir
	if p.URL != "" {
		return inspectPostgres(ctx, p)
	}
	if !Exists(dir) {
		return nil, nil
	}
	d := lite{dir, filepath.Join(dir, FileName)}
	db, err := d.open(url.Values{"mode": {"ro"}, "_pragma": {"busy_timeout(1000)"}})
	if err != nil {
		return nil, d.wrap(err)
	}
	defer db.Close()
	in := &Inspection{Newest: len(migrations), Retired: map[string]string{}}
	if in.Version, err = d.check(ctx, db); err != nil {
		var known *Error
		if errors.As(err, &known) {
			return nil, err
		}
		return nil, d.wrap(err)
	}
	if in.Version < in.Newest {
		return in, nil // its tables may be others
	}
	return in, d.wrap(in.read(ctx, db))
}

func inspectPostgres(ctx context.Context, p Place) (*Inspection, error) {
	d, err := newPostgres(p)
	if err != nil {
		return nil, err
	}
	db := d.connect(1)
	defer db.Close()
	in := &Inspection{Newest: len(migrations), Retired: map[string]string{}, Where: d.shown}
	if in.Version, err = d.check(ctx, db); err != nil || in.Version == 0 {
		return nil, d.wrap(err)
	}
	if err := db.QueryRowContext(ctx, `SELECT current_setting('server_version'), current_setting('transaction_read_only') = 'on'`).Scan(&in.Server, &in.ReadOnly); err != nil {
		return nil, d.wrap(err)
	}
	if in.Version < in.Newest {
		return in, nil
	}
	return in, d.wrap(in.read(ctx, db))
}

func (in *Inspection) read(ctx context.Context, db *pool) error {
	if err := db.QueryRowContext(ctx, `SELECT count(*) FROM containers WHERE status <> 'destroyed'`).Scan(&in.Containers); err != nil {
		return fmt.Errorf("count the containers: %w", err)
	}
	err := each(ctx, db, `SELECT record_id, service, envelope FROM sealed LIMIT 1`, func(rows *sql.Rows) error {
		var r Sealed
		err := rows.Scan(&r.RecordID, &r.Service, &r.Envelope)
		in.Sealed = append(in.Sealed, r)
		return err
	})
	if err != nil {
		return err
	}
	return each(ctx, db, `SELECT id, envelope FROM retired_keys`, func(rows *sql.Rows) error {
		var id, envelope string
		err := rows.Scan(&id, &envelope)
		in.Retired[id] = envelope
		return err
	})
}

// PingRedis asks the Redis at an address whether it answers and lets this program in. The
// error never has the address's password.
func PingRedis(ctx context.Context, address string) (where string, err error) {
	opt, err := redisOptions(address)
	if err != nil {
		return "", err
	}
	client := redis.NewClient(opt)
	defer client.Close()
	if err := client.Ping(ctx).Err(); err != nil {
		return opt.Addr, errors.New(redisTrouble(err))
	}
	return opt.Addr, nil
}
