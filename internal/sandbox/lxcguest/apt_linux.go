package lxcguest

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// mirror is the Debian mirror that this machine uses, "" for Debian's own.
func mirror() string {
	files, _ := filepath.Glob("/etc/apt/sources.list.d/*")
	for _, f := range append([]string{"/etc/apt/sources.list"}, files...) {
		b, err := os.ReadFile(f)
		if err != nil {
			continue
		}
		if m := debianMirror(string(b)); m != "" {
			return m
		}
	}
	return ""
}

var mirrorURL = regexp.MustCompile(`(?m)^\s*(?:deb\s+(?:\[[^\]]*\]\s+)?|URIs:\s*)(https?://\S+?/debian)/?(?:\s|$)`)

// debianMirror finds the first mirror in a sources file of either format.
func debianMirror(sources string) string {
	if m := mirrorURL.FindStringSubmatch(sources); m != nil {
		return m[1]
	}
	return ""
}

// sourcesList is the guest's sources.list, with the machine's mirror or Debian's.
func sourcesList(mirror, suite string) string {
	if mirror == "" {
		mirror = "http://deb.debian.org/debian"
	}
	security := strings.TrimSuffix(mirror, "/debian") + "/debian-security"
	return fmt.Sprintf("deb %s %s main contrib\ndeb %s %s-updates main contrib\ndeb %s %s-security main contrib\n",
		mirror, suite, mirror, suite, security, suite)
}

// copyApt gives the guest the machine's settings for packages: mirror, proxies, checks,
// and certificate authorities that the machine trusts besides Debian's.
func copyApt(ctx context.Context, suite, root string) error {
	list := filepath.Join(root, "etc/apt/sources.list")
	if err := os.WriteFile(list, []byte(sourcesList(mirror(), suite)), 0o644); err != nil {
		return err
	}
	dump, _ := exec.CommandContext(ctx, "apt-config", "dump").Output()
	if conf := aptProxy(string(dump), os.Getenv); conf != "" {
		if err := os.WriteFile(filepath.Join(root, "etc/apt/apt.conf.d/90sandbox"), []byte(conf), 0o644); err != nil {
			return err
		}
	}
	certs, _ := filepath.Glob("/usr/local/share/ca-certificates/*.crt")
	for _, c := range certs {
		if err := copyFile(filepath.Join(root, c), c, 0o644); err != nil {
			return err
		}
	}
	if len(certs) == 0 {
		return nil
	}
	return run(ctx, "chroot", root, "env", "-u", "TMPDIR", "update-ca-certificates") // the machine's folder is not there
}

var aptOption = regexp.MustCompile(`^Acquire::(?:https?::(?:Proxy|Verify|CaInfo|Proxy::.*)|Check-(?:Valid-Until|Date)|Retries|ForceIPv4) "`)

// aptProxy returns the proxy settings of apt from apt-config's dump and from the
// environment.
func aptProxy(dump string, env func(string) string) string {
	var b bytes.Buffer
	seen := map[string]bool{}
	for line := range strings.Lines(dump) {
		if aptOption.MatchString(line) {
			b.WriteString(line)
			seen[strings.Fields(line)[0]] = true
		}
	}
	for _, scheme := range []string{"http", "https"} {
		proxy := env(scheme + "_proxy")
		if proxy == "" {
			proxy = env(strings.ToUpper(scheme) + "_PROXY")
		}
		key := "Acquire::" + scheme + "::Proxy"
		if proxy != "" && !seen[key] && !strings.ContainsAny(proxy, "\"\n") {
			fmt.Fprintf(&b, "%s %q;\n", key, proxy)
		}
	}
	return b.String()
}
