package cli_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"mvdan.cc/sh/v3/syntax"

	"github.com/infrahaus/infrahaus/internal/cli"
	"github.com/infrahaus/infrahaus/internal/lazy"
)

// Every hint of every session is checked. A hint is advice in words, or it names a
// command: the whole hint, the part after ": " at its end, or the part between
// backquotes. The command must work when it is pasted: a shell can parse it, it has no
// placeholder, and a command of this tool has only arguments and flags that exist.
// Commands that only read are really run.

// hintLog is the variable with the file in which the tool under test records wrong hints.
const hintLog = "INFRAHAUS_TEST_HINTS"

// programs may begin a command in a hint.
var programs = []string{
	"infrahaus", "pveum", "pct", "pvesm", "pveam", "pvesh", "pvenode", "pvecm", "ssh", "ssh-keygen", "ssh-keyscan",
	"apt", "apt-get", "chmod", "mv", "df", "fuser", "export", "redis-cli", "journalctl", "systemctl",
}

var (
	assigned    = lazy.Regexp(`^([A-Za-z_][A-Za-z0-9_]*=(\$\([^)]*\)|'[^']*'|\S)*\s+)+`)
	quoted      = lazy.Regexp("`([^`]*)`")
	placeholder = lazy.Regexp(`<[a-z][a-z -]*>|…|\.\.\.|\b(ID|CTID|CONTAINER|CIDR|NAME|HOST|NODE|STORAGE|USER|FILE)\b`)
)

// commandIn returns the command that a hint names, "" if it has only words.
func commandIn(hint string) string {
	for rest := hint; ; {
		word, _, _ := strings.Cut(assigned().ReplaceAllString(rest, ""), " ")
		if slices.Contains(programs, word) {
			return rest
		}
		_, after, ok := strings.Cut(rest, ": ")
		if !ok {
			return ""
		}
		rest = after
	}
}

// checkHint returns the fault of a hint.
func checkHint(hint string) error {
	commands := []string{}
	if c := commandIn(hint); c != "" {
		commands = append(commands, c)
	} else if strings.Contains(quoted().ReplaceAllString(hint, ""), "infrahaus ") {
		return errors.New("a command in the midst of words")
	}
	for _, m := range quoted().FindAllStringSubmatch(hint, -1) {
		if commandIn(m[1]) != "" {
			commands = append(commands, m[1])
		}
	}
	for _, c := range commands {
		if err := checkCommand(c); err != nil {
			return err
		}
	}
	return nil
}

func checkCommand(text string) error {
	if m := placeholder().FindString(text); m != "" {
		return fmt.Errorf("something is to be filled in: %s", m)
	}
	file, err := syntax.NewParser().Parse(strings.NewReader(text), "")
	if err != nil {
		return fmt.Errorf("no shell reads it: %w", err)
	}
	var failed error
	syntax.Walk(file, func(n syntax.Node) bool {
		call, ok := n.(*syntax.CallExpr)
		if !ok || failed != nil {
			return true
		}
		words := make([]string, len(call.Args))
		for i, w := range call.Args {
			words[i] = plainWord(w)
		}
		if len(words) > 0 && words[0] == "infrahaus" {
			failed = checkOwn(words[1:])
		}
		return true
	})
	return failed
}

// plainWord is a word after the shell has read it; an expansion is replaced by some text.
func plainWord(w *syntax.Word) string {
	var b strings.Builder
	for _, part := range w.Parts {
		switch p := part.(type) {
		case *syntax.Lit:
			b.WriteString(strings.ReplaceAll(p.Value, `\`, ""))
		case *syntax.SglQuoted:
			b.WriteString(p.Value)
		case *syntax.DblQuoted:
			b.WriteString(plainWord(&syntax.Word{Parts: p.Parts}))
		default:
			b.WriteString("expanded")
		}
	}
	return b.String()
}

// reads are commands that change nothing and need no connection.
var reads = []string{"list", "show", "events", "watch", "logs", "credentials", "template list", "template show", "version", "help"}

// checkOwn checks that a command line of this tool is no usage error. It runs the command
// if it only reads.
func checkOwn(args []string) error {
	command, err := cli.CheckCommand(args)
	if err != nil {
		return err
	}
	help := slices.Contains(args, "--help")
	if !help && (!slices.Contains(reads, command) || slices.ContainsFunc(args, func(w string) bool {
		return w == "--follow" || w == "-f" || w == "--check" || w == "--all" || w == "--prune" || w == "--reveal"
	})) {
		return nil
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	if status := cli.Main(args, null, null, null); status == 2 || help && status != 0 {
		return fmt.Errorf("run, it ends with exit status %d", status)
	}
	return nil
}

// hinted runs the tool with its hints checked and its output recorded.
func hinted(args []string) int {
	log, golden := os.Getenv(hintLog), os.Getenv(goldenLog)
	if log == "" {
		return compared(args, os.Stdout, os.Stderr)
	}
	os.Unsetenv(hintLog)   //nolint:errcheck // so that the commands it runs are not checked again
	os.Unsetenv(goldenLog) //nolint:errcheck // nor recorded
	if byShell() {
		golden = ""
	}
	r := ran{Order: started(os.Getpid()), Args: args}
	if golden != "" {
		r.save(golden)
	}
	var out, stderr bytes.Buffer
	outFile, outDone := tee(os.Stdout, &out)
	errFile, errDone := tee(os.Stderr, &stderr)
	status := compared(args, outFile, errFile)
	outDone()
	errDone()
	if golden != "" {
		r.Status, r.Out, r.Err = strconv.Itoa(status), out.Bytes(), stderr.Bytes()
		r.save(golden)
	}
	for _, hint := range hintsIn(out.Bytes(), stderr.Bytes()) {
		if err := checkHint(hint); err != nil {
			logHint(log, fmt.Sprintf("infrahaus %s\n\thint: %s\n\t%v", strings.Join(args, " "), hint, err))
		}
	}
	return status
}

// tee returns a file whose text goes to f and to b. It does not replace a terminal.
func tee(f *os.File, b *bytes.Buffer) (*os.File, func()) {
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice != 0 {
		return f, func() {}
	}
	r, w, err := os.Pipe()
	if err != nil {
		return f, func() {}
	}
	var done sync.WaitGroup
	done.Go(func() { _, _ = io.Copy(io.MultiWriter(f, b), r) })
	return w, func() {
		w.Close()
		done.Wait()
	}
}

// hintsIn returns the hints in text and in JSON output.
func hintsIn(out, stderr []byte) []string {
	var found []string
	for _, text := range [][]byte{out, stderr} {
		for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
			line := lines.Text()
			var e struct {
				Hint  string   `json:"hint"`
				Hints []string `json:"hints"`
			}
			switch hint, ok := strings.CutPrefix(line, "hint: "); {
			case ok:
				found = append(found, hint)
			case strings.HasPrefix(line, "{") && json.Unmarshal([]byte(line), &e) == nil && e.Hint != "":
				found = append(found, strings.Split(e.Hint, "\n")...)
			}
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

func logHint(path, text string) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err == nil {
		fmt.Fprintln(f, text)
		f.Close()
	}
}

// checkHints has the hints of every session checked, and fails t for wrong ones.
func checkHints(t *testing.T) func(*testscript.Env) {
	dir := t.TempDir()
	t.Cleanup(func() {
		logs, err := filepath.Glob(filepath.Join(dir, "*"))
		if err != nil {
			t.Error(err)
		}
		for _, path := range logs {
			text, err := os.ReadFile(path)
			t.Errorf("%s: hints that do not work:\n%s%v", filepath.Base(path), text, err)
		}
	})
	return func(e *testscript.Env) { e.Setenv(hintLog, filepath.Join(dir, filepath.Base(e.WorkDir))) }
}

// The check itself finds wrong hints.
func TestCheckHint(t *testing.T) {
	for hint, ok := range map[string]bool{
		"infrahaus list": true,
		"to finish it: infrahaus --sandbox resume web":   true,
		"say --snapshots if you mean them too":           true,
		"infrahaus list --all --check":                   true,
		"infrahaus create web --template 'a b'":          true,
		"NEW_KEY=$(openssl rand -hex 32) infrahaus list": true,
		"on the node: pct unlock 101":                    true,
		"compare with `pvenode cert info` on the node":   true,
		"infrahaus lst":                                    false,
		"infrahaus list --nosuch":                          false,
		"infrahaus show":                                   false,
		"infrahaus events a b":                             false,
		"infrahaus --sandbox create web --template …":      false,
		"is it up? infrahaus list":                         false,
		"infrahaus resume web takes it off the record":     false,
		"infrahaus start CONTAINER":                        false,
		"on the node: pct unlock ID":                       false,
		"on the node: pct set 101 --description 'unclosed": false,
		"see `infrahaus show <container>`":                 false,
		"infrahaus template show nosuchtemplate":           false,
		"infrahaus help nosuch":                            false,
	} {
		t.Run(hint, func(t *testing.T) {
			home := t.TempDir()
			t.Setenv("HOME", home)
			t.Setenv("XDG_CONFIG_HOME", home)
			t.Setenv("XDG_STATE_HOME", home)
			if err := checkHint(hint); (err == nil) != ok {
				t.Errorf("%v", err)
			}
		})
	}
}
