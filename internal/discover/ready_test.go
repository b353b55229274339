package discover

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/infrahaus/infrahaus/internal/needs"
)

// A guest with busybox alone has a wget that may not know -T, as Debian's does not.
func TestReadyWithBusybox(t *testing.T) {
	busybox := needs.Program(t, "busybox", "busybox")
	bin := t.TempDir()
	for _, name := range []string{"awk", "cat", "date", "grep", "head", "sed", "sh", "sleep", "timeout", "true", "wget"} {
		if err := os.Symlink(busybox, filepath.Join(bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	for code, want := range map[int]string{http.StatusOK: "ok http 200", http.StatusBadGateway: "no http 502"} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }))
		defer server.Close()
		var port int
		if _, err := fmt.Sscanf(strings.TrimPrefix(server.URL, "http://127.0.0.1:"), "%d", &port); err != nil {
			t.Fatal(server.URL, err)
		}
		cmd := exec.CommandContext(t.Context(), busybox, "sh", "-c", ReadyScript(Options{Look: true, Declared: []Declared{{Name: "web", Port: port, HTTP: "/", Wait: time.Second}}}))
		cmd.Env = []string{"PATH=" + bin}
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "ready 0 "+want) {
			t.Errorf("%v\n%s\nhas no %q", err, out, want)
		}
	}
}
