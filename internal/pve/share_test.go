package pve_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/infrahaus/infrahaus/internal/pve"
)

// Twenty containers that are looked at together ask once for what they share, and each for
// its id.
func TestShare(t *testing.T) {
	f := host(t)
	c := f.client(t)
	c.Share(time.Minute)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if p, err := c.Resolve(context.Background(), spec(), pve.Way{}); err != nil || p.Node != "pve1" || p.Storage != "btr" {
				t.Errorf("%+v %v", p, err)
			}
		})
	}
	wg.Wait()
	for _, path := range []string{"/version", "/nodes", "/nodes/pve1/storage", "/nodes/pve1/network"} {
		if n := f.count("GET", path); n != 1 {
			t.Errorf("%s was asked %d times", path, n)
		}
	}
	if n := f.count("GET", "/cluster/nextid"); n != 20 {
		t.Errorf("the id was asked %d times", n)
	}
}

// An error is not remembered, and neither is an answer that is too old.
func TestShareForgets(t *testing.T) {
	f := host(t)
	f.on("GET /nodes", fail(500, "not now"))
	c := f.client(t)
	c.Share(50 * time.Millisecond)
	if _, err := c.Nodes(t.Context()); err == nil {
		t.Fatal("no error")
	}
	f.on("GET /nodes", ok(`[{"node":"pve1","status":"online"}]`))
	for range 2 {
		if _, err := c.Nodes(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(60 * time.Millisecond)
	if _, err := c.Nodes(t.Context()); err != nil || f.count("GET", "/nodes") != 3 {
		t.Errorf("%v, asked %d times", err, f.count("GET", "/nodes"))
	}
}

// Ten creates at once ask for ten ids, although Proxmox offers the same one to all of them:
// none loses a race.
func TestCreatesDoNotCollide(t *testing.T) {
	f := host(t)
	var mu sync.Mutex
	used := map[string]bool{}
	f.handle("GET /cluster/nextid", func(call) answer {
		mu.Lock()
		defer mu.Unlock()
		return ok(fmt.Sprintf(`"%d"`, 100+len(used)))
	})
	f.handle("POST /nodes/pve1/lxc", func(c call) answer {
		id := fmt.Sprint(c.body["vmid"])
		time.Sleep(20 * time.Millisecond)
		mu.Lock()
		defer mu.Unlock()
		if used[id] {
			return fail(500, "CT "+id+" already exists on node 'pve1'")
		}
		used[id] = true
		return ok(`"` + upid + `"`)
	})
	c := f.client(t)
	var wg sync.WaitGroup
	for i := range 10 {
		wg.Go(func() {
			s := spec()
			s.Hostname = fmt.Sprint("web-", i)
			p := &pve.Placement{Node: "pve1", Storage: "btr", Bridge: "vmbr0", Template: pve.Template{VolID: "local:vztmpl/x"}}
			if _, err := c.Create(t.Context(), pve.CreateRequest{Spec: s, Placement: p}, nil); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := f.count("POST", "/nodes/pve1/lxc"); n > 12 || len(used) != 10 { // one in flight may end between an offer and a reservation
		t.Errorf("%d requests for %d ids", n, len(used))
	}
}

// Of several who need one OS template, one downloads it.
func TestDownloadOnce(t *testing.T) {
	f := host(t)
	task := strings.Replace(upid, "vzcreate:100", "download:x", 1)
	const name = "debian-13-standard_13.1-2_amd64.tar.zst"
	f.on("POST /nodes/pve1/aplinfo", ok(`"`+task+`"`))
	f.on("GET /nodes/pve1/tasks/"+task+"/status", ok(`{"status":"running"}`), stopped("OK"))
	f.on("GET /nodes/pve1/tasks/"+task+"/log", ok(`[{"n":1,"t":"TASK OK"}]`))
	f.on("GET /nodes/pve1/storage/local/content", ok(`[{"volid":"local:vztmpl/`+name+`","content":"vztmpl"}]`))
	c := f.client(t)
	c.Share(time.Minute)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			p := &pve.Placement{Node: "pve1", Template: pve.Template{VolID: "local:vztmpl/" + name, Name: name, Storage: "local", Download: true}}
			if err := c.Download(t.Context(), p, pve.Watch{}); err != nil || p.Template.Download {
				t.Errorf("%+v %v", p.Template, err)
			}
		})
	}
	wg.Wait()
	if n := f.count("POST", "/nodes/pve1/aplinfo"); n != 1 {
		t.Errorf("downloaded %d times", n)
	}
}
