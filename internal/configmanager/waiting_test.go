package configmanager

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestHomeWaitsForItsUser: a file for a home is not put into place before its user exists.
// useradd then finds no folder, and copies its skeleton.
func TestHomeWaitsForItsUser(t *testing.T) {
	commands := map[string]string{"debian-12": "useradd -m -s /bin/bash coder", "alpine-3.22": "adduser -D coder"}
	for os, useradd := range commands {
		t.Run(os, func(t *testing.T) {
			m := bootMachine(t, os)
			m.sh("mkdir -p /etc/skel; echo skeleton >/etc/skel/.profile; echo skeleton >/etc/skel/.bashrc")
			owned := file("replace", "/etc/app/own", "owned")
			owned.Owner = "coder"
			in := Input{Folders: []Folder{{Target: "/home/coder/work", Mode: 0o700}}, Files: []File{
				file("replace", "/home/coder/.bashrc", "ours"), file("default", "/home/coder/.profile", "ours"),
				file("replace", "/home/coder/.config/app/x y", "ours"), file("replace", "/etc/app/a", "ours"), owned,
			}}
			out, s := m.sync(in)
			if s != 0 || !strings.Contains(out, "5 processed, 2 deployed") || !strings.Contains(out, ", 3 waiting for coder") {
				t.Fatalf("status %d: %s", s, out)
			}
			if out, _ := m.sh("ls /home; stat -c '%U' /etc/app/own"); out != "root\n" {
				t.Errorf("before the user exists: %q", out)
			}
			want := "waits user coder /home/coder/work\nwaits user coder /home/coder/.bashrc\nwaits user coder /home/coder/.profile\nwaits user coder /home/coder/.config/app/x y\nwaits user coder /etc/app/own\n"
			if got := waits(m); sortedLines(got) != sortedLines(want) {
				t.Errorf("%s", got)
			}
			m.sh(useradd)
			if got := waits(m); got != "" {
				t.Errorf("after the user exists: %s", got)
			}
			out, _ = m.sh("cd /home/coder; cat .bashrc .profile '.config/app/x y'; stat -c '%U %n' . .bashrc .config .config/app .config/app/* /etc/app /etc/app/own; stat -c '%a %U %n' work; ls -a | grep backup; ls -d /var/lib/config-manager/waiting")
			want = "oursskeleton\noursCODER .\nCODER .bashrc\nCODER .config\nCODER .config/app\nCODER .config/app/x y\nroot /etc/app\nCODER /etc/app/own\n700 CODER work\n"
			if out = strings.Replace(out, "ls: /var/lib", "ls: cannot access '/var/lib", 1); !strings.HasPrefix(out, strings.ReplaceAll(want, "CODER", "coder")) || !strings.Contains(out, "No such file") || strings.Contains(out, "backup") {
				t.Errorf("%s", out)
			}
			if out, s := m.sync(in); s != 0 || !strings.Contains(out, "5 processed, 0 deployed, 4 unchanged, 1 skipped, 0 backed up, 0 errors") {
				t.Errorf("the second sync: status %d: %s", s, out)
			}
		})
	}
}

func sortedLines(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	for i := range lines {
		for j := i + 1; j < len(lines); j++ {
			if lines[j] < lines[i] {
				lines[i], lines[j] = lines[j], lines[i]
			}
		}
	}
	return strings.Join(lines, "\n")
}

// waits settles, and returns the lines about what still waits.
func waits(m *machine) string {
	m.t.Helper()
	out, s := m.sh(SettleScript())
	if s != 0 {
		m.t.Errorf("status %d: %s", s, out)
	}
	var b strings.Builder
	for _, l := range strings.SplitAfter(out, "\n") {
		if strings.HasPrefix(l, "waits ") {
			b.WriteString(l)
		}
	}
	return b.String()
}

// TestFoldersOfAHome: a folder that is made on the way belongs to whom the home around it
// belongs. Elsewhere it belongs to root, and so it does below the home of a daemon, which
// is not the daemon's own.
func TestFoldersOfAHome(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	eachShell(t, func(t *testing.T, g *fakeGuest) {
		g.write("/etc/passwd", "root:x:0:0::/root:/bin/sh\nbin:x:2:2::/bin:/bin/sh\nweb:x:33:33::/srv/web/:/bin/sh\n"+
			"ann:x:1001:1002::/home/ann:/bin/sh\nnew:x:1003:1004::/home/new:/bin/sh\n", 0o644)
		g.write("/etc/group", "root:x:0:\n", 0o644)
		for dir, id := range map[string]int{"/home/ann": 1001, "/srv/web": 33, "/bin": 0} {
			if err := os.MkdirAll(g.path(dir), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.Chown(g.path(dir), id, id); err != nil {
				t.Fatal(err)
			}
		}
		root := file("replace", "/home/shared/deep/x", "x")
		root.Owner = "0:0"
		s := g.sync(Input{Files: []File{
			file("replace", "/home/ann/.config/a/x", "x"), file("replace", "/home/new/b/x", "x"), file("replace", "/srv/web/c/x", "x"),
			file("replace", "/bin/d/x", "x"), file("replace", "/opt/e/x", "x"), root,
		}})
		if s != 0 {
			t.Fatal(g.out, g.err)
		}
		want := "1001:1001 /home/ann/.config\n1001:1001 /home/ann/.config/a\n1001:1001 /home/ann/.config/a/x\n0:0 /home\n1003:1004 /home/new\n1003:1004 /home/new/b\n1003:1004 /home/new/b/x\n" +
			"33:33 /srv/web/c\n33:33 /srv/web/c/x\n0:0 /bin/d\n0:0 /bin/d/x\n0:0 /opt/e\n0:0 /opt/e/x\n0:0 /home/shared/deep/x\n0:0 /home/shared\n"
		for _, line := range strings.Split(strings.TrimSpace(want), "\n") {
			var uid, gid int
			var path string
			fmt.Sscanf(line, "%d:%d %s", &uid, &gid, &path)
			out, _ := g.run("/", "stat -c '%u:%g' "+g.path(path))
			if strings.TrimSpace(out)+" "+path != line {
				t.Errorf("%s, not %s", strings.TrimSpace(out), line)
			}
		}
	})
}

// TestWaitingFilesOfANewSync: a new sync ships everything again, so it forgets what an
// earlier one has kept.
func TestWaitingFilesOfANewSync(t *testing.T) {
	eachShell(t, func(t *testing.T, g *fakeGuest) {
		g.write("/etc/passwd", "root:x:0:0::/root:/bin/sh\n", 0o644)
		for _, keep := range []bool{false, true} {
			in := Input{SyncOnBoot: keep, Files: []File{file("replace", "/home/ann/old", "x")}}
			if g.sync(in) != 0 {
				t.Fatal(g.out, g.err)
			}
			in.Files = []File{file("replace", "/home/ann/new", "x")}
			if g.sync(in) != 0 || !strings.Contains(g.out, "1 waiting for ann") {
				t.Fatal(g.out, g.err)
			}
			out, s := g.run("/", "sh "+g.path(SyncPath)+" settle")
			if s != 0 || !strings.Contains(out, "waits user ann /home/ann/new\n") || strings.Contains(out, "old") {
				t.Errorf("status %d: %s", s, out)
			}
			if _, err := os.Stat(g.path("/home")); err == nil {
				t.Error("the home is there")
			}
		}
	})
}
