package template

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"mvdan.cc/sh/v3/syntax"

	"github.com/infrahaus/infrahaus/internal/lazy"
)

// Stage is when something is put into a container: at its create, or once for many of them,
// in an image.
type Stage string

// The stages. A repository's files and all packages are in an image without a word.
const (
	StageCreate Stage = ""
	StageImage  Stage = "image"
)

func stageOf(word string) Stage {
	if word == string(StageImage) {
		return StageImage
	}
	return StageCreate
}

// DefaultMaxAge is the age of an image up to which it is used, where the template says
// nothing. Its packages lack the security updates since then.
const DefaultMaxAge = 30 * 24 * time.Hour

// ageOf reads a maxAge: hours, days or weeks. Its pattern was checked.
func ageOf(text string) time.Duration {
	if text == "" {
		return DefaultMaxAge
	}
	n, _ := strconv.Atoi(text[:len(text)-1])
	unit := map[byte]time.Duration{'h': time.Hour, 'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour}[text[len(text)-1]]
	return time.Duration(n) * unit
}

// ForImage is the part of the template that depends on no instance: its OS, repositories and
// packages, and the files and scripts of the image. It has no variables, so that nothing can
// refer to one. The settings that only an instance needs are left out.
func (t *Template) ForImage() *Template {
	i := *t
	i.Variables, i.Services, i.Credentials, i.Notes, i.SSHKeys = nil, nil, nil, "", nil
	i.Interfaces, i.Mounts, i.Devices, i.Pool, i.OnBoot, i.Startup = nil, nil, nil, "", false, ""
	i.SyncOnBoot = false
	i.Packages.Notify = nil
	i.Files = slices.DeleteFunc(slices.Clone(t.Files), func(f File) bool { return f.Stage != StageImage })
	for k := range i.Files {
		i.Files[k].Notify, i.Files[k].Check = nil, "" // nothing that they are for runs yet
	}
	i.Directories = nil
	i.Scripts = slices.DeleteFunc(slices.Clone(t.Scripts), func(s Script) bool { return s.Stage != StageImage })
	return &i
}

// Bakeable reports whether an image would have anything that a create could leave out.
func (t *Template) Bakeable() bool {
	i := t.ForImage()
	return !i.Packages.Empty() || len(i.EnabledScripts()) > 0
}

// stages checks what goes into an image: nothing in it may depend on an instance, or be a
// secret, because all containers from the image would share it.
func (l *loader) stages(doc *document, d *decoder) {
	for i, f := range doc.Files {
		if at := index("files", i); stageOf(f.Stage) == StageImage && f.Expand {
			d.bad(join(at, "template"), "remove stage: image", "a file of the image knows no variables")
		}
	}
	for i, s := range doc.Scripts {
		if stageOf(s.Stage) == StageImage {
			l.imageScriptDoc(index("scripts", i), s, d)
		}
	}
	before := ""
	for _, s := range l.t.Scripts {
		switch {
		case s.Stage != StageImage:
			before = s.Name
		case before != "":
			l.report(Problem{File: "scripts/" + s.Name, Message: fmt.Sprintf("is a script of the image, and comes after %s, which is not", before), Suggestion: "give it a lower number"})
		default:
			l.imageScript(s)
		}
	}
}

// imageScriptDoc checks the entry of a script of the image.
func (l *loader) imageScriptDoc(at string, s scriptDoc, d *decoder) {
	if s.EverySync {
		d.bad(join(at, "everySync"), "remove one of them", "a script of the image runs once")
	}
	for i, c := range s.When.list {
		if l.t.variable(c.name).Name != "" {
			d.bad(s.When.at[i], "one of "+strings.Join(factNames, ", "), "a script of the image knows no variables, and %q is one", c.name)
		}
	}
	for _, name := range inOrder(d, join(at, "env"), s.Env) {
		for _, m := range reference().FindAllStringSubmatch(s.Env[name], -1) {
			if v := l.t.variable(m[1]).Name; v != "" && !strings.HasPrefix(m[0], "$$") {
				d.bad(join(join(at, "env"), name), "remove stage: image", "a script of the image knows no variables, and ${%s} is one", v)
			}
		}
	}
}

// instanceNames are what scripts of a create know of their container.
var instanceNames = []string{"CONTAINER_ID", "INFRAHAUS_CTID", "INFRAHAUS_ADDRESS", "HOSTNAME", "HOST"}

// instanceCommands tell or change what is each container's own, each with the reason.
var instanceCommands = map[string]string{
	"hostname": "knows no hostname", "hostnamectl": "knows no hostname",
	"save_credential": "saves no credentials: all containers would share them", "generate_password": "makes no passwords: all containers would share them",
}

var instanceWord = lazy.Regexp(`\b(CONTAINER_ID|INFRAHAUS_CTID|INFRAHAUS_ADDRESS|INFRAHAUS_VAR_[A-Za-z0-9_]+)\b`)

// imageScript reports each reference of a script of the image to what an instance alone has.
func (l *loader) imageScript(s Script) {
	file := "scripts/" + s.Name
	refuse := func(line, col int, format string, args ...any) {
		l.report(Problem{File: file, Line: line, Col: col, Message: "a script of the image " + fmt.Sprintf(format, args...), Suggestion: "move that to a script without stage: image"})
	}
	var f *syntax.File
	if interpreter(s.Content) != "" {
		f, _ = syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(bytes.NewReader(s.Content), "") // lint says why it cannot be read
	}
	if f == nil {
		for i, line := range lines(s.Content) {
			for _, m := range instanceWord().FindAllStringIndex(line, -1) {
				refuse(i+1, m[0]+1, "does not know %s", line[m[0]:m[1]])
			}
		}
		return
	}
	own := assigned(f, s)
	syntax.Walk(f, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.ParamExp:
			if name := n.Param; name != nil && !own[name.Value] && l.ofInstance(name.Value) {
				refuse(int(n.Pos().Line()), int(n.Pos().Col()), "does not know $%s", name.Value)
			}
		case *syntax.CallExpr:
			if len(n.Args) > 0 && instanceCommands[n.Args[0].Lit()] != "" {
				refuse(int(n.Pos().Line()), int(n.Pos().Col()), "%s", instanceCommands[n.Args[0].Lit()])
			}
		}
		return true
	})
}

// assigned are the variables that a script sets itself, wherever it does.
func assigned(f *syntax.File, s Script) map[string]bool {
	own := map[string]bool{}
	for name := range s.Env {
		own[name] = true
	}
	syntax.Walk(f, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.Assign:
			if n.Name != nil {
				own[n.Name.Value] = true
			}
		case *syntax.WordIter:
			own[n.Name.Value] = true
		}
		return true
	})
	return own
}

// ofInstance reports whether a name of the environment differs between instances.
func (l *loader) ofInstance(name string) bool {
	if slices.Contains(instanceNames, name) || strings.HasPrefix(name, envPrefix) {
		return true
	}
	return slices.ContainsFunc(l.t.Variables, func(v Variable) bool {
		return name == v.Name || name == v.Generate.partner(v.Name)
	})
}
