package template

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Imported is one line of the report of Import: what became of a part of the original's
// layout. To is "" for a part that is left out; Note says why, or what else changed.
type Imported struct {
	From string `json:"from"`
	To   string `json:"to,omitempty"`
	Note string `json:"note,omitempty"`
}

// Import writes the template.conf template in folder from as a template.yaml template to dir,
// which must be empty or not there. It loads what it has written, and fails without leaving
// anything if that would make another container. It returns the files, relative to dir.
func Import(dir, from string) (files []string, report []Imported, err error) {
	old, err := LoadDir(from)
	if err != nil {
		return nil, nil, err
	}
	if !old.Legacy {
		return nil, nil, errors.New("it has a " + yamlFile + " already")
	}
	aside, err := os.MkdirTemp("", "infrahaus-import-")
	if err != nil {
		return nil, nil, err
	}
	defer os.RemoveAll(aside)
	w := &importer{t: old, fsys: os.DirFS(from), dir: filepath.Join(aside, old.Name)}
	if err := w.write(); err != nil {
		return nil, nil, err
	}
	now, err := LoadDir(w.dir)
	if err != nil {
		return nil, nil, fmt.Errorf("the result cannot be used: %w", err)
	}
	if what := unlike(old, now); what != "" {
		return nil, nil, fmt.Errorf("the result would differ in its %s", what)
	}
	files, err = Copy(dir, os.DirFS(w.dir))
	return files, w.report, err
}

// unlike names what two templates differ in, or returns "".
func unlike(a, b *Template) string {
	type file struct {
		target string
		policy Policy
		mode   fs.FileMode
		sum    string
	}
	filesOf := func(t *Template) (out []file) {
		for _, f := range t.Files {
			out = append(out, file{f.Target, f.Policy, f.Mode, f.SHA256})
		}
		return out
	}
	for _, c := range []struct {
		what string
		a, b any
	}{
		{"name", a.Name, b.Name}, {"description", a.Description, b.Description}, {"settings", a.Spec(), b.Spec()},
		{"files", filesOf(a), filesOf(b)}, {"scripts", a.Scripts, b.Scripts}, {"packages", a.Packages, b.Packages},
	} {
		if !reflect.DeepEqual(c.a, c.b) {
			return c.what
		}
	}
	return ""
}

// importer writes one template.
type importer struct {
	t      *Template
	fsys   fs.FS
	dir    string
	yaml   strings.Builder
	report []Imported
}

func (w *importer) note(from, to, format string, args ...any) {
	w.report = append(w.report, Imported{from, to, fmt.Sprintf(format, args...)})
}

func (w *importer) write() error {
	w.settings()
	for _, part := range []func() error{w.packages, w.files, w.scripts} {
		if err := part(); err != nil {
			return err
		}
	}
	w.others()
	return w.put(yamlFile, []byte(w.yaml.String()), 0o644)
}

// put writes a file of the new template.
func (w *importer) put(name string, data []byte, mode fs.FileMode) error {
	to := filepath.Join(w.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, data, mode)
}

// scalar is a text as YAML reads it back.
func scalar(s string) string {
	b, err := yaml.Marshal(s)
	if err != nil || strings.Contains(strings.TrimSpace(string(b)), "\n") {
		return fmt.Sprintf("%q", s)
	}
	return strings.TrimSpace(string(b))
}

func (w *importer) line(format string, args ...any) { fmt.Fprintf(&w.yaml, format+"\n", args...) }

// settings writes what template.conf says.
func (w *importer) settings() {
	t := w.t
	w.line("name: %s", scalar(t.Name))
	w.line("os: %s", scalar(t.OS))
	if t.Description != "" {
		w.line("description: %s", scalar(t.Description))
	}
	w.line("resources: {cores: %d, memory: %d, swap: %d, disk: %d}", t.Cores, t.MemoryMiB, t.SwapMiB, t.DiskGiB)
	w.line("unprivileged: %t", t.Unprivileged)
	w.line("features: {nesting: %t, keyctl: %t, fuse: %t}", t.Features.Nesting, t.Features.Keyctl, t.Features.Fuse)
	w.note("TEMPLATE_CPU, _RAM, _DISK", "resources", "")
	w.note("TEMPLATE_OS, _VERSION", "os: "+t.OS, "")
	w.note("TEMPLATE_UNPRIVILEGED, _NESTING, _KEYCTL, _FUSE", "unprivileged, features", "")
	if len(t.Tags) > 0 {
		tags := make([]string, len(t.Tags))
		for i, tag := range t.Tags {
			tags[i] = scalar(tag)
		}
		w.line("tags: [%s]", strings.Join(tags, ", "))
		w.note("TEMPLATE_TAGS", "tags", "")
	}
	if t.ConfigPath != t.Name {
		w.note("TEMPLATE_CONFIG_PATH", "", "template.yaml has no such field: CONFIG_PATH in the container is %s", t.Name)
	}
	for _, p := range t.Warnings {
		if path.Base(p.File) == confFile {
			w.note(p.Where(), "", "%s", p.Message)
		}
	}
}

// packages copies the lists. A line that the original skips becomes a comment.
func (w *importer) packages() error {
	dir := confRoot + "/packages"
	entries, err := fs.ReadDir(w.fsys, dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		from, manager := path.Join(dir, e.Name()), strings.TrimPrefix(path.Ext(e.Name()), ".")
		if e.IsDir() || manager != "custom" && !contains(Managers, manager) {
			continue
		}
		data, readErr := fs.ReadFile(w.fsys, from)
		if readErr != nil {
			return readErr
		}
		out := lines(data)
		for i, line := range out {
			if skippedPackage(manager, line) {
				out[i] = "# " + line
				w.note(fmt.Sprintf("%s:%d", from, i+1), "", "the original skips %q; it is a comment now", strings.TrimSpace(line))
			}
		}
		to := "packages/" + e.Name()
		if err := w.put(to, []byte(strings.Join(out, "\n")), 0o644); err != nil {
			return err
		}
		w.note(from, to, "")
	}
	return err
}

func skippedPackage(manager, line string) bool {
	if manager == "custom" {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			return false
		}
		_, why := parseCustom(line)
		return why != ""
	}
	name, _, _ := strings.Cut(line, "#")
	name = strings.TrimSpace(name)
	return name != "" && CheckPackage(name) != ""
}

// files copies the files; NAME.path and NAME.policy become an entry.
func (w *importer) files() error {
	if len(w.t.Files) > 0 {
		w.line("files:")
	}
	for _, f := range w.t.Files {
		data, err := fs.ReadFile(w.fsys, f.Source)
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(f.Source, confRoot+"/files/")
		if err := w.put("files/"+name, data, f.Mode); err != nil {
			return err
		}
		w.line("  - {source: %s, target: %s, policy: %s, mode: \"%04o\"}", flow(name), flow(f.Target), f.Policy, f.Mode)
		w.note(f.Source, "files/"+name, "%s, %s", f.Target, f.Policy)
	}
	return nil
}

// flow is a text within { }, where commas and brackets end a plain one.
func flow(s string) string {
	if strings.ContainsAny(s, ",[]{}#&*!|>'\"%@`: ") {
		return fmt.Sprintf("%q", s)
	}
	return scalar(s)
}

// scripts copies the scripts as they run: with the line ends and the interpreter that they
// are given.
func (w *importer) scripts() error {
	for _, s := range w.t.Scripts {
		from := path.Join(confRoot, "scripts", s.Name)
		if err := w.put("scripts/"+s.Name, s.Content, 0o755); err != nil {
			return err
		}
		data, err := fs.ReadFile(w.fsys, from)
		if err != nil {
			return err
		}
		note := ""
		if string(data) != string(s.Content) {
			note = "its first line names bash, which ran every script of the original, or its line ends are LF now"
		}
		w.note(from, "scripts/"+s.Name, "%s", note)
	}
	return nil
}

// others reports the files that the template does not use.
func (w *importer) others() {
	known := map[string]bool{}
	for _, r := range w.report {
		known[r.From] = true
	}
	for _, f := range w.t.Files {
		known[f.Source+".path"], known[f.Source+".policy"] = true, true
	}
	_ = fs.WalkDir(w.fsys, confRoot, func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !known[name] && path.Base(name) != ".gitkeep" {
			w.note(name, "", "the template does not use it")
		}
		return nil // what cannot be read was reported when the template was loaded
	})
}
