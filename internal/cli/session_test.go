package cli_test

import (
	"bytes"
	"crypto/tls"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	_ "modernc.org/sqlite" // another process at the catalogue's database

	"github.com/infrahaus/infrahaus/internal/event"
)

// deadline is generous: it only ends a session that hangs.
const deadline = 5 * time.Minute

// watched is a buffer that tells when it holds a pattern.
type watched struct {
	mu   sync.Mutex
	buf  bytes.Buffer
	want *regexp.Regexp
	seen chan struct{}
	once sync.Once
}

func (w *watched) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.buf.Write(p)
	if w.want.Match(w.buf.Bytes()) {
		w.once.Do(func() { close(w.seen) })
	}
	return len(p), nil
}

// interrupt is `interrupt SIGNAL[,SIGNAL] PATTERN STATUS COMMAND...`: starts the
// command, sends it the signals once its output holds PATTERN, and wants STATUS
// (-1: killed by the signal). What it has said is in the file said.
func interrupt(ts *testscript.TestScript, neg bool, args []string) {
	signals := map[string]syscall.Signal{"INT": syscall.SIGINT, "TERM": syscall.SIGTERM, "KILL": syscall.SIGKILL}
	out := &watched{want: regexp.MustCompile(args[1]), seen: make(chan struct{})}
	cmd := background(ts, args[3:]...)
	cmd.Stdout, cmd.Stderr = out, out
	ts.Check(cmd.Start())
	record := recordRun(ts, cmd)
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	expired := time.After(deadline)
	select {
	case <-out.seen:
		for i, name := range strings.Split(args[0], ",") {
			if i > 0 {
				taken(ts, cmd.Process.Pid)
			}
			// If it has ended already, its status and what it has said tell why.
			if err := cmd.Process.Signal(signals[name]); !errors.Is(err, os.ErrProcessDone) {
				ts.Check(err)
			}
		}
	case <-ended:
	case <-expired:
	}
	select {
	case <-ended:
	case <-expired:
		_ = cmd.Process.Kill()
		<-ended
	}
	said := out.buf.String()
	record(nil, []byte(said))
	ts.Check(os.WriteFile(ts.MkAbs("said"), []byte(said), 0o600))
	ts.Logf("%s", said)
	if got := strconv.Itoa(cmd.ProcessState.ExitCode()); got != args[2] {
		ts.Fatalf("exit status %s, not %s", got, args[2])
	}
}

// taken waits until a process has its signals: two that are sent at once may be handled by two
// threads, in either order. What the kernel has handed over, a thread handles within moments.
func taken(ts *testscript.TestScript, pid int) {
	waitFor(ts, "the signal to be taken", func() bool {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		return err != nil || regexp.MustCompile(`(?m)^ShdPnd:\t0+$`).Match(status)
	})
	time.Sleep(200 * time.Millisecond)
}

// background is a command with the session's environment and folder.
func background(ts *testscript.TestScript, args ...string) *exec.Cmd {
	cmd := exec.Command(lookPath(ts, args[0]), args[1:]...)
	cmd.Dir = ts.MkAbs(".")
	for _, k := range []string{
		"PATH", "HOME", "TMPDIR", "SSL_CERT_FILE", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "TEMPLATES_ROOT", "SSH_AUTH_SOCK", "TERM", "INFRAHAUS_STATE_DIR",
		"INFRAHAUS_DATABASE_URL", "INFRAHAUS_ENCRYPTION_KEY", "INFRAHAUS_SSH_TRANSPORT", "INFRAHAUS_REDIS_URL", "INFRAHAUS_URL", "INFRAHAUS_FINGERPRINT", "INFRAHAUS_TOKEN",
		"INFRAHAUS_SSH_NODE", "INFRAHAUS_SSH_IDENTITY", "INFRAHAUS_SSH_KNOWN_HOSTS",
	} {
		if v := ts.Getenv(k); v != "" {
			cmd.Env = append(cmd.Env, k+"="+v)
		}
	}
	return cmd
}

// many is `many N COMMAND...`: N processes at once, %d in an argument being the
// number of each. All must end with status 0.
func many(ts *testscript.TestScript, neg bool, args []string) {
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	said := make([]bytes.Buffer, n)
	cmds, records := make([]*exec.Cmd, n), make([]func(out, err []byte), n)
	for i := range cmds {
		words := make([]string, len(args)-1)
		for j, w := range args[1:] {
			words[j] = strings.ReplaceAll(w, "%d", strconv.Itoa(i))
		}
		cmds[i] = background(ts, words...)
		cmds[i].Stderr = &said[i]
		ts.Check(cmds[i].Start())
		records[i] = recordRun(ts, cmds[i])
	}
	bad := 0
	for i, cmd := range cmds {
		err := cmd.Wait()
		records[i](nil, said[i].Bytes())
		if err != nil {
			bad++
			ts.Logf("%d: %v\n%s", i, err, said[i].String())
		}
	}
	if bad > 0 {
		ts.Fatalf("%d of %d failed", bad, n)
	}
}

// piped is `piped LINES COMMAND...`: the command's stdout is a pipe whose reader
// leaves after so many lines. It must end with status 0.
func piped(ts *testscript.TestScript, neg bool, args []string) {
	lines, err := strconv.Atoi(args[0])
	ts.Check(err)
	var stderr bytes.Buffer
	cmd := background(ts, args[1:]...)
	cmd.Stderr = &stderr
	r, w, err := os.Pipe()
	ts.Check(err)
	cmd.Stdout = w
	if lines == 0 {
		r.Close()
	}
	ts.Check(cmd.Start())
	record := recordRun(ts, cmd)
	w.Close()
	one := make([]byte, 1)
	for lines > 0 {
		if _, err := r.Read(one); err != nil {
			break
		}
		if one[0] == '\n' {
			lines--
		}
	}
	r.Close()
	err = cmd.Wait()
	record(nil, stderr.Bytes())
	ts.Logf("%s", stderr.String())
	ts.Check(os.WriteFile(ts.MkAbs("said"), stderr.Bytes(), 0o600))
	if err != nil {
		ts.Fatalf("%v", err)
	}
}

// execSQL is `sql FILE STATEMENT`, or `sql FILE @FILE` for the statements of a file. A
// statement that begins a transaction is held open until the session ends, or until `sql
// FILE` without a statement.
func execSQL(ts *testscript.TestScript, neg bool, args []string) {
	path := ts.MkAbs(args[0])
	if held, ok := heldDBs.LoadAndDelete(path); ok {
		ts.Check(held.(*sql.DB).Close())
	}
	if len(args) == 1 {
		return
	}
	if file, ok := strings.CutPrefix(args[1], "@"); ok {
		args[1] = ts.ReadFile(file)
	}
	db, err := sql.Open("sqlite", path)
	ts.Check(err)
	db.SetMaxOpenConns(1)
	_, err = db.Exec(args[1])
	ts.Check(err)
	if !strings.HasPrefix(args[1], "BEGIN") {
		ts.Check(db.Close())
		return
	}
	heldDBs.Store(path, db)
	ts.Defer(func() { _ = db.Close() })
}

// keep is `keep NAME REGEXP`: it sets a variable to what the group of REGEXP has in stdout.
func keep(ts *testscript.TestScript, neg bool, args []string) {
	m := regexp.MustCompile(args[1]).FindStringSubmatch(ts.ReadFile("stdout"))
	if m == nil {
		ts.Fatalf("stdout has no %s", args[1])
	}
	ts.Setenv(args[0], m[1])
}

// scrape is `scrape FILE REGEXP...`: it waits until FILE, the stderr of a worker, has the address
// of its metrics, and until these match every REGEXP.
func scrape(ts *testscript.TestScript, neg bool, args []string) {
	text := ""
	waitFor(ts, strings.Join(args[1:], " "), func() bool {
		said, _ := os.ReadFile(ts.MkAbs(args[0]))
		address := regexp.MustCompile(`http://\S+/metrics`).Find(said)
		if address == nil {
			return false
		}
		res, err := http.Get(string(address)) //nolint:noctx // loopback, within waitFor's limit
		ts.Check(err)
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		ts.Check(err)
		text = string(b)
		return !slices.ContainsFunc(args[1:], func(want string) bool { return !regexp.MustCompile("(?m)" + want).MatchString(text) })
	})
	fmt.Fprint(ts.Stdout(), text)
}

// version1 is `version1 FILE`: it removes from a database what later versions have added.
func version1(ts *testscript.TestScript, neg bool, args []string) {
	execSQL(ts, false, []string{args[0], `DROP INDEX containers_by_address; ALTER TABLE containers DROP COLUMN address; DROP TABLE templates; DROP TABLE queue_after; DROP TABLE queue; DROP TABLE workers; ALTER TABLE runs DROP COLUMN job;
		DROP TABLE jobs; DROP TABLE retired_keys; DROP TABLE unread; DROP TABLE chores;
		DROP TRIGGER sealed_inserted; DROP TRIGGER sealed_replaced;
		DROP TABLE infrahaus; DROP TABLE shared; DROP INDEX runs_unended; ALTER TABLE runs DROP COLUMN user_name; ALTER TABLE runs DROP COLUMN version;
		ALTER TABLE runs DROP COLUMN home; ALTER TABLE runs DROP COLUMN beat; ALTER TABLE runs DROP COLUMN taken_by;
		DROP TRIGGER containers_host; DROP INDEX containers_by_name; DROP INDEX containers_by_ctid;
		ALTER TABLE containers DROP COLUMN host_id; DROP TABLE host_facts; DROP TABLE hosts;
		ALTER TABLE runs DROP COLUMN pid; ALTER TABLE runs DROP COLUMN machine; ALTER TABLE runs DROP COLUMN command;
		CREATE INDEX containers_by_name ON containers (host, hostname); CREATE INDEX containers_by_ctid ON containers (host, ctid);
		PRAGMA user_version = 1`})
}

// heldDBs are the databases with an open transaction, by path.
var heldDBs sync.Map

// listen is `listen silent|http`: something at $LISTENING that takes connections
// and is no Redis: it never answers, or answers in HTTP's words.
func listen(ts *testscript.TestScript, neg bool, args []string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Defer(func() { l.Close() })
	ts.Setenv("LISTENING", l.Addr().String())
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			defer c.Close()
			if args[0] == "http" {
				fmt.Fprint(c, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
			}
		}
	}()
}

// revealed is `revealed CONTAINER FOLDER...`: no file below the folders, the
// sandbox's guests apart, holds a value that the container's credentials reveal.
func revealed(ts *testscript.TestScript, neg bool, args []string) {
	cmd := background(ts, "infrahaus", "credentials", args[0], "--reveal", "--json", "--sandbox")
	raw, err := cmd.Output()
	ts.Check(err)
	var secrets []string
	for _, m := range regexp.MustCompile(`"[A-Z_]*PASSWORD[A-Z_]*": ?"([^"]+)"`).FindAllSubmatch(raw, -1) {
		secrets = append(secrets, string(m[1]))
	}
	if len(secrets) < 2 {
		ts.Fatalf("want root's password and a service's, got %d values", len(secrets))
	}
	for _, s := range secrets {
		for _, dir := range args[1:] {
			checkAbsent(ts, false, []string{s, dir})
		}
	}
}

// distinct is `distinct N`: the last stdout has N lines whose first fields differ.
func distinct(ts *testscript.TestScript, neg bool, args []string) {
	seen := map[string]bool{}
	for line := range strings.Lines(ts.ReadFile("stdout")) {
		first, _, _ := strings.Cut(line, "\t")
		seen[first] = true
	}
	if strconv.Itoa(len(seen)) != args[0] {
		ts.Fatalf("%d distinct ids, want %s", len(seen), args[0])
	}
}

// sameServices is `services FILE FILE`: two discoveries found the same, notes
// apart.
func sameServices(ts *testscript.TestScript, neg bool, args []string) {
	var found [2]string
	for i, name := range args {
		var e event.Event
		ts.Check(json.Unmarshal([]byte(ts.ReadFile(name)), &e))
		for _, s := range e.Services {
			found[i] += fmt.Sprintln(s.Name, s.Type, s.Ports, s.Status, s.CredentialKeys, s.URL)
		}
	}
	if found[0] == "" || found[0] != found[1] {
		ts.Fatalf("%s\nis not\n%s", found[0], found[1])
	}
}

// goOn is `go-on CTID`: what the template slow waits for in a virtual guest.
func goOn(ts *testscript.TestScript, neg bool, args []string) {
	ts.Check(os.WriteFile(guestPath(ts, args[0], "root/go-on"), nil, 0o644))
}

// guestPath is where a virtual guest's file lies on this machine.
func guestPath(ts *testscript.TestScript, ctid, path string) string {
	return filepath.Join(ts.Getenv("XDG_STATE_HOME"), "infrahaus", "sandbox", "guests", ctid, "rootfs", path)
}

// editInGuest is `edit CTID PATH`: somebody writes a line of their own.
func editInGuest(ts *testscript.TestScript, neg bool, args []string) {
	ts.Check(os.WriteFile(guestPath(ts, args[0], args[1]), []byte("edited\n"), 0o644))
}

// removeInGuest is `remove CTID PATH`.
func removeInGuest(ts *testscript.TestScript, neg bool, args []string) {
	ts.Check(os.Remove(guestPath(ts, args[0], args[1])))
}

// inGuest is `in-guest CTID PATTERN TEXT`: the one file there that matches holds
// that line and no other.
func inGuest(ts *testscript.TestScript, neg bool, args []string) {
	found, err := filepath.Glob(guestPath(ts, args[0], args[1]))
	ts.Check(err)
	if len(found) != 1 {
		ts.Fatalf("%d files match %s", len(found), args[1])
	}
	if got := strings.TrimSpace(ts.ReadFile(found[0])); (got == args[2]) == neg {
		ts.Fatalf("%s holds %q", args[1], got)
	}
}

// appears is `appears CTID PATTERN`: waits until a file of a virtual guest matches.
func appears(ts *testscript.TestScript, neg bool, args []string) {
	waitFor(ts, args[1], func() bool {
		found, err := filepath.Glob(guestPath(ts, args[0], args[1]))
		ts.Check(err)
		return len(found) > 0
	})
}

// askAPI is `api METHOD PATH [KEY=VALUE...]`: somebody else at the Proxmox that
// serve holds open, as at its web interface. A task that this begins has ended when
// it returns.
func askAPI(ts *testscript.TestScript, neg bool, args []string) {
	var upid string
	if json.Unmarshal(apiData(ts, args), &upid) != nil || !strings.HasPrefix(upid, "UPID:") {
		return
	}
	waitFor(ts, "the task "+upid, func() bool {
		var task struct{ Status string }
		ts.Check(json.Unmarshal(apiData(ts, []string{"GET", "/nodes/" + strings.Split(upid, ":")[1] + "/tasks/" + url.PathEscape(upid) + "/status"}), &task))
		return task.Status == "stopped"
	})
}

// extracting is `extracting METHOD PATH [KEY=VALUE...]`: as api for a create, whose
// task goes on when this returns.
func extracting(ts *testscript.TestScript, neg bool, args []string) {
	var upid string
	ts.Check(json.Unmarshal(apiData(ts, args), &upid))
	waitFor(ts, "the task "+upid, func() bool {
		log := apiData(ts, []string{"GET", "/nodes/pve1/tasks/" + url.PathEscape(upid) + "/log"})
		return bytes.Contains(log, []byte("extracting archive"))
	})
}

// stopTask is `stop-task CTID TYPE`: somebody stops the task of that type that runs on
// a container. It has cleaned up when this returns.
func stopTask(ts *testscript.TestScript, neg bool, args []string) {
	var tasks []struct{ UPID, Status string }
	list := func() string {
		ts.Check(json.Unmarshal(apiData(ts, []string{"GET", "/nodes/pve1/tasks?source=active&typefilter=" + args[1] + "&vmid=" + args[0]}), &tasks))
		for _, t := range tasks {
			if t.Status == "" || t.Status == "RUNNING" {
				return t.UPID
			}
		}
		return ""
	}
	apiData(ts, []string{"DELETE", "/nodes/pve1/tasks/" + url.PathEscape(list())})
	waitFor(ts, "the task to end", func() bool { return list() == "" })
}

// apiData is what the API answers, without its envelope.
func apiData(ts *testscript.TestScript, args []string) json.RawMessage {
	form := url.Values{}
	for _, kv := range args[2:] {
		k, v, _ := strings.Cut(kv, "=")
		form.Set(k, v)
	}
	req, err := http.NewRequest(args[0], ts.Getenv("EXPORT_URL")+"/api2/json"+args[1], strings.NewReader(form.Encode()))
	ts.Check(err)
	req.Header.Set("Authorization", "PVEAPIToken="+ts.Getenv("EXPORT_TOKEN"))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	client := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}, Timeout: deadline}
	res, err := client.Do(req)
	ts.Check(err)
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		ts.Fatalf("%s", res.Status)
	}
	var answer struct{ Data json.RawMessage }
	ts.Check(json.NewDecoder(res.Body).Decode(&answer))
	return answer.Data
}

// tidy is `tidy CTID`: nothing of what goes over a console is left in the guest,
// at the latest when the console has been told.
func tidy(ts *testscript.TestScript, neg bool, args []string) {
	waitFor(ts, "the console's folder to go", func() bool {
		left, err := filepath.Glob(guestPath(ts, args[0], "run/infrahaus-*"))
		ts.Check(err)
		return len(left) == 0
	})
}

// wholeOnce is `whole-once FILE`: what the script of the template slow prints, each
// line once and in order.
func wholeOnce(ts *testscript.TestScript, neg bool, args []string) {
	lines := strings.Split(strings.TrimSpace(ts.ReadFile(args[0])), "\n")
	want := []string{"started"}
	for i := 1; i < len(lines)-1; i++ {
		want = append(want, fmt.Sprintf("tick %d", i))
	}
	want = append(want, fmt.Sprintf("finished after %d ticks", len(lines)-2))
	if !slices.Equal(lines, want) {
		ts.Fatalf("not whole, or not once: %q", lines)
	}
}

// killed is `killed STEP`: a key rotate that is killed after that step.
func killed(ts *testscript.TestScript, neg bool, args []string) {
	err := ts.Exec("killed-rotate", args[0])
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != -1 {
		ts.Fatalf("it was not killed: %v", err)
	}
}

// oldKeys is `old-keys`: removes every key that was replaced; there must be some.
func oldKeys(ts *testscript.TestScript, neg bool, args []string) {
	found, err := filepath.Glob(ts.MkAbs("config/infrahaus/key.old-*"))
	ts.Check(err)
	if len(found) == 0 {
		ts.Fatalf("no old key is kept")
	}
	for _, path := range found {
		ts.Check(os.Remove(path))
	}
}

// mode is `mode BITS FILE`: the file's permission bits, in octal.
func mode(ts *testscript.TestScript, neg bool, args []string) {
	info, err := os.Stat(ts.MkAbs(args[1]))
	ts.Check(err)
	if got := strconv.FormatUint(uint64(info.Mode().Perm()), 8); got != args[0] {
		ts.Fatalf("%s has mode %s, not %s", args[1], got, args[0])
	}
}

// strike is `fault LINE`: a fault for the sandbox that serve holds open, by the
// file that its --faults-from names. It waits until the fault holds, or until a
// node that reboots is back.
func strike(ts *testscript.TestScript, neg bool, args []string) {
	boots := func() int { return strings.Count(serveSaid(ts), "the sandbox's node is up again") }
	before := boots()
	f, err := os.OpenFile(ts.MkAbs("faults"), os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	ts.Check(err)
	_, err = fmt.Fprintln(f, args[0])
	ts.Check(errors.Join(err, f.Close()))
	waitFor(ts, "the fault "+args[0], func() bool { return strings.Contains(serveSaid(ts), "fault "+args[0]) })
	if args[0] == "node-reboot" {
		waitFor(ts, "the node", func() bool { return boots() > before })
	}
}

func waitFor(ts *testscript.TestScript, what string, ok func() bool) {
	for end := time.Now().Add(deadline); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			ts.Fatalf("gave up waiting for %s", what)
		}
	}
}
