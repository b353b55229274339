#!/bin/sh
# River 0.51.2 (riverqueue/river with its SQLite driver): a worker that was suspended for longer
# than RescueStuckJobsAfter, as a laptop with a closed lid is, completes its job when it wakes up,
# though River has given the job to another worker meanwhile. The job is "completed" while the
# second attempt still works, and the failure of that attempt is then recorded nowhere: neither
# the state nor the job's list of errors shows it. River's update of a job's end does not compare
# the attempt.
# A program whose jobs have effects has to fence each attempt by itself.
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
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"
	_ "modernc.org/sqlite"
)

type args struct{}

func (args) Kind() string { return "job" }

type worker struct{ river.WorkerDefaults[args] }

func (worker) Work(ctx context.Context, j *river.Job[args]) error {
	if j.Attempt == 1 {
		time.Sleep(2 * time.Second) // most of it is spent suspended
		return nil
	}
	os.WriteFile("second", nil, 0o600)
	time.Sleep(8 * time.Second)
	os.WriteFile("failed", nil, 0o600)
	return errors.New("attempt 2 failed")
}

func client() *river.Client[*sql.Tx] {
	db, err := sql.Open("sqlite", "file:queue.db?_txlock=immediate&_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)")
	check(err)
	db.SetMaxOpenConns(1)
	m, err := rivermigrate.New(riversqlite.New(db), nil)
	check(err)
	_, err = m.Migrate(context.Background(), rivermigrate.DirectionUp, nil)
	check(err)
	all := river.NewWorkers()
	river.AddWorker(all, &worker{})
	c, err := river.NewClient(riversqlite.New(db), &river.Config{
		JobTimeout: 10 * time.Second, RescueStuckJobsAfter: 10 * time.Second, MaxAttempts: 2,
		Logger:  slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError + 4})),
		Queues:  map[string]river.QueueConfig{"default": {MaxWorkers: 1}},
		Workers: all,
	})
	check(err)
	return c
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// start runs this program again as a worker.
func start() *exec.Cmd {
	c := exec.Command(os.Args[0], "work")
	c.Stderr = os.Stderr
	check(c.Start())
	return c
}

func main() {
	ctx := context.Background()
	if len(os.Args) > 1 {
		check(client().Start(ctx))
		select {}
	}
	c := client()
	r, err := c.Insert(ctx, args{}, nil)
	check(err)
	until := func(what string, met func() bool) {
		for end := time.Now().Add(3 * time.Minute); !met(); time.Sleep(100 * time.Millisecond) {
			if time.Now().After(end) {
				panic("waited in vain: " + what)
			}
		}
	}
	state := func() string {
		j, err := c.JobGet(ctx, r.Job.ID)
		check(err)
		return fmt.Sprintf("%s, attempt %d, errors %d", j.State, j.Attempt, len(j.Errors))
	}
	there := func(file string) func() bool {
		return func() bool { _, err := os.Stat(file); return err == nil }
	}
	first := start()
	defer first.Process.Kill()
	until("attempt 1", func() bool { return state() == "running, attempt 1, errors 0" })
	check(first.Process.Signal(syscall.SIGSTOP))
	second := start()
	defer second.Process.Kill()
	until("attempt 2", there("second"))
	fmt.Println("the first worker is suspended, the second works:", state())
	check(first.Process.Signal(syscall.SIGCONT))
	time.Sleep(4 * time.Second)
	early := state()
	fmt.Println("the first worker woke up, the second still works:", early)
	until("the failure", there("failed"))
	time.Sleep(2 * time.Second)
	late := state()
	fmt.Println("the second attempt has failed:", late)
	if early != "completed, attempt 2, errors 1" || late != early {
		os.Exit(1)
	}
}
G
export GOFLAGS=-mod=mod GOTOOLCHAIN=local CGO_ENABLED=0
go get github.com/riverqueue/river@v0.51.2 github.com/riverqueue/river/riverdriver/riversqlite@v0.51.2 modernc.org/sqlite@v1.62.0 >/dev/null 2>&1
go build -o finding .
./finding
