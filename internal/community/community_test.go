package community

import (
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/infrahaus/infrahaus/internal/template"
)

var update = flag.Bool("update", false, "write the expected templates again")

// imitation has the shapes of the project's files, in words of ours.
const imitation = "../../testdata/community"

func checkout() Checkout {
	return Checkout{FS: os.DirFS(imitation), Name: "ProxmoxVE", Commit: "0123abc"}
}

// TestImport compares the template.yaml and the report of each application with what is
// expected; -update writes them.
func TestImport(t *testing.T) {
	for _, name := range []string{"page", "alpine-page", "bare"} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "out")
			_, report, err := Import(dir, checkout(), name)
			if err != nil {
				t.Fatal(err)
			}
			yaml, err := os.ReadFile(filepath.Join(dir, "template.yaml"))
			if err != nil {
				t.Fatal(err)
			}
			var got strings.Builder
			_, text, _ := strings.Cut(string(yaml), "\n") // the first line is the schema's address
			got.WriteString(text)
			for _, r := range report {
				got.WriteString("# " + strings.Join([]string{r.From, r.To, r.Note}, " | ") + "\n")
			}
			golden := filepath.Join("testdata", name+".yaml")
			if *update {
				if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got.String() != string(want) {
				t.Errorf("is\n%s\nwant\n%s", got.String(), want)
			}
		})
	}
}

// TestPinned: nothing that the container gets fetches the project's files from a branch.
func TestPinned(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out")
	files, _, err := Import(dir, checkout(), "page")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []string{"files/community/tools/addon/extra.sh", "files/community/misc/build.func", "files/community/LICENSE"} {
		if !slices.Contains(files, f) {
			t.Errorf("%s is missing", f)
		}
	}
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if moving().Match(text) {
			t.Errorf("%s has %s", path, moving().Find(text))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestRefused: what cannot be imported is said with its place, and nothing is written.
func TestRefused(t *testing.T) {
	for name, want := range map[string][]string{
		"menu": {
			"install/menu-install.sh:8:13: whiptail draws a dialogue", "install/menu-install.sh:11:1: select waits for a choice",
			"install/menu-install.sh:14:1: passwd asks", "install/menu-install.sh:17:1: stty reads from the terminal",
			"install/menu-install.sh:18:1: adduser asks", "install/menu-install.sh:20:1: nano is an editor",
		},
		"torn":   {"install/torn-install.sh:9:1: is no shell script"},
		"odd":    {`ct/odd.sh:7:1: var_cpu is "many"`, `ct/odd.sh:9:1: var_disk is "0"`, `var_os "plan9" and var_version "4"`},
		"nosuch": {"ProxmoxVE has no install/nosuch-install.sh"},
		"../ct":  {"is no name of an installer"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "out")
			_, _, err := Import(dir, checkout(), name)
			if err == nil {
				t.Fatal("it was imported")
			}
			for _, w := range want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q does not say %q", err, w)
				}
			}
			if wrong, ok := errors.AsType[*template.Error](err); ok && name == "menu" && len(wrong.Problems) != len(want) {
				t.Errorf("%d problems, want %d", len(wrong.Problems), len(want))
			}
			if _, err := os.Stat(dir); err == nil {
				t.Error("something was written")
			}
		})
	}
}

// TestHalfCheckout: a folder without the project's functions is no fault of this tool.
func TestHalfCheckout(t *testing.T) {
	from := checkout()
	from.FS = fstest.MapFS{
		"ct/page.sh":              {Data: must(fs.ReadFile(from.FS, "ct/page.sh"))},
		"install/page-install.sh": {Data: must(fs.ReadFile(from.FS, "install/page-install.sh"))},
	}
	_, _, err := Import(filepath.Join(t.TempDir(), "out"), from, "page")
	if missing, ok := errors.AsType[*Missing](err); !ok || missing.File != "misc/install.func" {
		t.Errorf("%v", err)
	}
}

func must(text []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return text
}

// TestQuestions: what becomes of each way to ask.
func TestQuestions(t *testing.T) {
	for _, c := range []struct {
		script string
		want   string // the variable's fields, or "" for no question
		edited string // what the script has instead, if that is checked
	}{
		{`read -r -p "${TAB3}Would you like to add Adminer? <y/N> " prompt`, "add_adminer: type: bool, default: false", `infrahaus_read add_adminer yes -r -p "${TAB3}Would`},
		{`read -p "Enable the web UI? [Y/n]: " ui`, "ui: type: bool, default: true", ""},
		{`read -r -p "Do you want to continue? [y/N]: " CONFIRM`, "continue: type: bool, required: true", ""},
		{`read -rp "Proxied? (y/n): " answer`, "proxied: type: bool, required: true", ""},
		{`if true; then read -rp "Proxied? (y/n): " answer; fi`, "proxied: type: bool, default: false", ""},
		{`read -r -p "Enter PostgreSQL version (15/16/17): " ver`, `ver: type: enum, values: ["15", "16", "17"], required: true`, ""},
		{`read -rp "Which version? (9, 10.1, 11): " v`, `v: type: enum, values: ["9", "10.1", "11"], required: true`, ""},
		{`read -rp "Enter choice [1-3]: " KIND`, "kind: required: true", ""},
		{`read -rp "Enter the port [8080]: " PORT`, "port: default: ''", "infrahaus_read port text -rp"},
		{`read -rp "Enter your key (press Enter to skip): " x`, "x: default: ''", ""},
		{`[ -n "$a" ] || read -rp "Enter the domain: " DOMAIN`, "domain: default: ''", "infrahaus_read domain needed -rp"},
		{`read -rp "Enter the domain: " DOMAIN </dev/tty`, "domain: required: true", `infrahaus_read domain needed -rp "Enter the domain: " DOMAIN `},
		{`read -s -p "Enter new password: " NEW_PASS`, "new_pass: required: true, secret: true", ""},
		{`read -rsp "Setup key: " var_setup_key`, "setup_key: required: true, secret: true", ""},
		{"echo 'Choose the owner'\nread -r OWNER", `owner: required: true, description: Choose the owner`, ""},
		{`read`, "answer: required: true", ""},
		{`read -rp Name name`, "name: required: true", ""},
		{`read -t 10 -n 1 -rp "Sure? [y/N] " ok`, "ok: type: bool, default: false", ""},
		{`read -r a <file`, "", "read -r a <file"},
		{`read -r a <<<"text"`, "", ""},
		{`echo x | read -r a`, "", ""},
		{"while read -r a; do :; done <file", "", ""},
		{"ls | while read -r a; do :; done", "", ""},
		{"while read -r a; do :; done < <(ls)", "", ""},
		{`read -u 3 a`, "", ""},
		{`if prompt_confirm "Install it?" "y" 60; then :; fi`, "install: type: bool, default: true", ""},
		{`X="$(prompt_input "Enter the realm" "home" 30)"`, "realm: default: home", ""},
		{`X="$(prompt_input "Enter the realm" "$HOSTNAME" 30)"`, "realm: default: ''", ""},
		{`X=$(prompt_select "Which colour" 2 60 "red" "green")`, `colour: type: enum, values: ["red", "green"], default: green`, ""},
		{`X=$(prompt_password "Enter the admin password" "generate" 60 8)`, "admin_password: generate: password(16), secret: true", ""},
	} {
		s, err := parse(fstest.MapFS{"x": {Data: []byte(c.script)}}, "x")
		if err != nil {
			t.Fatal(err)
		}
		if p := s.ask(); len(p) > 0 {
			t.Errorf("%s: %v", c.script, p)
		}
		got := ""
		if len(s.questions) > 0 {
			q := s.questions[0]
			got = q.Variable + ": " + strings.Join(q.fields(), ", ")
		}
		if len(s.questions) > 1 || (c.want == "") != (got == "") || !strings.HasPrefix(got, c.want) {
			t.Errorf("%s\nis   %s\nwant %s", c.script, got, c.want)
		}
		if text := string(s.edited()); !strings.Contains(text, c.edited) {
			t.Errorf("%s\nbecame %s\nwithout %s", c.script, text, c.edited)
		}
	}
}

// TestAnswers: what is asked by HTTP is a port that speaks it.
func TestAnswers(t *testing.T) {
	s, err := parse(fstest.MapFS{"x": {Data: []byte("build_container\necho -e \"http://${IP}:6379\"\necho -e \"${IP}:3128\"\necho -e \"https://${IP}/admin\"\n")}}, "x")
	if err != nil {
		t.Fatal(err)
	}
	want := []answer{{Port: 6379}, {Port: 3128}, {Scheme: "https", Port: 443, Path: "/admin"}}
	if got := answers(s); !slices.Equal(got, want) {
		t.Errorf("is %+v, want %+v", got, want)
	}
}

// FuzzImport: a checkout may hold anything.
func FuzzImport(f *testing.F) {
	for _, name := range []string{"page", "menu", "odd"} {
		ct, _ := os.ReadFile(filepath.Join(imitation, "ct", name+".sh"))
		install, _ := os.ReadFile(filepath.Join(imitation, "install", name+"-install.sh"))
		f.Add(ct, install)
	}
	f.Fuzz(func(t *testing.T, ct, install []byte) {
		dir := filepath.Join(t.TempDir(), "out")
		_, _, err := Import(dir, Checkout{Name: "x", FS: fstest.MapFS{
			"ct/x.sh": {Data: ct}, "install/x-install.sh": {Data: install}, "misc/install.func": {}, "misc/alpine-install.func": {},
		}}, "x")
		if err != nil {
			return
		}
		if _, err := template.LoadDir(dir); err != nil {
			t.Error(err)
		}
	})
}
