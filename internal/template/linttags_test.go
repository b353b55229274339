package template

import (
	"testing"
	"testing/fstest"
)

// Proxmox keeps a tag once, in lower case: a sync compares it so, and an author is told.
func TestReviewTags(t *testing.T) {
	tpl, err := Load(fstest.MapFS{"template.yaml": {Data: []byte("name: web\nos: debian-12\ntags: [web, Prod, WEB, a.b+c_d-e]\n")}}, "web")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range tpl.Review() {
		got = append(got, p.String())
	}
	want := []string{
		`template.yaml:3:13: Proxmox writes tags in lower case, unless the datacenter's options say otherwise (prod)`,
		`template.yaml:3:19: tag web is given twice`,
	}
	if len(got) != len(want) {
		t.Fatalf("got %q", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("got %q, want %q", got[i], want[i])
		}
	}
}
