package cli_test

import (
	"context"
	"os"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/infrahaus/infrahaus/internal/needs/pgserver"
)

// postgresServers are the PostgreSQL servers of the sessions, by their folder.
var postgresServers sync.Map

// postgres is `postgres`, which starts a PostgreSQL for the session and makes its URL
// DATABASE_URL, `postgres down`, `postgres up`, or `postgres run STATEMENTS`.
func postgres(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) == 0 {
		s, err := pgserver.Start(pgserver.Options{})
		ts.Check(err)
		ts.Defer(s.Close)
		postgresServers.Store(ts.MkAbs("."), s)
		ts.Setenv("DATABASE_URL", s.URL(""))
		return
	}
	held, ok := postgresServers.Load(ts.MkAbs("."))
	if !ok {
		ts.Fatalf("no PostgreSQL runs")
	}
	s := held.(*pgserver.Server)
	switch args[0] {
	case "down":
		ts.Check(s.Down())
	case "up":
		ts.Check(s.Up())
	case "run":
		out, err := s.Run(context.Background(), args[1])
		ts.Check(err)
		ts.Check(os.WriteFile(ts.MkAbs("said"), []byte(out), 0o600))
	}
}
