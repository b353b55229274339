package template

import (
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"sort"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Review looks for what create need not know, and an author wants to: what is unused, what
// cannot work, what a restart removes. A problem that will most likely fail in the guest has
// Doubt; the others may be meant. It reads the folder again, and finds nothing in a template
// that was not loaded by Load or Find.
func (t *Template) Review() []Problem {
	if t.review == nil {
		return nil
	}
	return t.review()
}

// Diagnose returns everything that is known of a template that Find returned, with its error
// or without: the problems, which are errors and doubts, and the warnings. Both are sorted by
// place.
func Diagnose(t *Template, wrong *Error) (problems, warnings []Problem) {
	var all []Problem
	if wrong != nil {
		problems, all = slices.Clone(wrong.Problems), wrong.Review()
	} else {
		all = append(slices.Clone(t.Warnings), t.Review()...)
	}
	for _, p := range all {
		if p.Doubt {
			problems = append(problems, p)
		} else {
			warnings = append(warnings, p)
		}
	}
	for _, list := range [][]Problem{problems, warnings} {
		sort.SliceStable(list, func(i, j int) bool { return before(list[i], list[j]) })
	}
	return problems, warnings
}

// lint is one review.
type lint struct {
	l     *loader
	d     *decoder // nil for a template.conf
	t     *Template
	dir   string // "" or container-configs/
	texts []text // every text of the template that may use or make something
	found []Problem
}

// text is one file or value in which names are looked for.
type text struct {
	file    string
	content string
	script  bool // it is run in the guest
}

func (l *loader) lintAll() []Problem {
	c := &lint{l: l, d: l.doc, t: l.t}
	if l.t.Legacy {
		c.dir = confRoot + "/"
	}
	if l.tree == nil {
		return nil
	}
	c.gather()
	c.parent()
	c.variables()
	c.scriptVariables()
	c.scriptFolder()
	c.tests()
	c.packageNames()
	c.targets()
	c.sizes()
	c.owners()
	c.services()
	c.images()
	c.tags()
	return c.found
}

// parent warns about an address that may be another template tomorrow.
func (c *lint) parent() {
	for _, p := range c.t.Fetched {
		if p.Loose {
			c.add("extends", false, "infrahaus template lock pins it", "%s may be another template tomorrow", p.Source)
		}
	}
}

// tags warns about tags that Proxmox changes: it keeps each once, in lower case.
func (c *lint) tags() {
	seen := map[string]bool{}
	for i, tag := range c.t.Tags {
		lower := strings.ToLower(tag)
		switch {
		case seen[lower]:
			c.add(index("tags", i), false, "", "tag %s is given twice", lower)
		case lower != tag:
			c.add(index("tags", i), false, lower, "Proxmox writes tags in lower case, unless the datacenter's options say otherwise")
		}
		seen[lower] = true
	}
}

// gather reads the texts: the scripts, small text files, commands, and template.yaml.
func (c *lint) gather() {
	for _, s := range c.t.allScripts() {
		c.texts = append(c.texts, text{c.dir + "scripts/" + s.Name, string(s.Content), true})
	}
	for _, f := range c.t.Files {
		if f.Size > maxScript || !f.inherited && c.l.tree.leaves[f.Source].ends.binary {
			continue
		}
		if f.inherited {
			c.inherited(f)
			continue
		}
		if data, err := fs.ReadFile(c.l.fsys, f.Source); err == nil && badText(data) == "" {
			c.texts = append(c.texts, text{f.Source, string(data), f.Mode&0o111 != 0})
		}
	}
	for _, p := range c.t.Packages.Custom {
		c.texts = append(c.texts, text{"", p.Check + "\n" + p.Install, true})
	}
}

// inherited reads a file of the parent, which may use a variable. It is known by its target:
// the parent's file may have the name of one of the template's own.
func (c *lint) inherited(f File) {
	r, err := f.Open()
	if err != nil {
		return
	}
	defer r.Close()
	if data, err := io.ReadAll(io.LimitReader(r, maxScript)); err == nil && badText(data) == "" {
		c.texts = append(c.texts, text{f.Target, string(data), f.Mode&0o111 != 0})
	}
}

// add notes a problem at a place of template.yaml, or without one in a template.conf.
func (c *lint) add(at string, doubt bool, suggestion, format string, args ...any) {
	p := Problem{File: yamlFile, Message: fmt.Sprintf(format, args...), Suggestion: suggestion, Doubt: doubt}
	if c.t.Legacy {
		p.File = confFile
	} else {
		p.Line, p.Col = c.place(at)
	}
	c.found = append(c.found, p)
}

// place is where a value stands in template.yaml, or the key of a variable; 0 if unknown.
func (c *lint) place(at string) (line, col int) {
	if c.d == nil {
		return 0, 0
	}
	if k := c.d.keys[at]; k != nil && strings.HasPrefix(at, "variables.") {
		return k.Line, k.Column
	}
	if n := c.d.node(at); n != nil {
		return n.Line, n.Column
	}
	return 0, 0
}

// in notes a problem in a file.
func (c *lint) in(file string, line, col int, doubt bool, suggestion, format string, args ...any) {
	c.found = append(c.found, Problem{File: file, Line: line, Col: col, Message: fmt.Sprintf(format, args...), Suggestion: suggestion, Doubt: doubt})
}

// word matches a name where it stands alone.
func word(name string) *regexp.Regexp {
	return regexp.MustCompile(`(?i)(^|[^A-Za-z0-9_])` + regexp.QuoteMeta(name) + `([^A-Za-z0-9_]|$)`)
}

// variables finds declared variables that nothing uses. A program may read any variable of
// its environment, so each name that stands anywhere in the template counts as used.
func (c *lint) variables() {
	own := ""
	if c.d != nil {
		own = said(c.d.values[""])
	}
	if c.l.parent != nil {
		own += c.l.parent.words()
	}
	for _, v := range c.t.Variables {
		used := badName(v.Name) != "" || v.From != "" // Load has said so; or the template cannot leave it out
		names := []string{v.Name, EnvName(v.Name)}
		if p := v.Generate.partner(v.Name); p != "" {
			names = append(names, p)
		}
		for _, name := range names {
			w := word(name)
			for _, t := range c.texts {
				used = used || w.MatchString(t.content)
			}
			used = used || w.MatchString(own)
		}
		if !used && len(v.Notify) == 0 {
			at := "variables." + v.Name
			if c.d != nil && c.d.keys[at] == nil {
				at = "extends" // it is the parent's
			}
			c.add(at, false, fmt.Sprintf("use $%s in a script, or ${%s} in a file with template: true", v.Name, v.Name),
				"variable %q is used by no script, file or service", v.Name)
		}
	}
	// A file that is not filled in, but names a variable as if it were.
	for _, f := range c.t.Files {
		if f.inherited || f.Expand || f.Mode&0o111 != 0 || interpreterOf(c.texts, f.Source) {
			continue
		}
		for _, t := range c.texts {
			if t.file == f.Source {
				c.notFilledIn(f, t.content)
			}
		}
	}
}

// said are the values of template.yaml outside of its variables: conditions, environments,
// contents and commands name variables in several ways.
func said(n *yaml.Node) string {
	var b strings.Builder
	var walk func(n *yaml.Node, depth int)
	walk = func(n *yaml.Node, depth int) {
		if n == nil || depth > maxDepth {
			return
		}
		if n.Kind == yaml.ScalarNode {
			b.WriteString(n.Value + "\n")
		}
		for i, sub := range n.Content {
			if n.Kind == yaml.MappingNode && i%2 == 0 || depth == 0 && i%2 == 1 && n.Content[i-1].Value == "variables" {
				continue
			}
			walk(sub, depth+1)
		}
	}
	walk(n, 0)
	return b.String()
}

func interpreterOf(texts []text, file string) bool {
	for _, t := range texts {
		if t.file == file && strings.HasPrefix(t.content, "#!") {
			return true
		}
	}
	return strings.HasSuffix(file, ".sh")
}

// notFilledIn finds ${name} of a variable in a file without template: true.
func (c *lint) notFilledIn(f File, content string) {
	for i, line := range lines([]byte(content)) {
		for _, m := range reference().FindAllStringSubmatchIndex(line, -1) {
			name := line[m[2]:m[3]]
			for _, v := range c.t.Variables {
				if v.Name == name && line[m[0]+1] != '$' {
					c.in(f.Source, i+1, m[0]+1, false, "write template: true in its entry under files", "${%s} stays as it is: the file is not filled in", name)
					return
				}
			}
		}
	}
}

// sizes finds what does not fit on the disk.
func (c *lint) sizes() {
	var sum int64
	for _, f := range c.t.Files {
		sum += f.Size
	}
	disk := int64(c.t.DiskGiB) << 30
	if disk > 0 && sum > disk/2 {
		c.add("resources.disk", sum > disk, "give it a larger disk", "the files take %d MiB, and the disk has %d GiB", sum>>20, c.t.DiskGiB)
	}
	const large = 64 << 20
	for _, f := range c.t.Files {
		if f.Size > large && !f.inherited {
			c.in(f.Source, 0, 0, false, "let a script download it", "has %d MiB, which are sent at each create", f.Size>>20)
		}
	}
}

// scriptFolder finds what lies among the scripts and is never run, and equal numbers.
func (c *lint) scriptFolder() {
	dir := c.dir + "scripts"
	used := map[string]bool{}
	byNumber := map[string]string{}
	listed := c.d != nil && c.d.values["scripts"] != nil
	for _, s := range c.t.Scripts {
		used[dir+"/"+s.Name] = true
		if m := numbered().FindStringSubmatch(s.Name); m != nil && !listed {
			n := ordinal(s.Name)
			if other := byNumber[n]; other != "" && !s.inherited {
				c.in(dir+"/"+s.Name, 0, 0, false, "give each script a number of its own", "has the number of %s: they run in the order of their names", other)
			}
			byNumber[n] = s.Name
		}
	}
	for _, s := range c.t.Update.Scripts() {
		used[dir+"/"+s.Name] = true
	}
	for _, name := range c.l.tree.under(dir) {
		base := path.Base(name)
		switch {
		case used[name], strings.HasPrefix(base, "."), strings.HasPrefix(strings.ToUpper(base), "README"), strings.HasSuffix(base, ".md"):
		case path.Dir(name) != dir:
			c.in(name, 0, 0, false, "move it to "+dir+"/", "does not run: scripts lie directly in %s/", dir)
		case numbered().MatchString(base), strings.HasSuffix(base, ".sh"): // Load has said so
		case regexp.MustCompile(`^[0-9]+[-_.]`).MatchString(base):
			c.in(name, 0, 0, false, "name it "+strings.TrimSuffix(base, path.Ext(base))+".sh; the first line of a script names its interpreter", "does not run: its name does not end in .sh")
		default:
			c.in(name, 0, 0, false, "name a script NN-NAME.sh, or put a file into files/", "does not run, and is not shipped")
		}
	}
}

// tests reads tests/*.sh, which create never ships, as their shells will.
func (c *lint) tests() {
	entries, err := fs.ReadDir(c.l.fsys, "tests")
	if err != nil {
		return
	}
	for _, e := range entries {
		name := path.Join("tests", e.Name())
		if !strings.HasSuffix(name, ".sh") {
			if strings.HasPrefix(string(firstBytes(c.l.fsys, name)), "#!") {
				c.in(name, 0, 0, false, "name it "+strings.TrimSuffix(e.Name(), path.Ext(e.Name()))+".sh", "is no test: its name does not end in .sh")
			}
			continue
		}
		data, err := readLimited(c.l.fsys, name, maxScript)
		if err != nil {
			c.in(name, 0, 0, true, "", "cannot be read: %s", plain(err))
			continue
		}
		aside := &loader{fsys: c.l.fsys, t: c.t}
		aside.lint(name, data)
		c.found = append(c.found, aside.warnings...)
	}
}

func firstBytes(fsys fs.FS, name string) []byte {
	data, err := readLimited(fsys, name, 64)
	if err != nil {
		return nil
	}
	return data
}
