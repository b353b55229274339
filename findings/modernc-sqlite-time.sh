#!/bin/sh
# modernc.org/sqlite 1.62.0: a time.Time that is bound to a statement is stored as its String(), with
# the offset and name of its zone, and that of time.Now() with the monotonic clock. It comes back as
# it was, so that a test of writing and reading passes; what SQL does with it is wrong, silently.
#
#   stored: 23:30 in New York                       answer
#   WHERE at = the same instant in UTC              no row
#   WHERE at > one hour before, in UTC              no row
#   strftime('%s', at), datetime(at)                NULL
#   ORDER BY at, of three zones                     by the clocks on the wall
#   max(at) into a time.Time                        an error: a text is no time
#   time.Now(), as text                             "… +0000 UTC m=+0.04…"
#   the same with _time_format=sqlite               right only for strftime and time.Now()
#
# Two more of this driver without an error: Query of two statements gives the rows of the last one
# alone, and a transaction with ReadOnly: true writes. Times are best stored as text in UTC.
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

var wrong bool

func is(what string, got, want any) {
	fmt.Printf("%-40s %v\n", what, got)
	wrong = wrong || fmt.Sprint(got) != fmt.Sprint(want)
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func open(parameters string) *sql.DB {
	db, err := sql.Open("sqlite", "file::memory:?"+parameters)
	check(err)
	db.SetMaxOpenConns(1)
	_, err = db.Exec(`CREATE TABLE t (name TEXT, at TIMESTAMP)`)
	check(err)
	return db
}

func main() {
	newYork := time.Date(2026, 7, 1, 23, 30, 0, 0, time.FixedZone("EDT", -4*60*60))
	for _, c := range []struct {
		parameters string
		epoch      any
	}{{"", nil}, {"_time_format=sqlite", "1782963000"}} {
		fmt.Println("parameters:", c.parameters)
		db := open(c.parameters)
		one := func(query string, args ...any) (v any) {
			check(db.QueryRow(query, args...).Scan(&v))
			return v
		}
		insert := func(name string, at time.Time) {
			_, err := db.Exec(`INSERT INTO t VALUES (?, ?)`, name, at)
			check(err)
		}
		insert("newyork", newYork)
		is("at = the same instant in UTC", one(`SELECT count(*) FROM t WHERE at = ?`, newYork.UTC()), 0)
		is("at > one hour before, in UTC", one(`SELECT count(*) FROM t WHERE at > ?`, newYork.UTC().Add(-time.Hour)), 0)
		is("strftime('%s', at)", one(`SELECT strftime('%s', at) FROM t`), c.epoch)
		is("datetime(at) is NULL", one(`SELECT datetime(at) IS NULL FROM t`) == int64(1), c.epoch == nil)
		var back time.Time
		check(db.QueryRow(`SELECT at FROM t`).Scan(&back))
		is("it comes back as it was", back.Equal(newYork), true)
		is("max(at) is an error", db.QueryRow(`SELECT max(at) FROM t`).Scan(&back) != nil, true)
		// The one in Berlin is five minutes after that in New York, and five before that in UTC.
		insert("utc", time.Date(2026, 7, 2, 3, 40, 0, 0, time.UTC))
		insert("berlin", time.Date(2026, 7, 2, 5, 35, 0, 0, time.FixedZone("CEST", 2*60*60)))
		is("ORDER BY at", one(`SELECT group_concat(name) FROM (SELECT name FROM t ORDER BY at)`), "newyork,utc,berlin")
		insert("now", time.Now())
		is("time.Now() has the monotonic clock", strings.Contains(fmt.Sprint(one(`SELECT at || '' FROM t WHERE name = 'now'`)), " m="), c.parameters == "")
	}

	db := open("")
	rows, err := db.Query(`SELECT 1; SELECT 2`)
	check(err)
	var all []int
	for rows.Next() {
		var n int
		check(rows.Scan(&n))
		all = append(all, n)
	}
	is("rows of SELECT 1; SELECT 2", all, []int{2})
	tx, err := db.BeginTx(context.Background(), &sql.TxOptions{ReadOnly: true})
	check(err)
	_, err = tx.Exec(`INSERT INTO t VALUES ('read-only', NULL)`)
	check(err)
	check(tx.Commit())
	var n int
	check(db.QueryRow(`SELECT count(*) FROM t`).Scan(&n))
	is("rows written by a read-only transaction", n, 1)
	if wrong {
		os.Exit(1)
	}
}
G
export GOFLAGS=-mod=mod GOTOOLCHAIN=local CGO_ENABLED=0
go get modernc.org/sqlite@v1.62.0 >/dev/null 2>&1
go run .
