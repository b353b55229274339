package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Migration is what Open did to a database of an older version. All is zero where
// it found the present one or none.
type Migration struct {
	From, To int
	Copy     string // the path of the copy of the older one, which nothing reads
}

// Migrated tells of a migration by this very Open; of many processes that open at
// once, one has it to tell.
func (s *Store) Migrated() Migration { return s.migration }

// keepCopy copies the database as it is before a migration, its -wal included,
// to FILE.v<version>-<UTC time>.bak (0600) beside it. It is called while
// s.records holds the write lock: the copy is read over s.events, which sees what
// was committed before, and nobody else can write in between.
func (s *Store) keepCopy(ctx context.Context, version int) error {
	now := time.Now().UTC()
	path := fmt.Sprintf("%s.v%d-%s.bak", s.path, version, now.Format("20060102T150405.000Z"))
	if err := s.copyTo(ctx, path); err != nil {
		return fmt.Errorf("cannot copy the database before its migration: %w", s.wrap(plain(err)))
	}
	s.migration = Migration{From: version, To: len(migrations), Copy: path}
	return nil
}

// copyTo writes aside, syncs and renames: a copy that has its name is whole. The
// name aside is always the same, so that what a killed process left is replaced.
func (s *Store) copyTo(ctx context.Context, path string) error {
	aside := s.path + ".copy"
	if err := os.Remove(aside); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	defer os.Remove(aside)
	f, err := os.OpenFile(aside, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600) // VACUUM takes an empty file
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

// syncDir makes a new name in dir survive a power cut. Not every file system
// can; those that cannot are left alone.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	_ = d.Sync()
	return nil
}
