package store

import (
	"context"
	"database/sql"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/infrahaus/infrahaus/internal/lxc"
)

// on makes a host on record from its id and facts such as "name lab", "cert A".
func on(id string, facts ...string) Host {
	h := Host{ID: id, Name: id}
	for _, f := range facts {
		kind, value, _ := strings.Cut(f, " ")
		list := h.list(map[string]string{"cert": factCertificate}[kind])
		if list == nil {
			list = h.list(kind)
		}
		*list = append(*list, value)
	}
	return h
}

func TestMatch(t *testing.T) {
	lab := on("lab", "name lab", "url https://lab:8006", "cert A", "ca X")
	bare := on("bare", "name bare", "url https://bare:8006", "cert B") // its CA could not be read
	new1 := on("new", "name new", "url https://new:8006")              // it was never reached
	old := on("10.0.0.7:443", "name 10.0.0.7:443")                     // from an older version
	all := Hosts{lab, bare, new1, old}
	shared := Hosts{on("one", "url https://one:8006", "cert W", "ca X"), on("two", "url https://two:8006", "name second", "cert W", "ca Y")}
	for _, tt := range []struct {
		name   string
		all    Hosts
		facts  Facts
		want   string
		proven bool
		apart  string
		doubt  string
	}{
		{"its certificate", all, Facts{Name: "x", URL: "https://x:8006", Certificate: "A"}, "lab", true, "", ""},
		{"its cluster, renewed", all, Facts{Name: "x", URL: "https://x:8006", Certificate: "N", CA: "X"}, "lab", true, "", ""},
		{"another node of its cluster", all, Facts{Name: "lab2", URL: "https://lab2:8006", Certificate: "M", CA: "X"}, "lab", true, "", ""},
		{"its certificate, CA new", all, Facts{Name: "x", Certificate: "B", CA: "Z"}, "bare", true, "", ""},
		{"its certificate, of another cluster", all, Facts{Name: "x", Certificate: "A", CA: "Z"}, "", false, "", ""},
		{"by name", all, Facts{Name: "lab", URL: "https://elsewhere:8006"}, "lab", false, "", ""},
		{"by address", all, Facts{Name: "x", URL: "https://lab:8006"}, "lab", false, "", ""},
		{"address before name", all, Facts{Name: "bare", URL: "https://lab:8006"}, "lab", false, "", ""},
		{"address, another certificate", all, Facts{Name: "x", URL: "https://lab:8006", Certificate: "C"}, "", false, "lab", ""},
		{"name and address, another certificate", all, Facts{Name: "lab", URL: "https://lab:8006", Certificate: "C"}, "", false, "lab", ""},
		{"name, another cluster", all, Facts{Name: "lab", Certificate: "C", CA: "Z"}, "", false, "lab", ""},
		{"name of one never reached", all, Facts{Name: "new", Certificate: "C"}, "new", false, "", ""},
		{"address that an older version called it by", all, Facts{Name: "x", URL: "https://10.0.0.7:443", Certificate: "C"}, "10.0.0.7:443", false, "", ""},
		{"nothing", all, Facts{Name: "x", URL: "https://x:8006", Certificate: "C"}, "", false, "", ""},
		{"no facts", all, Facts{}, "", false, "", ""},
		{"a wildcard certificate", shared, Facts{Name: "x", URL: "https://x:8006", Certificate: "W"}, "", false, "", "one two"},
		{"a wildcard certificate, by address", shared, Facts{Name: "x", URL: "https://one:8006", Certificate: "W"}, "one", true, "", ""},
		{"a wildcard certificate, by name", shared, Facts{Name: "second", URL: "https://x:8006", Certificate: "W"}, "two", true, "", ""},
		{"a wildcard certificate, by CA", shared, Facts{Name: "x", URL: "https://x:8006", Certificate: "W", CA: "Y"}, "two", true, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := tt.all.Match(tt.facts)
			if m.ID != tt.want || m.Proven != tt.proven || ids(m.Apart) != tt.apart || ids(m.Doubt) != tt.doubt {
				t.Errorf("%q proven %v apart %q doubt %q", m.ID, m.Proven, ids(m.Apart), ids(m.Doubt))
			}
		})
	}
}

func ids(hosts []Host) string {
	var out []string
	for _, h := range hosts {
		out = append(out, h.ID)
	}
	return strings.Join(out, " ")
}

func meet(t *testing.T, s *Store, f Facts, keeps ...string) Met {
	t.Helper()
	met, err := s.MeetHost(context.Background(), f, func(name string) (Facts, bool) {
		return Facts{Name: name}, slices.Contains(keeps, name)
	})
	if err != nil {
		t.Fatal(err)
	}
	return met
}

func shownHosts(t *testing.T, s *Store) string {
	t.Helper()
	list, err := s.Containers(context.Background(), Filter{IncludeDestroyed: true})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, c := range list {
		out = append(out, c.Hostname+"="+c.Host)
	}
	return strings.Join(out, " ")
}

// When a host gets a name, another address or a renewed certificate, its records follow.
func TestMeetHostFollows(t *testing.T) { onBoth(t, testMeetHostFollows) }

func testMeetHostFollows(t *testing.T) {
	s := open(t, t.TempDir())
	first := meet(t, s, Facts{Name: "10.0.0.7", URL: "https://10.0.0.7:8006", Certificate: "A"})
	create(t, s, lxc.Container{HostID: first.Host.ID, Hostname: "web"})
	named := meet(t, s, Facts{Name: "lab", URL: "https://10.0.0.7:8006", Certificate: "A", CA: "X"})
	if named.Host.ID != first.Host.ID || shownHosts(t, s) != "web=lab" {
		t.Errorf("%+v %s", named, shownHosts(t, s))
	}
	moved := meet(t, s, Facts{Name: "lab", URL: "https://10.0.0.8:443", Certificate: "A"})
	renewed := meet(t, s, Facts{Name: "lab", URL: "https://10.0.0.8:443", Certificate: "B", CA: "X"})
	if moved.Host.ID != first.Host.ID || renewed.Host.ID != first.Host.ID {
		t.Errorf("%+v %+v", moved, renewed)
	}
	twin := meet(t, s, Facts{Name: "second", URL: "https://10.0.0.9:8006", Certificate: "A"}, "lab", "second")
	if twin.Host.ID != first.Host.ID || shownHosts(t, s) != "web=lab" {
		t.Errorf("a second name takes the first one's place: %+v %s", twin, shownHosts(t, s))
	}
}

// When two hosts on record turn out to be one, their records are joined.
func TestMeetHostJoins(t *testing.T) { onBoth(t, testMeetHostJoins) }

func testMeetHostJoins(t *testing.T) {
	s := open(t, t.TempDir())
	a := meet(t, s, Facts{Name: "lab", URL: "https://a:8006", Certificate: "A", CA: "X"})
	b := meet(t, s, Facts{Name: "lab2", URL: "https://b:8006", Certificate: "B"}) // pinned, not reached yet
	create(t, s, lxc.Container{HostID: a.Host.ID, Hostname: "web"})
	create(t, s, lxc.Container{HostID: b.Host.ID, Hostname: "db"})
	met := meet(t, s, Facts{Name: "lab2", URL: "https://b:8006", Certificate: "B", CA: "X"}, "lab", "lab2")
	if met.Host.ID != a.Host.ID || met.Moved != 1 || shownHosts(t, s) != "web=lab db=lab" {
		t.Errorf("%+v %s", met, shownHosts(t, s))
	}
	all, err := s.Hosts(context.Background())
	if err != nil || len(all) != 1 {
		t.Errorf("%+v %v", all, err)
	}
}

// A host that takes over another's name and address does not take over its records.
func TestMeetHostKeepsApart(t *testing.T) { onBoth(t, testMeetHostKeepsApart) }

func testMeetHostKeepsApart(t *testing.T) {
	s := open(t, t.TempDir())
	a := meet(t, s, Facts{Name: "lab", URL: "https://lab:8006", Certificate: "AA:AA:AA:AA:AA", CA: "X"})
	create(t, s, lxc.Container{HostID: a.Host.ID, Hostname: "web"})
	b := meet(t, s, Facts{Name: "lab", URL: "https://lab:8006", Certificate: "BB", CA: "Y"}, "lab")
	if b.Host.ID == a.Host.ID || b.Records != 1 || len(b.Apart) != 1 || b.Apart[0].Name != "lab@AAAAAAAA" {
		t.Fatalf("%+v", b)
	}
	create(t, s, lxc.Container{HostID: b.Host.ID, Hostname: "web"})
	if got := shownHosts(t, s); got != "web=lab@AAAAAAAA web=lab" {
		t.Error(got)
	}
	all, err := s.Hosts(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if m := all.Match(Facts{Name: "lab", URL: "https://lab:8006"}); m.ID != b.Host.ID {
		t.Errorf("the name is still the one's that had it: %+v", m)
	}
	again := meet(t, s, Facts{Name: "lab", URL: "https://lab:8006", Certificate: "AA:AA:AA:AA:AA", CA: "X"}, "lab")
	if again.Host.ID != a.Host.ID || shownHosts(t, s) != "web=lab web=lab@BB" && shownHosts(t, s) != "web=lab web=lab@"+b.Host.short() {
		t.Errorf("%+v %s", again, shownHosts(t, s))
	}
}

// A certificate that two clusters show joins neither these two nor a third host.
func TestMeetHostDoubts(t *testing.T) { onBoth(t, testMeetHostDoubts) }

func testMeetHostDoubts(t *testing.T) {
	s := open(t, t.TempDir())
	a := meet(t, s, Facts{Name: "a", URL: "https://a:8006", Certificate: "W", CA: "X"})
	b := meet(t, s, Facts{Name: "b", URL: "https://b:8006", Certificate: "W", CA: "Y"})
	c := meet(t, s, Facts{Name: "c", URL: "https://c:8006", Certificate: "W"})
	if a.Host.ID == b.Host.ID || c.Host.ID == a.Host.ID || c.Host.ID == b.Host.ID || len(c.Doubt) != 2 {
		t.Errorf("%+v %+v %+v", a, b, c)
	}
	if d := meet(t, s, Facts{Name: "a", URL: "https://a:8006", Certificate: "W"}); d.Host.ID != a.Host.ID {
		t.Errorf("%+v", d)
	}
	all, err := s.Hosts(context.Background())
	if err != nil || len(all) != 3 {
		t.Errorf("%+v %v", all, err)
	}
}

// Records of older versions, and those that an older program still writes, find their
// host by its name.
func TestHostsOfOlderDatabase(t *testing.T) {
	ctx := context.Background()
	dir := oldDatabase(t)
	s := open(t, dir)
	db, err := sql.Open("sqlite", filepath.Join(dir, FileName))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for id, doc := range map[string]string{"A1": `{"host":"homelab","hostname":"late","status":"ready"}`, "A2": `{"host":"other","hostname":"far","status":"ready"}`} {
		if _, err := db.Exec(`INSERT INTO containers (id, doc) VALUES (?, ?)`, id, doc); err != nil {
			t.Fatal(err)
		}
	}
	met := meet(t, s, Facts{Name: "homelab", URL: "https://h:8006", Certificate: "A"})
	list, err := s.Containers(ctx, Filter{HostID: met.Host.ID})
	if err != nil || len(list) != 2 {
		t.Errorf("%+v %v", list, err)
	}
	if got := shownHosts(t, s); !strings.Contains(got, "web=homelab") || !strings.Contains(got, "late=homelab") || !strings.Contains(got, "far=other") {
		t.Error(got)
	}
}

// An older version could have one host under two names. Once the host is known, the
// records under the other name are found, too.
func TestHostsJoin(t *testing.T) { onBoth(t, testHostsJoin) }

func testHostsJoin(t *testing.T) {
	s := open(t, t.TempDir())
	lab := host(t, s, "lab")
	lab2 := host(t, s, "lab2")
	create(t, s, lxc.Container{HostID: lab, Hostname: "web"})
	create(t, s, lxc.Container{HostID: lab2, Hostname: "api"})
	known := Facts{Name: "lab", URL: "https://lab:8006", Certificate: "A", CA: "X"}
	if met := meet(t, s, known); met.Host.ID != lab || met.Moved != 0 {
		t.Fatalf("%+v", met)
	}
	pinned := Facts{Name: "lab2", URL: "https://lab:8006", Certificate: "A"}
	all, err := s.Hosts(context.Background())
	if err != nil || !all.Joins(lab, pinned) || all.Joins(lab, known) {
		t.Fatalf("%+v %v", all, err)
	}
	if met := meet(t, s, pinned, "lab2"); met.Host.ID != lab || met.Moved != 1 {
		t.Errorf("%+v", met)
	}
}
