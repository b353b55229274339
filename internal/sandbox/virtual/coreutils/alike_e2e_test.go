//go:build e2e

package coreutils_test

import (
	"bytes"
	"context"
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

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/coreutils"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/fsys"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/system"
)

// TestAppletsAlike runs the command lines of testdata/alike.txt in the virtual guest and
// with the real programs of this Debian machine. Both print the same, end with the same
// status, say something on stderr or not, and leave the same files. A line that begins
// with "loud: " has an option that the guest lacks: there it must fail and name the way to
// the real program.
func TestAppletsAlike(t *testing.T) {
	if os.Getenv("INFRAHAUS_E2E") == "" {
		t.Skip("set INFRAHAUS_E2E=1: it runs the programs of this machine as root")
	}
	tables := rowsByApplet(t)
	for _, name := range slices.Sorted(maps.Keys(tables)) {
		t.Run(name, func(t *testing.T) { compareApplet(t, tables[name]) })
	}
	t.Logf("%d of %d applets compared", len(tables), len(coreutils.Commands())+len(system.AccountCommands()))
}

func rowsByApplet(t *testing.T) map[string][]string {
	t.Helper()
	b, err := os.ReadFile("testdata/alike.txt")
	if err != nil {
		t.Fatal(err)
	}
	tables, name := map[string][]string{}, ""
	for _, line := range strings.Split(strings.TrimSpace(string(b)), "\n") {
		if n, ok := strings.CutPrefix(line, "== "); ok {
			name = n
		} else if line != "" {
			tables[name] = append(tables[name], line)
		}
	}
	return tables
}

const (
	loud  = "loud: "
	began = `umask 022; export LC_ALL=C TZ=UTC HOME=/root; PATH=/usr/sbin:/usr/bin:/sbin:/bin; cd "$1" || exit 9; n=0
while [ $n -lt $2 ]; do
mkdir $n; cd $n
printf 'one two three\nfour five six\n\nseven\n' >f
printf 'b 2 x\na 10 y\nc 1 x\na 9 z\n' >n
printf 'root:x:0:0:root:/root:/bin/sh\nweb:x:1000:1000:Web,,,:/home/web:/bin/bash\n' >p
printf 'no end' >e; : >z; mkdir -p d/s; echo 1 >d/a.txt; echo 22 >d/b.log; echo 333 >d/s/c.txt; ln -s f l; chmod 640 n
touch -d '2024-01-02 03:04:05' d/s/c.txt d/a.txt d/b.log f n p e z; touch -d '2024-01-02 03:04:05' d/s d
( . ../$n.sh ) >../$n.out 2>../$n.err </dev/null
echo $? >../$n.status
cd ..; n=$((n+1))
done`
	// private runs the script with files of accounts and homes of its own.
	private = `d=$1; mount --bind "$d/etc" /etc && mount --bind "$d/home" /home && exec sh "$d/run" "$d/w" "$2"`
)

func compareApplet(t *testing.T, rows []string) {
	real := filepath.Join(t.TempDir(), "real")
	m, err := virtual.NewMachine(filepath.Join(t.TempDir(), "rootfs"), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Halt)
	here := &fsys.View{FS: m.FS, Cwd: "/"}
	prepareReal(t, real)
	if err := here.MkdirAll("/tmp/w", 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range accounts {
		if err := here.WriteFile("/etc/"+name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for i, row := range rows {
		text := []byte(strings.TrimPrefix(row, loud) + "\n")
		name := strconv.Itoa(i) + ".sh"
		if err := os.WriteFile(filepath.Join(real, "w", name), text, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := here.WriteFile("/tmp/w/"+name, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	c := exec.CommandContext(ctx, "unshare", "-m", "sh", "-c", private, "sh", real, strconv.Itoa(len(rows)))
	c.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var out bytes.Buffer
	if _, err := m.Run(ctx, virtual.Exec{Argv: []string{"sh", "-c", began, "sh", "/tmp/w", strconv.Itoa(len(rows))}, Cwd: "/", Stdout: &out, Stderr: &out}); err != nil || out.Len() > 0 {
		t.Fatalf("%v\n%s", err, out.String())
	}
	for i, row := range rows {
		want := outcomeOf(os.DirFS(filepath.Join(real, "w")), filepath.Join(real, "w"), i)
		compareRow(t, row, want, guestOutcome(here, i))
	}
}

var accounts = map[string]string{
	"passwd":  "root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\nwww-data:x:33:33:www-data:/var/www:/usr/sbin/nologin\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
	"group":   "root:x:0:\ndaemon:x:1:\nsudo:x:27:\nwww-data:x:33:\nusers:x:100:\nnogroup:x:65534:\n",
	"shadow":  "root:*:20000:0:99999:7:::\ndaemon:*:20000:0:99999:7:::\nwww-data:*:20000:0:99999:7:::\nnobody:*:20000:0:99999:7:::\n",
	"gshadow": "root:*::\ndaemon:*::\nsudo:*::\nwww-data:*::\nusers:*::\nnogroup:*::\n",
}

func prepareReal(t *testing.T, dir string) {
	t.Helper()
	copied := `mkdir -p "$1/etc" "$1/home" "$1/w"; for f in adduser.conf deluser.conf login.defs default skel pam.d pam.conf security nsswitch.conf alternatives ssl ld.so.cache localtime environment; do [ ! -e /etc/$f ] || cp -a /etc/$f "$1/etc"; done`
	if out, err := exec.CommandContext(t.Context(), "sh", "-c", copied, "sh", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	files := maps.Clone(accounts)
	files["../run"], files["shells"], files["hosts"], files["hostname"] = began, "/bin/sh\n", "127.0.0.1 localhost\n", "pve1\n"
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, "etc", name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
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

func guestOutcome(v *fsys.View, row int) outcome {
	read := func(name string) string {
		b, _ := v.ReadFile("/tmp/w/" + name)
		return string(b)
	}
	n := strconv.Itoa(row)
	o := outcome{read(n + ".out"), read(n + ".err"), read(n + ".status"), ""}
	var walk func(name string)
	walk = func(name string) {
		i, err := v.Lstat("/tmp/w/" + name)
		if err != nil {
			o.files += name + ": " + err.Error() + "\n"
			return
		}
		target, text := "", ""
		switch {
		case i.Mode()&fs.ModeSymlink != 0:
			target, _ = v.Readlink("/tmp/w/" + name)
		case i.Mode().IsRegular():
			text = read(name)
		}
		o.files += describeFile(strings.TrimPrefix(name, n), i.Mode(), target, text)
		if i.IsDir() {
			list, _ := v.ReadDir("/tmp/w/" + name)
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
	if len(text) > 2 && text[0] == 0x1f && text[1] == 0x8b || strings.Contains(text, "ustar") {
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
