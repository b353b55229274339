package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/infrahaus/infrahaus/internal/needs/pgserver"
)

// theServer is one PostgreSQL for all tests of this package; each folder gets a schema in it.
var theServer struct {
	once sync.Once
	s    *pgserver.Server
	err  error
}

func postgresServer(t testing.TB) *pgserver.Server {
	t.Helper()
	theServer.once.Do(func() { theServer.s, theServer.err = pgserver.Start(pgserver.Options{}) })
	switch {
	case errors.Is(theServer.err, pgserver.ErrMissing) && os.Getenv("INFRAHAUS_NEEDS") != "all":
		t.Skip(theServer.err)
	case theServer.err != nil:
		t.Fatal(theServer.err)
	}
	return theServer.s
}

// onBoth runs a test on SQLite and on PostgreSQL.
func onBoth(t *testing.T, test func(t *testing.T)) {
	t.Run("sqlite", test)
	t.Run("postgres", func(t *testing.T) {
		postgresServer(t)
		test(t)
	})
}

func isPostgres(t testing.TB) bool { return strings.Contains(t.Name()+"/", "/postgres/") }

// placeOf is where the tests of a folder have their catalogue.
func placeOf(t testing.TB, dir string) Place {
	t.Helper()
	if !isPostgres(t) {
		return Place{Dir: dir}
	}
	return Place{Dir: dir, URL: urlOf(t, dir)}
}

// urlOf makes the schema of a folder.
func urlOf(t testing.TB, dir string) string {
	t.Helper()
	sum := sha256.Sum256([]byte(dir))
	schema := "s" + hex.EncodeToString(sum[:8])
	s := postgresServer(t)
	if _, err := s.Run(context.Background(), `CREATE SCHEMA IF NOT EXISTS `+schema); err != nil {
		t.Fatal(err)
	}
	return s.URL(schema)
}
