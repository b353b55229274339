package configmanager

import (
	"os"
	"strings"
	"testing"
)

// TestOriginEnvironment has a row for each thing that scripts of the original system find, in
// the words of that system. TestHelpers, TestSaveCredential and TestEnsureInstalled have the
// rest.
func TestOriginEnvironment(t *testing.T) {
	const users = "root:x:0:0::/root:/bin/sh\nsvc:x:999:999::/srv:/bin/sh\n"
	rows := []struct {
		origin       string
		files        map[string]string
		env          []string
		script, want string
	}{
		{origin: "is_installed CMD: 1 arg check", script: "is_installed a b >/dev/null || echo $?; is_installed >/dev/null || echo $?", want: "2\n2\n"},
		{origin: "CONFIG_MANAGER_VERSION reads $VERSION and exports 0.0.0", env: []string{"VERSION=9"}, script: `[ "$CONFIG_MANAGER_VERSION" != 0.0.0 ] && echo "$CONFIG_MANAGER_VERSION"`, want: "1.0.0\n"},
		{origin: "CONFIG_MANAGER_ROOT(/opt/config-manager/repo), REPO_DIR", script: `echo "$CONFIG_MANAGER_ROOT $REPO_DIR"`, want: "/opt/config-manager/repo /opt/config-manager/repo\n"},
		{origin: "CONFIG_MANAGER_LOG", script: `echo "$CONFIG_MANAGER_LOG"`, want: LogPath + "\n"},
		{origin: "CONFIG_MANAGER_FIRST_RUN, without the marker", script: `echo "$CONFIG_MANAGER_FIRST_RUN"`, want: "true\n"},
		{origin: "CONFIG_MANAGER_FIRST_RUN (marker .first-run-complete)", files: map[string]string{"var/log/config-manager/.first-run-complete": ""}, script: `echo "$CONFIG_MANAGER_FIRST_RUN"`, want: "false\n"},
		{origin: "CONTAINER_OS (raw os-release ID), CONTAINER_OS_VERSION", files: map[string]string{"etc/os-release": "ID=\"rocky\"\nVERSION_ID='9.5'\n"}, script: `echo "$CONTAINER_OS $CONTAINER_OS_VERSION"`, want: "rocky 9.5\n"},
		{origin: "CONTAINER_USER: CONFIG_CONTAINER_USER", files: map[string]string{"etc/passwd": users + "ada:x:1000:1000::/home/ada:/bin/sh\n"}, env: []string{"CONFIG_CONTAINER_USER=svc"}, script: `echo "$CONTAINER_USER"`, want: "svc\n"},
		{origin: "CONTAINER_USER: else first UID 1000..65533 with a shell", files: map[string]string{"etc/passwd": users + "no:x:1000:1000::/:/usr/sbin/nologin\nbob:x:1002:1002::/home/bob:/bin/ash\nada:x:1001:1001::/home/ada:/bin/sh\n"}, script: `echo "$CONTAINER_USER"`, want: "bob\n"},
		{origin: "CONTAINER_USER: 65534 is nobody", files: map[string]string{"etc/passwd": users + "nobody:x:65534:65534::/:/bin/sh\n"}, script: `echo "[$CONTAINER_USER]"`, want: "[]\n"},
		{origin: "CONTAINER_USER ('' if none), not coder", files: map[string]string{"etc/passwd": users}, script: `echo "[$CONTAINER_USER]"`, want: "[]\n"},
		{origin: "DEBIAN_FRONTEND=noninteractive, LC_ALL=C", env: []string{"LC_ALL=", "DEBIAN_FRONTEND="}, script: `echo "$DEBIAN_FRONTEND $LC_ALL"`, want: "noninteractive C\n"},
		{origin: "run_as_user without a user", files: map[string]string{"etc/passwd": users}, script: `run_as_user true >/dev/null 2>&1 || echo refused`, want: "refused\n"},
		{origin: "generate_password [16]: [A-Za-z0-9]", script: `p=$(generate_password 200); case $p in *[!A-Za-z0-9]*) echo odd;; esac; echo ${#p}`, want: "200\n"},
		{origin: "save_credential KEY VALUE (one file)", env: []string{"TEMPLATE_NAME=dev"}, script: `save_credential KEY value; cat "$CONFIG_MANAGER_PREFIX/etc/infrahaus/credentials/dev"`, want: "KEY=value\n"},
		{origin: "save_credential SVC KEY VALUE (update-or-append)", script: `save_credential svc A 1; save_credential svc B 2; save_credential svc A 3; cat "$CONFIG_MANAGER_PREFIX/etc/infrahaus/credentials/svc"`, want: "A=3\nB=2\n"},
		{origin: "no helpers sourced: web3-dev dies at log_info: command not found", script: `log_info x | grep -c INFO`, want: "1\n"},
	}
	eachShell(t, func(t *testing.T, g *fakeGuest) {
		for _, r := range rows {
			for _, name := range []string{"etc/passwd", "etc/os-release", "var/log/config-manager/.first-run-complete"} {
				os.Remove(g.path(name))
			}
			for name, text := range r.files {
				g.write(name, text, 0o644)
			}
			out, status := g.script(r.script, r.env...)
			if status != 0 || out != r.want {
				t.Errorf("%s: status %d, %q; want %q", r.origin, status, strings.TrimSpace(out), r.want)
			}
		}
	})
}
