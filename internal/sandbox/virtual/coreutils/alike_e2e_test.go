//go:build e2e

package coreutils_test

import (
	"bytes"
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

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/coreutils"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/fsys"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/image"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/system"
)

// TestAppletsAlike runs the command lines of testdata/alike.txt in a virtual Debian guest
// and with the real programs of this Debian machine. Both print the same, end with the same status,
// say something on stderr or not, and leave the same files. A line that begins with
// "loud: " has an option that the guest lacks: there it must fail and name the way to the
// real program.
func TestAppletsAlike(t *testing.T) {
	if os.Getenv("INFRAHAUS_E2E") == "" {
		t.Skip("set INFRAHAUS_E2E=1: it runs the programs of this machine as root")
	}
	compareTable(t, "testdata/alike.txt", "debian-12", "/usr/sbin:/usr/bin:/sbin:/bin")
}

// uncompared are the programs without rows, with the reason.
var uncompared = map[string]string{
	"apt-get apt apt-cache apk dpkg dpkg-query debconf-set-selections": "they would change the packages of this machine, or show them",
	"systemctl service invoke-rc.d hostnamectl timedatectl journalctl": "they would act on the services of this machine",
	"rc-service rc-update rc-status rc openrc openrc-run":              "OpenRC is not on a Debian machine",
	"start-stop-daemon":             "it starts what OpenRC's services name; TestOpenRCService runs it",
	"poweroff halt shutdown reboot": "they would stop this machine",
	"agetty cron dbus-daemon sshd systemd-journald systemd-logind": "they are daemons; the sessions run them",
	"nginx redis-server postgres dockerd docker":                   "they are daemons, and simulated in what templates need",
	"psql pg_isready createuser createdb":                          "they need a running PostgreSQL",
	"ip ss netstat curl wget nc ping":                              "they speak to the simulated network",
	"busybox httpd":                                                "applications of images; TestRealImages runs busybox's own",
	"ash bash dash sh":                                             "TestAlike in kernel compares the shells",
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
	names := slices.Sorted(maps.Keys(tables))
	p := newReal(t, template, path)
	done := p.startReal(t, names, tables)
	for _, name := range names {
		p.runHere(t, name, len(tables[name]))
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			real := filepath.Join(p.dir, name, "w")
			for i, row := range tables[name] {
				compareRow(t, row, outcomeOf(os.DirFS(real), real, i), guestOutcome(p.here, "/tmp/"+name, i))
			}
		})
	}
}

const (
	loud  = "loud: "
	began = `umask 022; export LC_ALL=C TZ=UTC HOME=/root PATH="$3"; cd "$1" || exit 9; n=0; cp /etc/accounts/* /etc || exit 9
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
if ( : >/safe ) 2>/dev/null || ( : >/usr/safe ) 2>/dev/null || ( : >/var/safe ) 2>/dev/null; then echo "the machine is not protected"; exit 1; fi
hostname pve1
path=$2
shift 2
for name; do
mkdir "/media/$name/home"
mount --bind "/media/$name/home" /home
PATH=$path sh /media/etc/run "/media/$name/w" "$(cat "/media/$name/count")" "$path" || exit
done`
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
	p.prepare(t, strings.HasPrefix(template, "alpine"))
	return p
}

// startReal writes the rows for both sides and starts the real programs. The channel has
// their end.
func (p *realPair) startReal(t *testing.T, names []string, tables map[string][]string) <-chan error {
	t.Helper()
	for _, name := range names {
		real, there := filepath.Join(p.dir, name), "/tmp/"+name
		err := errors.Join(os.MkdirAll(filepath.Join(real, "w"), 0o755), p.here.MkdirAll(there, 0o755), os.WriteFile(filepath.Join(real, "count"), []byte(strconv.Itoa(len(tables[name]))), 0o644))
		for i, row := range tables[name] {
			text, refused := strings.CutPrefix(row, loud)
			file := strconv.Itoa(i) + ".sh"
			err = errors.Join(err, p.here.WriteFile(there+"/"+file, []byte(text+"\n"), 0o644))
			if refused {
				text = ":" // what the real program would do is not compared
			}
			err = errors.Join(err, os.WriteFile(filepath.Join(real, "w", file), []byte(text+"\n"), 0o644))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	args := []string{"--mount", "--uts", "--ipc", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", private, "sh", p.dir, p.path}
	c := exec.CommandContext(t.Context(), "unshare", append(args, names...)...)
	c.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
	done := make(chan error, 1)
	go func() {
		out, err := c.CombinedOutput()
		if len(out) > 0 {
			err = errors.Join(err, errors.New(string(out)))
		}
		done <- err
	}()
	return done
}

// runHere runs the rows of one applet in the guest.
func (p *realPair) runHere(t *testing.T, name string, rows int) {
	t.Helper()
	if err := errors.Join(p.here.RemoveAll("/home"), p.here.Mkdir("/home", 0o755)); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	argv := []string{"sh", "-c", began, "sh", "/tmp/" + name, strconv.Itoa(rows), "/usr/sbin:/usr/bin:/sbin:/bin"}
	if _, err := p.m.Run(t.Context(), kernel.Exec{Argv: argv, Cwd: "/", Stdout: &out, Stderr: &out}); err != nil || out.Len() > 0 {
		t.Fatalf("%s: %v\n%s", name, err, out.String())
	}
}

var accounts = map[string]string{
	"passwd":  "root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\nwww-data:x:33:33:www-data:/var/www:/usr/sbin/nologin\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
	"group":   "root:x:0:\ndaemon:x:1:\nsudo:x:27:\nwww-data:x:33:\nusers:x:100:\nnogroup:x:65534:\n",
	"shadow":  "root:*:20000:0:99999:7:::\ndaemon:*:20000:0:99999:7:::\nwww-data:*:20000:0:99999:7:::\nnobody:*:20000:0:99999:7:::\n",
	"gshadow": "root:*::\ndaemon:*::\nsudo:*::\nwww-data:*::\nusers:*::\nnogroup:*::\n",
}

const sudoers = "Defaults env_reset, secure_path=/usr/sbin:/usr/bin:/sbin:/bin\nroot ALL=(ALL:ALL) ALL\n"

// prepare lays out the real programs' own /etc. An Alpine guest has neither bash nor Debian's
// path of nologin, and this machine has the shells of both.
func (p *realPair) prepare(t *testing.T, alpine bool) {
	t.Helper()
	copied := `mkdir -p "$1/etc" "$1/home"; for f in adduser.conf deluser.conf login.defs default skel pam.d pam.conf security nsswitch.conf alternatives ssl ld.so.cache localtime; do [ ! -e /etc/$f ] || cp -a /etc/$f "$1/etc"; done`
	if out, err := exec.CommandContext(t.Context(), "sh", "-c", copied, "sh", p.dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for name, text := range map[string]string{"run": began, "shells": "/bin/sh\n", "hosts": "127.0.0.1 localhost pve1\n", "hostname": "pve1\n", "sudoers": sudoers} {
		if err := os.WriteFile(filepath.Join(p.dir, "etc", name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range accounts {
		if alpine {
			text = strings.NewReplacer("/bin/bash", "/bin/sh", "/usr/sbin/nologin", "/sbin/nologin").Replace(text)
		}
		err := errors.Join(os.MkdirAll(filepath.Join(p.dir, "etc/accounts"), 0o755), os.WriteFile(filepath.Join(p.dir, "etc/accounts", name), []byte(text), 0o644),
			p.here.MkdirAll("/etc/accounts", 0o755), p.here.WriteFile("/etc/accounts/"+name, []byte(text), 0o644))
		if err != nil {
			t.Fatal(err)
		}
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
