package cli_test

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"
)

// serve is `serve [FLAG...]`: a sandbox that is held open until the session
// ends, so that commands with --sandbox meet its faults. The settings that it
// prints become EXPORT_… variables of the session.
func serve(ts *testscript.TestScript, neg bool, args []string) {
	cmd := exec.Command(lookPath(ts, "infrahaus"), append([]string{"sandbox", "serve"}, args...)...)
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
	ts.Defer(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		k, v, _ := strings.Cut(strings.TrimPrefix(lines.Text(), "export "), "=")
		ts.Setenv("EXPORT_"+strings.TrimPrefix(k, "INFRAHAUS_"), strings.Trim(v, `'"`))
		if k == "INFRAHAUS_TOKEN" {
			return
		}
	}
	ts.Fatalf("the sandbox ended before it was ready")
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
