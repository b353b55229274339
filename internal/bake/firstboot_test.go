package bake

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// container is a root file system in which a baked image starts for the first time. The folder
// bin is all that its scripts have as PATH.
type container struct {
	t    *testing.T
	root string
	bin  string
}

func newContainer(t *testing.T) *container {
	t.Helper()
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("no sh")
	}
	c := &container{t: t, root: t.TempDir()}
	c.bin = filepath.Join(c.root, "bin")
	for _, name := range []string{"sh", "rm", "mv", "rmdir", "cat", "sleep"} {
		real, err := exec.LookPath(name)
		if err != nil {
			t.Skip("no " + name)
		}
		c.program(name, `exec `+real+` "$@"`)
	}
	c.write("var/lib/infrahaus/first-boot", c.here(firstBootScript))
	c.write("var/lib/infrahaus/settle", settle)
	c.write("var/lib/infrahaus/services", "web.service\n")
	return c
}

// here returns a script whose paths and PATH are those of the container.
func (c *container) here(script string) string {
	script = strings.ReplaceAll(script, "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", c.bin)
	for _, dir := range []string{"/var/lib/infrahaus", "/etc/", "/run/systemd"} {
		script = strings.ReplaceAll(script, dir, c.root+dir)
	}
	return script
}

func (c *container) write(path, text string) {
	c.t.Helper()
	path = filepath.Join(c.root, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		c.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
		c.t.Fatal(err)
	}
}

func (c *container) program(name, text string) { c.write("bin/"+name, "#!/bin/sh\n"+text+"\n") }

// run runs a script of the container, and returns what it prints and whether it has succeeded.
func (c *container) run(path string, args ...string) (string, bool) {
	c.t.Helper()
	cmd := exec.Command("sh", append([]string{filepath.Join(c.root, path)}, args...)...)
	cmd.Env = []string{"PATH=" + c.bin}
	out, err := cmd.CombinedOutput()
	return string(out), err == nil
}

func (c *container) has(path string) bool {
	_, err := os.Lstat(filepath.Join(c.root, path))
	return err == nil
}

// A sync that looks right after the first start has ended sees how it has ended.
func TestFirstBoot(t *testing.T) {
	for name, test := range map[string]struct {
		anew string
		ok   bool
		said string
	}{
		"good":   {"echo own", true, ""},
		"failed": {"echo no entropy; false; echo unreached", false, "no entropy\ncould not make anew: web\n"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newContainer(t)
			c.write("var/lib/infrahaus/anew/web", test.anew)
			c.write("etc/systemd/system/infrahaus-first-boot.service", "")
			// A sync looks at each moment at which first-boot may have gone.
			for _, name := range []string{"rm", "mv"} {
				real, _ := exec.LookPath(name)
				c.program(name, real+` "$@"
[ -e "`+c.root+`/var/lib/infrahaus/first-boot" ] || [ -e "`+c.root+`/looked" ] || {
	sh "`+c.root+`/var/lib/infrahaus/settle" "`+c.root+`" >"`+c.root+`/looked" 2>&1
	echo "settled: $?" >>"`+c.root+`/looked"
}`)
			}
			if _, ok := c.run("var/lib/infrahaus/first-boot"); !ok {
				t.Error("the first boot's script itself has failed")
			}
			want := "settled: 0\n"
			if !test.ok {
				want = "the first start of the baked image has not ended well:\n" + test.said + "settled: 1\n"
			}
			if looked, err := os.ReadFile(c.root + "/looked"); err != nil || string(looked) != want {
				t.Errorf("a sync found %q, want %q (%v)", looked, want, err)
			}
			for _, path := range []string{"var/lib/infrahaus/first-boot", "var/lib/infrahaus/anew", "var/lib/infrahaus/log", "etc/systemd/system/infrahaus-first-boot.service"} {
				if c.has(path) {
					t.Errorf("%s is left", path)
				}
			}
			if c.has("var/lib/infrahaus/failed") == test.ok {
				t.Error("it has not kept how it has ended")
			}
		})
	}
}

// A first start that was killed makes everything once more.
func TestFirstBootAgain(t *testing.T) {
	c := newContainer(t)
	c.write("var/lib/infrahaus/anew/a", "echo a >>"+c.root+"/made")
	c.write("var/lib/infrahaus/anew/b", "echo b >>"+c.root+"/made\n[ -e "+c.root+"/twice ] || { : >"+c.root+"/twice; kill -9 $PPID; }")
	if _, ok := c.run("var/lib/infrahaus/first-boot"); ok || !c.has("var/lib/infrahaus/first-boot") {
		t.Fatal("it was not killed")
	}
	if said, ok := c.run("var/lib/infrahaus/first-boot"); !ok {
		t.Fatal(said)
	}
	if said, ok := c.run("var/lib/infrahaus/settle", c.root); !ok {
		t.Error(said)
	}
	if made, err := os.ReadFile(c.root + "/made"); err != nil || string(made) != "a\nb\na\nb\n" {
		t.Errorf("it made %q: %v", made, err)
	}
}

// A systemd that is busy is asked again. Services are not forgotten as long as they are held back.
func TestRelease(t *testing.T) {
	for name, test := range map[string]struct {
		busy int
		ok   bool
		log  string
	}{
		"at once":     {0, true, "reload\nstart web.service\n"},
		"busy":        {2, true, "reload\nreload\nreload\nstart web.service\n"},
		"always busy": {99, false, strings.Repeat("reload\n", 10)},
	} {
		t.Run(name, func(t *testing.T) {
			c := newContainer(t)
			c.write("run/systemd/system/x", "")
			c.write("etc/systemd/system/web.service.d/infrahaus-hold.conf", "")
			c.write("var/lib/infrahaus/release", c.here(release))
			c.program("sleep", "")
			c.program("systemctl", fmt.Sprintf(`case $1 in
daemon-reload) echo reload >>%[1]s/log
	n=0
	while read -r _; do n=$((n + 1)); done <%[1]s/log
	[ "$n" -gt %[2]d ] ;;
*) echo "$*" >>%[1]s/log ;;
esac`, c.root, test.busy))
			said, ok := c.run("var/lib/infrahaus/release")
			log, err := os.ReadFile(c.root + "/log")
			if ok != test.ok || err != nil || string(log) != test.log {
				t.Errorf("ok %t, %v: %s\n%s", ok, err, log, said)
			}
			if c.has("etc/systemd/system/web.service.d") || c.has("var/lib/infrahaus/services") == test.ok {
				t.Error("the services are not as they should be")
			}
			if !test.ok && !strings.Contains(said, "the services of packages are not started") {
				t.Errorf("it says %q", said)
			}
		})
	}
}
