// Package community makes a template of an installer of the community-scripts/ProxmoxVE
// project (MIT): its ct/NAME.sh says what the container needs, its install/NAME-install.sh
// installs the application, and both use the functions in misc/*.func, which they fetch from
// a branch each time they run. Here all of that is taken from one checkout, so that the same
// template installs the same thing tomorrow. The package reads files and writes a template;
// it knows neither Proxmox nor a container.
package community

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/infrahaus/infrahaus/internal/lazy"
	"github.com/infrahaus/infrahaus/internal/template"
)

// Checkout is a copy of the project.
type Checkout struct {
	FS     fs.FS
	Name   string // the path or address that the user gave, for messages
	Commit string // "" for a folder that is no git repository
}

// slug is what the project's file names are made of.
var slug = lazy.Regexp(`^[a-z0-9][a-z0-9-]{0,50}$`)

// Names returns the applications that have both of their files, sorted.
func Names(fsys fs.FS) []string {
	entries, err := fs.ReadDir(fsys, "ct")
	if err != nil {
		return nil
	}
	var names []string
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), ".sh")
		if !ok || !slug().MatchString(name) {
			continue
		}
		if _, err := fs.Stat(fsys, installer(name)); err == nil {
			names = append(names, name)
		}
	}
	return names
}

func installer(name string) string { return path.Join("install", name+"-install.sh") }

// Import writes the application name as a template to dir, which must be empty or not
// there; otherwise the error is template.ErrExists. A name that the checkout does not have
// is a *Missing, and one that it cannot have ErrName. It returns the files, relative to dir,
// and what became of each part. What the installer would ask becomes a variable. If
// something that it asks cannot be answered by one, the error is a *template.Error with
// each place, and nothing is written.
func Import(dir string, from Checkout, name string) (files []string, report []template.Imported, err error) {
	if !slug().MatchString(name) {
		return nil, nil, fmt.Errorf("%q %w", name, ErrName)
	}
	i := &importing{from: from, name: name}
	if err := i.read(); err != nil {
		return nil, nil, err
	}
	aside, err := os.MkdirTemp("", "infrahaus-import-")
	if err != nil {
		return nil, nil, err
	}
	defer os.RemoveAll(aside)
	i.dir = filepath.Join(aside, name)
	if err := i.write(); err != nil {
		return nil, nil, err
	}
	if _, err := template.LoadDir(i.dir); err != nil {
		return nil, nil, fmt.Errorf("the result cannot be used: %w", err)
	}
	files, err = template.Copy(dir, os.DirFS(i.dir))
	return files, i.report, err
}

// ErrName is the error of a text that cannot be an installer's name.
var ErrName = errors.New("is no name of an installer: lower-case letters, digits and dashes")

// Missing is the error of a name for which the checkout lacks a file.
type Missing struct {
	From, File string
	Like       string // the name that was probably meant, or ""
}

func (m *Missing) Error() string { return fmt.Sprintf("%s has no %s", m.From, m.File) }

// importing is the import of one application.
type importing struct {
	from    Checkout
	name    string
	dir     string // the result
	header  header
	install *script
	ct      *script // prepared for updates; nil: the template has none
	pinned  *pinned
	report  []template.Imported
}

// read reads what the checkout has of the application, and finds everything that is wrong
// with it.
func (i *importing) read() error {
	ct, install := path.Join("ct", i.name+".sh"), installer(i.name)
	for _, file := range []string{ct, install} {
		if _, err := fs.Stat(i.from.FS, file); errors.Is(err, fs.ErrNotExist) {
			return &Missing{From: i.from.Name, File: file, Like: template.Nearest(i.name, Names(i.from.FS))}
		}
	}
	var problems []template.Problem
	launcher, err := parse(i.from.FS, ct)
	if err != nil {
		return i.fault(err)
	}
	if i.install, err = parse(i.from.FS, install); err != nil {
		return i.fault(err)
	}
	i.header, problems = readHeader(launcher)
	problems = append(problems, i.install.ask()...)
	if len(problems) > 0 {
		return &template.Error{Template: "community:" + i.name, Problems: problems}
	}
	i.updatable(launcher)
	i.pinned, err = pin(i.from.FS, launcher, i.install, i.header.functions())
	if errors.Is(err, fs.ErrNotExist) { // a folder that is no whole checkout
		return &Missing{From: i.from.Name, File: i.header.functions()}
	}
	return err
}

// fault makes the error of a file that is no shell script one of the template.
func (i *importing) fault(err error) error {
	if p, ok := errors.AsType[problem](err); ok {
		return &template.Error{Template: "community:" + i.name, Problems: []template.Problem{p.Problem}}
	}
	return err
}

func (i *importing) note(from, to, format string, args ...any) {
	i.report = append(i.report, template.Imported{From: from, To: to, Note: fmt.Sprintf(format, args...)})
}
