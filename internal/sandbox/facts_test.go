package sandbox

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

// fact is one thing that was found out about genuine nodes, and how it shows here. Where
// on8 and on9 are the same, only on9 is given.
type fact struct {
	says     string
	see      func(*seer) string
	on8, on9 string
}

// facts are those that a request or a command shows, by version. heldElsewhere has the
// rest.
var facts = []fact{
	{"an unprivileged container is the default of 9", func(s *seer) string {
		s.create("hostname=a")
		return s.config("unprivileged")
	}, "-", "1"},
	{"a privileged one needs Sys.Modify on / in 9", func(s *seer) string {
		s.limited()
		return s.ask("POST", "/nodes/pve1/lxc", s.spec("unprivileged=0"))
	}, "200 OK", "403 Permission check failed (/, Sys.Modify)"},
	{"systemd without nesting is warned of in 9", func(s *seer) string {
		return s.create("unprivileged=1") + ", " + s.task("POST", "/nodes/pve1/lxc/100/status/start", "") + ", " + s.task("POST", "/nodes/pve1/lxc/100/status/reboot", "")
	}, "OK, OK, OK", "WARNINGS: 1, WARNINGS: 1, WARNINGS: 1"},
	{"entrypoint is a parameter of 9", func(s *seer) string {
		s.create("")
		return s.ask("PUT", "/nodes/pve1/lxc/100/config", "entrypoint=/bin/sh")
	}, "400 Parameter verification failed.", "200 OK"},
	{"ha-managed is a parameter of a create in 9", func(s *seer) string {
		return s.ask("POST", "/nodes/pve1/lxc", s.spec("ha-managed=1"))
	}, "400 Parameter verification failed.", "200 OK"},
	{"ha-managed is none of a change", func(s *seer) string {
		s.create("")
		return s.ask("PUT", "/nodes/pve1/lxc/100/config", "ha-managed=1")
	}, "", "400 Parameter verification failed."},
	{"host-managed is a key of netN in 9", func(s *seer) string {
		s.create("")
		return s.ask("PUT", "/nodes/pve1/lxc/100/config", "net1=name%3Deth1,bridge%3Dvmbr0,host-managed%3D1")
	}, "400 Parameter verification failed.", "200 OK"},
	{"variables of env are apart by NUL", func(s *seer) string {
		s.create("")
		s.ask("PUT", "/nodes/pve1/lxc/100/config", "env=A%3D1%00B%3Dtwo+words")
		return strings.ReplaceAll(s.config("env"), "\x00", "<NUL>")
	}, "-", "A=1<NUL>B=two words"},
	{"pressure figures are strings", func(s *seer) string {
		s.create("unprivileged=1&features=nesting%3D1")
		s.task("POST", "/nodes/pve1/lxc/100/status/start", "")
		return s.kinds("/nodes/pve1/lxc/100/status/current", "pressure") + "; " + s.kinds("/nodes/pve1/lxc", "pressure")
	}, "; ", "pressurecpufull string, pressurecpusome string, pressureiofull string, pressureiosome string, pressurememoryfull string, pressurememorysome string; " +
		"pressurecpufull string, pressurecpusome string, pressureiofull string, pressureiosome string, pressurememoryfull string, pressurememorysome string"},
	{"VM.Monitor is gone in 9", func(s *seer) string {
		return s.ask("POST", "/access/roles", "roleid=r&privs=VM.Monitor")
	}, "200 OK", "500 create role failed: invalid privilege 'VM.Monitor'"},
	{"VM.Replicate and VM.GuestAgent.* are new in 9", func(s *seer) string {
		return s.ask("POST", "/access/roles", "roleid=r&privs=VM.Replicate,VM.GuestAgent.Audit")[:3]
	}, "500", "200"},
	{"groups of HA are rules in 9", func(s *seer) string {
		return s.ask("GET", "/cluster/ha/groups", "")[:3] + " " + s.ask("GET", "/cluster/ha/rules", "")[:3]
	}, "200 501", "500 200"},
	{"a token's secret can be made anew in 9", func(s *seer) string {
		s.ask("POST", "/access/users/root@pam/token/again", "privsep=0")
		out := s.ask("PUT", "/access/users/root@pam/token/again", "regenerate=1")
		s.token = "root@pam!again=" + s.text("value")
		return out + ", " + s.ask("GET", "/nodes", "")[:3]
	}, "400 Parameter verification failed., 401", "200 OK, 200"},
	{"a token's comment can be deleted in 9", func(s *seer) string {
		s.ask("POST", "/access/users/root@pam/token/again", "comment=mine")
		s.ask("PUT", "/access/users/root@pam/token/again", "delete=comment")
		s.ask("GET", "/access/users/root@pam/token/again", "")
		return s.text("comment")
	}, "mine", ""},
	{"a token's name has two characters at least", func(s *seer) string {
		return s.ask("POST", "/access/users/root@pam/token/a", "")
	}, "", "400 Parameter verification failed."},
	{"nextid is a string", func(s *seer) string {
		s.ask("GET", "/cluster/nextid", "")
		return fmt.Sprintf("%T", s.data)
	}, "", "string"},
	{"the console's port is a string, and a token may have it", func(s *seer) string {
		s.create("unprivileged=1&features=nesting%3D1")
		s.task("POST", "/nodes/pve1/lxc/100/status/start", "")
		return s.kinds2("POST", "/nodes/pve1/lxc/100/termproxy", "port")
	}, "", "port string"},
	{"an address's prefix is a string", func(s *seer) string {
		s.create("unprivileged=1&features=nesting%3D1")
		s.task("POST", "/nodes/pve1/lxc/100/status/start", "")
		for range 100 {
			s.ask("GET", "/nodes/pve1/lxc/100/interfaces", "")
			if b, _ := json.Marshal(s.data); strings.Contains(string(b), `"prefix":"24"`) {
				return "string"
			}
			time.Sleep(20 * time.Millisecond)
		}
		return "none"
	}, "", "string"},
	{"cpulimit is a string", func(s *seer) string {
		s.create("cpulimit=0.5")
		return s.config("cpulimit") + " " + s.kinds("/nodes/pve1/lxc/100/config", "cpulimit")
	}, "", "0.5 cpulimit string"},
	{"tags come back lower-cased, sorted and once", func(s *seer) string {
		s.create("tags=B,a,A")
		return s.config("tags")
	}, "", "a;b"},
	{"the appliance index of 9.2 has every architecture, and the newest archive may be for another", func(s *seer) string {
		s.ask("GET", "/nodes/pve1/aplinfo", "")
		newest := ""
		for _, row := range s.data.([]any) {
			m := row.(map[string]any)
			if m["package"] == "debian-13-standard" && m["version"].(string) > newest[:min(len(newest), 6)] {
				newest = m["version"].(string) + " " + m["architecture"].(string)
			}
		}
		return newest
	}, "13.1-2 amd64", "13.6-1 arm64"},
	{"a Debian 13 archive makes a container", func(s *seer) string {
		s.task("POST", "/nodes/pve1/aplinfo", "storage=local&template=debian-13-standard_13.1-2_amd64.tar.zst")
		return s.task("POST", "/nodes/pve1/lxc", "vmid=100&unprivileged=1&features=nesting%3D1&storage=local-lvm&ostemplate=local:vztmpl/debian-13-standard_13.1-2_amd64.tar.zst")
	}, "", "OK"},
	{"a create with an id that is taken is refused at once", func(s *seer) string {
		s.create("")
		return s.ask("POST", "/nodes/pve1/lxc", s.spec(""))
	}, "", "500 CT 100 already exists on node 'pve1'"},
	{"vzdump has no maxfiles in 9", func(s *seer) string {
		s.create("")
		return s.ask("POST", "/nodes/pve1/vzdump", "vmid=100&maxfiles=1&storage=local")
	}, "200 OK", "400 Parameter verification failed."},
	{"interfaces of a stopped or unknown container are null", func(s *seer) string {
		return s.ask("GET", "/nodes/pve1/lxc/100/interfaces", "") + fmt.Sprint(s.data)
	}, "", "200 OK<nil>"},
	{"the node's version", func(s *seer) string {
		out, _, _ := remote(s.t, s.ssh, "pveversion", nil)
		return strings.Fields(out)[0]
	}, "pve-manager/8.4.21/2606ac850d46da29", "pve-manager/9.2.11/14a22df35955d97d"},
}

// heldElsewhere are the facts that need a fault, a crash or another clock: each with the
// test or session that holds it.
var heldElsewhere = map[string]string{
	"stop and start of an HA resource only ask":              "node TestHA",
	"a create worker that dies leaves the lock and the disk": "node TestCreateDies",
	"purge leaves that disk, destroy-unreferenced-disks not": "node TestCreateDies",
	"a worker that dies before it logs: unable to read tail": "session fail-worker-dies",
	"the first start after a rollback is slow":               "node TestSlowAfterRollback",
	"/feature needs VM.Audit only":                           "node TestSnapshotRefusals",
	"losers of a race for an id":                             "node TestCreateRace",
	"a node is unknown until pvestatd has reported":          "node TestResourcesAreLate",
	"what a console's client leaves behind":                  "sandbox TestConsoleShared",
	"pct exec, push and pull":                                "sandbox TestReplayNode",
	"status codes and texts":                                 "api TestReplies",
	"the product chooses its node's architecture":            "session architecture",
	"5.1 a raw status line and its message":                  "api TestWire",
	"5.2 401 with an empty body, 403, 500, 501, 595, 596":    "api TestWireFaults",
	"5.3 checks of a create in order, the lock, the cleanup": "node TestCreateRights",
	"5.3 start=1 makes a second task":                        "node TestCreateAndStart",
	"5.4 features by token and by root's ticket":             "node TestRootToken",
	"5.5 pages of a task's log, its last line":               "node TestTaskLogPages",
	"5.6 nextid reserves nothing":                            "node TestCreateRace",
	"5.7 addresses: late, link-local, docker0, old shapes":   "node TestAddressFaults",
	"5.8 booleans, rootfs, net0, description":                "node TestLifecycle",
	"5.9 pending values":                                     "node TestConfigChanges",
	"5.10 connections and killed workers":                    "api TestConnections",
}

func TestFacts(t *testing.T) {
	for _, version := range Versions() {
		for _, f := range facts {
			t.Run(version+" "+f.says, func(t *testing.T) {
				t.Parallel()
				want := f.on9
				if version == "8.4" && f.on8 != "" {
					want = f.on8
				}
				if got := strings.TrimSpace(f.see(newSeer(t, version))); got != strings.TrimSpace(want) {
					t.Errorf("%s, not %s", got, want)
				}
			})
		}
	}
}

// TestFactsHeld: each name is that of a test or a session.
func TestFactsHeld(t *testing.T) {
	tests := map[string]bool{}
	for dir, glob := range map[string]string{"sandbox": "*_test.go", "node": "node/*_test.go", "api": "api/*_test.go"} {
		files, err := filepath.Glob(glob)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(string(b)) {
				if name, ok := strings.CutPrefix(line, "func Test"); ok {
					name, _, _ = strings.Cut(name, "(")
					tests[dir+" Test"+name] = true
				}
			}
		}
	}
	for says, by := range heldElsewhere {
		session, ok := strings.CutPrefix(by, "session ")
		_, err := os.Stat("../../testdata/script/" + session + ".txtar")
		if ok && err != nil || !ok && !tests[by] {
			t.Errorf("%s: there is no %s", says, by)
		}
	}
}

// seer asks one sandbox.
type seer struct {
	t     *testing.T
	s     *Sandbox
	http  *http.Client
	ssh   *ssh.Client
	token string
	data  any // of the last answer
}

func newSeer(t *testing.T, version string) *seer {
	t.Helper()
	s := open(t, Options{Dir: t.TempDir(), PVE: version})
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}} //nolint:gosec // our own sandbox
	return &seer{t: t, s: s, http: client, ssh: login(t, s.Endpoint()), token: s.Endpoint().Token}
}

// ask sends a request and returns the status line of the answer.
func (s *seer) ask(method, path, form string) string {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.s.Endpoint().URL+"/api2/json"+path, strings.NewReader(form))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Authorization", "PVEAPIToken="+s.token)
	if form != "" {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := s.http.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	var body struct {
		Data any `json:"data"`
	}
	_ = json.Unmarshal(b, &body) // a 401 has no body
	s.data = body.Data
	return resp.Status
}

// task sends a request that starts a task, and returns how it ended.
func (s *seer) task(method, path, form string) string {
	s.t.Helper()
	status := s.ask(method, path, form)
	upid, ok := s.data.(string)
	if !ok {
		s.t.Fatal(method, path, status)
	}
	exit, err := s.s.Node().Follow(s.t.Context(), upid, func(string) {})
	if err != nil {
		s.t.Fatal(err)
	}
	return exit
}

func (s *seer) spec(more string) string {
	return "vmid=100&storage=local-lvm&ostemplate=local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst&net0=" +
		url.QueryEscape("name=eth0,bridge=vmbr0,ip=dhcp") + "&" + more
}

func (s *seer) create(more string) string {
	s.t.Helper()
	return s.task("POST", "/nodes/pve1/lxc", s.spec(more))
}

// config is a value of container 100's, "-" for none.
func (s *seer) config(key string) string {
	s.t.Helper()
	s.ask("GET", "/nodes/pve1/lxc/100/config", "")
	v, ok := s.data.(map[string]any)[key]
	if !ok {
		return "-"
	}
	return fmt.Sprint(v)
}

// text is a value of the last answer, "" for none.
func (s *seer) text(key string) string {
	m, _ := s.data.(map[string]any)
	v, _ := m[key].(string)
	return v
}

func (s *seer) kinds(path, prefix string) string { return s.kinds2("GET", path, prefix) }

// kinds2 are the keys of an answer with a prefix, and their types.
func (s *seer) kinds2(method, path, prefix string) string {
	s.t.Helper()
	s.ask(method, path, "")
	row := s.data
	if list, ok := row.([]any); ok && len(list) > 0 {
		row = list[0]
	}
	m, _ := row.(map[string]any)
	var out []string
	for k, v := range m {
		if strings.HasPrefix(k, prefix) {
			out = append(out, fmt.Sprintf("%s %T", k, v))
		}
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

// limited makes a token that may create containers, and nothing on /.
func (s *seer) limited() {
	s.t.Helper()
	for _, r := range [][3]string{
		{"POST", "/access/users", "userid=ci@pve"},
		{"POST", "/access/roles", "roleid=ct&privs=VM.Allocate,VM.Audit,VM.Config.Disk,VM.Config.Network,VM.Config.Memory,VM.Config.CPU,VM.Config.Options,Datastore.AllocateSpace,SDN.Use"},
		{"PUT", "/access/acl", "path=/vms&roles=ct&users=ci@pve"},
		{"PUT", "/access/acl", "path=/storage&roles=ct&users=ci@pve"},
		{"PUT", "/access/acl", "path=/sdn/zones/localnetwork&roles=ct&users=ci@pve"},
		{"POST", "/access/users/ci@pve/token/ci", "privsep=0"},
	} {
		if status := s.ask(r[0], r[1], r[2]); status != "200 OK" {
			s.t.Fatal(r, status)
		}
	}
	s.token = "ci@pve!ci=" + s.text("value")
}
