package community

import (
	_ "embed"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/infrahaus/infrahaus/internal/lazy"
)

var (
	//go:embed guest/functions.sh
	functionsSh string
	//go:embed guest/environment.sh
	environmentSh string
	//go:embed guest/launch.sh
	launchSh string
)

// write writes the template.
func (i *importing) write() error {
	keep := kept(i.install)
	text := i.pinned.files[i.install.file]
	if len(keep) > 0 {
		text = append(text, "\ninfrahaus_keep "+strings.Join(keep, " ")+"\n"...)
	}
	if licence, err := fs.ReadFile(i.from.FS, "LICENSE"); err == nil {
		i.pinned.files["LICENSE"] = licence
	}
	files := map[string][]byte{
		"template.yaml":                          []byte(i.yaml()),
		path.Join("scripts", "10-"+i.name+".sh"): []byte(i.launcher()),
		"files/community/functions.sh":           []byte(functionsSh),
	}
	for name, content := range i.pinned.files {
		files["files/community/"+name] = content
	}
	files["files/community/"+i.install.file] = text
	maps.Copy(files, i.updateScripts())
	for name, content := range files {
		to := filepath.Join(i.dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		mode := fs.FileMode(0o644)
		if path.Dir(name) == "scripts" {
			mode = 0o755
		}
		if err := os.WriteFile(to, content, mode); err != nil {
			return err
		}
	}
	i.tell(keep)
	return nil
}

// secretName are shell variables that hold what somebody will need to log in.
var secretName = lazy.Regexp(`(?i)(^|_)(pass|password|passwd|pwd|secret|token|(api|secret|access|master|encryption|jwt|app|admin|setup)_?key)$`)

// kept are the shell variables of an installer whose values are credentials: those that it
// sets, and those that the project's functions for databases set.
func kept(s *script) []string {
	var out []string
	add := func(names ...string) {
		for _, n := range names {
			if !slices.Contains(out, n) {
				out = append(out, n)
			}
		}
	}
	syntax.Walk(s.syntax, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.Assign:
			if n.Name != nil && n.Value != nil && secretName().MatchString(n.Name.Value) {
				add(n.Name.Value)
			}
		case *syntax.CallExpr:
			if len(n.Args) == 0 {
				break
			}
			switch n.Args[0].Lit() {
			case "setup_postgresql_db":
				add("PG_DB_USER", "PG_DB_NAME", "PG_DB_PASS")
			case "setup_mariadb_db", "setup_mysql_db":
				add("MARIADB_DB_USER", "MARIADB_DB_NAME", "MARIADB_DB_PASS")
			}
		}
		return true
	})
	return out
}

// enabled are the units that an installer starts.
func enabled(s *script) []string {
	var out []string
	s.calls(func(name string, call *syntax.CallExpr, _ []syntax.Node) {
		if name != "systemctl" || len(call.Args) < 3 || !strings.HasPrefix(call.Args[1].Lit(), "enable") {
			return
		}
		for _, w := range call.Args[2:] {
			unit := strings.TrimSuffix(w.Lit(), ".service")
			if unit != "" && unit[0] != '-' && !strings.Contains(unit, ".") && !slices.Contains(out, unit) {
				out = append(out, unit)
			}
		}
	})
	return out
}

// launcher is the template's only setup script.
func (i *importing) launcher() string {
	_, text, _ := strings.Cut(launchSh, "\n") // its first line is for shellcheck
	return i.prelude("Starts the installer of "+i.name+" in the way of its own launcher.") + "installer=" + quote(i.install.file) + "\n" + text
}

// prelude begins a script of the template with the environment of the project's own launcher.
func (i *importing) prelude(title string) string {
	h := i.header
	var b strings.Builder
	shell := "bash"
	if h.OS == "alpine" {
		shell = "sh" // the container has bash by then, and a template may not count on it
	}
	fmt.Fprintf(&b, "#!/bin/%s\n# %s\nset -eu\n\n", shell, title)
	for _, q := range i.install.questions {
		// Under its short name a variable could be taken for one of the installer's own.
		fmt.Fprintf(&b, "unset %s\n", q.Variable)
	}
	for _, v := range [][2]string{
		{"APPLICATION", h.App}, {"app", strings.ReplaceAll(strings.ToLower(h.App), " ", "")}, {"COMMUNITY_FUNCTIONS", h.functions()},
		{"PCT_OSTYPE", h.OS}, {"PCT_OSVERSION", h.Version}, {"PCT_DISK_SIZE", strconv.Itoa(h.Disk)}, {"CTTYPE", oneOf(h.Unprivileged, "1", "0")},
		{"ENABLE_FUSE", oneOf(h.Fuse, "yes", "no")}, {"ENABLE_TUN", oneOf(h.Tun, "yes", "no")}, {"ENABLE_GPU", oneOf(h.GPU, "yes", "no")},
	} {
		fmt.Fprintf(&b, "export %s=%s\n", v[0], quote(v[1]))
	}
	_, text, _ := strings.Cut(environmentSh, "\n") // its first line is for shellcheck
	b.WriteString(text + "\n")
	return b.String()
}

func oneOf(which bool, yes, no string) string {
	if which {
		return yes
	}
	return no
}

// quote makes one word of bash out of a text. Only a NUL cannot be quoted, which no parsed
// script has.
func quote(s string) string {
	word, err := syntax.Quote(s, syntax.LangBash)
	if err != nil {
		return "''"
	}
	return word
}

// yaml is the template.yaml.
func (i *importing) yaml() string {
	h := i.header
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	origin := i.from.Name
	if i.from.Commit != "" {
		origin += " at " + i.from.Commit
	}
	line("# The installer %s of community-scripts/ProxmoxVE (MIT license), from\n# %s.", i.name, origin)
	line("name: %s", i.name)
	line("description: %s", scalar(h.App+", by the installer of community-scripts"))
	line("os: %s", h.image())
	line("resources: {cores: %d, memory: %d, disk: %d}", h.CPU, h.RAM, h.Disk)
	if !h.Unprivileged {
		line("unprivileged: false")
	}
	line("features: {nesting: %t%s%s}", h.Nesting, oneOf(h.Keyctl, ", keyctl: true", ""), oneOf(h.Fuse, ", fuse: true", ""))
	if h.Tun {
		line("devices: [{path: /dev/net/tun, mode: '0666'}]")
	}
	if len(h.Tags) > 0 {
		line("tags: [%s]", strings.Join(h.Tags, ", "))
	}
	if len(i.install.questions) > 0 {
		line("variables:")
		for _, q := range i.install.questions {
			line("  %s: {%s}", q.Variable, strings.Join(q.fields(), ", "))
		}
	}
	if h.OS == "alpine" {
		line("packages: {apk: [bash, newt, curl, ncurses, jq]}")
	} else {
		line("packages: {apt: [sudo, curl, gnupg, jq]}")
	}
	line("files:\n  - {source: community, target: %s}", GuestDir)
	line("scripts:\n  - {name: 10-%s.sh, timeout: 1h}", i.name)
	if i.ct != nil {
		line("update: {check: %s, run: %s}", checkScript, updateScript)
	}
	if len(h.Answers) > 0 {
		first := h.Answers[0]
		fields := []string{"name: " + i.name}
		if units := enabled(i.install); len(units) == 1 && units[0] != i.name {
			fields = append(fields, "unit: "+scalar(units[0]))
		}
		fields = append(fields, "port: "+strconv.Itoa(first.Port))
		if first.Scheme != "" {
			fields = append(fields, first.Scheme+": "+scalar(oneOf(first.Path != "", first.Path, "/")))
		}
		line("services:\n  - {%s, timeout: 3m}", strings.Join(fields, ", "))
	}
	if len(h.Answers) > 1 {
		// Often parts that are optional: nothing waits for them.
		var more []string
		for _, a := range h.Answers[1:] {
			more = append(more, a.url())
		}
		line("notes: %s", scalar("Further addresses: "+strings.Join(more, ", ")))
	}
	return b.String()
}

// fields are those of a variable.
func (q question) fields() []string {
	var out []string
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	switch {
	case q.YesNo:
		add("type: bool")
	case q.Values != nil:
		add("type: enum, values: [%s]", strings.Join(quoted(q.Values), ", "))
	}
	switch {
	case q.Generate != "":
		add("generate: %s", q.Generate)
	case !q.Optional:
		add("required: true")
	case q.YesNo:
		add("default: %s", q.Default)
	case q.Default == "" && q.Values != nil:
		add("default: %s", scalar(q.Values[0]))
	case q.Default == "":
		add("default: ''")
	default:
		add("default: %s", scalar(q.Default))
	}
	if q.Secret {
		add("secret: true")
	}
	if q.Text != "" {
		add("description: %s", scalar(q.Text))
	}
	return out
}

func quoted(texts []string) []string {
	out := make([]string, len(texts))
	for i, t := range texts {
		out[i] = strconv.Quote(t)
	}
	return out
}

// harmless are texts that YAML reads as such without quotes, within { } too.
var harmless = lazy.Regexp(`^[A-Za-z/][A-Za-z0-9 ._/-]*$`)

// scalar is a text as YAML reads it back within { }.
func scalar(s string) string {
	if harmless().MatchString(s) && !slices.Contains([]string{"true", "false", "yes", "no", "on", "off", "null", "y", "n"}, strings.ToLower(s)) {
		return s
	}
	return strconv.Quote(s)
}

// tell fills the report.
func (i *importing) tell(keep []string) {
	h := i.header
	ct := path.Join("ct", i.name+".sh")
	i.note(ct, "resources, os", "%d cores, %d MiB, %d GiB, %s", h.CPU, h.RAM, h.Disk, h.image())
	if h.Tun {
		i.note(ct+": var_tun", "devices", "an API token may not set it: see infrahaus help privileges")
	}
	if h.Fuse || h.Keyctl {
		i.note(ct+": var_fuse, var_keyctl", "features", "an API token may not set them: see infrahaus help privileges")
	}
	if h.GPU {
		i.note(ct+": var_gpu", "", "which device it would be depends on the node: add it under devices")
	}
	for n, a := range h.Answers {
		i.note(ct, oneOf(n == 0, "services", "notes"), "%s", a.url())
	}
	for _, q := range i.install.questions {
		what := "asked: " + q.Text
		if !q.Optional {
			what = "required; " + what
		}
		i.note(fmt.Sprintf("%s:%d", i.install.file, q.line), "variables: "+q.Variable, "%s", what)
	}
	if len(keep) > 0 {
		i.note(i.install.file, "credentials", "saved if they are set: %s", strings.Join(keep, ", "))
	}
	for _, name := range i.pinned.names() {
		if s, ok := i.pinned.sums[name]; ok {
			i.note(name, "files/community/"+name, "sha256 %s", s)
		}
	}
}
