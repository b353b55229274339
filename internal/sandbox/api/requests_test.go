package api

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/infrahaus/infrahaus/internal/sandbox/node"
)

func TestRequestsAreKept(t *testing.T) {
	r := &requests{path: filepath.Join(t.TempDir(), "requests.ndjson")}
	r.add("GET", "/nodes", nil)
	r.add("POST", "/access/ticket", node.Params{"password": "topsecret"})
	r.add("POST", "/nodes/pve1/lxc", node.Params{"vmid": "100", "password": "topsecret", "delete": "a\x00b"})
	r.add("DELETE", "/nodes/pve1/lxc/100", nil)
	raw, err := os.ReadFile(r.path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(raw)), "\n")
	if len(lines) != 2 || !strings.Contains(lines[0], `"form":{"delete":"a,b","password":"***","vmid":"100"}`) || !strings.Contains(lines[1], `"method":"DELETE"`) {
		t.Errorf("%s", raw)
	}
	if info, _ := os.Stat(r.path); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	if err := os.Truncate(r.path, maxRequests+1); err != nil {
		t.Fatal(err)
	}
	r.add("DELETE", "/nodes/pve1/lxc/100", nil)
	if info, err := os.Stat(r.path); err != nil || info.Size() > 200 {
		t.Errorf("%v, %v", info, err)
	}
	if _, err := os.Stat(r.path + ".1"); err != nil {
		t.Error(err)
	}
}
