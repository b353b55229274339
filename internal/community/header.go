package community

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/infrahaus/infrahaus/internal/lazy"
	"github.com/infrahaus/infrahaus/internal/template"
)

// header is what ct/NAME.sh says of the container: assignments to var_… before it starts,
// and in its last lines where the application answers.
type header struct {
	App               string
	Tags              []string
	CPU, RAM, Disk    int // cores, MiB, GiB
	OS, Version       string
	Unprivileged      bool
	Fuse, Tun, GPU    bool
	Nesting, Keyctl   bool
	Answers           []answer
	updates           []string // calls in update_script that ask for a newer version
	updated, packages bool     // update_script is there; it upgrades the system's packages
	fetches, unknown  bool     // it gets something else; nobody can tell before it runs
}

// answer is a place where the application can be met once it is installed.
type answer struct {
	Scheme string // http, https, or "" for any TCP
	Port   int
	Path   string
}

// url is the place, with ${address} as notes of a template write it.
func (a answer) url() string {
	if a.Scheme == "" {
		return fmt.Sprintf("${address}:%d", a.Port)
	}
	return fmt.Sprintf("%s://${address}:%d%s", a.Scheme, a.Port, a.Path)
}

// functions is the file with the functions that the installer expects.
func (h header) functions() string {
	if h.OS == "alpine" {
		return "misc/alpine-install.func"
	}
	return "misc/install.func"
}

// image is the prefix of the OS template.
func (h header) image() string { return h.OS + "-" + h.Version }

// readHeader reads a ct/NAME.sh. A value that is missing is what misc/build.func takes
// then: 1 core, 1024 MiB, 4 GiB and an unprivileged Debian 12.
func readHeader(s *script) (header, []template.Problem) {
	h := header{CPU: 1, RAM: 1024, Disk: 4, OS: "debian", Version: "12", Unprivileged: true, Nesting: true}
	var problems []template.Problem
	number := func(a *syntax.Assign, value string, min int) int {
		n, err := strconv.Atoi(value)
		if err != nil || n < min {
			problems = append(problems, s.at(a, "%s is %q, and not a number from %d on", a.Name.Value, value, min))
		}
		return n
	}
	yes := func(value string) bool { return value == "1" || value == "yes" }
	for _, stmt := range s.syntax.Stmts {
		if f, ok := stmt.Cmd.(*syntax.FuncDecl); ok && f.Name.Value == "update_script" {
			h.update(s, f)
		}
		for _, a := range assignments(stmt) {
			value := initial(a.Value)
			switch a.Name.Value {
			case "APP":
				h.App = value
			case "var_tags":
				h.Tags = tags(value)
			case "var_cpu":
				h.CPU = number(a, value, 1)
			case "var_ram":
				h.RAM = number(a, value, 128)
			case "var_disk":
				h.Disk = number(a, value, 1)
			case "var_os":
				h.OS = value
			case "var_version":
				h.Version = value
			case "var_unprivileged":
				h.Unprivileged = value == "1"
			case "var_fuse":
				h.Fuse = yes(value)
			case "var_tun":
				h.Tun = yes(value)
			case "var_gpu":
				h.GPU = yes(value)
			case "var_nesting":
				h.Nesting = yes(value)
			case "var_keyctl":
				h.Keyctl = yes(value)
			}
		}
	}
	if !slices.Contains([]string{"debian", "ubuntu", "alpine"}, h.OS) || !regexp.MustCompile(`^[0-9.]+$`).MatchString(h.Version) {
		problems = append(problems, template.Problem{File: s.file, Message: fmt.Sprintf("its var_os %q and var_version %q name no release of debian, ubuntu or alpine", h.OS, h.Version)})
	}
	if len(problems) == 0 {
		h.Answers = answers(s)
	}
	return h, problems
}

// assignments are those of a statement that does nothing else.
func assignments(stmt *syntax.Stmt) []*syntax.Assign {
	call, ok := stmt.Cmd.(*syntax.CallExpr)
	if !ok || len(call.Args) > 0 {
		return nil
	}
	var out []*syntax.Assign
	for _, a := range call.Assigns {
		if a.Value != nil {
			out = append(out, a)
		}
	}
	return out
}

// initial is the value of a word before anybody has set anything: the text of it, or X of
// "${name:-X}".
func initial(w *syntax.Word) string {
	parts := w.Parts
	if len(parts) == 1 {
		if q, ok := parts[0].(*syntax.DblQuoted); ok {
			parts = q.Parts
		}
	}
	var b strings.Builder
	for _, p := range parts {
		switch p := p.(type) {
		case *syntax.Lit:
			b.WriteString(p.Value)
		case *syntax.SglQuoted:
			b.WriteString(p.Value)
		case *syntax.ParamExp:
			if p.Exp != nil && p.Exp.Word != nil {
				b.WriteString(initial(p.Exp.Word))
			}
		}
	}
	return b.String()
}

// tags are those of a list with ; or , or blanks between.
func tags(list string) []string {
	var out []string
	for _, tag := range strings.FieldsFunc(strings.ToLower(list), func(r rune) bool { return strings.ContainsRune(";, ", r) }) {
		tag = regexp.MustCompile(`[^a-z0-9_+.-]`).ReplaceAllString(tag, "-")
		if tag = strings.TrimLeft(tag, "+.-"); tag != "" && !slices.Contains(out, tag) {
			out = append(out, tag)
		}
	}
	return out
}

// place is an address as the last lines of a ct/NAME.sh print it.
var place = lazy.Regexp(`(?:(https?)://)?\$\{?IP\}?(?::([0-9]{1,5}))?(/[A-Za-z0-9._~/-]*)?`)

// otherProtocols are ports of services that do not speak HTTP. The project prints
// http://IP:6379 nevertheless, and the like.
var otherProtocols = []int{22, 25, 53, 389, 1883, 3306, 5335, 5432, 5672, 6379, 11211, 27017}

// answers are the places in the lines after the container was built.
func answers(s *script) []answer {
	var out []answer
	began := false
	for _, stmt := range s.syntax.Stmts {
		call, ok := stmt.Cmd.(*syntax.CallExpr)
		if !ok || len(call.Args) == 0 {
			continue
		}
		name := call.Args[0].Lit()
		began = began || name == "build_container"
		if !began || name != "echo" {
			continue
		}
		for _, m := range place().FindAllStringSubmatch(s.source(call), -1) {
			a := answer{Scheme: m[1], Path: m[3]}
			a.Port, _ = strconv.Atoi(m[2])
			switch {
			case a.Port > 65535 || a.Port == 0 && a.Scheme == "":
				continue
			case a.Port == 0 && a.Scheme == "https":
				a.Port = 443
			case a.Port == 0:
				a.Port = 80
			}
			if slices.Contains(otherProtocols, a.Port) {
				a.Scheme, a.Path = "", ""
			}
			if !slices.ContainsFunc(out, func(b answer) bool { return b.Port == a.Port }) {
				out = append(out, a)
			}
		}
	}
	return out
}
