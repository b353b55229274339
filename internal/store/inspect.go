package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"time"

	"github.com/redis/go-redis/v9"
)

// Inspection is what a look at a catalogue tells without changing it.
type Inspection struct {
	Version    int // of its schema
	Newest     int // the version that this program knows, to which Open migrates
	Containers int // that are not destroyed
	Sealed     []Sealed
	Retired    map[string]string // sealed retired keys, by id
}

// Inspect looks at the catalogue in dir. It neither makes nor migrates anything, and
// returns nil if there is none. The error is an *Error. Of the sealed values it returns
// one, to try a key on.
func Inspect(ctx context.Context, dir string) (*Inspection, error) {
	if !Exists(dir) {
		return nil, nil
	}
	s := &Store{dir: dir, path: filepath.Join(dir, FileName), busy: time.Second}
	abs, err := filepath.Abs(s.path)
	if err != nil {
		return nil, s.wrap(err)
	}
	u := url.URL{Scheme: "file", Path: filepath.ToSlash(abs), RawQuery: url.Values{"mode": {"ro"}, "_pragma": {"busy_timeout(1000)"}}.Encode()}
	db, err := sql.Open("sqlite", u.String())
	if err != nil {
		return nil, s.wrap(err)
	}
	defer db.Close()
	in := &Inspection{Newest: len(migrations), Retired: map[string]string{}}
	if in.Version, err = s.check(ctx, db); err != nil {
		var known *Error
		if errors.As(err, &known) {
			return nil, err
		}
		return nil, s.wrap(err)
	}
	if in.Version < in.Newest {
		return in, nil // its tables may be others
	}
	return in, s.wrap(in.read(ctx, db))
}

func (in *Inspection) read(ctx context.Context, db *sql.DB) error {
	if err := db.QueryRowContext(ctx, `SELECT count(*) FROM containers WHERE status IS NOT 'destroyed'`).Scan(&in.Containers); err != nil {
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
