package template

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/lazy"
)

// packageName matches a line of a package list. A name is never an option and never
// special to a shell. The original's pattern is narrower and refuses the extras, ranges
// and carets that its own manual describes.
var packageName = lazy.Regexp(`^[A-Za-z0-9@][A-Za-z0-9@/_.:~+=*<>,!^[\]-]*$`)

// CheckPackage returns the reason why a text cannot be the name of a package, or "". Any
// other text is a single word to a package manager, never an option, and is safe in a
// shell.
func CheckPackage(name string) string {
	if packageName().MatchString(name) {
		return ""
	}
	return fmt.Sprintf("%q is no package name", name)
}

// packages adds the lists of the document and the files of dir, in this order.
func (l *loader) packages(doc packagesDoc, dir string) {
	l.t.Packages = l.inheritedPackages()
	p := &l.t.Packages
	for manager, entries := range map[string][]packageDoc{"apt": doc.Apt, "apk": doc.Apk, "dnf": doc.Dnf, "npm": doc.Npm, "pip": doc.Pip} {
		for _, e := range entries {
			p.add(manager, e.spec(manager))
			p.notify(manager, e.spec(manager), e.Notify.list)
		}
	}
	for _, c := range doc.Custom {
		p.notify("custom", c.Name, c.Notify.list)
		pkg := CustomPackage{Name: c.Name, Check: c.Check, Install: c.Install, Timeout: c.Timeout.d}
		if pkg.Timeout == 0 {
			pkg.Timeout = customTimeout
		}
		p.Custom = append(p.Custom, pkg)
	}
	for _, name := range l.tree.in(dir) {
		l.packageFile(path.Join(dir, name))
	}
	if l.parent != nil {
		p.Custom = merged(l.parent.Packages.Custom, p.Custom, func(c CustomPackage) string { return c.Name })
	}
}

func (l *loader) packageFile(file string) {
	name := path.Base(file)
	if name == ".gitkeep" || name == "README.md" {
		return
	}
	manager := strings.TrimPrefix(path.Ext(name), ".")
	if manager != "custom" && !contains(Managers, manager) {
		l.warn(Problem{File: file, Message: "is no package list", Suggestion: "its name must end in one of ." + strings.Join(append(slices.Clone(Managers), "custom"), ", .")})
		return
	}
	data, ok := l.tree.read(file)
	if !ok {
		return
	}
	for i, line := range lines(data) {
		at := Problem{File: file, Line: i + 1, Col: len(line) - len(strings.TrimLeft(line, " \t")) + 1}
		if manager == "custom" {
			l.customLine(strings.TrimSpace(line), at)
			continue
		}
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		if why := CheckPackage(line); why != "" {
			at.Message, at.Suggestion = why, "one name a line, with or without a version, without spaces"
			l.grumble(at)
			continue
		}
		l.t.Packages.add(manager, line)
		l.note(itemKey("packages."+manager, line), file, i+1)
	}
}

// customLine takes one line of a .custom file. Only a whole line can be a comment,
// because a # may be part of a command.
func (l *loader) customLine(line string, at Problem) {
	if line == "" || line[0] == '#' {
		return
	}
	pkg, why := parseCustom(line)
	if why != "" {
		at.Message, at.Suggestion = why, "name|check|install or name|check|install|seconds"
		l.grumble(at)
		return
	}
	l.t.Packages.Custom = append(l.t.Packages.Custom, pkg)
	l.note(itemKey("packages.custom", pkg.Name), at.File, at.Line)
}

func (p *Packages) add(manager, name string) {
	if !slices.Contains(p.Names[manager], name) {
		p.Names[manager] = append(p.Names[manager], name)
	}
}

func (p *Packages) notify(manager, name string, list []Notify) {
	if len(list) == 0 {
		return
	}
	if p.Notify == nil {
		p.Notify = map[string][]Notify{}
	}
	key := manager + " " + name
	p.Notify[key] = append(p.Notify[key], list...)
}

// Empty reports whether there is nothing to install.
func (p Packages) Empty() bool { return len(p.Names) == 0 && len(p.Custom) == 0 }

// Seconds is the timeout in whole seconds, as timeout(1) takes it.
func (c CustomPackage) Seconds() int { return int((c.Timeout + time.Second - 1) / time.Second) }
