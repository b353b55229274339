package bake

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/infrahaus/infrahaus/internal/template"
)

func load(t *testing.T, files map[string]string) *template.Template {
	t.Helper()
	fsys := fstest.MapFS{}
	for name, text := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	tpl, err := template.Load(fsys, "web")
	if err != nil {
		t.Fatal(err)
	}
	return tpl
}

const base = `name: web
os: debian-12
variables: {port: {type: port, default: 80}}
packages: {apt: [nginx, curl], custom: [{name: x, check: "true", install: "true"}]}
files:
  - {content: a, target: /etc/a, stage: image}
  - {content: "${port}", target: /etc/b, template: true}
scripts: [{name: 10-a.sh, stage: image}, 20-b.sh]
`

// Only what is in an image changes its digest.
func TestDigest(t *testing.T) {
	os := OS{Name: "debian-12-standard_12.7-1_amd64.tar.zst", Size: 100}
	of := func(yaml, a, b string, os OS) string {
		return Digest(load(t, map[string]string{"template.yaml": yaml, "scripts/10-a.sh": a, "scripts/20-b.sh": b}), os)
	}
	before := of(base, "true\n", "true\n", os)
	for name, c := range map[string]struct {
		old, new string
		same     bool
	}{
		"nothing":            {"", "", true},
		"description":        {"os: debian-12", "os: debian-12\ndescription: x", true},
		"notes":              {"os: debian-12", "os: debian-12\nnotes: x", true},
		"resources":          {"os: debian-12", "os: debian-12\nresources: {cores: 4, disk: 20}", true},
		"network":            {"os: debian-12", "os: debian-12\nnetwork: {ip: 10.0.0.9/24, gateway: 10.0.0.1}", true},
		"tags":               {"os: debian-12", "os: debian-12\ntags: [x]", true},
		"a default":          {"default: 80", "default: 81", true},
		"a variable":         {"{port: {", "{other: {}, port: {", true},
		"a service":          {"os: debian-12", "os: debian-12\nservices: [{name: nginx}]", true},
		"a file of a create": {`"${port}"`, `"x ${port}"`, true},
		"order of packages":  {"nginx, curl", "curl, nginx", true},
		"notify":             {"stage: image}\n  - {content: \"", "stage: image, notify: nginx}\n  - {content: \"", true},
		"maxAge":             {"os: debian-12", "os: debian-12\nmaxAge: 2d", true},

		"a package":            {"nginx, curl", "nginx, curl, jq", false},
		"a pin":                {"curl]", "curl=7.88*]", false},
		"a custom package":     {`install: "true"`, `install: "touch /x"`, false},
		"a file of the image":  {"content: a,", "content: b,", false},
		"its mode":             {"target: /etc/a,", "target: /etc/a, mode: '0600',", false},
		"its target":           {"target: /etc/a,", "target: /etc/c,", false},
		"a file's stage":       {"target: /etc/a, stage: image", "target: /etc/a", false},
		"a script's stage":     {"{name: 10-a.sh, stage: image}", "10-a.sh", false},
		"a script's user":      {"{name: 10-a.sh, stage: image}", "{name: 10-a.sh, stage: image, user: www-data}", false},
		"a script's env":       {"{name: 10-a.sh, stage: image}", "{name: 10-a.sh, stage: image, env: {A: b}}", false},
		"a script that is off": {"{name: 10-a.sh, stage: image}", "{name: 10-a.sh, stage: image, enabled: false}", false},
	} {
		yaml := strings.Replace(base, c.old, c.new, 1)
		if c.old != "" && yaml == base {
			t.Fatalf("%s changes nothing", name)
		}
		if same := of(yaml, "true\n", "true\n", os) == before; same != c.same {
			t.Errorf("%s: the same %t, want %t", name, same, c.same)
		}
	}
	if of(base, "true\n", "false\n", os) != before {
		t.Error("a script of a create counts")
	}
	if of(base, "false\n", "true\n", os) == before {
		t.Error("a script of the image does not count")
	}
	for _, other := range []OS{{Name: "debian-12-standard_12.12-1_amd64.tar.zst", Size: 100}, {Name: os.Name, Size: 101}} {
		if of(base, "true\n", "true\n", other) == before {
			t.Errorf("%v is the same as %v", other, os)
		}
	}
}

// An image has the packages of the templates that its template extends.
func TestDigestExtends(t *testing.T) {
	of := func(packages string) string {
		fsys := fstest.MapFS{
			"base/template.yaml": {Data: []byte("name: base\nos: debian-12\npackages: {apt: [" + packages + "]}\n")},
			"web/template.yaml":  {Data: []byte("name: web\nextends: base\npackages: {apt: [nginx]}\n")},
		}
		tpl, err := template.Find("web", []template.Source{{FS: fsys}})
		if err != nil {
			t.Fatal(err)
		}
		return Digest(tpl, OS{Name: "x"})
	}
	if of("curl") == of("jq") {
		t.Error("a package of the parent does not count")
	}
}

func TestName(t *testing.T) {
	digest := strings.Repeat("0123456789abcdef", 4)
	for os, want := range map[string]string{
		"debian-12-standard_12.7-1_amd64.tar.zst":     "infrahaus-my-app_debian-12_0123456789abcdef_amd64.tar.gz",
		"debian-13-standard_13.6-1_arm64.tar.zst":     "infrahaus-my-app_debian-13_0123456789abcdef_arm64.tar.gz",
		"alpine-3.22-default_20250617_amd64.tar.xz":   "infrahaus-my-app_alpine-3.22-default_0123456789abcdef_amd64.tar.gz",
		"debian-12-turnkey-wordpress_18_amd64.tar.gz": "infrahaus-my-app_debian-12-turnkey-wordpress_0123456789abcdef_amd64.tar.gz",
		"mine.tar.zst": "infrahaus-my-app_mine.tar.zst_0123456789abcdef_amd64.tar.gz",
	} {
		got := Name("my_app", digest, OS{Name: os})
		if got != want {
			t.Errorf("%s: got %s, want %s", os, got, want)
		}
		p, ok := Parse(got)
		if !ok || p.Template != "my-app" || p.Digest != "0123456789abcdef" {
			t.Errorf("Parse(%s): %+v, %t", got, p, ok)
		}
	}
	for _, other := range []string{"", "debian-12-standard_12.7-1_amd64.tar.zst", "infrahaus-x_debian-12_0123_amd64.tar.gz", "infrahaus-x_debian-12_0123456789abcdef_amd64.tar.zst"} {
		if _, ok := Parse(other); ok {
			t.Errorf("Parse(%s) takes it for an image", other)
		}
	}
}

// Every script is one that sh can read, and each cleaner says what it is for.
func TestScripts(t *testing.T) {
	texts := map[string]string{"prepare": PrepareScript([]string{"/etc/it's"}), "pack": PackScript, "first boot": firstBootScript, "settle": settle, "release": release}
	for _, c := range cleaners {
		if c.why == "" || !strings.HasPrefix(c.has, "/") || c.clean == "" {
			t.Errorf("%s is not complete: %+v", c.name, c)
		}
		texts["anew "+c.name], texts["clean "+c.name] = c.anew, c.clean
	}
	if strings.Contains(texts["prepare"], "#CLEANERS#") {
		t.Error("the cleaners are not in the script")
	}
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no sh")
	}
	for name, text := range texts {
		file := t.TempDir() + "/script"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command(sh, "-n", file).CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", name, err, out)
		}
	}
}
