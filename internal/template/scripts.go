package template

import (
	"bytes"
	"fmt"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/infrahaus/infrahaus/internal/lazy"
)

var (
	numbered   = lazy.Regexp(`^([0-9]+).*\.sh$`)
	scriptName = lazy.Regexp(`^[A-Za-z0-9][A-Za-z0-9._+@-]*$`)
)

// scripts takes the listed scripts in their order. If none are listed, it takes every
// scripts/NN*.sh in numeric order: 10-a.sh, 10_a.sh and 10.sh alike.
func (l *loader) scripts(docs []scriptDoc, update updateDoc, d *decoder) {
	found := slices.DeleteFunc(l.tree.in("scripts"), update.updates)
	if n := d.values["scripts"]; n == nil || n.ShortTag() == "!!null" || n.Kind == yaml.ScalarNode { // the last was reported
		l.numberedScripts("scripts", found)
		return
	}
	listed := map[string]bool{}
	for i, doc := range docs {
		at := index("scripts", i)
		name := strings.TrimPrefix(doc.Name, "scripts/")
		switch {
		case name == "": // noted as missing
		case update.updates(name):
			d.bad(at, "remove it from one of them", "%q is a script of the update", name)
		case listed[name]:
			d.bad(at, "remove one of them", "%q is listed twice", name)
		case !contains(found, name) && l.parent.script(name) != nil:
			s, was := l.listedScript(at, doc, d), l.parent.script(name)
			s.Name, s.Content, s.inherited = name, was.Content, true
			l.t.Scripts = append(l.t.Scripts, s)
		case !contains(found, name):
			suggestion := "put it into scripts/"
			if near := nearest(name, found); near != "" {
				suggestion = fmt.Sprintf("did you mean %q?", near)
			}
			d.bad(at, suggestion, "there is no scripts/%s", name)
		default:
			l.addScript("scripts/"+name, l.listedScript(at, doc, d))
		}
		listed[name] = true
	}
	for _, name := range found {
		if !listed[name] && numbered().MatchString(name) {
			l.warn(Problem{File: "scripts/" + name, Message: "does not run: the list under scripts does not name it"})
		}
	}
}

func (l *loader) numberedScripts(dir string, found []string) {
	var names []string
	for _, name := range found {
		switch {
		case numbered().MatchString(name):
			names = append(names, name)
		case strings.HasSuffix(name, ".sh"):
			l.warn(Problem{File: path.Join(dir, name), Message: "does not run: its name starts with no number", Suggestion: "name it NN-" + name})
		}
	}
	slices.SortFunc(names, byNumber)
	for _, name := range names {
		l.addScript(path.Join(dir, name), Script{Enabled: true})
	}
}

// script is the script of that name, or nil.
func (t *Template) script(name string) *Script {
	if t == nil {
		return nil
	}
	for i := range t.Scripts {
		if t.Scripts[i].Name == name {
			return &t.Scripts[i]
		}
	}
	return nil
}

// ordinal is a script's number without leading zeros, as text, because it may be larger
// than any int: the longer of two is the larger.
func ordinal(name string) string {
	return strings.TrimLeft(numbered().FindStringSubmatch(name)[1], "0")
}

// addScript adds a script with the content of a file.
func (l *loader) addScript(file string, s Script) {
	s, ok := l.script(file, s)
	if !ok {
		return
	}
	l.note(itemKey("scripts", s.Name), file, 0)
	l.t.Scripts = append(l.t.Scripts, s)
}

// script completes a script with its name and the content of its file.
func (l *loader) script(file string, s Script) (Script, bool) {
	name := path.Base(file)
	if !scriptName().MatchString(name) {
		l.report(Problem{File: file, Message: "cannot be the name of a script", Suggestion: "letters, digits and . _ + @ -"})
		return s, false
	}
	if name == "config-manager" || name == "notify" {
		l.report(Problem{File: file, Message: "cannot be the name of a script: a step of every run has it", Suggestion: "name it 10-" + name + ".sh"})
		return s, false
	}
	data, ok := l.tree.read(file)
	if !ok {
		return s, false
	}
	data = bytes.TrimPrefix(data, mark) // it would hide the shebang
	if e := l.tree.leaves[file].ends; e.mixed() {
		l.checkEnds(file, e, true)
	}
	if n := bytes.Count(data, []byte("\r\n")); n > 0 && n == bytes.Count(data, []byte("\n")) {
		// A file with the line ends of Windows would not run in a shell.
		data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
		l.warn(Problem{File: file, Line: 1, Col: 1, Message: "has lines that end in CR LF; it is run with LF"})
	}
	s.Name, s.Content = name, l.byBash(file, data)
	return s, true
}

// byBash checks a script, and gives one of the original's layout to bash: the original reads
// every script into bash, whatever its first line says. Alpine has no bash to begin with.
func (l *loader) byBash(file string, data []byte) []byte {
	shell := interpreter(data)
	if !l.t.Legacy || strings.HasPrefix(l.t.OS, "alpine") || shell != "sh" && shell != "dash" {
		l.lint(file, data)
		return data
	}
	const bash = "#!/usr/bin/env bash\n"
	if !bytes.HasPrefix(data, []byte("#!")) {
		data = append([]byte(bash), data...)
		before := len(l.warnings)
		l.lint(file, data)
		for i := before; i < len(l.warnings); i++ {
			l.warnings[i].Line--
		}
		return data
	}
	_, rest, _ := bytes.Cut(data, []byte("\n"))
	data = append([]byte(bash), rest...)
	l.lint(file, data)
	return data
}
