#!/bin/sh
# modernc.org/sqlite 1.62.0 under database/sql: if a context of its own ends one writing statement
# of a transaction, SQLite rolls the whole transaction back, and the sql.Tx does not learn it. The
# statements after it succeed outside of any transaction: each is kept at once, whether Commit or
# Rollback follows. A reading statement that is ended in the same way does no harm.
#
#   in a transaction                             error
#   INSERT 'first'                               nil
#   INSERT of many rows, ended by a deadline     context deadline exceeded
#   INSERT 'last'                                nil
#   Rollback                                     no transaction is active
#   what the table has then                      'last'
#
# So a rollback keeps what came last, and a commit fails after it has kept half of the work. With
# the context of BeginTx itself this cannot happen: database/sql then closes the transaction. A
# program must leave the transaction at the first error, or give no statement a context of its own.
#
# Needs Go. Exit status 0: everything is as stated.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >go.mod <<'M'
module finding
go 1.25
M
cat >main.go <<'G'
package main

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"strings"
	"time"

	_ "modernc.org/sqlite"
)

const (
	long  = `WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c LIMIT 1000000000) `
	write = long + `INSERT INTO t SELECT n FROM c`
	read  = long + `SELECT count(*) FROM c`
)

// ended runs a transaction of three statements, of which a deadline ends the second, and returns
// the errors of the third and of the end, and the rows that are kept.
func ended(second string, commit bool) (last, end error, rows string) {
	os.RemoveAll("f.db")
	db, err := sql.Open("sqlite", "file:f.db?_txlock=immediate")
	check(err)
	defer db.Close()
	_, err = db.Exec(`CREATE TABLE t (x)`)
	check(err)
	tx, err := db.Begin()
	check(err)
	_, err = tx.Exec(`INSERT INTO t VALUES ('first')`)
	check(err)
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	if _, err = tx.ExecContext(ctx, second); err == nil {
		panic("the statement was too fast")
	}
	_, last = tx.Exec(`INSERT INTO t VALUES ('last')`)
	if commit {
		end = tx.Commit()
	} else {
		end = tx.Rollback()
	}
	check(db.QueryRow(`SELECT coalesce(group_concat(x), '') FROM t`).Scan(&rows))
	return last, end, rows
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	wrong := false
	for _, c := range []struct {
		what, second string
		commit       bool
		ends         bool // whether the end of the transaction is an error
		rows         string
	}{
		{"write, then Rollback", write, false, true, "last"},
		{"write, then Commit", write, true, true, "last"},
		{"read, then Rollback", read, false, false, ""},
		{"read, then Commit", read, true, false, "first,last"},
	} {
		last, end, rows := ended(c.second, c.commit)
		fmt.Printf("%-22s third statement: %v  end: %v  kept: %q\n", c.what, last, end, rows)
		wrong = wrong || last != nil || (end != nil) != c.ends || rows != c.rows ||
			end != nil && !strings.Contains(end.Error(), "no transaction is active")
	}
	if wrong {
		os.Exit(1)
	}
}
G
export GOFLAGS=-mod=mod GOTOOLCHAIN=local CGO_ENABLED=0
go get modernc.org/sqlite@v1.62.0 >/dev/null 2>&1
go run .
