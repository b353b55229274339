//go:build e2e

package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/infrahaus/infrahaus/internal/event"
)

// live is a running command with --json, beside the test.
type live struct {
	t      *testing.T
	cmd    *exec.Cmd
	events chan event.Event // closed at the end of stdout
	out    bytes.Buffer     // the events on stdout; complete after wait has returned
	err    bytes.Buffer
}

// start runs a command beside the test. It is killed when the test ends.
func (u *user) start(args ...string) *live {
	u.t.Helper()
	l := &live{t: u.t, cmd: u.command(args...), events: make(chan event.Event, 1<<14)}
	l.cmd.Stderr = &l.err
	out, err := l.cmd.StdoutPipe()
	if err != nil {
		u.t.Fatal(err)
	}
	if err := l.cmd.Start(); err != nil {
		u.t.Fatal(err)
	}
	u.t.Cleanup(func() { l.cmd.Process.Kill() })
	go func() {
		defer close(l.events)
		lines := bufio.NewReader(out)
		for {
			line, err := lines.ReadBytes('\n')
			l.out.Write(line)
			var e event.Event
			if json.Unmarshal(line, &e) == nil {
				l.events <- e
			}
			if err != nil {
				return
			}
		}
	}()
	return l
}

// until waits for an event.
func (l *live) until(what string, match func(event.Event) bool) event.Event {
	l.t.Helper()
	late := time.After(10 * time.Minute)
	for {
		select {
		case e, ok := <-l.events:
			switch {
			case !ok:
				l.cmd.Wait()
				l.t.Fatalf("it ended before %s\n%s%s", what, &l.out, &l.err)
			case match(e):
				return e
			}
		case <-late:
			l.t.Fatalf("gave up waiting for %s", what)
		}
	}
}

// untilLine waits for a line of a script's output.
func (l *live) untilLine(line string) event.Event {
	l.t.Helper()
	return l.until(line, func(e event.Event) bool { return e.Type == event.Log && e.Message == line })
}

// wait waits for the end.
func (l *live) wait() result {
	l.t.Helper()
	late := time.AfterFunc(10*time.Minute, func() { l.cmd.Process.Kill() })
	defer late.Stop()
	for range l.events {
	}
	l.cmd.Wait()
	return result{l.cmd.ProcessState.ExitCode(), l.out.String(), l.err.String()}
}

// cutGuest kills the sshd process of a guest's session, by its pid in the guest.
func cutGuest(t *testing.T, ctid int) {
	t.Helper()
	inGuest(t, ctid, "for p in $(pgrep -f '^sshd: root@'); do kill -9 $p; done")
}

// wire is a proxy between a user and the node's SSH server or API.
type wire struct {
	env   []string // settings that lead through it
	mu    sync.Mutex
	conns []net.Conn
	up    int64 // bytes sent to the node
	limit int64 // the value of up at which the connection is cut, once; 0: never
}

// sshWire is a proxy to the node's SSH server.
func sshWire(t *testing.T) *wire {
	t.Helper()
	user, target, _ := strings.Cut(node.setting(t, "INFRAHAUS_SSH_NODE"), "@")
	w, address := newWire(t, target)
	_, port, _ := net.SplitHostPort(target)
	_, ours, _ := net.SplitHostPort(address)
	b, err := os.ReadFile(node.setting(t, "INFRAHAUS_SSH_KNOWN_HOSTS"))
	if err != nil {
		t.Fatal(err)
	}
	known := filepath.Join(t.TempDir(), "known_hosts")
	if err := os.WriteFile(known, []byte(strings.ReplaceAll(string(b), "]:"+port, "]:"+ours)), 0o600); err != nil {
		t.Fatal(err)
	}
	w.env = []string{"INFRAHAUS_SSH_NODE=" + user + "@" + address, "INFRAHAUS_SSH_KNOWN_HOSTS=" + known}
	return w
}

// apiWire is a proxy to the API, which includes the consoles.
func apiWire(t *testing.T) *wire {
	t.Helper()
	w, address := newWire(t, strings.TrimPrefix(node.setting(t, "INFRAHAUS_URL"), "https://"))
	w.env = []string{"INFRAHAUS_URL=https://" + address}
	return w
}

func newWire(t *testing.T, target string) (w *wire, address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	w = &wire{}
	go w.serve(l, target)
	return w, l.Addr().String()
}

func (w *wire) serve(l net.Listener, target string) {
	for {
		near, err := l.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", target)
		if err != nil {
			near.Close()
			continue
		}
		w.mu.Lock()
		w.conns = append(w.conns, near, far)
		w.mu.Unlock()
		go func() { io.Copy(near, far); near.Close() }()
		go func() { io.Copy(meter{w, far}, near); far.Close() }()
	}
}

// meter counts the bytes sent to the node.
type meter struct {
	w   *wire
	far io.Writer
}

func (m meter) Write(p []byte) (int, error) {
	m.w.mu.Lock()
	m.w.up += int64(len(p))
	if m.w.limit > 0 && m.w.up >= m.w.limit {
		m.w.limit = 0
		m.w.cutLocked()
	}
	m.w.mu.Unlock()
	return m.far.Write(p)
}

// cutAfter cuts the connection once n more bytes have been sent to the node.
func (w *wire) cutAfter(n int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.limit = w.up + n
}

// carried is how many bytes have been sent to the node.
func (w *wire) carried() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.up
}

// cut closes all connections and returns how many there were.
func (w *wire) cut() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.cutLocked()
}

func (w *wire) cutLocked() int {
	n := len(w.conns) / 2
	for _, c := range w.conns {
		c.Close()
	}
	w.conns = nil
	return n
}

// processes returns the argument lists of all processes, also of those in guests, by pid.
func processes(t *testing.T) map[int]string {
	t.Helper()
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	found := map[int]string{}
	for _, dir := range dirs {
		pid, _ := strconv.Atoi(filepath.Base(dir))
		if b, err := os.ReadFile(filepath.Join(dir, "cmdline")); err == nil && len(b) > 0 {
			found[pid] = string(b)
		}
	}
	return found
}

// onNode, inGuest and tryInGuest run commands on the shared node and in its guests.
func onNode(t *testing.T, command string) (string, error) {
	t.Helper()
	return node.on(t, command)
}

func inGuest(t *testing.T, ctid int, script string) string {
	t.Helper()
	return node.in(t, ctid, script)
}

func tryInGuest(t *testing.T, ctid int, script string) (string, error) {
	t.Helper()
	return node.try(t, ctid, script)
}

// noScript checks that no process of a run remains in a container.
func noScript(t *testing.T, ctid int) {
	t.Helper()
	eventually(t, "the script's processes are gone", func() bool {
		out, err := onNode(t, fmt.Sprintf("pct exec %d -- pgrep -f /var/lib/config-manager/runs/", ctid))
		return err != nil && out == "" // pgrep exits with 1 if it finds nothing
	})
}

// shown is the part of `show --json` that tests need.
type shown struct {
	ID, Status, Error, Address, MAC string
	CTID                            int
	Runs                            []struct{ Kind string }
}

func (u *user) show(name string) shown {
	u.t.Helper()
	var s shown
	if err := json.Unmarshal([]byte(u.run("show", name, "--json").stdout), &s); err != nil {
		u.t.Fatal(err)
	}
	return s
}

// failed checks that a run failed with a status of the contract: its last event is an
// error with that status, and the record is in error.
func (u *user) failed(name string, r result, status int) event.Event {
	u.t.Helper()
	if r.status != status {
		u.t.Fatalf("exit status %d, not %d\n%s%s", r.status, status, lastLines(r.stdout, 12), r.stderr)
	}
	events := decode(u.t, r.stdout)
	last := events[len(events)-1]
	if last.Type != event.Error || last.ExitStatus == nil || *last.ExitStatus != status {
		u.t.Errorf("the last event is %+v", last)
	}
	if s := u.show(name); s.Status != "error" || s.Error == "" {
		u.t.Errorf("the record says %q, error %q", s.Status, s.Error)
	}
	return last
}

func lastLines(text string, n int) string {
	lines := strings.SplitAfter(text, "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "")
}

// writeTemplate makes a template folder with scripts by name.
func writeTemplate(t *testing.T, yaml string, scripts map[string]string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "template")
	files := map[string]string{"template.yaml": yaml}
	for name, text := range scripts {
		files["scripts/"+name] = text
	}
	writeFiles(t, dir, files)
	return dir
}

// writeFiles writes files below a folder.
func writeFiles(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// plainTemplate has no files, packages or scripts, so it makes the quickest container.
func plainTemplate(t *testing.T) string {
	return writeTemplate(t, "name: plain\nos: debian-12\n", map[string]string{"10-hello.sh": "echo hello\n"})
}

// output returns the lines that a script printed to one stream.
func output(events []event.Event, script, stream string) []string {
	var lines []string
	for _, e := range events {
		if e.Type == event.Log && e.ScriptName == script && e.Stream == stream {
			lines = append(lines, e.Message)
		}
	}
	return lines
}
