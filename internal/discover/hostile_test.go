//go:build unix

package discover

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/infrahaus/infrahaus/internal/needs"
)

// probeIn runs the probe in a shell of this machine, with another credentials folder and
// with programs first in PATH.
func probeIn(t *testing.T, shell []string, folder string, programs map[string]string) *Report {
	t.Helper()
	needs.Program(t, shell[0], shell[0])
	bin := t.TempDir()
	for name, text := range programs {
		if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\n"+text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	script := strings.ReplaceAll(Script(Options{}), "/etc/infrahaus/credentials", folder)
	if programs == nil { // only the credentials matter
		script, _, _ = strings.Cut(script, "\nsec addresses\n")
		script += "\nsec end\n"
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute) // far longer than it takes on a busy machine
	defer cancel()
	cmd := exec.CommandContext(ctx, shell[0], shell[1:]...)
	cmd.WaitDelay = 10 * time.Second // its children may hold its output open
	cmd.Stdin = strings.NewReader(script)
	cmd.Env = []string{"PATH=" + bin + ":" + os.Getenv("PATH")}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, &stderr)
	}
	if len(out) > MaxOutput {
		t.Errorf("the probe said %d bytes", len(out))
	}
	r, err := Parse(out)
	if err != nil {
		t.Fatal(err)
	}
	if !r.complete {
		t.Errorf("the probe did not come to its end: %q", r.Notes)
	}
	return r
}

func eachShell(t *testing.T, f func(*testing.T, []string)) {
	for _, shell := range [][]string{{"dash"}, {"bash"}, {"busybox", "sh"}} {
		t.Run(shell[0], func(t *testing.T) { t.Parallel(); f(t, shell) })
	}
}

// noted reports whether exactly one note contains all of the words.
func noted(r *Report, words ...string) bool {
	n := 0
	for _, note := range r.Notes {
		if !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(note, w) }) {
			n++
		}
	}
	return n == 1
}

func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "infrahaus", "credentials")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// In a credentials folder full of traps, each trap is refused with one warning that names
// it, and the honest files are still read.
func TestProbeRefusesTraps(t *testing.T) {
	eachShell(t, func(t *testing.T, shell []string) {
		dir := folder(t, map[string]string{
			"honest": "PASSWORD=x1\n", "zz-last.env": "export KEY='y'\n", "a\nb": "A=1\n", "$(reboot)": "A=1\n", "b`id`": "A=1\n", "sp ace": "A=1\n",
			"_root": "PASSWORD=mine\n", "_variables.env": "A=1\n", "root": "PASSWORD=mine\n", "binary": "\x7fELF\x00\xff\xfe\nGOOD=1\n", "c..d": "A=1\n",
			"megakey": "K=" + strings.Repeat("k", 1<<20) + "\n", "tenmega": strings.Repeat("X=1\n", 10<<18),
		})
		secret := filepath.Join(t.TempDir(), "shadow")
		os.WriteFile(secret, []byte("root=hash\n"), 0o600)
		os.Symlink(secret, filepath.Join(dir, "link"))
		os.Symlink("/nonexistent", filepath.Join(dir, "dangling"))
		os.Mkdir(filepath.Join(dir, "sub"), 0o700)
		if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
			t.Fatal(err)
		}
		if f, err := os.Create(filepath.Join(dir, "sparse")); err != nil || f.Truncate(1<<40) != nil {
			t.Fatal(err)
		}
		root := os.Geteuid() == 0
		if root {
			other := filepath.Join(dir, "others")
			os.WriteFile(other, []byte("A=1\n"), 0o600)
			os.Chown(other, 65534, 65534)
		}
		r := probeIn(t, shell, dir, nil)
		if got := fmt.Sprintf("%q", r.Credentials); got != `map["binary":map["content":"\x7fELF\x00\xff\xfe\nGOOD=1\n"] "honest":map["PASSWORD":"x1"] "zz-last":map["KEY":"y"]]` {
			t.Errorf("credentials %.300s", got)
		}
		for _, words := range [][]string{
			{"a?b", "strange name"}, {"??reboot?", "strange name"}, {"b?id?", "strange"}, {"sp?ace", "strange"}, {"c..d", "strange"},
			{"_root", "own"}, {"_variables.env", "own"}, {" root ", "own"}, {"megakey", "larger"}, {"tenmega", "larger"}, {"sparse", "larger"},
			{"file link is", "not followed"}, {"dangling", "not followed"}, {" sub ", "no ordinary file"}, {"pipe", "no ordinary file"},
		} {
			if !noted(r, words...) {
				t.Errorf("nothing, or too much, is said of %q: %q", words, r.Notes)
			}
		}
		if root && !noted(r, "others", "does not belong to root") {
			t.Errorf("a file of somebody else is read: %q", r.Notes)
		}
		for _, s := range r.Services("", nil) {
			if strings.Contains(s.Name, "reboot") || strings.HasPrefix(s.Name, "_") {
				t.Errorf("service %q", s.Name)
			}
		}
	})
}

func TestProbeRefusesFolders(t *testing.T) {
	eachShell(t, func(t *testing.T, shell []string) {
		for name, spoil := range map[string]func(dir string) string{
			"a link": func(dir string) string {
				os.Symlink(dir, dir+".link")
				return dir + ".link"
			},
			"behind a link": func(dir string) string {
				up := filepath.Dir(dir)
				os.Symlink(up, up+".link")
				return filepath.Join(up+".link", "credentials")
			},
			"for all to write":          func(dir string) string { os.Chmod(dir, 0o777); return dir },
			"for a group to write":      func(dir string) string { os.Chmod(dir, 0o770); return dir },
			"in one for all to write":   func(dir string) string { os.Chmod(filepath.Dir(dir), 0o1777); return dir },
			"of somebody else":          func(dir string) string { os.Chown(dir, 65534, 65534); return dir },
			"in one of somebody else's": func(dir string) string { os.Chown(filepath.Dir(dir), 65534, 65534); return dir },
		} {
			if strings.Contains(name, "somebody") && os.Geteuid() != 0 {
				continue
			}
			dir := spoil(folder(t, map[string]string{"passwd": "A=1\n"}))
			r := probeIn(t, shell, dir, nil)
			if len(r.Credentials) != 0 || !noted(r, "the credentials are not read") {
				t.Errorf("%s: %v, %q", name, r.Credentials, r.Notes)
			}
		}
		if r := probeIn(t, shell, "/nonexistent/credentials", nil); len(r.Credentials) != 0 || slices.ContainsFunc(r.Notes, func(n string) bool { return strings.Contains(n, "credential") }) {
			t.Errorf("nothing there: %v, %q", r.Credentials, r.Notes)
		}
		file := filepath.Join(filepath.Dir(folder(t, nil)), "all")
		os.WriteFile(file, []byte("PASSWORD=z\n"), 0o600)
		if r := probeIn(t, shell, file, nil); r.Credentials["all"]["PASSWORD"] != "z" {
			t.Errorf("one file in the folder's place: %v, %q", r.Credentials, r.Notes)
		}
	})
}

// A folder with very many files, honest and hostile, gives a limited answer and few
// warnings.
func TestProbeManyFiles(t *testing.T) {
	dir := folder(t, nil)
	for i := range 1400 {
		name := fmt.Sprintf("s%05d", i)
		if i < 1100 {
			name = fmt.Sprintf("Strange %05d", i)
		}
		if f, err := os.Create(filepath.Join(dir, name)); err == nil {
			f.WriteString("A=1\n")
			f.Close()
		}
	}
	few := folder(t, nil)
	for i := range 205 {
		os.WriteFile(filepath.Join(few, fmt.Sprintf("s%03d", i)), []byte("A=1\n"), 0o600)
	}
	big := folder(t, nil)
	for i := range 8 {
		os.WriteFile(filepath.Join(big, fmt.Sprintf("s%03d", i)), bytes.Repeat([]byte("x"), MaxCredential), 0o600)
	}
	eachShell(t, func(t *testing.T, shell []string) {
		for dir, want := range map[string]int{dir: 0, few: maxCredentials, big: maxAllFiles / MaxCredential} {
			r := probeIn(t, shell, dir, nil)
			if len(r.Credentials) != want || len(r.Notes) == 0 || len(r.Notes) > 30 || !noted(r, "the rest is not read") {
				t.Errorf("%d credentials, notes %q", len(r.Credentials), r.Notes)
			}
		}
	})
}

// A guest's programs that print without end, print garbage or hang spoil only their own
// part.
func TestProbeHostilePrograms(t *testing.T) {
	evil := map[string]string{
		"systemctl": `while :; do printf 'Id=$(reboot).service\nActiveState=active\nSubState=running\n\nId=\033[2J.service\n\n'; done`,
		"ss":        `i=0; while :; do echo 'tcp LISTEN 0 0 0.0.0.0:80 *:* users:(("$(reboot)",pid=99999,fd=1))'; done`,
		"ip":        `yes '2: eth0 inet 10.0.0.1/24 $(reboot)'`,
		"docker":    `trap '' TERM PIPE; while :; do sleep 1; done`,
		"podman":    "printf 'a\\tev\\033il\\tx\\tUp\\t\\nb\\t$(reboot)\\ti\\tUp\\t0.0.0.0:1-1000->1-1000/tcp\\n'; head -c 3000000 /dev/urandom",
	}
	eachShell(t, func(t *testing.T, shell []string) {
		r := probeIn(t, shell, folder(t, map[string]string{"honest": "A=1\n"}), evil)
		if r.Credentials["honest"]["A"] != "1" || !noted(r, "more sockets than") || !noted(r, "more containers than") {
			t.Errorf("%v, %q", r.Credentials, r.Notes)
		}
		found := false
		for _, s := range r.Services("10.0.0.1", nil) {
			if s.Name != clean(s.Name) || len(s.Ports) > 64 {
				t.Errorf("service %q with %d ports", s.Name, len(s.Ports))
			}
			found = found || s.Name == "$(reboot)"
		}
		if !found {
			t.Error("a process called $(reboot) is not shown as what it is")
		}
	})
}

// Limits also hold if a guest forges the whole answer.
func TestParseIsBounded(t *testing.T) {
	repeat := func(n int, f func(int) string) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(f(i))
		}
		return b.String()
	}
	socket := func(i int) string {
		return fmt.Sprintf("tcp LISTEN 0 0 10.0.%d.%d:%d *:* users:((\"p%d\",pid=%d,fd=1))\n", i>>8&255, i&255, 1+i%65535, i, 2+i)
	}
	parts := []string{
		"docker docker", repeat(10, func(i int) string {
			return fmt.Sprintf("id%d\tname%d\timg\tUp\t%s\n", i, i, strings.Repeat("1-1000->1-1000/tcp,", 3000))
		}),
		"units", repeat(3000, func(i int) string { return fmt.Sprintf("Id=u%d.service\nActiveState=active\nSubState=running\n\n", i) }),
		"openrc", repeat(30000, func(i int) string { return fmt.Sprintf("started s%d\n", i) }),
		"procs", repeat(60000, func(i int) string { return fmt.Sprintf("%d (docker-proxy) S 1 1\n", i+2) }),
		"ss", strings.Repeat("x", 2<<20),
	}
	for range 4 {
		parts = append(parts, "ss", repeat(12000, socket))
	}
	for i := range 400 {
		parts = append(parts, fmt.Sprintf("cred c%d", i), "A="+strings.Repeat("v", 2000)+"\n")
	}
	parts = append(parts, "units", "Id="+strings.Repeat("m", 1<<20)+".service\nActiveState=active\nSubState=running\n\n")
	r := parse(t, parts...)
	for _, c := range r.containers {
		if len(c.ports) > maxPublished {
			t.Errorf("%d ports of a container", len(c.ports))
		}
	}
	bytes := 0
	for _, kv := range r.Credentials {
		bytes += len(kv["A"])
	}
	if len(r.units) > maxServices || len(r.sockets) > maxSockets+8 || len(r.procs) > maxProcs || bytes > maxAllFiles {
		t.Errorf("%d units, %d sockets, %d processes, %d bytes of credentials", len(r.units), len(r.sockets), len(r.procs), bytes)
	}
	services := r.Services("10.0.0.1", []Declared{{Name: "promised", Port: 59999}})
	if n := len(services); n > maxShown+1+len(r.Credentials) || services[0].Name != "promised" || !noted(r, "more than 500 services") {
		t.Errorf("%d services, the first is %s; notes %q", n, services[0].Name, r.Notes)
	}
}
