package node_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
	"github.com/infrahaus/infrahaus/internal/sandbox/driver/fake"
	"github.com/infrahaus/infrahaus/internal/sandbox/node"
)

const debian = "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst"

func open(t *testing.T, o node.Options) *node.Node {
	t.Helper()
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	if o.Driver == nil {
		o.Driver = &fake.Driver{}
	}
	if o.LockTimeout == 0 {
		o.LockTimeout = 50 * time.Millisecond
	}
	n, err := node.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	return n
}

func spec(vmid int, more ...string) node.Params {
	p := node.Params{
		"vmid": fmt.Sprint(vmid), "ostemplate": debian, "hostname": "web", "rootfs": "local-lvm:8", "unprivileged": "1",
		"features": "nesting=1", "net0": "name=eth0,bridge=vmbr0,ip=dhcp", "memory": "512",
	}
	for i := 0; i+1 < len(more); i += 2 {
		p[more[i]] = more[i+1]
	}
	return p
}

// finish follows a task and returns its log and exit status.
func finish(t *testing.T, n *node.Node, upid string, err error) (log []string, exit string) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	exit, err = n.Follow(ctx, upid, func(l string) { log = append(log, l) })
	if err != nil {
		t.Fatal(err)
	}
	return log, exit
}

func create(t *testing.T, n *node.Node, p node.Params) (log []string, exit string) {
	t.Helper()
	upid, err := n.Create(t.Context(), node.Root, p)
	return finish(t, n, upid, err)
}

func mustCreate(t *testing.T, n *node.Node, p node.Params) {
	t.Helper()
	if _, exit := create(t, n, p); exit != "OK" {
		t.Fatalf("create ended with %q", exit)
	}
}

func wantErr(t *testing.T, err error, status int, text string) {
	t.Helper()
	var e *node.Error
	if !errors.As(err, &e) || e.Status != status || e.Message != text {
		t.Errorf("error %#v, want %d %q", err, status, text)
	}
}

func TestLifecycle(t *testing.T) {
	n := open(t, node.Options{})
	mustCreate(t, n, spec(100))
	upid, err := n.Start(t.Context(), node.Root, 100, nil)
	if _, exit := finish(t, n, upid, err); exit != "OK" || !n.Running(100) {
		t.Fatalf("start ended with %q", exit)
	}
	_, err = n.Start(t.Context(), node.Root, 100, nil)
	wantErr(t, err, 500, "CT 100 already running")
	_, err = n.Destroy(t.Context(), node.Root, 100, nil)
	wantErr(t, err, 500, "unable to destroy CT 100 - container is running")
	upid, err = n.Destroy(t.Context(), node.Root, 100, node.Params{"force": "1"})
	log, exit := finish(t, n, upid, err)
	if exit != "OK" || len(log) != 1 || log[0] != "forced to stop CT 100 before destroying!" {
		t.Errorf("destroy ended with %q, log %q", exit, log)
	}
	_, err = n.Status(100)
	wantErr(t, err, 500, "Configuration file 'nodes/pve1/lxc/100.conf' does not exist")
	_, err = n.Stop(t.Context(), node.Root, 100, nil)
	wantErr(t, err, 500, "CT 100 not running")
	upid, err = n.Start(t.Context(), node.Root, 100, nil)
	if _, exit := finish(t, n, upid, err); exit != "Configuration file 'nodes/pve1/lxc/100.conf' does not exist" {
		t.Errorf("start of nothing ended with %q", exit)
	}
}

// Twenty creates of one id at once: one wins, and the others are told that the
// id is taken or that its lock is.
func TestCreateRace(t *testing.T) {
	release := make(chan struct{})
	n := open(t, node.Options{Driver: &fake.Driver{OnCreate: func(context.Context, driver.Config, driver.Secrets, func(string)) error {
		<-release
		return nil
	}}})
	var wg sync.WaitGroup
	errs := make([]error, 20)
	upids := make([]string, 20)
	for i := range errs {
		wg.Go(func() { upids[i], errs[i] = n.Create(t.Context(), node.Root, spec(100)) })
	}
	wg.Wait()
	close(release)
	won := 0
	for i, err := range errs {
		if err == nil {
			won++
			if _, exit := finish(t, n, upids[i], nil); exit != "OK" {
				t.Errorf("the winner ended with %q", exit)
			}
			continue
		}
		if m := err.Error(); !strings.Contains(m, "already exists on node 'pve1'") && !strings.Contains(m, "got timeout") {
			t.Errorf("a loser got %q", m)
		}
	}
	if won != 1 {
		t.Errorf("%d creates won", won)
	}
}

// Containers made at the same time get addresses of their own.
func TestLeases(t *testing.T) {
	n := open(t, node.Options{})
	var wg sync.WaitGroup
	for id := 100; id < 110; id++ {
		wg.Go(func() {
			mustCreate(t, n, spec(id))
			upid, err := n.Start(t.Context(), node.Root, id, nil)
			finish(t, n, upid, err)
		})
	}
	wg.Wait()
	seen := map[string]int{}
	for id := 100; id < 110; id++ {
		ifs, err := n.Addresses(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		a := ifs[1].Addr
		if !n.Subnet().Contains(a.Addr()) || seen[a.String()] != 0 {
			t.Errorf("CT %d has %s, as CT %d", id, a, seen[a.String()])
		}
		seen[a.String()] = id
	}
}

// While the worker runs the config is there, locked, and nobody may touch it;
// its failure removes everything.
func TestCreateFails(t *testing.T) {
	reached, release := make(chan struct{}), make(chan struct{})
	n := open(t, node.Options{Driver: &fake.Driver{OnCreate: func(context.Context, driver.Config, driver.Secrets, func(string)) error {
		close(reached)
		<-release
		return errors.New("no such\nluck")
	}}})
	upid, err := n.Create(t.Context(), node.Root, spec(100))
	if err != nil {
		t.Fatal(err)
	}
	<-reached
	conf, err := n.Config(100, nil)
	if err != nil || conf["lock"] != "create" || len(conf) != 2 {
		t.Errorf("config while creating: %v %v", conf, err)
	}
	_, err = n.Destroy(t.Context(), node.Root, 100, nil)
	wantErr(t, err, 500, "CT is locked (create)")
	err = n.SetConfig(t.Context(), node.Root, 100, node.Params{"tags": "a"})
	wantErr(t, err, 500, "can't lock file '/run/lock/lxc/pve-config-100.lock' - got timeout")
	_, err = n.Create(t.Context(), node.Root, spec(100))
	wantErr(t, err, 500, "CT 100 already exists on node 'pve1'")
	close(release)
	if _, exit := finish(t, n, upid, nil); exit != "unable to create CT 100 - no such luck" {
		t.Errorf("exit status %q", exit)
	}
	if id, err := n.NextID(nil); id != "100" || err != nil {
		t.Errorf("next id %v %v", id, err)
	}
}

// A stopped task cleans up after itself.
func TestStopTask(t *testing.T) {
	n := open(t, node.Options{Faults: driver.NewFaults(driver.Fault{Name: driver.FaultCreateHang})})
	upid, err := n.Create(t.Context(), node.Root, spec(100))
	if err != nil {
		t.Fatal(err)
	}
	if err := n.StopTask(node.Auth{User: "root@pam", TokenID: "infrahaus"}, upid); err == nil {
		// root's token has Sys.Modify, so it may
		_, exit := finish(t, n, upid, nil)
		if exit != "unable to create CT 100 - received interrupt" {
			t.Errorf("exit status %q", exit)
		}
	} else {
		t.Error(err)
	}
	if n.Exists(100) == nil {
		t.Error("the container is still there")
	}
}

// The owner's end is a node's reboot.
func TestReboot(t *testing.T) {
	dir := t.TempDir()
	hang := driver.NewFaults()
	first := open(t, node.Options{Dir: dir, Faults: hang})
	for _, id := range []int{100, 101} {
		mustCreate(t, first, spec(id))
	}
	upid, err := first.Start(t.Context(), node.Root, 100, nil)
	finish(t, first, upid, err)
	before, err := first.Addresses(t.Context(), 100)
	if err != nil {
		t.Fatal(err)
	}
	hang.Add(driver.Fault{Name: driver.FaultCreateHang})
	running, err := first.Create(t.Context(), node.Root, spec(102))
	if err != nil {
		t.Fatal(err)
	}
	login := first.Login()
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}

	n := open(t, node.Options{Dir: dir})
	if n.Login() != login {
		t.Error("the logins changed")
	}
	if !n.Running(100) || n.Running(101) {
		t.Errorf("running: %v %v, want true false", n.Running(100), n.Running(101))
	}
	after, err := n.Addresses(t.Context(), 100)
	if err != nil || after[1].Addr != before[1].Addr {
		t.Errorf("address %v, was %v (%v)", after, before, err)
	}
	st, err := n.TaskStatus(node.Root, running)
	if err != nil || st["exitstatus"] != "unexpected status" || st["status"] != "stopped" {
		t.Errorf("the killed task: %v %v", st, err)
	}
	conf, err := n.Config(102, nil)
	if err != nil || conf["lock"] != "create" {
		t.Errorf("the killed create's config: %v %v", conf, err)
	}
	_, err = n.Destroy(t.Context(), node.Root, 102, nil)
	wantErr(t, err, 500, "CT is locked (create)")
	if err := n.Unlock(102); err != nil {
		t.Fatal(err)
	}
	upid, err = n.Destroy(t.Context(), node.Root, 102, nil)
	if _, exit := finish(t, n, upid, err); exit != "OK" {
		t.Errorf("destroy after unlock ended with %q", exit)
	}
	log, _, err := n.TaskLog(node.Root, upid, 0, 0)
	if err != nil || log[len(log)-1].T != "TASK OK" {
		t.Errorf("log %v %v", log, err)
	}
}

func TestConfigChanges(t *testing.T) {
	n := open(t, node.Options{})
	mustCreate(t, n, spec(100))
	set := func(kv ...string) error {
		p := node.Params{}
		for i := 0; i < len(kv); i += 2 {
			p[kv[i]] = kv[i+1]
		}
		return n.SetConfig(t.Context(), node.Root, 100, p)
	}
	upid, err := n.Start(t.Context(), node.Root, 100, nil)
	finish(t, n, upid, err)
	if err := set("features", "nesting=1,keyctl=1", "tags", "B;a;b", "cpulimit", "0.5"); err != nil {
		t.Fatal(err)
	}
	now, _ := n.Config(100, node.Params{"current": "1"})
	later, _ := n.Config(100, nil)
	if now["features"] != "nesting=1" || later["features"] != "nesting=1,keyctl=1" {
		t.Errorf("features %v, pending %v", now["features"], later["features"])
	}
	if now["tags"] != "a;b" || now["cpulimit"] != "0.5" || now["memory"] != 512 {
		t.Errorf("tags %v, cpulimit %#v, memory %#v", now["tags"], now["cpulimit"], now["memory"])
	}
	wantErr(t, set("digest", strings.Repeat("0", 40), "tags", "x"), 500, "detected modified configuration - file changed by other user? Try again.")
	if err := set("digest", later["digest"].(string), "protection", "1"); err != nil {
		t.Error(err)
	}
	upid, err = n.Reboot(t.Context(), node.Root, 100, nil)
	finish(t, n, upid, err)
	if now, _ := n.Config(100, node.Params{"current": "1"}); now["features"] != "nesting=1,keyctl=1" {
		t.Errorf("features after the restart: %v", now["features"])
	}
	_, err = n.Destroy(t.Context(), node.Root, 100, nil)
	wantErr(t, err, 500, "can't remove CT 100 - protection mode enabled")
	mac := now["net0"]
	if err := set("net0", "name=eth0,bridge=vmbr0,ip=10.0.0.5/24"); err != nil {
		t.Fatal(err)
	}
	conf, _ := n.Config(100, nil)
	if want := "name=eth0,bridge=vmbr0," + hwaddr(mac) + ",ip=10.0.0.5/24,type=veth"; conf["net0"] != want {
		t.Errorf("net0 is %v, want %v", conf["net0"], want)
	}
}

// A live setting reaches the guest at once; a disk only grows.
func TestRunningGuestChanges(t *testing.T) {
	var told driver.Config
	n := open(t, node.Options{Driver: &fake.Driver{OnConf: func(c driver.Config) { told = c }}})
	mustCreate(t, n, spec(100))
	upid, err := n.Start(t.Context(), node.Root, 100, nil)
	finish(t, n, upid, err)
	if err := n.SetConfig(t.Context(), node.Root, 100, node.Params{"memory": "1024", "cores": "3", "features": "nesting=1,keyctl=1"}); err != nil {
		t.Fatal(err)
	}
	if told.MemoryMiB != 1024 || told.Cores != 3 || told.Keyctl {
		t.Errorf("the guest is told %+v", told)
	}
	resize := func(a node.Auth, size string) (string, error) {
		return n.Resize(t.Context(), a, 100, node.Params{"disk": "rootfs", "size": size})
	}
	upid, err = resize(node.Root, "16G")
	if _, exit := finish(t, n, upid, err); exit != "OK" || told.DiskGiB != 16 {
		t.Errorf("a resize ended with %q, and the guest has %d GiB", exit, told.DiskGiB)
	}
	_, err = resize(node.Root, "16G")
	wantErr(t, err, 500, "disk is already at specified size")
	_, err = resize(node.Root, "8G")
	wantErr(t, err, 500, "unable to shrink disk size")
	if err := n.AddUser("a@pve", "secret"); err != nil {
		t.Fatal(err)
	}
	grant(t, n, "a@pve", map[string]string{"/vms": "VM.Config.Disk"})
	_, err = resize(node.ParseAuth("a@pve"), "17G")
	wantErr(t, err, 403, "Permission check failed (/storage/local-lvm, Datastore.AllocateSpace)")
}

func hwaddr(net any) string {
	for part := range strings.SplitSeq(net.(string), ",") {
		if strings.HasPrefix(part, "hwaddr=") {
			return part
		}
	}
	return ""
}

func TestStorages(t *testing.T) {
	n := open(t, node.Options{})
	var takes []any
	for _, s := range n.StorageList(node.Root, node.Params{"content": "rootdir"}) {
		takes = append(takes, s["storage"])
	}
	if fmt.Sprint(takes) != "[local-lvm]" {
		t.Errorf("storages for root file systems: %v", takes)
	}
	_, err := n.Create(t.Context(), node.Root, spec(100, "rootfs", "local:8"))
	var e *node.Error
	if !errors.As(err, &e) || e.Status != 400 || e.Params["storage"] != "storage 'local' does not support container directories" {
		t.Errorf("create on local: %#v", err)
	}
	_, exit := create(t, n, spec(100, "rootfs", "local-lvm:5000"))
	if !strings.HasPrefix(exit, "unable to create CT 100 - lvcreate 'pve/vm-100-disk-0' error:") {
		t.Errorf("exit status %q", exit)
	}
	avail := func() int64 {
		s, err := n.StorageStatus("local-lvm")
		if err != nil {
			t.Fatal(err)
		}
		return s["avail"].(int64)
	}
	free := avail()
	mustCreate(t, n, spec(100))
	if got := free - avail(); got != 8<<30 {
		t.Errorf("a disk of 8 GiB takes %d", got)
	}
	conf, _ := n.Config(100, nil)
	if conf["rootfs"] != "local-lvm:vm-100-disk-0,size=8G" {
		t.Errorf("rootfs %v", conf["rootfs"])
	}
}

func TestDownload(t *testing.T) {
	n := open(t, node.Options{Profile: node.V92()})
	_, err := n.Download(node.Root, node.Params{"storage": "local", "template": "debian-99-standard_99_amd64.tar.zst"})
	var e *node.Error
	if !errors.As(err, &e) || e.Params["template"] != "no such template" {
		t.Errorf("unknown template: %#v", err)
	}
	upid, err := n.Download(node.Root, node.Params{"storage": "local", "template": "debian-13-standard_13.1-2_amd64.tar.zst"})
	if _, exit := finish(t, n, upid, err); exit != "OK" {
		t.Fatalf("download ended with %q", exit)
	}
	log, exit := create(t, n, spec(100, "ostemplate", "local:vztmpl/debian-13-standard_13.1-2_amd64.tar.zst", "features", ""))
	if exit != "WARNINGS: 1" || !strings.Contains(strings.Join(log, "\n"), "WARN: Systemd 257 detected. You may need to enable nesting.") {
		t.Errorf("create ended with %q:\n%s", exit, strings.Join(log, "\n"))
	}
}

// start=1 is a second task: the create is done whatever becomes of it.
func TestCreateAndStart(t *testing.T) {
	n := open(t, node.Options{})
	if _, exit := create(t, n, spec(100, "start", "1", "net0", "name=eth0,bridge=vmbr9")); exit != "OK" {
		t.Fatalf("create ended with %q", exit)
	}
	rows, _ := n.Tasks(node.Root, node.Params{"source": "all", "typefilter": "vzstart"})
	if len(rows) != 1 {
		t.Fatalf("%d start tasks", len(rows))
	}
	if _, exit := finish(t, n, rows[0]["upid"].(string), nil); exit != "bridge 'vmbr9' does not exist" {
		t.Errorf("start ended with %q", exit)
	}
}
