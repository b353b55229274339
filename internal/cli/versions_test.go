package cli_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// onEight are the sessions whose sandbox is Proxmox VE 8.4; that of the others is the
// default, 9.2. Among them are those of ways in, of privileges, of every kind of run and of
// what Proxmox does wrong, because these meet the answers that differ.
var onEight = strings.Fields(`
	adopt api api-cut api-job api-shared backup container-node container-parts
	create-hello database destroy doctor fail-console-none fail-console-old
	fail-console-password fail-create fail-placement fail-privileges fail-revoked fail-settings
	fail-start fail-storage fail-warnings fail-worker-dies found-before ha if-exists init
	interrupt interrupt-power key-rotate left-behind privileges prune resume resume-anew
	rollback-record secrets sync sync-rollback sync-settings sync-snapshot twenty`)

// startVersion gives the session's sandbox its version before the first command.
func startVersion(e *testscript.Env) error {
	session := strings.TrimPrefix(filepath.Base(e.WorkDir), "script-")
	if !slices.Contains(onEight, session) {
		return nil
	}
	dir := filepath.Join(e.Getenv("XDG_STATE_HOME"), "infrahaus", "sandbox")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "sandbox.json"), []byte(`{"pve":"8.4"}`), 0o600)
}

// TestOnEight: each name is that of a session, so that none is lost by being renamed.
func TestOnEight(t *testing.T) {
	for _, name := range onEight {
		if _, err := os.Stat(filepath.Join("../../testdata/script", name+".txtar")); err != nil {
			t.Error(err)
		}
	}
}
