//go:build unix

package template

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A pipe in place of a template's file is a problem and not an endless wait.
func TestPipesAreNotOpened(t *testing.T) {
	for _, name := range []string{"template.yaml", "template.conf", "scripts/1-a.sh", "files/a", "packages/a.apt"} {
		dir := t.TempDir()
		os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755)
		if name != "template.conf" && name != "template.yaml" {
			os.WriteFile(filepath.Join(dir, "template.yaml"), []byte(least), 0o644)
		}
		if err := syscall.Mkfifo(filepath.Join(dir, name), 0o644); err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() {
			_, err := Load(os.DirFS(dir), "web")
			done <- err
		}()
		select {
		case err := <-done:
			if err == nil || !strings.Contains(err.Error(), "ordinary file") {
				t.Errorf("%s: %v", name, err)
			}
		case <-time.After(5 * time.Minute):
			t.Fatalf("%s is waited for", name)
		}
	}
}
