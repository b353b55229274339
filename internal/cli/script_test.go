package cli_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/infrahaus/infrahaus/internal/needs/pgserver"

	"github.com/infrahaus/infrahaus/internal/cli"
	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/needs"
)

func TestMain(m *testing.M) {
	needs.FilesInMemory()
	// Sessions mostly wait, for deadlines and for each other's machine.
	if err := flag.Set("test.parallel", strconv.Itoa(3*runtime.GOMAXPROCS(0))); err != nil {
		panic(err)
	}
	testscript.Main(m, map[string]func(){
		"infrahaus": func() {
			// The collector took a twelfth of all sessions' CPU time for heaps of a few MB.
			debug.SetGCPercent(-1)
			debug.SetMemoryLimit(256 << 20)
			runtime.MemProfileRate = 0 // a test binary samples allocations; the released program does not
			os.Exit(hinted(os.Args[1:]))
		},
		"killed-rotate": func() { os.Exit(cli.KilledRotate(os.Args[1])) },
	})
}

// TestSessions runs what a user types, against the embedded sandbox. Each
// session has a home of its own.
func TestSessions(t *testing.T) {
	templates, err := filepath.Abs("../../testdata/templates")
	if err != nil {
		t.Fatal(err)
	}
	commands := map[string]func(ts *testscript.TestScript, neg bool, args []string){
		"events":   checkEvents,
		"absent":   checkAbsent,
		"serve":    serve,
		"registry": registry,
		"again":    again,
		"renew":    renew,
		"named":    named,
		"status":   runStatus,
		"crlf":     crlf,
		"style":    style,
		"keep":     keep,
		"scrape":   scrape,

		"interrupt": interrupt,
		"many":      many,
		"postgres":  postgres,
		"piped":     piped,
		"sql":       execSQL,
		"version1":  version1,
		"listen":    listen,
		"collect":   collect,
		"revealed":  revealed,
		"distinct":  distinct,
		"services":  sameServices,
		"killed":    killed,
		"old-keys":  oldKeys,
		"mode":      mode,

		"fault":      strike,
		"go-on":      goOn,
		"edit":       editInGuest,
		"remove":     removeInGuest,
		"in-guest":   inGuest,
		"appears":    appears,
		"tidy":       tidy,
		"api":        askAPI,
		"on-node":    onNode,
		"token":      newToken,
		"mend":       mend,
		"at-task":    atTask,
		"proxy":      proxy,
		"follow":     follow,
		"stop-task":  stopTask,
		"extracting": extracting,
		"whole-once": wholeOnce,

		"leaves-nothing": leavesNothing,
		"requests":       requests,
		"as-planned":     asPlanned,
	}
	maps.Copy(commands, platformCommands())
	maps.Copy(commands, leakCommands())
	maps.Copy(commands, fetchCommands())
	hints, golden := checkHints(t), checkGolden(t)
	testscript.Run(t, testscript.Params{
		Dir: "../../testdata/script",
		// Virtual guests have an sshd where this user may listen on port 22.
		Condition: func(cond string) (bool, error) {
			switch cond {
			case "lowports":
			case "postgres": // a session of it fails in CI where it is missing
				return pgserver.Installed() || os.Getenv("INFRAHAUS_NEEDS") == "all", nil
			default:
				return false, fmt.Errorf("no condition %q", cond)
			}
			l, err := net.Listen("tcp", "127.93.0.1:22")
			if err != nil {
				return false, nil //nolint:nilerr // that is the answer
			}
			return true, l.Close()
		},
		Setup: func(e *testscript.Env) error {
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("XDG_CONFIG_HOME", filepath.Join(e.WorkDir, "config"))
			e.Setenv("XDG_STATE_HOME", filepath.Join(e.WorkDir, "state"))
			e.Setenv("TEMPLATES_ROOT", templates)
			e.Setenv("SSH_AUTH_SOCK", "")
			e.Setenv("ACTION", filepath.Join(filepath.Dir(filepath.Dir(templates)), ".ci", "action.sh"))
			hints(e)
			golden(e)
			return startVersion(e)
		},
		Cmds: commands,
	})
}

// checkEvents is `events FILE [TYPE [FIRST]]`: one JSON event a line, seq from 1
// without holes, percent never falling, the last event of TYPE (complete), and for
// a complete run the five steps in order, or those from FIRST on.
func checkEvents(ts *testscript.TestScript, neg bool, args []string) {
	last := event.Complete
	if len(args) > 1 {
		last = event.Type(args[1])
	}
	want := event.Steps
	if len(args) > 2 {
		want = want[slices.Index(want, event.StepName(args[2])):]
	}
	var steps []event.StepName
	percent, n := 0, 0
	var e event.Event
	for line := range strings.Lines(ts.ReadFile(args[0])) {
		n++
		e = event.Event{}
		ts.Check(json.Unmarshal([]byte(line), &e))
		if e.Seq != n {
			ts.Fatalf("line %d has seq %d", n, e.Seq)
		}
		if e.Percent != nil {
			if *e.Percent < percent {
				ts.Fatalf("seq %d: percent falls from %d to %d", n, percent, *e.Percent)
			}
			percent = *e.Percent
		}
		if e.Step != "" && !slices.Contains(steps, e.Step) {
			steps = append(steps, e.Step)
		}
	}
	if e.Type != last {
		ts.Fatalf("the last event is %q, not %q", e.Type, last)
	}
	if last == event.Complete && !slices.Equal(steps, want) && len(steps) > 1 {
		ts.Fatalf("the steps are %v", steps)
	}
}

// checkAbsent is `absent WORD FOLDER...`: no file below the folders holds WORD.
func checkAbsent(ts *testscript.TestScript, neg bool, args []string) {
	word := []byte(args[0])
	for _, dir := range args[1:] {
		err := filepath.WalkDir(ts.MkAbs(dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			f, err := os.Open(path)
			if err != nil {
				return err
			}
			defer f.Close()
			r := bufio.NewReaderSize(f, 1<<20)
			raw := make([]byte, 0, 1<<20)
			buf := bytes.NewBuffer(raw)
			if _, err := buf.ReadFrom(r); err != nil {
				return err
			}
			if bytes.Contains(buf.Bytes(), word) {
				ts.Fatalf("%s holds it", path)
			}
			return nil
		})
		ts.Check(err)
	}
}

// runStatus is `status N COMMAND...`: the command's exit status is N.
func runStatus(ts *testscript.TestScript, neg bool, args []string) {
	err := ts.Exec(args[1], args[2:]...)
	got := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if want := args[0]; strconv.Itoa(got) != want {
		ts.Fatalf("exit status %d, not %s", got, want)
	}
}
