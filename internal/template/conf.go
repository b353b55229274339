package template

import (
	"fmt"
	"path"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/infrahaus/infrahaus/internal/lazy"
)

// conf reads the original's layout: template.conf and
// container-configs/{scripts,files,packages}.
func (l *loader) conf() {
	l.t.Legacy = true
	l.tree = readTree(l.fsys, l.report, confFile, confRoot+"/scripts", confRoot+"/files", confRoot+"/packages")
	data, err := readLimited(l.fsys, confFile, maxDocument+1)
	switch {
	case err != nil:
		l.report(Problem{File: confFile, Message: "cannot be read: " + plain(err)})
		return
	case len(data) > maxDocument:
		l.report(Problem{File: confFile, Message: fmt.Sprintf("it is larger than %d KiB", maxDocument>>10)})
		return
	}
	words, problems := parseConf(data)
	for _, p := range problems {
		l.report(p)
	}
	l.confSpec(words)
	l.packages(packagesDoc{}, confRoot+"/packages")
	l.numberedScripts(confRoot+"/scripts", l.tree.in(confRoot+"/scripts"))
	l.triplets(confRoot + "/files")
	l.t.Digest = l.tree.sum()
}

// confWord is one assignment of a template.conf, expanded.
type confWord struct {
	name, value string
	line, col   int
	opaque      bool // only a shell could compute the value
}

// confKeys are the keys that this program uses. With TEMPLATE_CONFIG_PATH the guest finds
// the template in a repository.
var confKeys = []string{
	"TEMPLATE_APP", "TEMPLATE_DESCRIPTION", "TEMPLATE_TAGS", "TEMPLATE_CPU", "TEMPLATE_RAM", "TEMPLATE_DISK", "TEMPLATE_OS",
	"TEMPLATE_VERSION", "TEMPLATE_UNPRIVILEGED", "TEMPLATE_NESTING", "TEMPLATE_KEYCTL", "TEMPLATE_FUSE", "TEMPLATE_CONFIG_PATH",
}

func (l *loader) confSpec(words []confWord) {
	byName := map[string]confWord{}
	for _, w := range words {
		if !strings.HasPrefix(w.name, "TEMPLATE_") {
			continue
		}
		if !contains(confKeys, w.name) {
			l.warn(w.problem(oneOf(w.name, confKeys), "%s is not known", w.name))
			continue
		}
		if w.opaque {
			l.report(w.problem("write the value out, or as ${NAME:-value}", "the value of %s cannot be told without running the file", w.name))
			continue
		}
		byName[w.name] = w // the last one counts, as in a shell
	}
	l.t.says = func(key string) bool { return byName[key].value != "" }
	text := func(key, fallback string) string {
		if w, ok := byName[key]; ok && w.value != "" {
			return w.value
		}
		return fallback
	}
	t := l.t
	t.Description = text("TEMPLATE_DESCRIPTION", "")
	t.ConfigPath = text("TEMPLATE_CONFIG_PATH", t.Name)
	t.OS = confOS(text("TEMPLATE_OS", "debian"), text("TEMPLATE_VERSION", "12"))
	if !osPattern().MatchString(t.OS) {
		l.report(byName["TEMPLATE_OS"].problem("", "%q is no OS template", t.OS))
	}
	d := newDocument()
	t.Cores = l.confNumber(byName["TEMPLATE_CPU"], "Cores", d.Resources.Cores)
	t.MemoryMiB = l.confNumber(byName["TEMPLATE_RAM"], "Memory", d.Resources.Memory)
	t.DiskGiB = l.confNumber(byName["TEMPLATE_DISK"], "Disk", d.Resources.Disk)
	t.SwapMiB, t.Network.IPv4 = d.Resources.Swap, d.Network[0].IP
	t.Unprivileged = l.confBool(byName["TEMPLATE_UNPRIVILEGED"], true)
	t.Features.Nesting = l.confBool(byName["TEMPLATE_NESTING"], false)
	t.Features.Keyctl = l.confBool(byName["TEMPLATE_KEYCTL"], false)
	t.Features.Fuse = l.confBool(byName["TEMPLATE_FUSE"], false)
	l.confTags(byName["TEMPLATE_TAGS"])
	for path, keys := range confPlaces {
		for _, key := range keys {
			if w := byName[key]; w.value != "" {
				l.note(path, confFile, w.line)
				break
			}
		}
	}
}

// confPlaces are the keys that say what a template.yaml says at a path.
var confPlaces = map[string][]string{
	"description": {"TEMPLATE_DESCRIPTION"}, "os": {"TEMPLATE_OS", "TEMPLATE_VERSION"}, "resources.cores": {"TEMPLATE_CPU"},
	"resources.memory": {"TEMPLATE_RAM"}, "resources.disk": {"TEMPLATE_DISK"}, "unprivileged": {"TEMPLATE_UNPRIVILEGED"},
	"features.nesting": {"TEMPLATE_NESTING"}, "features.keyctl": {"TEMPLATE_KEYCTL"}, "features.fuse": {"TEMPLATE_FUSE"},
}

var (
	tagPattern = lazy.Regexp(fieldTag(reflect.TypeFor[document](), "Tags", "pattern"))
)

func fieldTag(t reflect.Type, field, key string) string {
	f, _ := t.FieldByName(field)
	return f.Tag.Get(key)
}

// confOS is the prefix of an OS template. The original appends -standard to every name.
// Proxmox has -standard only for Debian's relatives and -default for others; the shorter
// prefix finds both.
func confOS(name, version string) string {
	if contains([]string{"debian", "ubuntu", "devuan"}, name) {
		return name + "-" + version + "-standard"
	}
	return name + "-" + version
}

// confNumber reads a number within the range of that resources field.
func (l *loader) confNumber(w confWord, field string, fallback int) int {
	if w.value == "" {
		return fallback
	}
	lo, _ := strconv.Atoi(fieldTag(reflect.TypeFor[resourcesDoc](), field, "min"))
	hi, _ := strconv.Atoi(fieldTag(reflect.TypeFor[resourcesDoc](), field, "max"))
	n, err := strconv.Atoi(w.value)
	switch {
	case err != nil:
		l.report(w.problem("", "%s must be a whole number, not %q", w.name, w.value))
	case n < lo || n > hi:
		l.report(w.problem("", "%s: %d is not within %d..%d", w.name, n, lo, hi))
	}
	return n
}

func (l *loader) confBool(w confWord, fallback bool) bool {
	switch strings.ToLower(w.value) {
	case "":
		return fallback
	case "1", "true", "yes":
		return true
	case "0", "false", "no":
		return false
	}
	l.report(w.problem("", "%s must be 1 or 0, not %q", w.name, w.value))
	return fallback
}

func (l *loader) confTags(w confWord) {
	for _, tag := range strings.Split(w.value, ";") {
		switch tag = strings.TrimSpace(tag); {
		case tag == "":
		case !tagPattern().MatchString(tag):
			l.grumble(w.problem("letters, digits and _ + . -", "%q is no tag", tag))
		default:
			l.t.Tags = append(l.t.Tags, tag)
			l.note(itemKey("tags", tag), confFile, w.line)
		}
	}
}

func (w confWord) problem(suggestion, format string, args ...any) Problem {
	return Problem{File: confFile, Line: w.line, Col: w.col, Message: fmt.Sprintf(format, args...), Suggestion: suggestion}
}

// triplets reads NAME, NAME.path (the target folder) and NAME.policy.
func (l *loader) triplets(dir string) {
	all := l.tree.under(dir)
	for _, source := range all {
		base := path.Base(source)
		if ignored(source) || base == "README.md" || sidecar(source, all) {
			continue
		}
		folder, ok := l.firstLine(source + ".path")
		if !ok {
			l.grumble(Problem{File: source, Message: "has no " + base + ".path", Suggestion: "write the folder to put it into there"})
			continue
		}
		clean, why := cleanTarget(folder)
		if why != "" {
			l.report(Problem{File: source + ".path", Line: 1, Col: 1, Message: why, Suggestion: "an absolute folder in the container"})
			continue
		}
		doc := fileDoc{Policy: l.policy(source + ".policy")}
		l.note(itemKey("files", path.Join(clean, base)), source, 0)
		l.addFile(doc, source, path.Join(clean, base), func(why string) { l.report(Problem{File: source + ".path", Line: 1, Col: 1, Message: why}) })
	}
}

// sidecar reports whether a file is the .path or .policy of another file, or of a file
// that was removed.
func sidecar(name string, all []string) bool {
	ext := path.Ext(name)
	if ext != ".path" && ext != ".policy" {
		return false
	}
	// A file with that ending and a .path of its own is content.
	return !slices.Contains(all, name+".path")
}

// policy reads a file's policy. Without one, and for an unknown one, it is default, as in
// the config-manager: that policy overwrites nothing.
func (l *loader) policy(file string) string {
	word, ok := l.firstLine(file)
	if !ok {
		return string(Default)
	}
	if known := []string{string(Replace), string(Default), string(Backup)}; !contains(known, word) {
		l.warn(Problem{File: file, Line: 1, Col: 1, Message: fmt.Sprintf("%q is no policy; default is taken", word), Suggestion: oneOf(word, known)})
		return string(Default)
	}
	return word
}

// firstLine is a sidecar's first line without any white space, as the config-manager
// reads it.
func (l *loader) firstLine(file string) (string, bool) {
	data, ok := l.tree.read(file)
	if !ok {
		return "", false
	}
	return strings.Join(strings.Fields(lines(data)[0]), ""), true
}
