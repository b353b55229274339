package kernel

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/fsys"
)

// testCommands are the few programs that the shell's own tests need.
func testCommands() map[string]Command {
	return map[string]Command{
		"cat": func(p *Proc, args []string) int {
			if len(args) == 1 {
				_, err := io.Copy(p.Stdout, p.Stdin)
				if err != nil {
					return 1
				}
				return 0
			}
			for _, a := range args[1:] {
				f, err := p.View().Open(a, os.O_RDONLY, 0)
				if err != nil {
					p.Errorf("%s: %s", a, Reason(err))
					return 1
				}
				io.Copy(p.Stdout, f)
				f.Close()
			}
			return 0
		},
		"sleep": func(p *Proc, args []string) int {
			d, _ := time.ParseDuration(args[1] + "s")
			p.Sleep(d)
			return 0
		},
		"env": func(p *Proc, args []string) int {
			p.Printf("%s\n", strings.Join(p.Env(), "\n"))
			return 0
		},
		"head1": func(p *Proc, args []string) int {
			b := make([]byte, 1)
			for {
				n, err := p.Stdin.Read(b)
				if n > 0 {
					p.Stdout.Write(b[:1])
				}
				if err != nil || b[0] == '\n' {
					return 0
				}
			}
		},
		"setsid": func(p *Proc, args []string) int {
			q, err := p.Start(Child{Argv: args[1:], Setsid: true})
			if err != nil {
				return 1
			}
			return p.Wait(q)
		},
	}
}

func testMachine(t testing.TB) *Machine {
	t.Helper()
	dir := t.TempDir()
	root := filepath.Join(dir, "rootfs")
	for _, d := range []string{"bin", "tmp", "root", "etc"} {
		if err := os.MkdirAll(filepath.Join(root, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	os.WriteFile(filepath.Join(root, "etc/passwd"), []byte("root:x:0:0:root:/root:/bin/bash\nweb:x:1000:1000::/home/web:/bin/sh\n"), 0o644)
	cmds := testCommands()
	for name := range cmds {
		os.WriteFile(filepath.Join(root, "bin", name), []byte(Stub+name), 0o755)
	}
	for _, name := range []string{"sh", "bash"} {
		os.WriteFile(filepath.Join(root, "bin", name), []byte(Stub+name), 0o755)
	}
	fsy, err := fsys.Open(root, filepath.Join(dir, "owners.json"), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	m := New(Config{FS: fsy, Commands: cmds, Hostname: "guest", Logf: t.Logf})
	t.Cleanup(m.Halt)
	return m
}

func runIn(t testing.TB, m *Machine, stdin string, argv ...string) (string, string, int) {
	t.Helper()
	return runAt(t, m, "/root", stdin, argv...)
}

func runAt(t testing.TB, m *Machine, dir, stdin string, argv ...string) (string, string, int) {
	t.Helper()
	var out, errw bytes.Buffer
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	st, err := m.Run(ctx, Exec{Argv: argv, Env: []string{"PATH=/bin", "HOME=/root"}, Cwd: dir,
		Stdin: strings.NewReader(stdin), Stdout: &out, Stderr: &errw})
	if err != nil {
		t.Fatalf("%v: %v\n%s%s", argv, err, out.String(), errw.String())
	}
	return out.String(), errw.String(), st
}

func TestShell(t *testing.T) {
	for _, c := range []struct{ name, script, out string }{
		{"variables", `a=1; b="$a 2"; echo "$b"`, "1 2\n"},
		{"status", `(exit 3); echo $?`, "3\n"},
		{"pid is the shell's own in a subshell", `a=$$; b=$(echo $$); ( [ $a = $$ ] && [ $a = $b ] && echo same )`, "same\n"},
		{"background and wait", `(exit 7) & wait $!; echo $?`, "7\n"},
		{"bang is a pid", `sleep 5 & kill -0 $! && kill -9 $!; wait $!; echo $?`, "137\n"},
		{"term kills", `sleep 5 & kill $!; wait $!; echo $?`, "143\n"},
		{"trap TERM", `trap 'echo got; exit 4' TERM; kill -TERM $$; echo never`, "got\n"},
		{"trap in wait", `trap 'echo got' TERM; ( sleep 0.05; kill -TERM $$ ) & p=$!; sleep 5 & q=$!; wait $q; echo $?; kill $q`, "got\n143\n"},
		{"ignored", `trap '' TERM; sh -c 'kill -TERM $$; echo alive'`, "alive\n"},
		{"exit trap", `trap 'echo bye $?' EXIT; exit 3`, "bye 3\n"},
		{"exit trap of a subshell", `( trap 'echo in' EXIT; : ); echo out`, "in\nout\n"},
		{"umask", `umask 077; umask; umask -S; umask 022; umask`, "0077\nu=rwx,g=,o=\n0022\n"},
		{"fd 3", `exec 3>&1; echo a >/dev/null; echo b >&3; exec 3>&-`, "b\n"},
		{"fd 3 file", `echo one >f; exec 3<f; read x <&3; echo $x`, "one\n"},
		{"swap", `{ echo out; echo err >&2; } 3>&1 1>/dev/null 2>&3`, "err\n"},
		{"command substitution waits for holders", `x=$( (sleep 0.05; echo late) & echo now ); echo "$x"`, "now\nlate\n"},
		{"pipe is streaming", `(echo a; sleep 0.3) | head1`, "a\n"},
		{"SIGPIPE ends a loop", `while :; do echo y; done | head1`, "y\n"},
		{"pipe side is a subshell", `v=1; echo 2 | read v; echo $v`, "1\n"},
		{"pipefail", `set -o pipefail; false | true; echo $?`, "1\n"},
		{"euo pipefail", `set -euo pipefail; (false | true) || echo failed; echo a | cat | cat`, "failed\na\n"},
		{"while read", `printf 'a b\nc d\n' | while read -r x y; do echo "$y-$x"; done`, "b-a\nd-c\n"},
		{"heredoc", "cat <<EOF\nx $((1+2))\nEOF", "x 3\n"},
		{"return in a function's subshell", `f() { ( return 4 ); echo $?; }; f`, "4\n"},
		{"function and local", `f() { local a=2; echo $a; }; a=1; f; echo $a`, "2\n1\n"},
		{"eval sees our pid", `eval 'echo $$' | { read x; [ $x = $$ ] && echo ok; }`, "ok\n"},
		{"source", `echo 'x=5; (echo in $$)' >lib; . ./lib; echo $x`, ""},
		{"tilde", `echo ~web/x ~nobodyhere ~`, "/home/web/x ~nobodyhere /root\n"},
		{"command -v", `command -v cat; command -v cd; f() { :; }; command -v f; command -v nope || echo none`, "/bin/cat\ncd\nf\nnone\n"},
		{"type", `type cat`, "cat is /bin/cat\n"},
		{"not found", `nope 2>&1; echo $?`, "sh: 1: nope: not found (the virtual guest lacks many programs; they are there with `sandbox serve --driver lxc` or on a Proxmox node)\n127\n"},
		{"not executable", `echo hi >f; chmod=1; ./f 2>&1; echo $?`, "sh: 1: ./f: Permission denied\n126\n"},
		{"printf", `printf '%05d|%-5s|%s\n' 42 ab c; printf '%b' 'a\tb\n'; printf '%s,' 1 2 3`, "00042|ab   |c\na\tb\n1,2,3,"},
		{"escapes in values", `a='it'\''s' b=\'x\\y\ z c=~; d=~/\q; echo "$a|$b|$d"; export e=\$x; echo "$e"; case \':x in \'*) echo quote;; esac`, "it's|'x\\y z|/root/q\n$x\nquote\n"},
		{"escapes in text", `eval "a='it'\\''s \$x'"; echo "$a"`, "it's $x\n"},
		{"dash echo", `echo 'a\nb'`, "a\nb\n"},
		{"bashism", `[[ a = a ]] 2>&1; echo $?`, "sh: 1: [[: not found\n127\n"},
		{"cd", `cd /tmp && pwd; cd - ; cd nodir 2>&1; echo $?`, "/tmp\n/root\nsh: 1: cd: can't cd to nodir\n2\n"},
		{"glob", `touch=1; : >a1; : >a2; echo a*`, "a1 a2\n"},
		{"errexit", `set -e; false; echo never`, ""},
		{"nounset", `set -u; echo $nope; echo never`, ""},
		{"exec", `exec sh -c 'echo $$' ; echo never`, ""},
		{"getopts", `set -- -a -b x rest; while getopts ab: o; do echo $o $OPTARG; done; shift $((OPTIND-1)); echo $1`, "a\nb x\nrest\n"},
		{"env", `A=1 env | { while read l; do case $l in A=*) echo $l;; esac; done; }`, "A=1\n"},
		{"case", `case foo.txt in *.sh) echo no;; *.txt) echo yes;; esac`, "yes\n"},
		{"read eof", `read x </dev/null; echo $?`, "1\n"},
		{"read -t", `sleep 0.3 | { read -t 0.05 x; echo $?; }`, ""},
		{"param", `x=/a/b.c; echo ${x##*/} ${x%.*} ${y:-d} ${#x}`, "b.c /a/b d 6\n"},
		{"negation", `! false && echo ok`, "ok\n"},
		{"ppid", `sh -c '[ $PPID = '$$' ] && echo ok'`, "ok\n"},
		{"ulimit", `ulimit -n`, "1024\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := testMachine(t)
			shell := "sh"
			if strings.Contains(c.name, "pipefail") { // dash has no such option
				shell = "bash"
			}
			out, errs, _ := runIn(t, m, "", shell, "-c", c.script)
			if c.out != "" && out != c.out {
				t.Errorf("stdout %q, want %q; stderr %q", out, c.out, errs)
			}
			if strings.Contains(out+errs, "never\n") || strings.Contains(errs, "sandbox:") {
				t.Errorf("stdout %q stderr %q", out, errs)
			}
		})
	}
}

// A script on stdin shares it with its commands: nothing is read ahead.
func TestScriptOnStdin(t *testing.T) {
	m := testMachine(t)
	out, errs, st := runIn(t, m, "read x\nhello there\necho got $x\nhead1\nfor head1\ntrap 'echo bye' EXIT\nif true; then\necho multi\nfi\nexit 5\necho never\n", "sh")
	if out != "got hello there\nfor head1\nmulti\nbye\n" || st != 5 {
		t.Errorf("%q %q %d", out, errs, st)
	}
}

// What the shell cannot do is said, by name.
func TestUnsupportedIsLoud(t *testing.T) {
	for _, s := range []string{"coproc cat", "echo ${PIPESTATUS[0]}", "wait -n", "trap : DEBUG", "alias x=y"} {
		m := testMachine(t)
		out, errs, _ := runIn(t, m, "", "bash", "-c", s)
		if !strings.Contains(errs, "sandbox:") || !strings.Contains(errs, "not supported") {
			t.Errorf("%s: %q %q", s, out, errs)
		}
	}
}
