package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Migration describes what Open did to a database of an older version. It is zero if the
// database was new or up to date.
type Migration struct {
	From, To int
	Copy     string // path of the copy of the older database; no program reads it
}

// Migrated returns the migration by this call of Open. Of many processes that open the
// database at once, only one gets it.
func (s *Store) Migrated() Migration { return s.migration }

// keepCopy copies the database, with its -wal, to FILE.v<version>-<UTC time>.bak (0600)
// before a migration. The caller holds the write lock of s.records: the copy is read over
// s.events, which sees all earlier commits, and no other process can write in between.
func (s *Store) keepCopy(ctx context.Context, version int) error {
	now := time.Now().UTC()
	path := fmt.Sprintf("%s.v%d-%s.bak", s.path, version, now.Format("20060102T150405.000Z"))
	if err := s.copyTo(ctx, path); err != nil {
		return fmt.Errorf("cannot copy the database before its migration: %w", s.wrap(plain(err)))
	}
	s.migration = Migration{From: version, To: len(migrations), Copy: path}
	return nil
}

// copyTo writes a temporary file, syncs and renames it, so a copy with its final name is
// complete. The temporary name is always the same, so that a later copy replaces the rest
// of a killed one.
func (s *Store) copyTo(ctx context.Context, path string) error {
	aside := s.path + ".copy"
	if err := os.Remove(aside); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	defer os.Remove(aside)
	f, err := os.OpenFile(aside, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600) // VACUUM accepts an empty file
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := s.events.ExecContext(ctx, `VACUUM INTO ?`, aside); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := os.Rename(aside, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// syncDir makes a new name in dir survive a power cut. It ignores file systems that
// cannot do that.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	_ = d.Sync()
	return nil
}
