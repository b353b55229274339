package cli_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// The golden output of a session is what every command of it printed, with its exit
// status, and the records that were left, in testdata/golden/SESSION.txt. Whatever differs
// between two runs of the same program is masked. To write the files anew:
//
//	go test ./internal/cli -run 'TestSessions/sync$' -golden    one session
//	make golden                                                 all of them, and what changed
//
// With INFRAHAUS_TEST_GOLDEN=compare a session whose output differs fails. An ordinary test
// run does not compare: which of two messages a command prints can depend on the machine,
// and the sessions check what users rely on. The files are for changes that must not change
// anything: write them before and after, and look at the difference.
var writeGolden = flag.Bool("golden", false, "write testdata/golden instead of comparing with it")

const goldenFolder = "../../testdata/golden"

// goldenLog is the variable with the folder in which the tool under test records what it
// printed.
const goldenLog = "INFRAHAUS_TEST_GOLDEN_LOG"

// unsteady are the sessions without a golden file, each with the reason.
var unsteady = map[string]string{
	"api-guest-dies":        "how much of its output is read before a guest dies depends on the machine",
	"fail-guest-dies":       "how much of its output is read before a guest dies depends on the machine",
	"fleet-killed":          "how far a fleet had come when it was killed depends on the machine",
	"fleet":                 "several creates at once: which comes first is luck",
	"create-count":          "several creates at once: which comes first is luck",
	"container-node-killed": "how far a run had come when it was killed depends on the machine",
	"interrupt-start":       "it lists a container while Proxmox makes it",
	"notify-killed":         "how far a run had come when it was killed depends on the machine",
	"resume-changed":        "how far a run had come when it was interrupted depends on the machine",
	"seven":                 "whether the way in is open before the address is asked for is luck",
	"shared-rotate":         "which of two rotations at once is first is luck",
	"watch":                 "how many lines of a run are there when it is looked at is luck",
	"sync-given":            "how far a run had come when it was interrupted depends on the machine",
	"sync-secret":           "how far a run had come when it was interrupted depends on the machine",
	"twenty":                "twenty processes at once: who comes first is luck",
}

// ran is one command line of a session.
type ran struct {
	Order  int64 // commands are sorted by it
	Args   []string
	Status string // "" as long as it runs
	Out    []byte
	Err    []byte
}

// orders keeps the records of commands apart that a session starts by itself.
var orders atomic.Int64

// save writes the record to a file of its own.
func (r ran) save(dir string) {
	if raw, err := json.Marshal(r); err == nil {
		_ = os.WriteFile(filepath.Join(dir, strconv.FormatInt(r.Order, 10)), raw, 0o600)
	}
}

// started is a number that grows with each process of a session. The time at which a
// command says something is no such number, since two commands may run at once.
func started(pid int) int64 {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return time.Now().UnixNano() + orders.Add(1)
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	ticks, err := strconv.ParseInt(fields[19], 10, 64)
	if err != nil {
		return time.Now().UnixNano()
	}
	return ticks<<22 + int64(pid)
}

// byShell tells whether a shell started this process: sessions have shells ask again and
// again until something has come, and how often depends on the machine.
func byShell() bool {
	name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", os.Getppid()))
	return err == nil && strings.TrimSpace(string(name)) == "sh"
}

// recordRun has a command recorded that a session starts by itself. The caller calls end
// once the command has ended. out and err may be nil.
func recordRun(ts *testscript.TestScript, cmd *exec.Cmd) (end func(out, err []byte)) {
	dir := ts.Getenv(goldenLog)
	if dir == "" || filepath.Base(cmd.Path) != "infrahaus" {
		return func([]byte, []byte) {}
	}
	r := ran{Order: started(cmd.Process.Pid), Args: cmd.Args[1:]}
	return func(out, err []byte) {
		r.Out, r.Err, r.Status = out, err, strconv.Itoa(cmd.ProcessState.ExitCode())
		r.save(dir)
	}
}

// checkGolden has the output of every session recorded, and compared at its end.
func checkGolden(t *testing.T) func(*testscript.Env) {
	dir := t.TempDir()
	l, err := net.Listen("tcp", "127.93.0.1:22")
	if err == nil {
		err = l.Close()
	}
	// The files were written by root on Linux. Elsewhere guests have other ways in.
	if !*writeGolden && (os.Getenv("INFRAHAUS_TEST_GOLDEN") != "compare" || runtime.GOOS != "linux" || err != nil) {
		return func(*testscript.Env) {}
	}
	return func(e *testscript.Env) {
		session := strings.TrimPrefix(filepath.Base(e.WorkDir), "script-")
		if unsteady[session] != "" {
			return
		}
		log := filepath.Join(dir, session)
		tb, ok := e.T().(testing.TB)
		if err := os.MkdirAll(log, 0o700); err != nil || !ok {
			e.T().Fatal("no golden output:", err)
		}
		e.Setenv(goldenLog, log)
		e.Defer(func() {
			if tb.Failed() || tb.Skipped() {
				return
			}
			got := goldenText(log, e.WorkDir)
			path := filepath.Join(goldenFolder, session+".txt")
			if *writeGolden {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					tb.Error(err)
				}
				return
			}
			want, err := os.ReadFile(path)
			if err != nil {
				tb.Errorf("%v; write it with -golden", err)
			} else if d := shortDiff(string(want), got); d != "" {
				tb.Errorf("the output is not %s (- golden, + now); if that is meant, write it with -golden:\n%s", path, d)
			}
		})
	}
}

// goldenText is the golden output of a session.
func goldenText(log, work string) string {
	var b strings.Builder
	m := newMask(work)
	files, _ := filepath.Glob(filepath.Join(log, "*"))
	runs := make([]ran, 0, len(files))
	for _, path := range files {
		raw, err := os.ReadFile(path)
		var r ran
		if err == nil && json.Unmarshal(raw, &r) == nil {
			runs = append(runs, r)
		}
	}
	slices.SortFunc(runs, func(a, b ran) int { return cmp.Compare(a.Order, b.Order) })
	for _, r := range runs {
		fmt.Fprintf(&b, "> infrahaus %s\n", m.text(strings.Join(r.Args, " ")))
		b.WriteString(m.output("2", r.Err) + m.output("1", r.Out))
		fmt.Fprintf(&b, "? %s\n", cmp.Or(r.Status, "killed"))
	}
	for _, path := range databases(work) {
		fmt.Fprintf(&b, "\n== %s\n%s", m.text(path), records(path, m))
	}
	return b.String()
}

// shortDiff shows the first lines that differ, "" if none does.
func shortDiff(want, got string) string {
	a, b := strings.Split(want, "\n"), strings.Split(got, "\n")
	first := 0
	for first < len(a) && first < len(b) && a[first] == b[first] {
		first++
	}
	if first == len(a) && first == len(b) {
		return ""
	}
	endA, endB := len(a), len(b)
	for endA > first && endB > first && a[endA-1] == b[endB-1] {
		endA, endB = endA-1, endB-1
	}
	const most = 12
	var d strings.Builder
	for _, l := range a[max(0, first-3):first] {
		fmt.Fprintf(&d, "  %s\n", l)
	}
	for _, side := range []struct {
		sign  string
		lines []string
	}{{"-", a[first:endA]}, {"+", b[first:endB]}} {
		for i, l := range side.lines {
			if i == most {
				fmt.Fprintf(&d, "%s …%d lines more\n", side.sign, len(side.lines)-most)
				break
			}
			fmt.Fprintf(&d, "%s %s\n", side.sign, l)
		}
	}
	return fmt.Sprintf("line %d:\n%s", first+1, d.String())
}
