package template

import (
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/infrahaus/infrahaus/internal/lazy"
)

// fileDoc is one entry of files: a source, a content or a directory.
type fileDoc struct {
	Source    string    `yaml:"source" desc:"A file or a folder under files/." example:"site.conf"`
	Content   string    `yaml:"content" desc:"The content of the file, instead of a source." example:"'listen = ${port}'"`
	Directory bool      `yaml:"directory" desc:"Whether the target is a directory to make. It is, too, where an entry has neither source nor content." example:"true"`
	Target    string    `yaml:"target" required:"true" hint:"an absolute path in the container" desc:"An absolute path in the container; ending in /, the folder to put it into." example:"/etc/nginx/conf.d/site.conf"`
	Policy    string    `yaml:"policy" enum:"replace,default,backup" desc:"What becomes of a file that is there and differs: overwrite it, leave it, or keep a dated copy. Default: replace." example:"backup"`
	Mode      modeDoc   `yaml:"mode" desc:"Permissions in octal. Default: 0644, or 0755 for an executable source; a directory that is there keeps its own." example:"'0640'"`
	Owner     string    `yaml:"owner" pattern:"^([a-z_][a-z0-9_.-]*|[0-9]+)(:([a-z_][a-z0-9_.-]*|[0-9]+))?$" hint:"user or user:group" desc:"Default: the owner of the target's folder; a directory that is there keeps its own. A file for /home/USER waits until that user exists." example:"www-data:www-data"`
	Expand    bool      `yaml:"template" desc:"Whether ${name} is replaced by the variable of that name." example:"true"`
	Notify    notifyDoc `yaml:"notify" desc:"What depends on the file, and what to do with it after the file has changed: a unit to restart, or a list of units, {restart: UNIT}, {reload: UNIT} and {rerun: SCRIPT}. Each is done once, after files, packages and scripts." example:"[nginx, {reload: haproxy}, {rerun: 10-install.sh}]"`
	Stage     string    `yaml:"stage" enum:"create,image" desc:"Whether it also goes into an image that template bake makes, for packages and scripts of the image that need it. It must not be filled in. Default: create." example:"image"`
	Check     string    `yaml:"check" desc:"A shell command that succeeds if the container accepts the file. It runs after the scripts and before anything is notified. If it fails, this file and all files with the same notify are put back, and the run fails." example:"nginx -t"`
}

// files takes the listed files. A folder means all files below it.
func (l *loader) files(docs []fileDoc, d *decoder) {
	used := map[string]bool{}
	for _, key := range l.keys {
		used[key] = true
	}
	for i, doc := range docs {
		at := index("files", i)
		files, folders := len(l.t.Files), len(l.t.Directories)
		l.fileEntry(at, doc, used, d)
		for _, f := range l.t.Files[files:] {
			l.noteItem("files", f.Target, at, d)
		}
		for _, f := range l.t.Directories[folders:] {
			l.noteItem("directories", f.Target, at, d)
		}
	}
	for _, source := range l.tree.under("files") {
		if !used[source] && !ignored(source) {
			l.warn(Problem{File: source, Message: "is not shipped: no entry under files names it"})
		}
	}
}

// fileEntry takes one entry, and adds the sources that it uses to used.
func (l *loader) fileEntry(at string, doc fileDoc, used map[string]bool, d *decoder) {
	switch inline := d.given(join(at, "content")); {
	case doc.Directory && (inline || doc.Source != ""):
		d.bad(join(at, "directory"), "remove one of them", "a directory has neither source nor content")
		return
	case inline && doc.Source != "":
		d.bad(join(at, "content"), "remove one of them", "a file has either a source or content")
		return
	case inline:
		l.inline(at, doc, d)
		return
	case doc.Source == "" && d.given(join(at, "source")):
		d.bad(join(at, "source"), "a file or folder under files/", "it is empty")
		return
	case doc.Source == "":
		l.directory(at, doc, d)
		return
	}
	sources, dir := l.sources(doc.Source)
	if doc.Source != "" && len(sources) == 0 {
		suggestion := "put it into files/"
		if near := nearest(strings.TrimPrefix(doc.Source, "files/"), l.fileNames()); near != "" {
			suggestion = fmt.Sprintf("did you mean %q?", near)
		}
		d.bad(join(at, "source"), suggestion, "there is no files/%s", strings.TrimPrefix(doc.Source, "files/"))
	}
	for _, source := range sources {
		used[source] = true
	}
	target, why := cleanTarget(doc.Target)
	if why != "" {
		if d.keys[join(at, "target")] != nil { // otherwise it was recorded as missing
			d.bad(join(at, "target"), "an absolute path in the container, such as /etc/app/app.conf", "%s", why)
		}
		return
	}
	for _, source := range sources {
		to := target
		switch {
		case dir != "":
			to = path.Join(target, strings.TrimPrefix(source, dir+"/"))
		case strings.HasSuffix(doc.Target, "/"):
			to = path.Join(target, path.Base(source))
		}
		l.addFile(doc, source, to, func(why string) { d.bad(join(at, "target"), "", "%s", why) })
	}
}

// sources are the files that an entry means; dir is the folder if it is one. A source is
// relative to files/ or to the template.
func (l *loader) sources(source string) (files []string, dir string) {
	clean := path.Clean(source)
	if source == "" || clean == ".." || strings.HasPrefix(clean, "../") || path.IsAbs(clean) {
		return nil, ""
	}
	for _, candidate := range []string{path.Join("files", clean), clean} {
		if candidate != "files" && !strings.HasPrefix(candidate, "files/") {
			continue
		}
		if _, ok := l.tree.leaves[candidate]; ok {
			return []string{candidate}, ""
		}
		for _, f := range l.tree.under(candidate) {
			if !ignored(f) {
				files = append(files, f)
			}
		}
		if files != nil {
			return files, candidate
		}
	}
	return nil, ""
}

func (l *loader) fileNames() []string {
	var names []string
	for _, f := range l.tree.under("files") {
		names = append(names, strings.TrimPrefix(f, "files/"))
	}
	return names
}

// ignored are files that keep a folder in git or explain it.
func ignored(name string) bool { return path.Base(name) == ".gitkeep" }

func (l *loader) addFile(doc fileDoc, source, target string, bad func(string)) {
	leaf := l.tree.leaves[source]
	f := File{
		Source: source, Target: target, Policy: Policy(doc.Policy), Mode: doc.Mode.mode, Owner: doc.Owner,
		Expand: doc.Expand, Size: leaf.size, SHA256: leaf.sum, fsys: l.fsys, Notify: doc.Notify.list, Check: doc.Check,
		Stage: stageOf(doc.Stage),
	}
	if f.Policy == "" {
		f.Policy = Replace
	}
	if f.Mode == 0 {
		f.Mode = usualMode(leaf)
	}
	if why := l.claim(target, source); why != "" {
		bad(why)
		return
	}
	l.checkEnds(source, leaf.ends, f.Mode&0o111 != 0)
	if f.Expand {
		l.checkExpansion(f)
	}
	l.t.Files = append(l.t.Files, f)
}

// claim reserves a target for a source, or returns the reason why it is taken.
func (l *loader) claim(target, source string) string {
	if l.targets == nil {
		l.targets, l.folders = map[string]string{}, map[string]string{}
	}
	if other, ok := l.targets[target]; ok {
		return fmt.Sprintf("%s is the target of %s too", target, other)
	}
	below := l.folders[target]
	l.targets[target] = source
	for dir := path.Dir(target); len(dir) > 1; dir = path.Dir(dir) {
		if _, ok := l.targets[dir]; ok {
			below = dir
		}
		l.folders[dir] = target
	}
	if below != "" {
		return fmt.Sprintf("%s and %s cannot both be: one would have to be a folder", target, below)
	}
	return ""
}

func usualMode(l leaf) fs.FileMode {
	if l.exec {
		return 0o755
	}
	return 0o644
}

// cleanTarget returns the target in its clean form, or the reason why it must not be
// written.
func cleanTarget(target string) (clean, why string) {
	switch {
	case target == "":
		return "", "it is empty"
	case !strings.HasPrefix(target, "/"):
		return "", fmt.Sprintf("%q is relative", target)
	case contains(strings.Split(target, "/"), ".."):
		return "", fmt.Sprintf("%q climbs with ..", target)
	case controls().MatchString(target) || badText([]byte(target)) != "":
		return "", fmt.Sprintf("%q holds control characters", target)
	case len(target) > 1024:
		return "", "it is longer than 1024 bytes"
	}
	clean = path.Clean(target)
	for _, top := range []string{"/proc", "/sys", "/dev"} {
		if clean == top || strings.HasPrefix(clean, top+"/") {
			return "", fmt.Sprintf("%q is the kernel's: files cannot be kept in %s", target, top)
		}
	}
	if clean == "/" && target != "/" {
		return "", fmt.Sprintf("%q is no file", target)
	}
	return clean, ""
}

var controls = lazy.Regexp(`[\x00-\x1f\x7f]`)

// checkExpansion checks a file whose ${…} will be filled in. It must be text. A name that
// is very similar to a variable's is probably a typing error.
func (l *loader) checkExpansion(f File) {
	data, ok := l.tree.read(f.Source)
	if !ok {
		return
	}
	if why := badText(data); why != "" {
		l.report(Problem{File: f.Source, Message: "cannot be filled in: " + why, Suggestion: "remove template: true from its entry"})
		return
	}
	for _, s := range l.strangers(string(bytes.TrimPrefix(data, mark))) {
		if s.near != "" {
			l.doubt(Problem{File: f.Source, Line: s.line, Col: s.col, Message: s.message(), Suggestion: s.suggestion()})
		}
	}
}

// stranger is a ${name} that no variable fills in.
type stranger struct {
	name, near string // near is the variable that is most likely meant, or ""
	line, col  int
}

func (s stranger) message() string {
	return fmt.Sprintf("${%s} stays as it is: there is no such variable", s.name)
}

func (s stranger) suggestion() string {
	return fmt.Sprintf("did you mean ${%s}? if not, write $${%s}", s.near, s.name)
}

// strangers finds every ${name} in text that is no variable and not written $${name}.
func (l *loader) strangers(text string) (out []stranger) {
	var names []string
	for _, v := range l.t.Variables {
		names = append(names, v.Name)
	}
	for i, line := range lines([]byte(text)) {
		for _, m := range reference().FindAllStringSubmatchIndex(line, -1) {
			name := line[m[2]:m[3]]
			if line[m[0]+1] != '$' && !contains(names, name) {
				out = append(out, stranger{name: name, near: slip(name, names), line: i + 1, col: m[0] + 1})
			}
		}
	}
	return out
}

// slip returns the variable that an unknown name most likely means, or "". Short names
// are similar by chance, so they are not compared.
func slip(name string, variables []string) string {
	if len(name) < 3 {
		return ""
	}
	return nearest(name, variables)
}
