package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/infrahaus/infrahaus/internal/event"
)

// patience is the time limit of one process, so that one that hangs is noticed.
const patience = 90 * time.Second

// call is one process of the tool.
type call struct {
	bin   string // of another version; "": the harness's
	args  []string
	after int               // killed after this many boundaries; 0: never
	short int               // killed before this boundary is recorded, after its side effect; 0: never
	at    string            // killed after the first boundary whose name begins with this
	plus  int               // plus this many
	trace string            // the file that takes the boundaries' names
	watch func(event.Event) // sees each event on stdout as it comes
	start func(*os.Process)
	env   []string // more of it
	heard string   // a file that takes stderr as it comes; "": none
}

// ended is the end of a process.
type ended struct {
	status   int // -1: by a signal
	killed   bool
	out, err string
	events   []event.Event
	took     time.Duration
}

// tool runs the tool in the trial's own home.
func (t *trial) tool(ctx context.Context, c call) ended {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, cmp.Or(c.bin, t.h.bin), c.args...)
	cmd.Dir = t.dir
	cmd.Env = append(t.env(), fmt.Sprintf("INFRAHAUS_CRASH_AFTER=%d", c.after),
		fmt.Sprintf("INFRAHAUS_CRASH_BEFORE=%d", c.short), "INFRAHAUS_CRASH_AT="+c.at, fmt.Sprintf("INFRAHAUS_CRASH_PLUS=%d", c.plus),
		"INFRAHAUS_CRASH_TRACE="+c.trace)
	cmd.Env = append(cmd.Env, c.env...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.StdoutPipe()
	if err == nil && c.heard != "" {
		var f *os.File
		if f, err = os.Create(c.heard); err == nil {
			defer f.Close()
			cmd.Stderr = io.MultiWriter(&errs, f)
		}
	}
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.lost("cannot run the tool: %v", err)
		return ended{status: -1}
	}
	if c.start != nil {
		c.start(cmd.Process)
	}
	begin := time.Now()
	var e ended
	var text strings.Builder
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadString('\n')
		text.WriteString(line)
		var ev event.Event
		if json.Unmarshal([]byte(line), &ev) == nil && ev.Type != "" {
			e.events = append(e.events, ev)
			if c.watch != nil {
				c.watch(ev)
			}
		}
		if err != nil {
			break
		}
	}
	_ = cmd.Wait() // its status is checked below
	e.took = time.Since(begin)
	e.status, e.out, e.err = cmd.ProcessState.ExitCode(), text.String(), errs.String()
	if ws, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		e.killed = ws.Signal() == syscall.SIGKILL
	}
	if ctx.Err() != nil {
		t.lost("%s has not ended within %s", c.args[0], patience)
	}
	t.said.WriteString(e.out + e.err)
	return e
}

// env has a home of its own and the sandbox's exports.
func (t *trial) env() []string {
	e := t.w.sb.Endpoint()
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + t.dir, "SSH_AUTH_SOCK=",
		"XDG_CONFIG_HOME=" + filepath.Join(t.dir, "config"), "XDG_STATE_HOME=" + filepath.Join(t.dir, "state"),
		"INFRAHAUS_URL=" + e.URL, "INFRAHAUS_TOKEN=" + e.Token, "INFRAHAUS_FINGERPRINT=" + e.Fingerprint, "INFRAHAUS_NODE=" + e.Node,
		"INFRAHAUS_SSH_NODE=" + e.SSHNode, "INFRAHAUS_SSH_IDENTITY=" + e.SSHIdentity, "INFRAHAUS_SSH_KNOWN_HOSTS=" + e.SSHKnownHosts,
		"INFRAHAUS_SSH_TRANSPORT=" + t.transport, "INFRAHAUS_DATABASE_URL=" + t.database,
	}
}

// why returns the last output of a process.
func (e ended) why() string {
	text := e.err
	if len(e.events) > 0 {
		last := e.events[len(e.events)-1]
		text = string(last.Type) + ": " + last.Message + " | " + last.Hint
	}
	text = strings.ReplaceAll(strings.TrimSpace(text), "\n", " | ")
	return fmt.Sprintf("exit status %d: %.500s", e.status, text)
}
