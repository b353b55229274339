package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/infrahaus/infrahaus/internal/event"
)

// scrub does the first chore. It needs the rows to know which texts leaked, so it cleans
// the rows last, in one transaction that also starts the next chore.
func (s *Store) scrub(ctx context.Context, u Upgrade) error {
	_, due, err := chore(ctx, s.records, choreScrub)
	if err != nil {
		return s.wrap(err)
	}
	f := newFound(u.Reread)
	unread, err := s.unread(ctx)
	if err != nil {
		return err
	}
	for _, r := range unread {
		f.row(r)
	}
	if !due && len(f.leaks) == 0 && len(f.checked) == 0 {
		return nil // rows that the vault cannot open yet stay as they are
	}
	copies, e, err := s.lookEverywhere(ctx, f)
	if err != nil {
		return err
	}
	redact := event.NewSecrets(slices.Sorted(maps.Keys(f.secrets))...).Redact
	if len(f.leaks) > 0 {
		u.note("removing secrets that an older version left in clear text from the catalogue; this may take a while")
		if err := s.cleanLogs(redact); err != nil {
			return err
		}
		u.did("logs")
		for _, path := range copies {
			if err := f.cleanCopy(ctx, path, redact); err != nil {
				e.Copies = append(e.Copies, Soiled{path, plain(err).Error()})
			}
		}
		u.did("copies")
		s.cleanRedis(ctx, f, u.Redis, redact, &e)
		u.did("redis")
	}
	return s.cleanOwn(ctx, f, redact, e, due)
}

// unread lists the sealed rows that an older program has written.
func (s *Store) unread(ctx context.Context) ([]Sealed, error) {
	all, err := credentialRows(ctx, s.records)
	if err != nil {
		return nil, s.wrap(err)
	}
	listed := map[Leak]bool{}
	err = each(ctx, s.records, `SELECT record_id, service FROM unread`, func(rows *sql.Rows) error {
		var at Leak
		err := rows.Scan(&at.RecordID, &at.Service)
		listed[at] = true
		return err
	})
	return slices.DeleteFunc(all, func(r Sealed) bool { return !listed[Leak{r.RecordID, r.Service}] }), s.wrap(err)
}

// lookEverywhere adds the findings of the database and its copies, and returns the copies
// that can be read.
func (s *Store) lookEverywhere(ctx context.Context, f *found) (copies []string, e Exposure, err error) {
	if err := f.look(ctx, s.records); err != nil {
		return nil, e, s.wrap(err)
	}
	e.Unread = len(f.locked)
	for _, err := range f.locked {
		e.KeyErr = err.Error()
	}
	all, err := filepath.Glob(globEscape(s.path) + ".v*.bak")
	if err != nil {
		return nil, e, err
	}
	for _, path := range all {
		if err := lookAtCopy(ctx, f, path); err != nil {
			e.Copies = append(e.Copies, Soiled{path, plain(err).Error()})
		} else {
			copies = append(copies, path)
		}
	}
	return copies, e, nil
}

// globEscape escapes a path, so that Glob finds exactly this path.
func globEscape(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// cleanLogs cleans every log, because a script may print another container's secret. It
// is called only while no run is in progress.
func (s *Store) cleanLogs(redact func(string) string) error {
	root := filepath.Join(s.dir, "logs")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		switch {
		case strings.HasSuffix(path, ".scrub"): // left by a killed process
			return os.Remove(path)
		case !strings.HasSuffix(path, ".ndjson"):
			return nil
		}
		held, err := logHolds(path, redact)
		if err != nil || !held {
			return err
		}
		return scrubLog(path, redact)
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return plain(err)
}

// cleanOwn cleans the rows of the database and starts the next chore. Rows that the vault
// could not open stay on the list.
func (s *Store) cleanOwn(ctx context.Context, f *found, redact func(string) string, e Exposure, due bool) error {
	return s.tx(ctx, func(tx *Tx) error {
		f.checked, f.locked = map[Leak]bool{}, map[Leak]error{} // forget the rows of the copies
		if err := f.cleanRows(ctx, tx, redact); err != nil {
			return err
		}
		for at := range f.checked {
			if _, err := tx.ExecContext(ctx, isRead, at.RecordID, at.Service); err != nil {
				return err
			}
		}
		if len(f.leaks) > 0 {
			if _, err := tx.ExecContext(ctx, setChore, choreCompact, ""); err != nil {
				return err
			}
		}
		if len(f.leaks) > 0 || due && len(f.locked) > 0 {
			if err := f.toTell(ctx, tx, e); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, doneChore, choreScrub)
		return err
	})
}

// toTell records the findings that the user must know, together with those not yet shown.
func (f *found) toTell(ctx context.Context, tx *Tx, e Exposure) error {
	before, due, err := chore(ctx, tx, choreTell)
	if err != nil {
		return err
	}
	if due {
		var old Exposure
		if err := json.Unmarshal([]byte(before), &old); err != nil {
			return err
		}
		for _, l := range old.Leaks {
			f.leaks[l] = true
		}
		e.Removed += old.Removed
	}
	e.Leaks = slices.SortedFunc(maps.Keys(f.leaks), func(a, b Leak) int {
		return strings.Compare(a.RecordID+"\x00"+a.Service, b.RecordID+"\x00"+b.Service)
	})
	detail, err := json.Marshal(e)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, setChore, choreTell, string(detail))
	return err
}
