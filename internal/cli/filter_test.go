package cli

import (
	"strings"
	"testing"

	"github.com/infrahaus/infrahaus/internal/lxc"
)

func TestFilters(t *testing.T) {
	no := false
	web := listed{Container: lxc.Container{CTID: 100, Hostname: "web-01", Template: "nginx", Lifecycle: lxc.Ready, Answering: &no, OSTemplate: "local:vztmpl/debian-12.tar.zst"},
		RecordID: "01A", Tags: []string{"prod", "eu"}}
	db := listed{Container: lxc.Container{CTID: 101, Hostname: "db", Lifecycle: lxc.Failed}, RecordID: "01B"}
	for _, c := range []struct {
		filters string
		web, db bool
	}{
		{"name=web-01", true, false},
		{"name~web-*", true, false},
		{"name!~web-*", false, true},
		{"name~*[b]*", false, false}, // brackets are text
		{"name=web-01,db", true, true},
		{"name!=web-01,db", false, false},
		{"NAME=db", false, true},
		{"ctid=101", false, true},
		{"tag=eu", true, false},
		{"tags!=eu", false, true},
		{"tag=", false, true},
		{"template=", false, true},
		{"template!=", true, false},
		{"status=not-answering", true, false},
		{"status=not answering", true, false},
		{"status=ready", false, false},
		{"status=error", false, true},
		{"os~*debian*", true, false},
		{"name~*b* status=error", false, true},
	} {
		filters, err := parseFilters(strings.Fields(strings.ReplaceAll(c.filters, "not answering", "not-answering")))
		if err != nil {
			t.Errorf("%s: %v", c.filters, err)
			continue
		}
		if got := allHold(filters, web); got != c.web {
			t.Errorf("%s: web %v", c.filters, got)
		}
		if got := allHold(filters, db); got != c.db {
			t.Errorf("%s: db %v", c.filters, got)
		}
	}
	if f, err := parseFilter("status=not answering"); err != nil || !f.holds(web) {
		t.Errorf("two words: %v", err)
	}
	for _, wrong := range []string{"name", "=x", "colour=red", "status=redy", "name!x", "name!", "", "~x"} {
		if _, err := parseFilter(wrong); err == nil {
			t.Errorf("%q passes", wrong)
		} else if !strings.Contains(err.Error(), "--filter") {
			t.Errorf("%q: %v", wrong, err)
		}
	}
}

func FuzzFilter(f *testing.F) {
	for _, s := range []string{"name=x", "name!~*?[", "status=ready,error", "tag=", "a", "=", "!", "~"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if parsed, err := parseFilter(text); err == nil {
			equal, unequal := parsed, parsed
			equal.not, unequal.not = false, true
			if equal.holds(listed{}) == unequal.holds(listed{}) {
				t.Errorf("%q and its contrary agree", text)
			}
		}
	})
}

func TestOrder(t *testing.T) {
	list := []listed{{Container: lxc.Container{CTID: 9, Hostname: "b"}}, {Container: lxc.Container{CTID: 100}}, {Container: lxc.Container{CTID: 10, Hostname: "a"}}}
	names := func(by string, down bool) (text string) {
		c, err := findColumn("--sort", by)
		if err != nil {
			t.Fatal(err)
		}
		order(list, c, down)
		for _, l := range list {
			text += ctidText(l.CTID) + " "
		}
		return text
	}
	for _, c := range []struct {
		by   string
		down bool
		want string
	}{
		{"ctid", false, "9 10 100 "}, {"ctid", true, "100 10 9 "},
		{"name", false, "10 9 100 "}, {"name", true, "9 10 100 "}, // without a name: last
	} {
		if got := names(c.by, c.down); got != c.want {
			t.Errorf("%s %v: %s, want %s", c.by, c.down, got, c.want)
		}
	}
}
