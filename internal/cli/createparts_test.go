package cli

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/infrahaus/infrahaus/internal/config"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/template"
)

// A template can require a version of this tool. A build from source satisfies every one.
func TestRequiresTool(t *testing.T) {
	for _, c := range []struct{ want, have, refusal string }{
		{"", "1.2.3", ""},
		{">=1.2", "1.2.3", ""},
		{">=1.2, <2", "1.9.0", ""},
		{">=1.3", "1.2.3", "cannot use template t: it requires infrahaus >=1.3, and this is 1.2.3"},
		{">=1.2, <2", "2.0.0", "cannot use template t: it requires infrahaus >=1.2, <2, and this is 2.0.0"},
		{">=1.3", "1.3.0-rc1", ""}, // so that a template can be tried with it
		{">=1.3", "dev", ""},
		{">=1.3", "0.0.0-20261130080000-0123456789ab+dirty", ""},
	} {
		got := ""
		if err := checkRequires(&template.Template{Name: "t", Requires: lxc.Requires{Infrahaus: c.want}}, c.have); err != nil {
			got = err.Error()
		}
		if got != c.refusal {
			t.Errorf("%q with %s: %q, want %q", c.want, c.have, got, c.refusal)
		}
	}
}

// A template that goes into a container is refused; show and validate go on with it.
func TestRequiresToolWhereItIsUsed(t *testing.T) {
	was := version
	t.Cleanup(func() { version = was })
	version = "1.2.3"
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "template.yaml"), []byte("name: t\nos: debian-12\nrequires: {infrahaus: '>=1.3'}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	a := &app{cfg: &config.Config{}}
	if _, err := a.lookTemplate(t.Context(), dir, lookUp{}); err != nil {
		t.Errorf("show: %v", err)
	}
	if _, err := a.lookTemplate(t.Context(), dir, lookUp{use: true}); err == nil {
		t.Error("it goes into a container")
	}
}
