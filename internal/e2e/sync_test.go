//go:build e2e

package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// drifted is the part of `sync --plan --json` that tests need: everything that would
// change, with its state.
type drifted struct {
	Settings  []struct{ Name, Have string }
	Files     []struct{ Target, State string }
	Packages  []struct{ Spec, State string }
	Scripts   []struct{ Name, State string }
	Conflicts []string
}

// drift returns all differences in one line: "NAME is STATE".
func (u *user) drift(name string) string {
	u.t.Helper()
	var d drifted
	if err := json.Unmarshal([]byte(u.run("sync", name, "--plan", "--json").stdout), &d); err != nil {
		u.t.Fatal(err)
	}
	var out []string
	add := func(name, state string) {
		if state != "same" {
			out = append(out, name+" is "+state)
		}
	}
	for _, s := range d.Settings {
		add(s.Name, s.Have)
	}
	for _, f := range d.Files {
		add(f.Target, f.State)
	}
	for _, p := range d.Packages {
		add(p.Spec, p.State)
	}
	for _, s := range d.Scripts {
		add(s.Name, s.State)
	}
	if len(d.Conflicts) > 0 {
		out = append(out, "refused: "+strings.Join(d.Conflicts, " "))
	}
	return strings.Join(out, ", ")
}

// mustDrift checks the result of drift.
func (u *user) mustDrift(name, want string) {
	u.t.Helper()
	if got := u.drift(name); got != want {
		u.t.Errorf("sync --plan says %q, not %q", got, want)
	}
}

// site is a template that changes after its container was made.
type site struct {
	u    *user
	name string
	dir  string
	ctid int
}

const siteYAML = `name: site
os: debian-12
resources: {memory: 512}
files:
  - {source: a.conf, target: /etc/app/a.conf, policy: replace}
  - {source: b.conf, target: /etc/app/b.conf, policy: replace}
  - {source: c.conf, target: /etc/app/c.conf, policy: default}
`

func newSite(u *user, name string) *site {
	dir := writeTemplate(u.t, siteYAML, map[string]string{"10-first.sh": "echo first >>/root/effects\n", "20-second.sh": "echo second >>/root/effects\n"})
	s := &site{u: u, name: name, dir: dir}
	s.write("files/a.conf", "a 1\n")
	s.write("files/b.conf", "b 1\n")
	s.write("files/c.conf", "c 1\n")
	s.ctid = u.create(name, "--template", dir).CTID
	return s
}

// write changes the template.
func (s *site) write(name, text string) { writeFiles(s.u.t, s.dir, map[string]string{name: text}) }

// says checks a command's output in the guest.
func (s *site) says(script, want string) {
	s.u.t.Helper()
	if got := s.u.node.in(s.u.t, s.ctid, script); got != want {
		s.u.t.Errorf("%s: %q, not %q", script, got, want)
	}
}

// snapshots are the names on the node.
func (s *site) snapshots() string {
	s.u.t.Helper()
	var names []string
	for line := range strings.Lines(s.u.node.must(s.u.t, "pct listsnapshot %d", s.ctid)) {
		for _, word := range strings.Fields(line) {
			if strings.HasPrefix(word, "infrahaus-") {
				names = append(names, word)
			}
		}
	}
	return strings.Join(names, " ")
}

// inOrder checks that a sync has left nothing to do and no snapshot.
func (s *site) inOrder(status string) {
	s.u.t.Helper()
	s.u.mustDrift(s.name, status)
	if got := s.snapshots(); got != "" {
		s.u.t.Errorf("snapshots are left: %s", got)
	}
	if r := s.u.listed(s.name, "--check"); r.Status != "ready" || len(r.Differs) > 0 {
		s.u.t.Errorf("list --check says %+v", r)
	}
}

// TestSync makes a template and its container differ in every way, and syncs them.
func TestSync(t *testing.T) {
	byTransport(t, func(u *user, transport string) {
		s := newSite(u, "drifting-"+transport)
		s.inOrder("")
		if r := u.run("sync", s.name, "--json"); !strings.Contains(r.stdout, "Nothing differs from the template") || len(decode(t, r.stdout)) == 0 {
			u.t.Errorf("a sync of what is the same says\n%s", r.stdout)
		}
		switch transport {
		case "guest":
			editedFile(s)
			conflicts(s)
		case "node":
			scripts(s)
		case "api":
			packages(s)
			settings(s)
			parts(s)
		}
	})
}

// editedFile: with the policy to replace, an edit is undone and a copy kept. With the
// policies that leave a file to the guest, it stays.
func editedFile(s *site) {
	s.u.node.in(s.u.t, s.ctid, "echo mine >>/etc/app/a.conf; echo mine >>/etc/app/c.conf; rm /etc/app/b.conf")
	s.u.mustDrift(s.name, "/etc/app/a.conf is edited, /etc/app/b.conf is missing, /etc/app/c.conf is edited")
	s.u.run("sync", s.name)
	s.says("cat /etc/app/a.conf /etc/app/b.conf /etc/app/c.conf; cat /etc/app/a.conf.backup-*", "a 1\nb 1\nc 1\nmine\na 1\nmine\n")
	s.says("cat /root/effects", "first\nsecond\n")
	s.inOrder("/etc/app/c.conf is edited")
	s.u.node.in(s.u.t, s.ctid, "rm /etc/app/*.backup-*")
}

// conflicts: if the template changed an edited file too, the sync is refused without any
// change; --take settles it.
func conflicts(s *site) {
	u := s.u
	u.node.in(u.t, s.ctid, "echo mine >/etc/app/a.conf")
	s.write("files/a.conf", "a 2\n")
	s.write("files/b.conf", "b 2\n")
	const found = "/etc/app/a.conf is conflict, /etc/app/b.conf is changed, /etc/app/c.conf is edited"
	u.mustDrift(s.name, found+", refused: /etc/app/a.conf")
	r := u.try("sync", s.name, "--json")
	events := decode(u.t, r.stdout)
	last := events[len(events)-1]
	if r.status != 5 || !strings.Contains(last.Message, "/etc/app/a.conf") || !strings.Contains(last.Message, "nothing was changed") || !strings.Contains(last.Hint, "--take") {
		u.t.Errorf("exit status %d: %q, %q", r.status, last.Message, last.Hint)
	}
	s.says("cat /etc/app/a.conf /etc/app/b.conf; ls /etc/app", "mine\nb 1\na.conf\nb.conf\nc.conf\n")
	s.inOrder(found + ", refused: /etc/app/a.conf")

	u.run("sync", s.name, "--take", "guest")
	s.says("cat /etc/app/a.conf /etc/app/b.conf; ls /etc/app", "mine\nb 2\na.conf\nb.conf\nc.conf\n")
	s.inOrder("/etc/app/a.conf is kept, /etc/app/c.conf is edited")
	u.run("sync", s.name) // no conflict any more

	s.write("files/a.conf", "a 3\n")
	u.mustDrift(s.name, "/etc/app/a.conf is conflict, /etc/app/c.conf is edited, refused: /etc/app/a.conf")
	u.run("sync", s.name, "--take", "template")
	s.says("cat /etc/app/a.conf; cat /etc/app/a.conf.backup-*", "a 3\nmine\n")
	s.inOrder("/etc/app/c.conf is edited")
}

// scripts: changed and new ones run, unchanged ones do not, and removed ones are named. A
// failed one leaves a snapshot, and --rollback goes back to it.
func scripts(s *site) {
	u := s.u
	s.write("scripts/20-second.sh", "echo second again >>/root/effects\n")
	s.write("scripts/30-third.sh", "echo third >>/root/effects\n")
	u.mustDrift(s.name, "20-second.sh is changed, 30-third.sh is new")
	u.run("sync", s.name)
	const done = "first\nsecond\nsecond again\nthird\n"
	s.says("cat /root/effects", done)
	s.inOrder("")

	s.write("files/b.conf", "b 2\n")
	s.write("scripts/40-fails.sh", "echo harm >>/root/effects\nrm /etc/app/a.conf\nexit 3\n")
	r := u.try("sync", s.name, "--json")
	last := u.failed(s.name, r, 5)
	if !strings.Contains(last.Hint, "infrahaus sync "+s.name+" --rollback") || s.snapshots() == "" {
		u.t.Errorf("the way back is not told: %q; snapshots %q", last.Hint, s.snapshots())
	}
	s.says("cat /root/effects /etc/app/b.conf", done+"harm\nb 2\n")
	u.run("sync", s.name, "--rollback", "--yes")
	s.says("cat /root/effects /etc/app/a.conf /etc/app/b.conf", done+"a 1\nb 1\n")
	s.inOrder("/etc/app/b.conf is changed, 40-fails.sh is new")
	s.write("files/b.conf", "b 1\n")
	s.write("scripts/40-fails.sh", "echo mended >>/root/effects\n")
	if err := os.Remove(filepath.Join(s.dir, "scripts/30-third.sh")); err != nil {
		u.t.Fatal(err)
	}
	u.mustDrift(s.name, "40-fails.sh is new, 30-third.sh is removed")
	if r := u.run("sync", s.name, "--json"); !strings.Contains(r.stdout, "30-third.sh") {
		u.t.Errorf("what the template no longer has is not named:\n%s", r.stdout)
	}
	s.says("cat /root/effects", done+"mended\n")
	s.inOrder("")
}

// packages: a missing one is installed.
func packages(s *site) {
	u := s.u
	s.write("template.yaml", siteYAML+repository(u.t, s.dir))
	u.run("sync", s.name)
	s.inOrder("")
	s.write("packages/site.apt", fromFolder+"\n")
	u.mustDrift(s.name, fromFolder+" is missing")
	u.run("sync", s.name)
	u.installed(s.ctid, fromFolder)
	u.node.in(u.t, s.ctid, "apt-get remove -y -q "+fromFolder)
	u.mustDrift(s.name, fromFolder+" is missing")
	u.run("sync", s.name)
	u.installed(s.ctid, fromFolder)
	s.inOrder("")
}

// settings: the memory is mended at once, the hostname in the guest by a restart.
func settings(s *site) {
	u := s.u
	u.node.must(u.t, "pct set %d --memory 300 --hostname drifted", s.ctid)
	u.mustDrift(s.name, "memory is 300 MiB, hostname is drifted")
	u.node.must(u.t, "pct reboot %d", s.ctid)
	s.says("hostname", "drifted\n")
	u.run("sync", s.name, "--restart")
	s.says("hostname", s.name+"\n")
	if got := u.node.must(u.t, "pct config %d", s.ctid); !strings.Contains(got, "memory: 512\n") {
		u.t.Errorf("the node has\n%s", got)
	}
	s.inOrder("")
}

// parts: a further interface, a larger disk, a mount point and a feature, which the guest has
// after the restart that some of them need.
func parts(s *site) {
	u := s.u
	text, err := os.ReadFile(filepath.Join(s.dir, "template.yaml"))
	if err != nil {
		u.t.Fatal(err)
	}
	more := strings.Replace(string(text), "resources: {memory: 512}", "resources: {memory: 512, disk: 9}\nnetwork: [{}, {ip: 10.99.7.2/24}]\nmounts: [{path: /srv/data, size: 1}]\nfeatures: {nesting: true}", 1)
	was := u.node.must(u.t, "pct config %d", s.ctid)
	s.write("template.yaml", more)
	want := "disk is 8 GiB, network eth1 is , mount /srv/data is "
	if !strings.Contains(was, "nesting=1") {
		want = "disk is 8 GiB, features is , network eth1 is , mount /srv/data is "
	}
	u.mustDrift(s.name, want)
	u.run("sync", s.name, "--restart")
	s.says("ip -4 -o addr show dev eth1 | grep -o 'inet [0-9./]*'; test -d /srv/data && echo mounted", "inet 10.99.7.2/24\nmounted\n")
	got := u.node.must(u.t, "pct config %d", s.ctid)
	for _, line := range []string{"size=9G", "nesting=1", "mp=/srv/data,size=1G"} {
		if !strings.Contains(got, line) {
			u.t.Errorf("the node has no %s in\n%s", line, got)
		}
	}
	s.inOrder("")

	// Somebody takes the address and the feature away by hand.
	net1 := ""
	for line := range strings.Lines(got) {
		if rest, ok := strings.CutPrefix(line, "net1: "); ok {
			net1 = strings.Replace(strings.TrimSpace(rest), "ip=10.99.7.2/24", "ip=10.99.7.9/24", 1)
		}
	}
	u.node.must(u.t, "pct shutdown %d && pct set %d --net1 %s --delete features && pct start %d", s.ctid, s.ctid, net1, s.ctid)
	u.mustDrift(s.name, "features is , network eth1 is IPv4 10.99.7.9/24")
}
