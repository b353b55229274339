package cli_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/charmbracelet/x/ansi"
	"golang.org/x/sys/unix"
	"mvdan.cc/sh/v3/syntax"

	"github.com/infrahaus/infrahaus/internal/cli"
	"github.com/infrahaus/infrahaus/internal/lazy"
	"github.com/infrahaus/infrahaus/internal/needs"
)

// The documents for users are run. A block marked "console" is a session at a terminal:
// each line that begins with "$ " is a command, what follows is its output, and a line "..."
// stands for any lines. All blocks of a document share one home and one sandbox, which is
// the host homelab of their config. "<!-- file: PATH -->" writes the block below it to PATH;
// "<!-- not run: REASON -->" has the commands below it only read, as all commands in other
// blocks and between backquotes are.

// documents are those whose commands are checked. docs/reference is made from the help.
func documents(t *testing.T) []string {
	found, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	found = slices.DeleteFunc(found, func(p string) bool { return filepath.Base(p) == "crash.md" })
	return append(found, "../../README.md", "../../CHANGELOG.md", "../../CONTRIBUTING.md")
}

func TestDocs(t *testing.T) {
	for _, path := range documents(t) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			d := &document{t: t, lines: strings.Split(string(text), "\n")}
			d.check()
			if *updateDocs && d.changed {
				if err := os.WriteFile(path, []byte(strings.Join(d.out, "\n")), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// TestReadmeIsShort holds the README to a length that is read.
func TestReadmeIsShort(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if n := bytes.Count(text, []byte("\n")); err != nil || n >= 200 {
		t.Errorf("%d lines, %v", n, err)
	}
}

// document is one document while it is checked.
type document struct {
	t       *testing.T
	lines   []string
	out     []string // the document with the output of this run
	changed bool
	home    string // "" until the first command runs
	env     []string

	addresses map[string]string // those of the sandbox, and what the document shows instead
}

var (
	marker   = lazy.Regexp(`^<!-- (file|not run): (.*) -->$`)
	span     = lazy.Regexp("`(infrahaus [^`]+)`")
	ownLine  = lazy.Regexp(`^(?:    |\t)(?:\$ )?((?:[A-Z_]+=\S+ )*infrahaus .*)`)
	codeLine = lazy.Regexp(`^\s*(?:- run: |- )?((?:[A-Z_]+=\S+ )*infrahaus .*)`)
)

func (d *document) check() {
	what, arg := "", "" // the marker above the block
	for i := 0; i < len(d.lines); i++ {
		line := d.lines[i]
		d.out = append(d.out, line)
		if m := marker().FindStringSubmatch(line); m != nil {
			what, arg = m[1], m[2]
			continue
		}
		if !strings.HasPrefix(line, "```") {
			for _, m := range append(span().FindAllStringSubmatch(line, -1), ownLine().FindAllStringSubmatch(line, -1)...) {
				d.mention(i, m[1])
			}
			if line != "" {
				what = ""
			}
			continue
		}
		end := i + 1
		for end < len(d.lines) && d.lines[end] != "```" {
			end++
		}
		block := d.lines[i+1 : end]
		switch {
		case what == "file":
			d.begin()
			d.write(arg, strings.Join(block, "\n")+"\n")
			d.out = append(d.out, block...)
		case line == "```console" && what == "":
			d.session(i+1, block)
		default:
			d.read(i+1, block)
			d.out = append(d.out, block...)
		}
		if end < len(d.lines) {
			d.out = append(d.out, d.lines[end])
		}
		i, what = end, ""
	}
}

// read checks the commands of a block that is not run.
func (d *document) read(at int, block []string) {
	for i := 0; i < len(block); i++ {
		line := block[i]
		for strings.HasSuffix(line, `\`) && i+1 < len(block) {
			i++
			line = strings.TrimSuffix(line, `\`) + strings.TrimSpace(block[i])
		}
		line = strings.TrimPrefix(line, "$ ")
		if m := codeLine().FindStringSubmatch(line); m != nil {
			d.mention(at+i, m[1])
		}
	}
}

// mention checks that a command line has only commands and flags that exist. Its arguments
// may be placeholders.
func (d *document) mention(at int, text string) {
	text = regexp.MustCompile(`\[[^\]]*\]`).ReplaceAllString(text, "")
	text = regexp.MustCompile(`\$\{\{[^}]*\}\}`).ReplaceAllString(text, "x")
	text = strings.NewReplacer("…", "", "...", "", "<", "", ">", "", " | ", " \\| ").Replace(text)
	text, _, _ = strings.Cut(text, "  #")
	if strings.Contains(text, `\|`) {
		text, _, _ = strings.Cut(text, ` \|`)
	}
	file, err := syntax.NewParser().Parse(strings.NewReader(text), "")
	if err != nil {
		d.t.Errorf("line %d: no shell reads %q: %v", at+1, text, err)
		return
	}
	syntax.Walk(file, func(n syntax.Node) bool {
		call, ok := n.(*syntax.CallExpr)
		if !ok {
			return true
		}
		words := make([]string, len(call.Args))
		for i, w := range call.Args {
			words[i] = plainWord(w)
		}
		if len(words) > 1 && words[0] == "infrahaus" {
			if err := cli.CheckMention(words[1:]); err != nil {
				d.t.Errorf("line %d: %s: %v", at+1, text, err)
			}
		}
		return true
	})
}

// session runs a block and compares its output.
func (d *document) session(at int, block []string) {
	d.begin()
	for i := 0; i < len(block); {
		command, ok := strings.CutPrefix(block[i], "$ ")
		if !ok {
			d.t.Errorf("line %d: output without a command", at+i+1)
			return
		}
		d.out = append(d.out, block[i])
		i++
		for strings.HasSuffix(command, `\`) && i < len(block) {
			command += "\n" + block[i]
			d.out = append(d.out, block[i])
			i++
		}
		var want []string
		for i < len(block) && !strings.HasPrefix(block[i], "$ ") {
			want = append(want, block[i])
			i++
		}
		got := d.run(command)
		if *updateDocs {
			d.changed = d.changed || !alike(want, got)
			if !alike(want, got) {
				want = got
			}
		} else if !alike(want, got) {
			d.t.Errorf("line %d: %s\nshould print\n%s\nand prints\n%s", at+i+1, command, strings.Join(want, "\n"), strings.Join(got, "\n"))
		}
		d.out = append(d.out, want...)
	}
}

// begin makes a home and a sandbox for the document's commands.
func (d *document) begin() {
	if d.home != "" {
		return
	}
	d.home = d.t.TempDir()
	config := filepath.Join(d.home, ".config", "infrahaus")
	d.env = []string{"HOME=" + d.home, "PATH=" + os.Getenv("PATH"), "TERM=xterm", "NO_COLOR=1", "SSH_AUTH_SOCK=", "TMPDIR=" + d.t.TempDir()}
	// Another state folder: the commands must meet it as a host, not as their own sandbox.
	serve := exec.Command("infrahaus", "sandbox", "serve", "--state-dir", d.t.TempDir())
	serve.Env = d.env
	out, err := serve.StdoutPipe()
	if err == nil {
		err = serve.Start()
	}
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { _ = serve.Process.Signal(syscall.SIGTERM); _ = serve.Wait() })
	set := map[string]string{}
	for lines := bufio.NewScanner(out); set["TOKEN"] == "" && lines.Scan(); {
		k, v, _ := strings.Cut(strings.TrimPrefix(lines.Text(), "export INFRAHAUS_"), "=")
		set[k] = strings.Trim(v, `'"`)
	}
	d.write(filepath.Join(config, "config.yaml"), fmt.Sprintf("hosts:\n  homelab:\n    url: %s\n    token: %s\n    fingerprint: %s\n    ssh: {node: %s, identity: %s, known_hosts: %s}\n",
		set["URL"], set["TOKEN"], set["FINGERPRINT"], set["SSH_NODE"], set["SSH_IDENTITY"], set["SSH_KNOWN_HOSTS"]))
}

func (d *document) write(path, text string) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(d.home, path)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		d.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		d.t.Fatal(err)
	}
}

// run returns what a person reads of a command: stdout as a terminal of 120 columns shows
// it, then the warnings, errors and hints of stderr.
func (d *document) run(command string) []string {
	master, slave := openPTY(d.t, 120)
	var stderr bytes.Buffer
	cmd := exec.Command(needs.Program(d.t, "bash", "bash"), "-c", command)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = d.home, d.env, slave, &stderr
	if err := cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	slave.Close()
	var shown bytes.Buffer
	_, _ = io.Copy(&shown, master) // ends with EIO when the last process has closed the terminal
	master.Close()
	_ = cmd.Wait() // a status that is not 0 shows in the text
	text := strings.ReplaceAll(ansi.Strip(shown.String()), "\r\n", "\n")
	for line := range strings.Lines(stderr.String()) {
		for _, begin := range []string{"infrahaus: ", "hint: ", "warning: ", "  | "} {
			if strings.HasPrefix(line, begin) {
				text += line
			}
		}
	}
	text = strings.ReplaceAll(text, d.home, "/home/me")
	text = loopback().ReplaceAllStringFunc(text, d.exampleAddress)
	text = strings.TrimRight(text, "\n")
	if text == "" {
		return nil
	}
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return lines
}

var loopback = lazy.Regexp(`\b(127\.\d+\.\d+\.\d+)\b([^\s│]*)( ?)`)

// exampleAddress replaces an address of the sandbox by one for documentation, and keeps the
// columns behind it in place. The node is 192.0.2.1, and guests have numbers from 10 on in
// the order in which they are shown, so that a document is the same each time.
func (d *document) exampleAddress(text string) string {
	m := loopback().FindStringSubmatch(text)
	if d.addresses == nil {
		d.addresses = map[string]string{"127.0.0.1": "192.0.2.1"}
	}
	if d.addresses[m[1]] == "" {
		d.addresses[m[1]] = fmt.Sprintf("192.0.2.%d", 9+len(d.addresses))
	}
	address := d.addresses[m[1]] + m[2]
	if m[3] == "" {
		return address
	}
	return address + strings.Repeat(" ", max(0, len(text)-len(address)))
}

// openPTY makes a pseudo terminal of 24 lines.
func openPTY(t *testing.T, columns int) (master, slave *os.File) {
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	n, err2 := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	err3 := unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: uint16(columns)})
	for _, err := range []error{err, err2, err3} {
		if err != nil {
			t.Fatal(err)
		}
	}
	slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return os.NewFile(uintptr(fd), "ptmx"), slave
}

// alike compares output with that of a document: ids, times, addresses and the widths of
// columns may differ, and "..." stands for any lines.
func alike(want, got []string) bool {
	if len(want) == 0 {
		return len(got) == 0
	}
	if want[0] == "..." {
		for skip := 0; skip <= len(got); skip++ {
			if alike(want[1:], got[skip:]) {
				return true
			}
		}
		return false
	}
	return len(got) > 0 && smooth(want[0]) == smooth(got[0]) && alike(want[1:], got[1:])
}

var (
	shared   = sync.OnceValue(func() *mask { return newMask("/nowhere") }) // commands of a session need none
	unequal  = lazy.Regexp(`\b\d+\.\d+\.\d+\.\d+\b|\b[0-9.]+ ?(ms|s|min)\b|\b[0-9.]+ [KMG]iB\b`)
	drawn    = lazy.Regexp(`[\s│╭╮╰╯─█▬▓]+`)
	numbered = lazy.Regexp(`^\s*\d+ <time>`)   // how many lines a task's log has, differs
	elapsed  = lazy.Regexp(`,"elapsedMs":\d+`) // left out in the first millisecond
	random   = lazy.Regexp(`(?i)(password\S*\s+)\S{16,}`)
)

func smooth(line string) string {
	line = random().ReplaceAllString(shared().text(elapsed().ReplaceAllString(line, "")), "$1<secret>")
	line = numbered().ReplaceAllString(line, "<time>")
	return strings.TrimSpace(drawn().ReplaceAllString(unequal().ReplaceAllString(line, "<n>"), " "))
}
