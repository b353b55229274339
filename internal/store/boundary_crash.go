//go:build crash

package store

import (
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// passed counts the boundaries that this process has reached.
var passed struct {
	sync.Mutex
	n  int
	at int // number of the first boundary that INFRAHAUS_CRASH_AT names; 0: not reached yet
}

// approach kills the process, as kill -9 does, before boundary number
// INFRAHAUS_CRASH_BEFORE. The side effect that the write would record has happened by
// then.
func approach(string) {
	passed.Lock()
	defer passed.Unlock()
	if os.Getenv("INFRAHAUS_CRASH_BEFORE") == strconv.Itoa(passed.n+1) {
		die()
	}
}

// boundary appends a line about the present write to the file INFRAHAUS_CRASH_TRACE. It
// kills the process after boundary number INFRAHAUS_CRASH_AFTER, or INFRAHAUS_CRASH_PLUS
// boundaries after the first whose line begins with INFRAHAUS_CRASH_AT. A kill loses
// nothing that was written; only a power cut loses data that the system has not synced.
func boundary(what string) {
	passed.Lock()
	defer passed.Unlock()
	passed.n++
	what, _, _ = strings.Cut(what, " (record_id") // of a statement
	what, _, _ = strings.Cut(what, "\n")
	trace(what)
	if at := os.Getenv("INFRAHAUS_CRASH_AT"); passed.at == 0 && at != "" && strings.HasPrefix(what, at) {
		passed.at = passed.n
	}
	plus, _ := strconv.Atoi(os.Getenv("INFRAHAUS_CRASH_PLUS")) // an unset variable gives 0
	if os.Getenv("INFRAHAUS_CRASH_AFTER") == strconv.Itoa(passed.n) || passed.at > 0 && passed.n == passed.at+plus {
		die()
	}
}

func trace(what string) {
	path := os.Getenv("INFRAHAUS_CRASH_TRACE")
	if path == "" {
		return
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err == nil {
		_, err = f.WriteString(what + "\n")
		f.Close()
	}
	if err != nil {
		panic(err)
	}
}

func die() {
	self, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = self.Kill()
	}
	if err != nil {
		panic(err)
	}
	select {} // other threads can only run a few more instructions
}

// leaseLimit is INFRAHAUS_CRASH_LEASE, so that a test need not wait for half a minute.
func leaseLimit() time.Duration {
	if d, err := time.ParseDuration(os.Getenv("INFRAHAUS_CRASH_LEASE")); err == nil {
		return d
	}
	return beatLimit
}
