package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// originRows are what templates and guests of the original system rely on, and the faults of
// that system which are not copied, each with the test that holds it: a function of a package,
// or a session. TestOriginFormat and TestOriginEnvironment have rows of their own for the
// format and the environment.
var originRows = []struct{ origin, at, test string }{
	// what the worker puts into a guest, and does there
	{"mkdir -p /etc/config-manager /etc/infrahaus/credentials /var/log/config-manager", "session", "template-import"},
	{"config.env: CONFIG_REPO_URL, CONFIG_BRANCH=main, CONFIG_PATH, TEMPLATE_NAME, CONTAINER_ID", "configmanager", "TestConfigEnv"},
	{"CONFIG_PATH is an absolute path of the dashboard machine, and never matches a folder of the repository", "template", "TestOriginFormat"},
	{"config-sync.sh: with CONFIG_REPO_URL, clone or pull, then copy to /", "configmanager", "TestRepository"},
	{"config-sync.sh: errors of git are ignored", "configmanager", "TestBootExits"},
	{"config-manager.service: oneshot, After/Wants network-online, enabled", "configmanager", "TestUnitsHoldUpNobody"},
	{"log to /var/log/config-manager/sync.log", "configmanager", "TestPolicies"},
	{"files: 0644, root-owned, policy ignored", "configmanager", "TestPolicies"},
	{"files: mkdir -p of the target folder", "configmanager", "TestFoldersOfAHome"},
	{"files for a home before its user exists: useradd copies no skeleton", "configmanager", "TestHomeWaitsForItsUser"},
	{"sync: systemctl start config-manager.service, non-fatal", "configmanager", "TestBootAppliesOnlyWhenAsked"},
	{"packages: DEBIAN_FRONTEND applies to update only", "configmanager", "TestApt"},
	{"packages: npm and custom are never installed", "configmanager", "TestOtherManagers"},
	{"packages: custom", "configmanager", "TestCustomPackages"},
	{"packages: failures are non-fatal; here they are exit 5", "session", "fail-in-guest"},
	{"scripts: upload, bash, non-zero is fatal", "session", "fail-script"},
	{"scripts: no helpers sourced, web3-dev dies at log_info", "session", "template-import"},
	{"scripts: sourced by bash, whatever the first line says", "template", "TestConfScriptsRunInBash"},
	{"a link that drops runs a whole script again", "session", "api-cut"},

	// helpers and environment
	{"log_info, log_warn, log_error: [YYYY-mm-dd HH:MM:SS] [%-7s] msg", "configmanager", "TestHelpers"},
	{"is_installed CMD", "configmanager", "TestOriginEnvironment"},
	{"ensure_installed PKG: apt only in the newest", "configmanager", "TestEnsureInstalled"},
	{"wait_for_apt_lock: skips without fuser", "configmanager", "TestAptLocksAreWaitedFor"},
	{"generate_password [16]", "configmanager", "TestHelpers"},
	{"save_credential KEY VALUE, and SVC KEY VALUE: update-or-append, 0600", "configmanager", "TestSaveCredential"},
	{"save_credential: values that a shell would split", "configmanager", "TestSaveCredentialIsRead"},
	{"save_credential into files of older versions", "configmanager", "TestSaveCredentialInOldFiles"},
	{"CONFIG_MANAGER_*, CONTAINER_*, _PKG_MGR, REPO_DIR", "configmanager", "TestOriginEnvironment"},

	// the format
	{"template.conf: keys, defaults, quotes, ${VAR:-default}, trailing comments", "template", "TestOriginFormat"},
	{"template.conf: what only a shell could compute is refused", "template", "TestBadConf"},
	{"template.conf: the environment counts for nothing", "template", "TestConfValues"},
	{"container-configs: scripts, files with .path and .policy, packages", "template", "TestLegacy"},
	{"policies: SHA-256 equal is skipped; replace, default, backup-YYYYMMDD-HHMMSS", "configmanager", "TestPolicies"},
	{"then chown to the owner of the target's folder", "configmanager", "TestFoldersOfAHome"},
	{"counters processed, deployed, skipped, backed-up, errors", "configmanager", "TestPolicies"},
	{"packages from filesystem templates are never installed by the worker", "session", "template-import"},
	{"apt: a pin change is not detected", "configmanager", "TestApt"},
	{"apk: apk info -e, pkg=1.2-r0", "configmanager", "TestDriftOfApk"},
	{"npm: looks up pkg@ver literally, and installs it at each sync", "configmanager", "TestOtherManagers"},
	{"pip: pip show WHOLE SPEC: the same", "configmanager", "TestOtherManagers"},
	{"custom: a check that still fails after the install, timeout 124", "configmanager", "TestCustomPackages"},
	{"an imported template makes a byte-equal guest", "session", "template-import"},

	// the rest
	{"FS-ready: test -d /etc/systemd/system, so Alpine never becomes ready", "configmanager", "TestVirtualGuests"},
	{"lock: PID file, stale removal", "configmanager", "TestStaleLocks"},
	{"conflict iff source changed and target differs from last deployed; exit 5", "configmanager", "TestSyncOfWhatDiffers"},
	{"exit codes 0, 1, 2 lock, 3 config, 4 git and no cache, 5 conflict", "configmanager", "TestBootExits"},
	{"/var/run/nologin during sync, TimeoutStartSec=300", "configmanager", "TestUnitsHoldUpNobody"},
	{"rollback never worked: here it is a snapshot of Proxmox", "session", "sync-rollback"},
	{"on failure nothing is cleaned up, and a creation cannot be repeated", "session", "resume"},
}

// TestOriginIsHeld fails for a row whose test is gone.
func TestOriginIsHeld(t *testing.T) {
	held := map[string]string{}
	for _, r := range originRows {
		if r.at == "session" {
			if _, err := os.Stat("../../testdata/script/" + r.test + ".txtar"); err != nil {
				t.Errorf("%s: %v", r.origin, err)
			}
			continue
		}
		if held[r.at] == "" {
			files, _ := filepath.Glob("../" + r.at + "/*_test.go")
			for _, file := range files {
				text, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				held[r.at] += string(text)
			}
		}
		if !strings.Contains(held[r.at], "func "+r.test+"(") {
			t.Errorf("%s: %s has no %s", r.origin, r.at, r.test)
		}
	}
}
