package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/api"
	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
	"github.com/infrahaus/infrahaus/internal/sandbox/driver/fake"
	"github.com/infrahaus/infrahaus/internal/sandbox/node"
	"github.com/infrahaus/infrahaus/internal/sandbox/ocitest"
)

// TestReplies sends every request that was recorded from genuine Proxmox VE 8.4 and 9.2 to
// the sandbox of that version, in the recorded order. It compares status, reason, errors,
// Connection header and the shape of the body: the same keys with the same JSON types.
// Process ids, times, sizes and digests may differ.
func TestReplies(t *testing.T) {
	for _, profile := range node.Profiles() {
		t.Run(profile.Name, func(t *testing.T) {
			p := newPlayer(t, profile)
			for _, r := range p.records {
				t.Run(r.Name, func(t *testing.T) {
					if why := skipped(r.Name, profile.Major); why != "" {
						t.Skip(why)
					}
					p.before(t, r)
					p.play(t, r)
					p.node.Faults().Clear(driver.FaultNoAddress)
				})
			}
		})
	}
}

// skipped says why a recording is not compared, "" if it is.
func skipped(name string, major int) string {
	switch {
	case name == "start-while-creating-then":
		return "the recorded request came before the worker's first line on one node, after it on the other"
	case name == "cluster-status" && major == 9:
		return "the recorded node had its own address on another network than its bridge"
	case name == "rrd-less-list":
		return "the recorded node had done more before"
	case name == "clone-task-log":
		return "the recorded node lacked the program fuser, which Perl reports"
	}
	return ""
}

type record struct {
	Name    string
	Request struct {
		Method, Path string
		Params       map[string]any
		Auth         string
	}
	Response struct {
		Status                          int
		Reason, ContentType, Connection string
		Body                            any
	}
}

type player struct {
	records []record
	drv     *fake.Driver
	node    *node.Node
	url     string
	secret  map[string]string // by token
	ticket  string
	upids   map[string]string // recorded → ours
	extract chan struct{}     // closed: a create may continue
	key     string
	images  *ocitest.Registry
	sdn     string // privileges of a login on the bridges
}

func repliesDir() string {
	if d := os.Getenv("INFRAHAUS_PVE_REPLIES"); d != "" {
		return d
	}
	return filepath.Join("..", "..", "..", "..", "shared", "pve-replies")
}

// nodeOf returns the state that the recorded node of a version was in, and the file of its
// recordings.
func nodeOf(p node.Profile) (node.Options, string) {
	o := node.Options{
		Profile:      p,
		HAPause:      time.Hour, // no HA manager ran
		AddressDelay: -1,
		Broadcast:    -1, // the recording was made long after the events that it shows
		Faults:       driver.NewFaults(driver.Fault{Name: driver.FaultNoVLANs}),
	}
	local := node.Storage{ID: "local", Type: "dir", Content: strings.Split("backup,snippets,images,iso,vztmpl,rootdir", ","), Total: 270553174016, Used: 16 << 30}
	btr := node.Storage{ID: "btr", Type: "btrfs", Content: []string{"rootdir", "images"}, Total: 8 << 30, Used: 6 << 20}
	templates := "debian-12-standard_12.7-1_amd64.tar.zst debian-15-standard_15.0-1_amd64.tar.zst"
	o.Subnet = netip.MustParsePrefix("10.77.0.0/24")
	if p.Major == 9 {
		local.Content = append(local.Content, "import")
		templates = "bbhttpd_1.0.tar bbuser_1.0.tar debian-12-standard_12.12-1_amd64.tar.zst debian-13-standard_13.1-2_amd64.tar.zst " +
			"debian-oci_12.tar debian-sysd_12.tar debian_12.tar"
		o.Subnet, o.Bridges = netip.MustParsePrefix("10.79.0.0/24"), []string{"vmbr9"}
	}
	o.Storages = []node.Storage{local, btr}
	for name := range strings.FieldsSeq(templates) {
		o.Templates = append(o.Templates, node.Template{Volid: "local:vztmpl/" + name, Size: 76593389})
	}
	return o, map[int]string{8: "api.json", 9: "api-9.json"}[p.Major]
}

// inOrder moves requests to where they were made: some were kept back at first and then put
// at the end.
func inOrder(records []record) []record {
	before := [][2]string{
		{"ha-start", "ha-start-task-status"}, {"rollback-btr", "rollback-btr-task-status"}, {"clone", "clone-task-status"},
		{"oci-create-unknown-os", "oci-create-unknown-os-task-status"}, {"oci-config-unmanaged", "oci-start-unmanaged"},
		{"oci-config-debian", "oci-start-debian"}, {"oci-config-user-dhcp", "oci-start-user-dhcp"},
	}
	at := func(name string) int {
		return slices.IndexFunc(records, func(r record) bool { return r.Name == name })
	}
	for _, pair := range before {
		from, to := at(pair[0]), at(pair[1])
		if from > to && to >= 0 {
			r := records[from]
			records = slices.Insert(slices.Delete(records, from, from+1), to, r)
		}
	}
	return records
}

func newPlayer(t *testing.T, profile node.Profile) *player {
	options, name := nodeOf(profile)
	b, err := os.ReadFile(filepath.Join(repliesDir(), name))
	if err != nil {
		t.Skipf("no recorded replies: %v (INFRAHAUS_PVE_REPLIES names their folder)", err)
	}
	var file struct{ API []record }
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	p := &player{records: inOrder(file.API), drv: &fake.Driver{}, secret: map[string]string{}, upids: map[string]string{}, extract: make(chan struct{})}
	close(p.extract)
	p.drv.OnCreate = func(ctx context.Context, _ driver.Config, _ driver.Secrets, _ func(string)) error {
		select {
		case <-p.extract:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	options.Dir, options.Driver = t.TempDir(), p.drv
	p.withImages(t, options.Templates)
	n, err := node.Open(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	s, err := api.Serve(n, api.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	p.node, p.url = n, s.URL()
	p.key = publicKey(t)
	p.token(t, "root@pam!cli", false)
	if err := n.AddUser("lim@pve", "secret"); err != nil {
		t.Fatal(err)
	}
	p.ticket, _ = n.Ticket("root@pam")
	p.sdn = "SDN.Use"
	if profile.Major == 9 { // this node's ACL had an entry on the bridges from the beginning
		p.sdn = "SDN.Use SDN.Audit"
		p.token(t, "lim@pve!ci", false)
		p.limited(t, "enough privileges")
	}
	return p
}

func (p *player) token(t *testing.T, id string, privsep bool) {
	secret, err := p.node.AddToken(id, privsep)
	if err != nil {
		t.Fatal(err)
	}
	p.secret[id] = secret
}

const vmPrivs = "VM.Allocate VM.Audit VM.Config.CPU VM.Config.Memory VM.Config.Disk VM.Config.Network"

// limited gives lim@pve and its token the privileges of each recorded login.
func (p *player) limited(t *testing.T, login string) {
	acl := func(path, role, privs string) node.ACL {
		if err := p.node.AddRole(role, strings.Fields(privs)...); err != nil {
			t.Fatal(err)
		}
		return node.ACL{Path: path, Role: role, Propagate: true}
	}
	vms := acl("/vms", "vms", vmPrivs)
	storage := acl("/storage", "storage", "Datastore.AllocateSpace Datastore.Audit")
	sdn := acl("/sdn/zones/localnetwork", "sdn", p.sdn)
	has := map[string][]node.ACL{
		"token without any privilege":           nil,
		"VM privileges, no storage privilege":   {vms},
		"VM and storage privileges, no SDN.Use": {vms, storage},
		"enough privileges":                     {vms, storage, sdn},
		"no VM.PowerMgmt":                       {vms, storage, sdn},
		"token with some privileges":            {vms, storage, sdn},

		"enough privileges, but for Sys.Modify on /": {vms, storage, sdn},
	}
	acls, ok := has[login]
	if !ok {
		t.Fatalf("unknown login %q", login)
	}
	if p.secret["lim@pve!ci"] == "" {
		p.token(t, "lim@pve!ci", false)
	}
	if err := p.node.SetACL("lim@pve", acls...); err != nil {
		t.Fatal(err)
	}
}

// before repeats what happened between two recorded requests without being recorded. It
// holds the create's worker while recordings look at it.
func (p *player) before(t *testing.T, r record) {
	ctx := t.Context()
	switch r.Name {
	case "create":
		p.destroy(t, 100)
		p.extract = make(chan struct{})
	case "create-bad-bridge", "create-warnings", "create-unprivileged-left-out", "create-btr":
		p.destroy(t, 100)
	case "clone":
		p.destroy(t, 101)
	case "interfaces-right-after-start":
		p.node.Faults().Add(driver.Fault{Name: driver.FaultNoAddress})
	case "create-task-status":
		close(p.extract)
	case "shutdown":
		// Protection was removed again and the container restarted.
		if err := p.node.SetConfig(ctx, node.Root, 100, node.Params{"protection": "0"}); err != nil {
			t.Fatal(err)
		}
	case "stop":
		// Between shutdown and stop the container was started.
		p.settle(t)
		upid, err := p.node.Start(ctx, node.Root, 100, nil)
		if err != nil {
			t.Fatal(err)
		}
		p.follow(t, upid)
	}
	p.beforeImages(t, r.Name)
	if r.Name == "create-warnings" && p.node.Profile().Major == 9 {
		p.addTemplate(t, "debian-15-standard_15.0-1_amd64.tar.zst")
	}
	if r.Name == "put-env" { // an entrypoint was set before
		if err := p.node.SetConfig(ctx, node.Root, 100, node.Params{"entrypoint": "/bin/sh"}); err != nil {
			t.Fatal(err)
		}
	}
	if strings.HasSuffix(r.Name, "-task-status") || strings.HasSuffix(r.Name, "-exists") || strings.HasSuffix(r.Name, "-stopped") {
		p.settle(t)
	}
	if r.Name == "start-while-creating-then" {
		p.waitLog(t, p.ours(r.Request.Path))
	}
}

func (p *player) addTemplate(t *testing.T, file string) {
	if err := p.node.AddTemplate(node.Template{Volid: "local:vztmpl/" + file, Size: 1}); err != nil {
		t.Fatal(err)
	}
}

func (p *player) destroy(t *testing.T, vmid int) {
	p.settle(t)
	if p.node.Exists(vmid) != nil {
		return
	}
	upid, err := p.node.Destroy(t.Context(), node.Root, vmid, node.Params{"force": "1"})
	if err != nil {
		t.Fatal(err)
	}
	p.follow(t, upid)
}

// settle waits until every started task has ended.
func (p *player) settle(t *testing.T) {
	for _, upid := range p.upids {
		p.follow(t, upid)
	}
}

func (p *player) follow(t *testing.T, upid string) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	if _, err := p.node.Follow(ctx, upid, func(string) {}); err != nil {
		t.Fatalf("task %s: %v", upid, err)
	}
}

func (p *player) waitLog(t *testing.T, path string) {
	upid := strings.Split(path, "/")[4]
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	_, _ = p.node.Follow(ctx, upid, func(string) { cancel() })
}

// ours replaces recorded task ids by ours.
func (p *player) ours(s string) string {
	for theirs, ours := range p.upids {
		s = strings.ReplaceAll(s, theirs, ours)
	}
	return s
}

func (p *player) play(t *testing.T, r record) {
	resp := p.send(t, r)
	body := p.theirs(resp.body)
	resp.reason = string(p.theirs([]byte(resp.reason)))
	if resp.status != r.Response.Status || resp.reason != r.Response.Reason {
		t.Errorf("got %d %s\nwant %d %s", resp.status, resp.reason, r.Response.Status, r.Response.Reason)
	}
	if kind := resp.header.Get("Content-Type"); kind != r.Response.ContentType {
		t.Errorf("content type %q, want %q", kind, r.Response.ContentType)
	}
	if conn := strings.Join(resp.header.Values("Connection"), ", "); conn != r.Response.Connection {
		t.Errorf("connection %q, want %q", conn, r.Response.Connection)
	}
	if s, ok := r.Response.Body.(string); ok {
		if string(body) != s {
			t.Errorf("body %q, want %q", body, s)
		}
		return
	}
	var got any
	if err := json.Unmarshal(body, &got); err != nil {
		t.Fatalf("body %q: %v", body, err)
	}
	p.compare(t, r, got.(map[string]any), r.Response.Body.(map[string]any))
}

func (p *player) send(t *testing.T, r record) reply {
	v := url.Values{}
	for k, x := range r.Request.Params {
		s := strings.ReplaceAll(fmt.Sprint(x), "ssh-ed25519 <public key> root@vm", p.key)
		s = strings.ReplaceAll(s, theirRegistry, p.images.Host())
		v.Set(k, s)
	}
	target, form := p.url+"/api2/json"+p.ours(r.Request.Path), ""
	if r.Request.Method == "POST" || r.Request.Method == "PUT" {
		form = v.Encode()
	} else if len(v) > 0 {
		target += "?" + v.Encode()
	}
	req, err := http.NewRequestWithContext(t.Context(), r.Request.Method, target, strings.NewReader(form))
	if err != nil {
		t.Fatal(err)
	}
	if form != "" {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	switch auth := r.Request.Auth; auth {
	case "none":
	case "token":
		req.Header.Set("Authorization", "PVEAPIToken=root@pam!cli="+p.secret["root@pam!cli"])
	case "wrong secret":
		req.Header.Set("Authorization", "PVEAPIToken=root@pam!cli=00000000-0000-0000-0000-000000000000")
	case "ticket, no CSRF token":
		req.AddCookie(&http.Cookie{Name: "PVEAuthCookie", Value: url.QueryEscape(p.ticket)})
	default:
		p.limited(t, auth)
		req.Header.Set("Authorization", "PVEAPIToken=lim@pve!ci="+p.secret["lim@pve!ci"])
	}
	return exchange(t, req)
}

func special(roles any) any {
	own := func(r any) bool { return r.(map[string]any)["special"] != 1.0 }
	return slices.DeleteFunc(roles.([]any), own)
}

func (p *player) compare(t *testing.T, r record, got, want map[string]any) {
	g, w := shape(got), shape(want)
	switch r.Name {
	case "permissions-root-token", "aplinfo":
		// A partial recording: everything that was recorded must be there.
		if missing := lacks(got["data"], want["data"]); missing != "" {
			t.Errorf("lacks %s", missing)
		}
		return
	}
	if r.Name == "roles" { // without those that the recorded node had of its own
		got["data"], want["data"] = special(got["data"]), special(want["data"])
		g, w = shape(got), shape(want)
	}
	if !sameShape(g, w) {
		t.Errorf("shape of the body:\ngot  %v\nwant %v\nbody %v", g, w, got)
	}
	for _, k := range []string{"message", "errors", "total"} {
		if fmt.Sprint(got[k]) != fmt.Sprint(want[k]) {
			t.Errorf("%s is %v, want %v", k, got[k], want[k])
		}
	}
	p.compareData(t, r, got["data"], want["data"])
}
