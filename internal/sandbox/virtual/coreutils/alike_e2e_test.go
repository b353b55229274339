//go:build e2e

package coreutils_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/infrahaus/infrahaus/internal/needs"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/coreutils"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/fsys"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/image"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/system"
)

// TestAppletsAlike runs the command lines of testdata/alike.txt in a virtual Debian guest
// and with the real programs of this Debian machine, and those of testdata/busybox.txt in
// a virtual Alpine guest and with busybox. Both print the same, end with the same status,
// say something on stderr or not, and leave the same files. A line that begins with
// "loud: " has an option that the guest lacks: there it must fail and name the way to the
// real program.
func TestAppletsAlike(t *testing.T) {
	if os.Getenv("INFRAHAUS_E2E") == "" {
		t.Skip("set INFRAHAUS_E2E=1: it runs the programs of this machine as root")
	}
	t.Run("debian", func(t *testing.T) {
		compareTable(t, "testdata/alike.txt", "debian-12", "/usr/sbin:/usr/bin:/sbin:/bin")
	})
	t.Run("alpine", func(t *testing.T) {
		bin := filepath.Join(t.TempDir(), "bin")
		if err := os.Mkdir(bin, 0o755); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.CommandContext(t.Context(), needs.Program(t, "busybox", "busybox"), "--install", "-s", bin).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		compareTable(t, "testdata/busybox.txt", "alpine-3.22", bin)
	})
}

// uncompared are the programs without rows, with the reason.
var uncompared = map[string]string{
	"apt-get apt apt-cache apk dpkg dpkg-query debconf-set-selections": "they would change the packages of this machine, or show them",
	"systemctl service invoke-rc.d hostnamectl timedatectl journalctl": "they would act on the services of this machine",
	"rc-service rc-update rc-status rc openrc openrc-run":              "OpenRC is not on a Debian machine",
	"poweroff halt shutdown reboot":                                    "they would stop this machine",
	"agetty cron dbus-daemon sshd systemd-journald systemd-logind":     "they are daemons; the sessions run them",
	"nginx redis-server postgres dockerd docker":                       "they are daemons, and simulated in what templates need",
	"psql pg_isready createuser createdb":                              "they need a running PostgreSQL",
	"ip ss netstat curl wget nc ping":                                  "they speak to the simulated network",
	"ash bash dash sh":                                                 "TestAlike in kernel compares the shells",
}

// TestEveryAppletHasRows fails for a program that has neither rows nor a reason.
func TestEveryAppletHasRows(t *testing.T) {
	have := rowsByApplet(t, "testdata/alike.txt")
	for words := range uncompared {
		for _, name := range strings.Fields(words) {
			have[name] = []string{""}
		}
	}
	programs := virtual.Programs()
	for _, name := range programs {
		if len(have[name]) == 0 {
			t.Errorf("%s has no rows in testdata/alike.txt", name)
		}
		delete(have, name)
	}
	for name := range have {
		t.Errorf("%s has rows or a reason, but no guest has it", name)
	}
}

func compareTable(t *testing.T, file, template, path string) {
	tables := rowsByApplet(t, file)
	p := newReal(t, template, path)
	for _, name := range slices.Sorted(maps.Keys(tables)) {
		t.Run(name, func(t *testing.T) { p.compareApplet(t, name, tables[name]) })
	}
}

const (
	loud  = "loud: "
	began = `umask 022; export LC_ALL=C TZ=UTC HOME=/root PATH="$3"; cd "$1" || exit 9; n=0
mkdir proto; cd proto
printf 'one two three\nfour five six\n\nseven\n' >f
printf 'b 2 x\na 10 y\nc 1 x\na 9 z\n' >n
printf 'root:x:0:0:root:/root:/bin/sh\nweb:x:1000:1000:Web,,,:/home/web:/bin/bash\n' >p
printf 'no end' >e; : >z; mkdir -p d/s; echo 1 >d/a.txt; echo 22 >d/b.log; echo 333 >d/s/c.txt; ln -s f l; chmod 640 n
touch -d '2024-01-02 03:04:05' d/s/c.txt d/a.txt d/b.log f n p e z; touch -d '2024-01-02 03:04:05' d/s d
cd ..
while [ $n -lt $2 ]; do
cp -a proto $n; cd $n
( . ../$n.sh ) >../$n.out 2>../$n.err </dev/null
echo $? >../$n.status
cd ..; n=$((n+1))
done`
	// private runs the script where nothing of the machine can be changed: every file system
	// is read-only but the folder $1 and new /tmp, /run and /root, and processes, network and host name
	// are its own. A row that removes / or kills by name then harms only itself.
	private = `set -e
mount --make-rprivate /
mount --bind "$1" /media
mount -t tmpfs tmpfs /root
for at in $(cut -d' ' -f5 /proc/self/mountinfo | sort -u); do
case $at in /media|/root|/dev/pts) ;; *) mount -o remount,bind,ro "$at" ;; esac
done
mount -t tmpfs tmpfs /tmp
mount -t tmpfs tmpfs /run
mount --bind /media/etc /etc
mount --bind /media/home /home
if ( : >/safe ) 2>/dev/null || ( : >/usr/safe ) 2>/dev/null || ( : >/var/safe ) 2>/dev/null; then echo "the machine is not protected"; exit 1; fi
hostname pve1
PATH=$4
exec sh /media/etc/run "/media/$2" "$3" "$4"`
)

// realPair is a virtual guest, and a folder in which the real programs work.
type realPair struct {
	m    *kernel.Machine
	here *fsys.View
	dir  string
	path string // of the real programs
}

func newReal(t *testing.T, template, path string) *realPair {
	t.Helper()
	root := t.TempDir()
	if err := os.Mkdir(filepath.Join(root, "rootfs"), 0o755); err != nil {
		t.Fatal(err)
	}
	f, err := fsys.Open(filepath.Join(root, "rootfs"), filepath.Join(root, "owners"), 0)
	if err != nil {
		t.Fatal(err)
	}
	f.SetPool(filepath.Join(root, "program"))
	if err := image.Layout(f, image.Spec{OS: image.Parse(template), Hostname: "pve1"}); err != nil {
		t.Fatal(err)
	}
	programs := coreutils.Commands()
	maps.Copy(programs, system.Commands())
	if err := image.Program(f, "/usr/bin/sudo", "sudo"); err != nil { // it comes with a package
		t.Fatal(err)
	}
	p := &realPair{kernel.New(kernel.Config{FS: f, Commands: programs, Hostname: "pve1"}), &fsys.View{FS: f, Cwd: "/"}, filepath.Join(root, "real"), path}
	t.Cleanup(p.m.Halt)
	p.prepare(t)
	return p
}

func (p *realPair) compareApplet(t *testing.T, name string, rows []string) {
	p.reset(t)
	real, there := filepath.Join(p.dir, name), "/tmp/"+name
	if err := os.Mkdir(real, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := p.here.MkdirAll(there, 0o755); err != nil {
		t.Fatal(err)
	}
	for i, row := range rows {
		text, refused := strings.CutPrefix(row, loud)
		file := strconv.Itoa(i) + ".sh"
		if err := p.here.WriteFile(there+"/"+file, []byte(text+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		if refused {
			text = ":" // what the real program would do is not compared
		}
		if err := os.WriteFile(filepath.Join(real, file), []byte(text+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, "unshare", "--mount", "--uts", "--ipc", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", private, "sh", p.dir, name, strconv.Itoa(len(rows)), p.path)
	c.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
	var said, out bytes.Buffer
	c.Stdout, c.Stderr = &said, &said
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	argv := []string{"sh", "-c", began, "sh", there, strconv.Itoa(len(rows)), "/usr/sbin:/usr/bin:/sbin:/bin"}
	_, err := p.m.Run(ctx, kernel.Exec{Argv: argv, Cwd: "/", Stdout: &out, Stderr: &out})
	if err = errors.Join(err, c.Wait()); err != nil || out.Len()+said.Len() > 0 {
		t.Fatalf("%v\n%s\n%s", err, out.String(), said.String())
	}
	for i, row := range rows {
		compareRow(t, row, outcomeOf(os.DirFS(real), real, i), guestOutcome(p.here, there, i))
	}
}

var accounts = map[string]string{
	"passwd":  "root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\nwww-data:x:33:33:www-data:/var/www:/usr/sbin/nologin\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
	"group":   "root:x:0:\ndaemon:x:1:\nsudo:x:27:\nwww-data:x:33:\nusers:x:100:\nnogroup:x:65534:\n",
	"shadow":  "root:*:20000:0:99999:7:::\ndaemon:*:20000:0:99999:7:::\nwww-data:*:20000:0:99999:7:::\nnobody:*:20000:0:99999:7:::\n",
	"gshadow": "root:*::\ndaemon:*::\nsudo:*::\nwww-data:*::\nusers:*::\nnogroup:*::\n",
}

const sudoers = "Defaults env_reset, secure_path=/usr/sbin:/usr/bin:/sbin:/bin\nroot ALL=(ALL:ALL) ALL\n"

// prepare lays out the real programs' own /etc.
func (p *realPair) prepare(t *testing.T) {
	t.Helper()
	copied := `mkdir -p "$1/etc"; for f in adduser.conf deluser.conf login.defs default skel pam.d pam.conf security nsswitch.conf alternatives ssl ld.so.cache localtime; do [ ! -e /etc/$f ] || cp -a /etc/$f "$1/etc"; done`
	if out, err := exec.CommandContext(t.Context(), "sh", "-c", copied, "sh", p.dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for name, text := range map[string]string{"run": began, "shells": "/bin/sh\n", "hosts": "127.0.0.1 localhost pve1\n", "hostname": "pve1\n", "sudoers": sudoers} {
		if err := os.WriteFile(filepath.Join(p.dir, "etc", name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// reset gives both sides the same accounts and no home.
func (p *realPair) reset(t *testing.T) {
	t.Helper()
	for name, text := range accounts {
		if err := os.WriteFile(filepath.Join(p.dir, "etc", name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := p.here.WriteFile("/etc/"+name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	home := filepath.Join(p.dir, "home")
	if err := errors.Join(os.RemoveAll(home), os.Mkdir(home, 0o755), p.here.RemoveAll("/home"), p.here.Mkdir("/home", 0o755)); err != nil {
		t.Fatal(err)
	}
}

func rowsByApplet(t *testing.T, file string) map[string][]string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	tables, name := map[string][]string{}, ""
	for _, line := range strings.Split(strings.TrimSpace(string(b)), "\n") {
		if n, ok := strings.CutPrefix(line, "== "); ok {
			name = n
		} else if line != "" && !strings.HasPrefix(line, "# ") {
			tables[name] = append(tables[name], line)
		}
	}
	return tables
}

// outcome is what one row left.
type outcome struct {
	out, err, status string
	files            string
}

func outcomeOf(w fs.FS, root string, row int) outcome {
	read := func(name string) string {
		b, _ := fs.ReadFile(w, name)
		return string(b)
	}
	n := strconv.Itoa(row)
	o := outcome{read(n + ".out"), read(n + ".err"), read(n + ".status"), ""}
	_ = fs.WalkDir(w, n, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			o.files += name + ": " + err.Error() + "\n"
			return nil
		}
		i, _ := os.Lstat(filepath.Join(root, name))
		target, _ := os.Readlink(filepath.Join(root, name))
		text := ""
		if i.Mode().IsRegular() {
			text = read(name)
		}
		o.files += describeFile(strings.TrimPrefix(name, n), i.Mode(), target, text)
		return nil
	})
	return o
}

func guestOutcome(v *fsys.View, dir string, row int) outcome {
	read := func(name string) string {
		b, _ := v.ReadFile(dir + "/" + name)
		return string(b)
	}
	n := strconv.Itoa(row)
	o := outcome{read(n + ".out"), read(n + ".err"), read(n + ".status"), ""}
	var walk func(name string)
	walk = func(name string) {
		i, err := v.Lstat(dir + "/" + name)
		if err != nil {
			o.files += name + ": " + err.Error() + "\n"
			return
		}
		target, text := "", ""
		switch {
		case i.Mode()&fs.ModeSymlink != 0:
			target, _ = v.Readlink(dir + "/" + name)
		case i.Mode().IsRegular():
			text = read(name)
		}
		o.files += describeFile(strings.TrimPrefix(name, n), i.Mode(), target, text)
		if i.IsDir() {
			list, _ := v.ReadDir(dir + "/" + name)
			names := []string{}
			for _, x := range list {
				names = append(names, x.Name())
			}
			slices.Sort(names)
			for _, x := range names {
				walk(name + "/" + x)
			}
		}
	}
	walk(n)
	return o
}

func describeFile(name string, mode fs.FileMode, target, text string) string {
	if mode&fs.ModeSymlink != 0 {
		mode = fs.ModeSymlink | 0o777
	}
	if len(text) > 2 && text[0] == 0x1f && text[1] == 0x8b || strings.Contains(text, "ustar") || len(text) >= 1024 && strings.Trim(text, "\x00") == "" {
		text = "an archive" // its bytes may differ
	}
	return fmt.Sprintf("%s %v %q %q\n", name, mode, target, text)
}

func compareRow(t *testing.T, row string, want, got outcome) {
	if strings.HasPrefix(row, loud) {
		if got.status == "0\n" || !strings.Contains(got.err, "--driver lxc") {
			t.Errorf("%s\nis not loud: status %q %q %q", row, got.status, got.out, got.err)
		}
		return
	}
	if got.out != want.out || got.status != want.status || (got.err == "") != (want.err == "") {
		t.Errorf("%s\n here %s %q %q\n real %s %q %q", row, strings.TrimSpace(got.status), got.out, got.err, strings.TrimSpace(want.status), want.out, want.err)
	} else if got.files != want.files {
		t.Errorf("%s\n here %s\n real %s", row, differing(got.files, want.files), differing(want.files, got.files))
	}
}

// differing are the lines of one list that the other lacks.
func differing(a, b string) string {
	have := strings.Split(b, "\n")
	var out []string
	for _, line := range strings.Split(a, "\n") {
		if !slices.Contains(have, line) {
			out = append(out, line)
		}
	}
	return strings.Join(out, "; ")
}
