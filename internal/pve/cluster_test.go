package pve_test

import (
	"context"
	"strings"
	"testing"

	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/pve"
)

// cluster is three nodes, of which pve2 has the most memory free and pve3 is off.
func cluster(t *testing.T) *fake {
	f := host(t)
	f.on("GET /nodes", ok(`[{"node":"pve1","status":"online"},{"node":"pve2","status":"online"},{"node":"pve3","status":"offline"}]`))
	f.on("GET /cluster/resources?type=node", ok(`[{"node":"pve1","status":"online","mem":60000000000,"maxmem":64000000000,"hastate":"online"},
		{"node":"pve2","status":"online","mem":10000000000,"maxmem":64000000000},{"node":"pve3","status":"offline","maxmem":64000000000}]`))
	f.on("GET /cluster/resources?type=storage", ok(`[{"storage":"local","node":"pve1","status":"available","content":"vztmpl,rootdir","disk":1,"maxdisk":80000000000},
		{"storage":"local","node":"pve2","status":"available","content":"vztmpl,rootdir","disk":1,"maxdisk":80000000000},
		{"storage":"nas","node":"pve1","status":"available","content":"vztmpl","shared":1},{"storage":"nas","node":"pve2","status":"available","content":"vztmpl","shared":1}]`))
	for _, path := range []string{"storage", "network", "storage/local/content", "aplinfo"} {
		f.handle("GET /nodes/pve2/"+path, func(c call) answer { f.mu.Lock(); h := f.routes["GET /nodes/pve1/"+path]; f.mu.Unlock(); return h(c) })
	}
	f.on("GET /nodes/pve1/storage/nas/content", ok(`[]`))
	f.on("GET /nodes/pve2/storage/nas/content", ok(`[]`))
	return f
}

func TestResolvePlaces(t *testing.T) {
	for _, c := range []struct {
		name   string
		node   string
		routes map[string]answer
		spec   func(*lxc.Spec)
		want   string // node and a part of the notes, or a part of the error
	}{
		{"the most free memory", "", nil, nil, "pve2 node pve2: 50.3 GiB of memory free, the most of 2 that fit; pve3 is offline"},
		{"among all", "auto", nil, nil, "pve2 node pve2: "},
		{"named", "pve1", nil, nil, "pve1 storage"},
		{"of two", "pve1,pve3", nil, nil, "pve1 node pve1: the only one that fits; pve3 is offline"},
		{"named and off", "pve3", nil, nil, "it is offline"},
		{"none of two", "pve3,pve9", nil, nil, "cannot choose a node: none fits: pve3 is offline; the cluster has no node pve9"},
		{"maintenance", "", map[string]answer{"GET /cluster/resources?type=node": ok(`[{"node":"pve1","mem":1,"maxmem":64000000000},{"node":"pve2","mem":1,"maxmem":64000000000,"hastate":"maintenance"}]`)}, nil,
			"pve1 node pve1: the only one that fits; pve2 is in maintenance"},
		{"the template is on one", "", map[string]answer{"GET /nodes/pve2/storage/local/content": ok(`[]`), "GET /nodes/pve1/aplinfo": ok(`[]`), "GET /nodes/pve2/aplinfo": ok(`[]`)}, nil,
			"pve1 node pve1: the only one that fits; pve2 does not have the OS template"},
		{"a shared storage has it", "", map[string]answer{"GET /nodes/pve1/storage/local/content": ok(`[]`), "GET /nodes/pve2/storage/local/content": ok(`[]`),
			"GET /nodes/pve1/storage/nas/content": ok(`[{"volid":"nas:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst","content":"vztmpl"}]`)}, nil, "pve2 node pve2: 50.3 GiB"},
		{"no memory is known", "", map[string]answer{"GET /cluster/resources?type=node": fail(403, "Permission check failed")}, nil, "several would do: pve1, pve2"},
		{"and any will do", "auto", map[string]answer{"GET /cluster/resources?type=node": fail(403, "Permission check failed")}, nil, "pve1 node pve1: one of 2 that fit"},
		{"the disk is large", "", nil, func(s *lxc.Spec) { s.DiskGiB = 500 }, "none fits: pve1 has 74.5 GiB free on local, and the disk wants 500.0 GiB"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := cluster(t)
			for route, a := range c.routes {
				f.on(route, a)
			}
			s := spec()
			s.Node = c.node
			if c.spec != nil {
				c.spec(&s)
			}
			p, err := f.client(t).Resolve(context.Background(), s, pve.Way{})
			got := ""
			if err != nil {
				got = err.Error()
			} else {
				got = p.Node + " " + strings.Join(p.Notes, " | ")
			}
			if !strings.Contains(got, c.want) {
				t.Errorf("got %s", got)
			}
		})
	}
}
