// Package needs is for tests that run a program of the machine: a second shell, git.
// Without the program a test is skipped and names the package that brings it; where
// the environment says INFRAHAUS_NEEDS=all, as in CI, it fails instead, so that no
// test is left out in silence.
package needs

import (
	"os"
	"os/exec"
	"testing"
)

// Program returns the path of a program. It ends the test where the machine lacks
// it; debian is the Debian package that has it.
func Program(t testing.TB, name, debian string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	if os.Getenv("INFRAHAUS_NEEDS") == "all" {
		t.Fatalf("this test needs the program %s; install the package %s", name, debian)
	}
	t.Skipf("this test needs the program %s (package %s)", name, debian)
	return ""
}
