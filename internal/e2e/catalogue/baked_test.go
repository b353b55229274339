//go:build e2e

package catalogue

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/infrahaus/infrahaus/internal/template"
	"github.com/infrahaus/infrahaus/templates"
)

// identities are what no two containers may share, by template: a command that prints it.
var identities = map[string]string{
	"postgresql": `for d in /var/lib/postgresql/*/main; do /usr/lib/postgresql/*/bin/pg_controldata "$d"; done | grep 'system identifier'`,
	"mariadb":    `mariadb -Ne 'select authentication_string from mysql.user where user = "app"'; cat /var/lib/mysql/ib_logfile0 | head -c 1024 | sha256sum`,
	"rabbitmq":   `cat /var/lib/rabbitmq/.erlang.cookie`,
	"samba":      `net getlocalsid`,
	"docker":     `docker info -f '{{.ID}}'`,
	"git-server": `cat /etc/git-server/admin.pub`,
	"wireguard":  `cat /etc/wireguard/*.key /etc/wireguard/wg0.conf | grep -v '^#' | sort -u | grep -i key`,
}

// TestBaked makes an image of every template that has something to bake, and two containers
// from each. They share nothing that must be a container's own, and neither runs a service
// before its settings are there. INFRAHAUS_BAKE has the names of templates, separated by commas,
// or all; without it, inCI are tested.
func TestBaked(t *testing.T) {
	node := serve(t)
	t.Run("hello", func(t *testing.T) {
		status, _, said, _ := node.try("template", "bake", "hello")
		if status != 2 || !strings.Contains(said, "it has neither packages nor scripts with stage: image") {
			t.Errorf("exit status %d: %s", status, said)
		}
		node.run(t, "create", "bare", "--template", "hello")
	})
	osTemplate := sumsOf(t, lower(t, "bare"))
	entries, err := fs.ReadDir(templates.FS, ".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if name := e.Name(); name != "hello" && wanted(name) {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				b := &baked{t: t, node: node, name: name, osTemplate: osTemplate}
				b.run()
			})
		}
	}
}

// inCI are templates whose packages make identities of their own. The others are cleaned by the
// same means; `INFRAHAUS_BAKE=all` takes some ten minutes.
var inCI = []string{"docker", "git-server", "mariadb", "postgresql", "rabbitmq", "redis", "samba"}

// wanted reports whether a template is tested.
func wanted(name string) bool {
	list := os.Getenv("INFRAHAUS_BAKE")
	if list == "" {
		return slices.Contains(inCI, name)
	}
	return list == "all" || slices.Contains(strings.Split(list, ","), name)
}

// baked is the test of one template.
type baked struct {
	t          *testing.T
	node       *served
	name       string
	osTemplate map[string]string // what the OS template has, with its checksums
}

func (b *baked) run() {
	t := b.t
	began := time.Now()
	lap := func(what string) {
		t.Logf("%6.1f s  %s", time.Since(began).Seconds(), what)
		began = time.Now()
	}
	b.bake()
	lap("bake")
	names := []string{b.name + "-a", b.name + "-b"}
	var both sync.WaitGroup
	for _, name := range names {
		both.Go(func() {
			args := []string{"create", name, "--template", b.name}
			if b.name == "wireguard" && !wireguard() {
				args = append(args, "--set", "need_kernel=false")
			}
			status, _, said, err := b.node.try(args...)
			if err != nil || !strings.Contains(said, "baked image local:vztmpl/infrahaus-") {
				t.Errorf("create %s: exit status %d\n%s", name, status, said)
			}
		})
	}
	both.Wait()
	if t.Failed() {
		return
	}
	lap("create of two")
	for _, name := range names {
		b.waited(name)
		b.answers(name)
	}
	lap("answers")
	b.own(names[0], names[1])
	b.compare(names[0], names[1])
	lap("compare")
	for _, name := range names {
		b.node.run(t, "destroy", name, "--yes")
	}
	lap("destroy")
}

// byNode are templates whose image the node packs.
var byNode = []string{"redis"}

// bake makes the image.
func (b *baked) bake() {
	node, want := b.node, "Uploading infrahaus-"
	if slices.Contains(byNode, b.name) {
		node, want = node.by("node"), "The node has put infrahaus-"
	}
	status, _, said, err := node.try("template", "bake", b.name)
	if err != nil || !strings.Contains(said, want) {
		b.t.Fatalf("bake: exit status %d\n%s", status, said)
	}
}

// answers runs the template's own tests in a container.
func (b *baked) answers(name string) {
	t := b.t
	dir := filepath.Join(t.TempDir(), "tests")
	sub, err := fs.Sub(templates.FS, b.name+"/tests")
	if err == nil {
		err = os.CopyFS(dir, sub)
	}
	if err != nil {
		t.Fatal(err)
	}
	tpl, err := template.Find(b.name, []template.Source{{FS: templates.FS}})
	if err != nil {
		t.Fatal(err)
	}
	values, err := tpl.Resolve(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	env := ""
	for _, v := range values.All() {
		if !v.Pending {
			env += fmt.Sprintf("export %s=%s %s=%s\n", v.Name, quote(v.Text), template.EnvName(v.Name), quote(v.Text))
		}
	}
	if b.name == "wireguard" {
		env += "export need_kernel=" + strconv.FormatBool(wireguard()) + " NEED_KERNEL=" + strconv.FormatBool(wireguard()) + "\n"
	}
	if err := os.WriteFile(filepath.Join(dir, ".environment"), []byte(env), 0o600); err != nil {
		t.Fatal(err)
	}
	b.node.run(t, "cp", "--recursive", dir, name+":/var/tmp/tests")
	script := `cd /var/tmp/tests; chmod 0755 ./*.sh; . ./.environment; for s in ./*.sh; do $s || { echo "$s: $?"; exit 1; }; done; rm -rf /var/tmp/tests`
	if status, out, said, err := b.node.try("exec", name, "--", "sh", "-c", script); err != nil {
		t.Errorf("%s: its tests: exit status %d\n%s%s", name, status, out, said)
	}
}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// own compares what both containers must have and may not share.
func (b *baked) own(one, two string) {
	t := b.t
	commands := map[string]string{
		"machine id": "cat /etc/machine-id",
		"root":       "sed -n 's/^root:\\([^:]*\\):.*/\\1/p' /etc/shadow",
	}
	for _, kind := range []string{"rsa", "ecdsa", "ed25519"} {
		commands["host key "+kind] = "cut -d' ' -f2 /etc/ssh/ssh_host_" + kind + "_key.pub"
	}
	if c := identities[b.name]; c != "" {
		commands["identity"] = c
	}
	for what, command := range commands {
		x, y := b.node.run(t, "exec", one, "--", "sh", "-c", command), b.node.run(t, "exec", two, "--", "sh", "-c", command)
		if strings.TrimSpace(x) == "" || x == y {
			t.Errorf("%s: %q in one, %q in the other", what, x, y)
		}
	}
	for value, name := range b.credentials(one) {
		if other := b.credentials(two)[value]; other != "" {
			t.Errorf("both have the same credential: %s and %s", name, other)
		}
	}
}

// public are credentials that say nothing secret.
var public = []string{"USER", "PORT", "DATABASE", "SHARE", "HOST", "URL", "FINGERPRINT"}

// credentials are the secrets of a container, with the names that they have.
func (b *baked) credentials(name string) map[string]string {
	var sealed []struct {
		Service string
		Values  map[string]string
	}
	if err := json.Unmarshal([]byte(b.node.run(b.t, "credentials", name, "--reveal", "--json")), &sealed); err != nil {
		b.t.Fatal(err)
	}
	found := map[string]string{}
	for _, s := range sealed {
		for k, v := range s.Values {
			if !slices.ContainsFunc(public, func(p string) bool { return strings.HasSuffix(k, p) }) {
				found[v] = s.Service + " " + k
			}
		}
	}
	return found
}

// waited checks that nothing that packages have brought has run before the tool came. The OS
// template has the unit of what has. What each container makes of its own is made once
// systemd-tmpfiles, which empties /tmp, has ended.
func (b *baked) waited(name string) {
	t := b.t
	came, err := strconv.ParseFloat(strings.TrimSpace(b.node.run(t, "exec", name, "--", "stat", "-c", "%.9Z", "/etc/config-manager/config.env")), 64)
	if err != nil {
		t.Fatal(err)
	}
	log := b.units(name)
	begun := func(id, unit string) int {
		return slices.IndexFunc(log, func(e unitEvent) bool { return e.ID == id && e.Unit == unit })
	}
	emptied, first := begun(unitStarted, "systemd-tmpfiles-setup.service"), begun(unitStarts, "infrahaus-first-boot.service")
	if emptied < 0 || first < emptied {
		t.Errorf("%s: in its journal, systemd-tmpfiles ended at line %d, and the first boot began at line %d", name, emptied, first)
	}
	for _, e := range log {
		kind := filepath.Ext(e.Unit)
		if e.ID != unitStarted || strings.Contains(e.Message, " was skipped ") || e.at >= came || (kind != ".service" && kind != ".socket") {
			continue
		}
		unit := e.Unit
		if stem, _, ok := strings.Cut(unit, "@"); ok {
			unit = stem + "@" + kind
		}
		if b.osTemplate["/usr/lib/systemd/system/"+unit] == "" && unit != "infrahaus-first-boot.service" {
			t.Errorf("%s: %s ran before its settings were there", name, unit)
		}
	}
}

// Marks of systemd's journal: a unit begins to start, and it has started or a condition has kept
// it from that.
const (
	unitStarts  = "7d4958e842da4a758f6c1cdc7b36dcc5"
	unitStarted = "39f53479d3a045ac8e11786248231fbf"
)

// unitEvent is a line of the journal about a unit.
type unitEvent struct {
	ID      string `json:"MESSAGE_ID"`
	Unit    string `json:"UNIT"`
	Message string `json:"MESSAGE"`
	Time    string `json:"__REALTIME_TIMESTAMP"` // microseconds
	at      float64
}

// units are the starts of units since a container has booted, in their order.
func (b *baked) units(name string) []unitEvent {
	var log []unitEvent
	for line := range strings.Lines(b.node.run(b.t, "exec", name, "--", "journalctl", "-b", "-o", "json", "MESSAGE_ID="+unitStarts, "MESSAGE_ID="+unitStarted)) {
		var e unitEvent
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			continue // a message with bytes that are no text
		}
		us, err := strconv.ParseFloat(e.Time, 64)
		if err != nil {
			b.t.Fatal(err)
		}
		e.at = us / 1e6
		log = append(log, e)
	}
	return log
}
