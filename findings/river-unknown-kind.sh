#!/bin/sh
# River 0.51.2 (riverqueue/river with its SQLite driver): the client that leads rescues the jobs
# of workers that died, and it does so for all queues. If it does not know the kind of such a job,
# the job is not left and not retried: it becomes "discarded", which is final, after attempt 1 of
# 25. The client that leads is the one that started first; so while an old version of a program
# still runs beside a new one, a killed worker's jobs of a new kind are lost.
# Workers that do not know every kind must not lead (LeaderElectionDisabled).
#
# Needs Go; takes about half a minute. Exit status 0: everything is as stated.
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
	"log/slog"
	"os"
	"os/exec"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"
	_ "modernc.org/sqlite"
)

type oldArgs struct{}

func (oldArgs) Kind() string { return "old_kind" }

type newArgs struct{}

func (newArgs) Kind() string { return "new_kind" }

type oldWorker struct{ river.WorkerDefaults[oldArgs] }

func (oldWorker) Work(context.Context, *river.Job[oldArgs]) error { return nil }

type newWorker struct{ river.WorkerDefaults[newArgs] }

func (newWorker) Work(context.Context, *river.Job[newArgs]) error {
	os.WriteFile("working", nil, 0o600)
	time.Sleep(time.Hour)
	return nil
}

func client(version string) *river.Client[*sql.Tx] {
	db, err := sql.Open("sqlite", "file:queue.db?_txlock=immediate&_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)")
	check(err)
	db.SetMaxOpenConns(1)
	m, err := rivermigrate.New(riversqlite.New(db), nil)
	check(err)
	_, err = m.Migrate(context.Background(), rivermigrate.DirectionUp, nil)
	check(err)
	config := &river.Config{
		JobTimeout: 5 * time.Second, RescueStuckJobsAfter: 5 * time.Second,
		Logger:  slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError + 4})),
		Queues:  map[string]river.QueueConfig{version: {MaxWorkers: 1}},
		Workers: river.NewWorkers(),
	}
	river.AddWorker(config.Workers, &oldWorker{})
	if version == "new" {
		river.AddWorker(config.Workers, &newWorker{})
	}
	c, err := river.NewClient(riversqlite.New(db), config)
	check(err)
	return c
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	ctx := context.Background()
	if len(os.Args) > 1 {
		check(client("new").Start(ctx))
		select {}
	}
	old := client("old")
	check(old.Start(ctx)) // it leads, since it is the first
	time.Sleep(2 * time.Second)
	worker := exec.Command(os.Args[0], "work")
	check(worker.Start())
	r, err := client("new").Insert(ctx, newArgs{}, &river.InsertOpts{Queue: "new"})
	check(err)
	for end := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		if _, err := os.Stat("working"); err == nil {
			break
		}
		if time.Now().After(end) {
			panic("the job was not begun")
		}
	}
	check(worker.Process.Kill())
	worker.Wait()
	state := ""
	for end := time.Now().Add(3 * time.Minute); time.Now().Before(end); time.Sleep(time.Second) {
		j, err := old.JobGet(ctx, r.Job.ID)
		check(err)
		if now := fmt.Sprintf("%s, attempt %d of %d", j.State, j.Attempt, j.MaxAttempts); now != state {
			state = now
			fmt.Println(state)
		}
		if j.State != "running" {
			break
		}
	}
	if state != "discarded, attempt 1 of 25" {
		os.Exit(1)
	}
}
G
export GOFLAGS=-mod=mod GOTOOLCHAIN=local CGO_ENABLED=0
go get github.com/riverqueue/river@v0.51.2 github.com/riverqueue/river/riverdriver/riversqlite@v0.51.2 modernc.org/sqlite@v1.62.0 >/dev/null 2>&1
go build -o finding .
./finding
