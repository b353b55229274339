// Package needs is for what tests take from the machine. A program, such as a second shell or
// git: without it a test is skipped, with the name of the package that has it. If
// INFRAHAUS_NEEDS=all is set, as in CI, the test fails instead, so that no test is left out
// unnoticed. And memory for temporary files.
package needs

import (
	"os"
	"os/exec"
	"testing"
)

// Program returns the path of a program. If the machine lacks it, it ends the test;
// debian is the Debian package that has it.
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
