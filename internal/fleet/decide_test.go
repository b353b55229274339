package fleet

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/infrahaus/infrahaus/internal/placement"
)

func parse(t *testing.T, text string) *File {
	t.Helper()
	f, err := Parse("f.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// words is a plan in a line.
func words(p *Plan) string {
	var out []string
	for _, s := range p.Steps {
		line := s.Name + " " + string(s.Action)
		for _, more := range []string{s.Node, s.IPText, strings.Join(s.After, ",")} {
			if more != "" {
				line += " " + more
			}
		}
		out = append(out, line)
	}
	for _, r := range p.Strays {
		out = append(out, "stray "+r.Name)
	}
	for _, r := range p.Refused {
		out = append(out, "refused "+r.String())
	}
	return strings.Join(out, " | ")
}

const three = "name: shop\ncontainers:\n  web: {os: d, needs: [app]}\n  app: {os: d, needs: [db]}\n  db: {os: d}\n"

func TestDecide(t *testing.T) {
	ready := func(name string) Record {
		return Record{Name: name, Fleet: "shop", Ready: true, CTID: 100, Node: "pve1"}
	}
	half := func(name string) Record {
		return Record{Name: name, Fleet: "shop", State: "error", CTID: 100, Node: "pve1"}
	}
	for _, c := range []struct {
		name    string
		verb    Verb
		records []Record
		want    string
	}{
		{"nothing is there", Create, nil, "db create | app create db | web create app"},
		{"some are there", Create, []Record{ready("db")}, "db is there pve1 | app create db | web create app"},
		{"one is not finished", Create, []Record{half("app")}, "db create | app is there pve1 db | web create app | refused f.yaml:4:3: app: it is there, and is not finished: error"},
		{"resume", Resume, []Record{ready("db"), half("app")}, "db is there pve1 | app resume pve1 db | web create app"},
		{"somebody else's", Create, []Record{{Name: "db", Ready: true}}, "db is there | app create db | web create app | refused f.yaml:5:3: db: a container of that name is there, and was not made for this fleet"},
		{"another fleet's", Resume, []Record{{Name: "db", Fleet: "blog"}}, "db resume | app create db | web create app | refused f.yaml:5:3: db: a container of that name is there, of the fleet blog"},
		{"sync", Sync, []Record{ready("db"), ready("web"), ready("old")}, "db sync pve1 | app missing db | web sync pve1 app | stray old"},
		{"destroy", Destroy, []Record{ready("db"), half("web"), ready("old"), {Name: "x"}}, "web destroy pve1 | app not there web | db destroy pve1 app | stray old"},
		{"names are the same in capitals", Create, []Record{ready("DB")}, "db is there pve1 | app create db | web create app"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := words(Decide(parse(t, three), c.verb, World{Records: c.records})); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestDecideAddresses(t *testing.T) {
	f := parse(t, "name: x\ndefaults: {os: d, ip: '192.0.2.0/29,192.0.2.1'}\ncontainers:\n  a: {count: 2}\n  b: {}\n  c: {ip: dhcp}\n")
	w := World{Taken: map[netip.Addr]string{netip.MustParseAddr("192.0.2.3"): "other"}}
	want := "a-1 create 192.0.2.2/29,192.0.2.1 | a-2 create 192.0.2.4/29,192.0.2.1 | b create 192.0.2.5/29,192.0.2.1 | c create"
	for range 2 { // the world stays as it is
		if got := words(Decide(f, Create, w)); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	f = parse(t, "name: x\ndefaults: {os: d, ip: '192.0.2.0/30,192.0.2.1'}\ncontainers:\n  a: {count: 2}\n")
	if got := words(Decide(f, Create, w)); !strings.Contains(got, "refused f.yaml:4:3: a-2: no address is left of 192.0.2.1-192.0.2.2") {
		t.Errorf("got %s", got)
	}
}

func TestDecidePlaces(t *testing.T) {
	const g = 1 << 30
	f := parse(t, "name: x\ncontainers:\n  a: {os: d, count: 4}\n  b: {os: d, node: pve3}\n")
	w := World{Wants: map[string]placement.Want{}, Nodes: []placement.Node{
		{Name: "pve1", Online: true, Free: 8 * g, Total: 16 * g}, {Name: "pve2", Online: true, Free: 6 * g, Total: 16 * g}, {Name: "pve3", Total: 16 * g},
	}}
	for _, c := range f.Containers {
		w.Wants[c.Name] = placement.Want{Memory: 2 * g}
	}
	w.Wants["b"] = placement.Want{Nodes: []string{"pve3"}}
	want := "a-1 create pve1 | a-2 create pve2 | a-3 create pve1 | a-4 create pve2 | b create | refused f.yaml:4:3: b: no node fits: pve3 is offline"
	p := Decide(f, Create, w)
	got := words(p)
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if !strings.Contains(p.Steps[0].Why, "8.0 GiB of memory free, the most of 2 that fit; pve3 is offline") {
		t.Errorf("why: %s", p.Steps[0].Why)
	}
	if w.Nodes[0].Free != 8*g || slices.ContainsFunc(w.Nodes, func(n placement.Node) bool { return n.Planned > 0 }) {
		t.Error("the world was changed")
	}
	// One that was recorded and never asked for is placed again, one that Proxmox has is not.
	w.Records = []Record{{Name: "a-1", Fleet: "x", Node: "pve9"}, {Name: "a-2", Fleet: "x", Node: "pve2", CTID: 105}}
	if got := words(Decide(f, Resume, w)); !strings.HasPrefix(got, "a-1 resume pve1 | a-2 resume pve2 | a-3 create ") {
		t.Errorf("got %s", got)
	}
}

// A thousand containers are decided at once.
func TestDecideLarge(t *testing.T) {
	f := parse(t, "name: x\ncontainers:\n  a: {os: d, count: 999, needs: [b], ip: 10.0.0.0/16}\n  b: {os: d}\n")
	p := Decide(f, Create, World{})
	seen := map[string]bool{}
	for _, s := range p.Steps {
		if s.IPText != "" && seen[s.IPText] {
			t.Fatalf("%s is given twice", s.IPText)
		}
		seen[s.IPText] = true
	}
	if len(p.Steps) != 1000 || p.Steps[0].Name != "b" || fmt.Sprint(p.Refused) != "[]" {
		t.Errorf("%d steps, %v", len(p.Steps), p.Refused)
	}
}
