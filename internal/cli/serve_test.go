package cli_test

import (
	"bufio"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"
)

// serve is `serve [FLAG...]`: a sandbox that is held open until the session
// ends, so that commands with --sandbox meet its faults. The settings that it
// prints become EXPORT_… variables of the session.
func serve(ts *testscript.TestScript, neg bool, args []string) {
	cmd := exec.Command(lookPath(ts, "infrahaus"), append([]string{"sandbox", "serve", "--auth-delay=0"}, args...)...)
	cmd.Dir = ts.MkAbs(".")
	for _, k := range []string{"PATH", "HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "INFRAHAUS_STATE_DIR"} {
		if v := ts.Getenv(k); v != "" {
			cmd.Env = append(cmd.Env, k+"="+v)
		}
	}
	said, err := os.Create(ts.MkAbs("serve.err"))
	ts.Check(err)
	ts.Defer(func() { said.Close() })
	cmd.Stderr = said
	out, err := cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	end := sync.OnceFunc(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
	})
	ts.Defer(end)
	serving.Store(ts.MkAbs("."), end)
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		k, v, _ := strings.Cut(strings.TrimPrefix(lines.Text(), "export "), "=")
		ts.Setenv("EXPORT_"+strings.TrimPrefix(k, "INFRAHAUS_"), strings.Trim(v, `'"`))
		if first, ok := strings.CutPrefix(strings.Trim(v, `'"`), "pve1="); ok { // a cluster's
			first, _, _ = strings.Cut(first, ",")
			ts.Setenv("EXPORT_SSH_FIRST", first)
		}
		if k == "INFRAHAUS_TOKEN" {
			return
		}
	}
	ts.Fatalf("the sandbox ended before it was ready")
}

// serving has the function that ends the sandbox which serve started, by the session's
// folder.
var serving sync.Map

func endServe(ts *testscript.TestScript) {
	end, ok := serving.LoadAndDelete(ts.MkAbs("."))
	if !ok {
		ts.Fatalf("no sandbox is held open")
	}
	end.(func())()
}

// serveSaid is what the sandbox has said on stderr.
func serveSaid(ts *testscript.TestScript) string {
	b, err := os.ReadFile(ts.MkAbs("serve.err"))
	ts.Check(err)
	return string(b)
}

func lookPath(ts *testscript.TestScript, name string) string {
	for _, dir := range filepath.SplitList(ts.Getenv("PATH")) {
		p := filepath.Join(dir, name)
		if info, err := os.Stat(p); err == nil && info.Mode()&0o111 != 0 {
			return p
		}
	}
	ts.Fatalf("no %s in PATH", name)
	return ""
}

// again is `again`: it ends the sandbox that serve started, and starts another one at
// another port.
func again(ts *testscript.TestScript, neg bool, args []string) {
	endServe(ts)
	u, err := url.Parse(ts.Getenv("EXPORT_URL"))
	ts.Check(err)
	taken, err := net.Listen("tcp", u.Host)
	ts.Check(err)
	ts.Defer(func() { taken.Close() })
	serve(ts, neg, args)
}

// renew is `renew FILE...`: it ends the sandbox that serve started, deletes these
// certificates from its folder, and starts it again with new ones.
func renew(ts *testscript.TestScript, neg bool, args []string) {
	endServe(ts)
	for _, name := range args {
		ts.Check(os.Remove(ts.MkAbs("state/infrahaus/sandbox/" + name)))
	}
	serve(ts, neg, nil)
}

// named is `named NAME URL FINGERPRINT...`: it writes a config with these hosts. Their
// login comes from the environment.
func named(ts *testscript.TestScript, neg bool, args []string) {
	text := "hosts:\n"
	for ; len(args) > 0; args = args[3:] {
		text += "  " + args[0] + ":\n    url: " + args[1] + "\n    fingerprint: " + args[2] + "\n"
	}
	ts.Check(os.MkdirAll(ts.MkAbs("config/infrahaus"), 0o700))
	ts.Check(os.WriteFile(ts.MkAbs("config/infrahaus/config.yaml"), []byte(text), 0o600))
}
