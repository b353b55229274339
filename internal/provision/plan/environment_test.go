package plan

import (
	"fmt"
	"strings"
	"testing"

	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/pve"
	"github.com/infrahaus/infrahaus/internal/template"
)

func TestEnvironment(t *testing.T) {
	tmpl := &template.Template{Name: "db", Variables: []template.Variable{
		{Name: "POSTGRES_DB", Type: "string", Default: "app", HasDefault: true},
		{Name: "POSTGRES_PASSWORD", Type: "string", Secret: true},
		{Name: "unset", Type: "string"},
		{Name: "empty", Type: "string"},
	}}
	values, err := tmpl.Resolve(map[string]string{"POSTGRES_PASSWORD": "hunter22", "empty": ""}, nil)
	if err != nil {
		t.Fatal(err)
	}
	job := Job{Spec: lxc.Spec{OSTemplate: "oci:postgres:17"}, Template: tmpl, Values: values, Env: map[string]string{"TZ": "UTC", "POSTGRES_DB": "other", "DB_USER": "me"}}
	show := func(kind lxc.ImageKind) string {
		var out []string
		for _, v := range job.Environment(kind) {
			out = append(out, fmt.Sprintf("%s=%s %v", v.Name, v.Value, v.Secret))
		}
		return strings.Join(out, ", ")
	}
	const given = "DB_USER=me false, POSTGRES_DB=other false, TZ=UTC true"
	if got := show(lxc.ApplicationImage); got != "POSTGRES_PASSWORD=hunter22 true, empty= false, "+given {
		t.Error(got)
	}
	if got := show(lxc.SystemImage); got != given {
		t.Error(got)
	}
	if faults := job.EnvFaults(); faults != nil {
		t.Error(faults)
	}
	job.Env["KEY"] = "a\nb"
	if faults := job.EnvFaults(); len(faults) != 1 || !strings.HasPrefix(faults[0], "KEY has several lines") {
		t.Error(faults)
	}
	job.Spec.OSTemplate = "debian-12"
	if faults := job.EnvFaults(); faults != nil {
		t.Error("nothing of it goes into an environment:", faults)
	}
}

func TestWrongEnv(t *testing.T) {
	for _, c := range []struct{ name, value, want string }{
		{"A", "", ""}, {"_a1", "tab\tand ünicode", ""},
		{"", "x", "no name"}, {"1A", "x", "no name"}, {"A-B", "x", "no name"}, {"A=B", "x", "no name"}, {"Ä", "x", "no name"}, {"A\x00", "x", "no name"},
		{"A", "x\ny", "several lines"}, {"A", "x\r", "several lines"}, {"A", "x\x00y", "NUL"}, {"A", "\x1b[0m", "control"}, {"A", "\x7f", "control"}, {"A", "\xff", "UTF-8"},
	} {
		if got := WrongEnv(c.name, c.value); c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%q=%q: %q", c.name, c.value, got)
		}
	}
}

func TestImageLines(t *testing.T) {
	job := Job{Spec: lxc.Spec{Hostname: "web", OSTemplate: "oci:nginx:1.29"}, Template: &template.Template{Name: "none"}, Env: map[string]string{"TOKEN": "secret-value"}}
	p := &pve.Placement{CTID: 100, Node: "pve1", Storage: "local", MarkerAllowed: true,
		Template: pve.Template{VolID: "local:vztmpl/nginx.tar", Name: "nginx.tar", Storage: "local", Download: true, Image: "docker.io/library/nginx:1.29"},
		Image:    &lxc.Image{Reference: "docker.io/library/nginx:1.29", Digest: "sha256:aa", Kind: lxc.ApplicationImage, Entrypoint: "nginx -g 'daemon off;'"}}
	text := strings.Join(Decide(Request{Verb: Create, Job: job}, World{Placement: p}).Lines("creating"), "\n")
	for _, want := range []string{
		"pull docker.io/library/nginx:1.29 to local as nginx.tar", "image: docker.io/library/nginx:1.29, sha256:aa",
		"it runs nginx -g 'daemon off;', and nothing else", "environment: TOKEN; readable in the container's configuration",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if strings.Contains(text, "secret-value") {
		t.Error("a value is shown")
	}
}
