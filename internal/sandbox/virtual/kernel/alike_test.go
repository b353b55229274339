package kernel

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/infrahaus/infrahaus/internal/needs"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/fsys"
)

// TestAlike runs each script of testdata/alike.txt (separated by lines of ---) in this
// machine's dash and bash and in the virtual guest, and each script of alike_bash.txt in
// bash only. All print the same on stdout and agree whether the script succeeded.
func TestAlike(t *testing.T) {
	for shell, here := range map[string]string{"dash": "sh", "bash": "bash"} {
		path := needs.Program(t, shell, shell)
		t.Run(shell, func(t *testing.T) {
			list := scripts(t, "alike.txt")
			if shell == "bash" {
				list = append(list, scripts(t, "alike_bash.txt")...)
			}
			m := testMachine(t)
			for i, script := range list {
				want := real(t, path, script)
				for j, way := range []string{script, sourced} {
					dir := fmt.Sprintf("/root/%d.%d", i, j) // each script has a folder of its own
					if err := (&fsys.View{FS: m.FS, Cwd: "/"}).MkdirAll(dir, 0o755); err != nil {
						t.Fatal(err)
					}
					out, errs, status := runAt(t, m, dir, script, here, "-c", way)
					if got := outcome(out, status); got != want {
						t.Errorf("%s\n%s\nis   %s\nhere %s\nsaid %q", way, script, want, got, errs)
					}
				}
			}
		})
	}
}

// sourced runs a script from stdin in the way in which a template's scripts run: a sourced
// text is parsed once more after it was rewritten.
const sourced = "cat >lib; . ./lib"

// TestLoud: if the virtual guest cannot run a script as bash or dash would, the script
// stops and the message says why. The first word of each script names the shell.
func TestLoud(t *testing.T) {
	for _, script := range scripts(t, "loud.txt") {
		shell, text, _ := strings.Cut(script, "\n")
		for _, way := range []string{text, sourced} {
			out, errs, status := runIn(t, testMachine(t), text, shell, "-c", way)
			if status == 0 || strings.Contains(out, "never") || errs == "" {
				t.Errorf("%s: %s\n%s\nstdout %q, status %d, said %q", shell, way, text, out, status, errs)
			}
		}
	}
}

func scripts(t *testing.T, name string) []string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(b), "\n"), "\n---\n")
}

func real(t *testing.T, shell, script string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), shell, "-c", script)
	cmd.Dir, cmd.Env = t.TempDir(), []string{"PATH=" + os.Getenv("PATH"), "HOME=/root", "LC_ALL=C.UTF-8"}
	var out bytes.Buffer
	cmd.Stdout = &out
	status := 0
	if err := cmd.Run(); err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			t.Fatal(err)
		}
		status = exit.ExitCode()
	}
	return outcome(out.String(), status)
}

func outcome(out string, status int) string { return fmt.Sprintf("%q, success %v", out, status == 0) }
