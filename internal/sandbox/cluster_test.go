package sandbox_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox"
	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
	"github.com/infrahaus/infrahaus/internal/sandbox/node"
)

// asks makes one request to a sandbox and returns its status, reason and data.
func asks(t *testing.T, e sandbox.Endpoint, method, path string, form url.Values) (int, string, any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, e.URL+"/api2/json"+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "PVEAPIToken="+e.Token)
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var m struct{ Data any }
	_ = json.Unmarshal(body, &m) // 595 has no body
	return resp.StatusCode, strings.TrimPrefix(resp.Status, fmt.Sprint(resp.StatusCode)+" "), m.Data
}

// rows are the answer of a list by one of its keys.
func rows(t *testing.T, e sandbox.Endpoint, path, key string) map[string]map[string]any {
	t.Helper()
	status, reason, data := asks(t, e, "GET", path, nil)
	if status != 200 {
		t.Fatalf("GET %s: %d %s", path, status, reason)
	}
	m := map[string]map[string]any{}
	for _, row := range data.([]any) {
		row := row.(map[string]any)
		m[fmt.Sprint(row[key])] = row
	}
	return m
}

// made creates a container on a node and waits for the task.
func made(t *testing.T, s *sandbox.Sandbox, at string, form url.Values) {
	t.Helper()
	e := s.Endpoint()
	status, reason, upid := asks(t, e, "POST", "/nodes/"+at+"/lxc", form)
	if status != 200 {
		t.Fatalf("create on %s: %d %s", at, status, reason)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if exit, err := s.Node().Follow(ctx, upid.(string), func(string) {}); err != nil || exit != "OK" {
		t.Fatalf("create on %s: %s %v", at, exit, err)
	}
}

func container(id, os string) url.Values {
	return url.Values{"vmid": {id}, "ostemplate": {os}, "rootfs": {"local-lvm:4"}, "net0": {"name=eth0,bridge=vmbr0,ip=dhcp"},
		"features": {"nesting=1"}, "hostname": {"ct" + id}}
}

func TestCluster(t *testing.T) {
	s, err := sandbox.Open(t.Context(), sandbox.Options{Dir: filepath.Join(t.TempDir(), "s"), Nodes: 3})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	e := s.Endpoint()
	const alpine = "local:vztmpl/alpine-3.20-default_20240908_amd64.tar.xz"
	made(t, s, "pve1", container("100", alpine))
	made(t, s, "pve2", container("101", "local:vztmpl/alpine-3.19-default_20240207_amd64.tar.xz"))
	made(t, s, "pve3", container("102", alpine))

	t.Run("where things are", func(t *testing.T) {
		if all := rows(t, e, "/cluster/resources?type=vm", "vmid"); len(all) != 3 || all["101"]["node"] != "pve2" {
			t.Errorf("resources: %v", all)
		}
		if own := rows(t, e, "/nodes/pve2/lxc", "vmid"); len(own) != 1 || own["101"] == nil {
			t.Errorf("pve2's: %v", own)
		}
		if own := rows(t, e, "/nodes/pve1/storage/local/content?content=vztmpl", "volid"); len(own) != 2 {
			t.Errorf("pve1's templates: %v", own)
		}
		if own := rows(t, e, "/nodes/pve2/storage/local/content?content=vztmpl", "volid"); len(own) != 3 {
			t.Errorf("pve2's templates: %v", own)
		}
		if own := rows(t, e, "/nodes/pve3/tasks", "id"); len(own) != 1 || own["102"]["node"] != "pve3" {
			t.Errorf("pve3's tasks: %v", own)
		}
		stores := rows(t, e, "/cluster/resources?type=storage", "id")
		if len(stores) != 9 || stores["storage/pve3/shared"]["shared"] != 1.0 {
			t.Errorf("storages: %v", stores)
		}
		status := rows(t, e, "/cluster/status", "id")
		if status["cluster"]["quorate"] != 1.0 || status["node/pve3"]["online"] != 1.0 || status["node/pve1"]["local"] != 1.0 {
			t.Errorf("status: %v", status)
		}
	})
	t.Run("through another node's path", func(t *testing.T) {
		status, reason, _ := asks(t, e, "GET", "/nodes/pve1/lxc/101/config", nil)
		if want := "Configuration file 'nodes/pve1/lxc/101.conf' does not exist"; status != 500 || reason != want {
			t.Errorf("%d %s", status, reason)
		}
		status, reason, _ = asks(t, e, "POST", "/nodes/pve3/lxc", container("101", alpine))
		if want := "CT 101 already exists on node 'pve2'"; status != 500 || reason != want {
			t.Errorf("%d %s", status, reason)
		}
	})
	t.Run("the range of ids", func(t *testing.T) {
		if status, reason, _ := asks(t, e, "PUT", "/cluster/options", url.Values{"next-id": {"lower=500,upper=501"}}); status != 200 {
			t.Fatal(status, reason)
		}
		if _, _, id := asks(t, e, "GET", "/cluster/nextid", nil); id != "500" {
			t.Errorf("next id %v", id)
		}
		made(t, s, "pve1", container("500", alpine))
		status, reason, _ := asks(t, e, "GET", "/cluster/nextid", nil)
		if want := "unable to get any free VMID in range [500, 501]"; status != 500 || reason != want {
			t.Errorf("%d %s", status, reason)
		}
	})
	t.Run("a node goes down and comes back", func(t *testing.T) { nodeFails(t, s) })
}

func nodeFails(t *testing.T, s *sandbox.Sandbox) {
	e, pve3 := s.Endpoint(), s.Node().Peer("pve3")
	upid, err := pve3.Start(t.Context(), node.Root, 102, nil)
	if err != nil {
		t.Fatal(err)
	}
	if exit, err := s.Node().Follow(t.Context(), upid, func(string) {}); err != nil || exit != "OK" {
		t.Fatal(exit, err)
	}
	s.Faults().Add(driver.Fault{Name: driver.FaultNodeDown, Value: "pve3"})
	soon(t, "pve3 to go down", func() bool { return !pve3.Up() })
	status, reason, _ := asks(t, e, "GET", "/nodes/pve3/lxc/102/status/current", nil)
	if status != 595 || reason != "No route to host" {
		t.Errorf("%d %s", status, reason)
	}
	if status, _, _ := asks(t, e, "GET", "/nodes/pve3", nil); status != 200 {
		t.Errorf("the index, which no other node is asked for: %d", status)
	}
	nodes := rows(t, e, "/nodes", "node")
	if nodes["pve3"]["status"] != "offline" || nodes["pve3"]["mem"] != nil || nodes["pve2"]["status"] != "online" && nodes["pve2"]["status"] != "unknown" {
		t.Errorf("nodes: %v", nodes)
	}
	if now := rows(t, e, "/cluster/resources?type=vm", "vmid")["102"]; now["status"] != "running" {
		t.Errorf("pmxcfs forgets a guest after five minutes, not at once: %v", now)
	}
	s.Faults().Jump(6 * time.Minute)
	if now := rows(t, e, "/cluster/resources?type=vm", "vmid")["102"]; now["status"] != "unknown" || now["node"] != "pve3" {
		t.Errorf("after five minutes: %v", now)
	}
	if all := s.Faults().All(); len(all) != 1 {
		t.Errorf("one fault was asked for, and %d are kept", len(all))
	}
	s.Faults().Clear("node-down=pve3")
	soon(t, "pve3 to come back", func() bool { return pve3.Up() && pve3.Running(102) })
	if status, _, data := asks(t, e, "GET", "/nodes/pve3/lxc/102/status/current", nil); status != 200 || data.(map[string]any)["status"] != "running" {
		t.Errorf("%d %v", status, data)
	}
}

func TestNodeGoesDownAtAFile(t *testing.T) {
	s := cluster(t, "local-lvm")
	s.Faults().Add(driver.Fault{Name: driver.FaultNodeDown, Value: "pve3@/tmp/down"})
	time.Sleep(100 * time.Millisecond)
	if !s.Node().Peer("pve3").Up() {
		t.Fatal("it is down before the file is there")
	}
	if err := s.Node().Peer("pve2").Push(t.Context(), node.Root, 100, "/tmp/down", strings.NewReader("x"), "", "", ""); err != nil {
		t.Fatal(err)
	}
	soon(t, "pve3 to go down", func() bool { return !s.Node().Peer("pve3").Up() })
	if all := s.Faults().Values(driver.FaultNodeDown); len(all) != 1 || all[0] != "pve3" {
		t.Errorf("faults: %q", all)
	}
	s.Faults().Clear(driver.FaultNodeDown)
	soon(t, "pve3 to come back", s.Node().Peer("pve3").Up)
}

func soon(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("waited too long for " + what)
		}
	}
}

func TestClusterFaults(t *testing.T) {
	for fault, want := range map[string]string{
		"node-down=pve4":       `cannot play a fault: node-down=pve4: the sandbox has no node "pve4"; it has pve1, pve2 (serve --nodes N has more)`,
		"node-down=pve1":       "cannot play a fault: node-down=pve1: pve1 answers the API for all; node-reboot takes it away",
		"node-memory=nosuch=3": `cannot play a fault: node-memory=nosuch=3: the sandbox has no node "nosuch"; it has pve1, pve2 (serve --nodes N has more)`,
	} {
		s, err := sandbox.Open(t.Context(), sandbox.Options{Dir: filepath.Join(t.TempDir(), "s"), Nodes: 2, Faults: []string{fault}})
		if err == nil {
			s.Close()
		}
		if err == nil || err.Error() != want {
			t.Errorf("%s: %v", fault, err)
		}
	}
}

// cluster opens a sandbox of three nodes with one container, 100, on pve2.
func cluster(t *testing.T, storage string) *sandbox.Sandbox {
	t.Helper()
	s, err := sandbox.Open(t.Context(), sandbox.Options{Dir: filepath.Join(t.TempDir(), "s"), Nodes: 3})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	form := container("100", "local:vztmpl/alpine-3.20-default_20240908_amd64.tar.xz")
	form.Set("rootfs", storage+":4")
	form.Set("start", "1")
	made(t, s, "pve2", form)
	soon(t, "100 to start", func() bool { return s.Node().Peer("pve2").Running(100) })
	return s
}

// ends follows a task of a request and returns its log and end.
func ends(t *testing.T, s *sandbox.Sandbox, path string, form url.Values) (log []string, exit string) {
	t.Helper()
	status, reason, upid := asks(t, s.Endpoint(), "POST", path, form)
	if status != 200 {
		t.Fatalf("POST %s: %d %s", path, status, reason)
	}
	exit, err := s.Node().Follow(t.Context(), upid.(string), func(l string) { log = append(log, l) })
	if err != nil {
		t.Fatal(err)
	}
	return log, exit
}

func TestMigrate(t *testing.T) {
	s := cluster(t, "local-lvm")
	e := s.Endpoint()
	for form, want := range map[string]string{
		"target=pve2":          "Parameter verification failed.",
		"target=pve9":          "no such cluster node 'pve9'",
		"target=pve3":          "can't migrate running container without --online or --restart",
		"target=pve3&online=1": "",
	} {
		q, _ := url.ParseQuery(form)
		if _, reason, _ := asks(t, e, "POST", "/nodes/pve2/lxc/100/migrate", q); reason != want && want != "" {
			t.Errorf("%s: %s", form, reason)
		}
	}
	log, exit := ends(t, s, "/nodes/pve2/lxc/100/migrate", url.Values{"target": {"pve3"}, "restart": {"1"}})
	if exit != "OK" || !strings.Contains(strings.Join(log, "\n"), "volume 'local-lvm:vm-100-disk-0' is 'local-lvm:vm-100-disk-0' on the target") {
		t.Errorf("%s\n%s", exit, strings.Join(log, "\n"))
	}
	if !s.Node().Peer("pve3").Running(100) || s.Node().Peer("pve2").Exists(100) == nil {
		t.Error("it is not on pve3 alone")
	}
	if own := rows(t, e, "/nodes/pve3/storage/local-lvm/content", "volid"); len(own) != 1 {
		t.Errorf("pve3's disks: %v", own)
	}
	if own := rows(t, e, "/nodes/pve2/storage/local-lvm/content", "volid"); len(own) != 0 {
		t.Errorf("pve2's disks: %v", own)
	}
	// another storage
	if _, exit := ends(t, s, "/nodes/pve3/lxc/100/migrate", url.Values{"target": {"pve1"}, "restart": {"1"}, "target-storage": {"shared"}}); exit != "OK" {
		t.Fatal(exit)
	}
	_, _, conf := asks(t, e, "GET", "/nodes/pve1/lxc/100/config", nil)
	if root := conf.(map[string]any)["rootfs"]; root != "shared:100/vm-100-disk-0.raw,size=4G" {
		t.Errorf("rootfs: %v", root)
	}
	// a snapshot on a local storage does not move, and a node that is off takes nothing
	if _, exit := ends(t, s, "/nodes/pve1/lxc/100/migrate", url.Values{"target": {"pve2"}, "restart": {"1"}, "target-storage": {"local-lvm"}}); exit != "OK" {
		t.Fatal(exit) // from a shared storage nothing is moved
	}
	s.Node().Peer("pve3").PowerOff()
	log, exit = ends(t, s, "/nodes/pve2/lxc/100/migrate", url.Values{"target": {"pve3"}, "restart": {"1"}})
	if exit != "migration aborted" || !strings.Contains(strings.Join(log, "\n"), "Can't connect to destination address using public key") {
		t.Errorf("%s\n%s", exit, strings.Join(log, "\n"))
	}
}

func TestHAMovesGuests(t *testing.T) {
	for storage, want := range map[string]string{"shared": "OK", "local-lvm": "no such logical volume pve/vm-100-disk-0"} {
		t.Run(storage, func(t *testing.T) {
			s := cluster(t, storage)
			e := s.Endpoint()
			if status, reason, _ := asks(t, e, "POST", "/cluster/ha/resources", url.Values{"sid": {"ct:100"}}); status != 200 {
				t.Fatal(status, reason)
			}
			s.Faults().Add(driver.Fault{Name: driver.FaultNodeDown, Value: "pve2"})
			soon(t, "pve2 to go down", func() bool { return !s.Node().Peer("pve2").Up() })
			if n := rows(t, e, "/cluster/resources?type=node", "node"); n["pve2"]["hastate"] != "unknown" || n["pve2"]["status"] != "offline" || n["pve1"]["hastate"] != "online" {
				t.Errorf("nodes: %v", n)
			}
			if err := s.Node().Maintenance("pve1", true); err != nil {
				t.Fatal(err)
			}
			s.Faults().Jump(3 * time.Minute)
			soon(t, "pve3 to have it", func() bool { return s.Node().Peer("pve3").Exists(100) == nil })
			var last map[string]any
			soon(t, "the start to end", func() bool {
				list := rows(t, e, "/nodes/pve3/tasks", "type")
				last = list["vzstart"]
				return last != nil
			})
			if last["status"] != want {
				t.Errorf("the start: %v", last)
			}
			status := rows(t, e, "/cluster/ha/status/current", "id")
			if got := fmt.Sprint(status["lrm:pve1"]["status"]); !strings.HasPrefix(got, "pve1 (maintenance mode, watchdog active, ") {
				t.Errorf("maintenance: %s", got)
			}
			if got := fmt.Sprint(status["lrm:pve2"]["status"]); !strings.Contains(got, "old timestamp - dead?") {
				t.Errorf("dead: %s", got)
			}
		})
	}
}
