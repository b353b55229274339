package template

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"
	"strings"
)

// The entries of files that have no source: a content, or a directory.

// target returns the target of an entry that names one path, or "" if it cannot be used.
func (l *loader) target(at string, doc fileDoc, d *decoder) string {
	target, why := cleanTarget(doc.Target)
	if why != "" && d.keys[join(at, "target")] != nil { // otherwise it was recorded as missing
		d.bad(join(at, "target"), "an absolute path in the container, such as /etc/app/app.conf", "%s", why)
	}
	if why != "" {
		return ""
	}
	return target
}

// inline takes a file whose content is in template.yaml.
func (l *loader) inline(at string, doc fileDoc, d *decoder) {
	target := l.target(at, doc, d)
	switch {
	case target == "":
		return
	case strings.HasSuffix(doc.Target, "/"):
		d.bad(join(at, "target"), "add the name of the file", "%q names a folder, and the content has no name of its own", doc.Target)
		return
	}
	if why := badText([]byte(doc.Content)); why != "" {
		d.bad(join(at, "content"), "put it into files/", "it cannot be used: %s", why)
		return
	}
	if why := l.claim(target, "the content of "+at); why != "" {
		d.bad(join(at, "target"), "", "%s", why)
		return
	}
	sum := sha256.Sum256([]byte(doc.Content))
	f := File{
		Target: target, Policy: Policy(cmp.Or(doc.Policy, string(Replace))), Mode: doc.Mode.mode, Owner: doc.Owner, Expand: doc.Expand,
		Size: int64(len(doc.Content)), SHA256: hex.EncodeToString(sum[:]), Notify: doc.Notify.list, Check: doc.Check, inline: []byte(doc.Content),
		Stage: stageOf(doc.Stage),
	}
	if f.Mode == 0 {
		f.Mode = usualMode(leaf{})
	}
	if f.Expand {
		for _, s := range l.strangers(doc.Content) {
			if s.near != "" {
				p := Problem{File: d.file, Message: s.message(), Suggestion: s.suggestion()}
				n := d.node(join(at, "content"))
				p.Line, p.Col = n.Line, n.Column
				l.doubt(p)
			}
		}
	}
	l.t.Files = append(l.t.Files, f)
}

// directory takes an entry that makes a directory.
func (l *loader) directory(at string, doc fileDoc, d *decoder) {
	for key, given := range map[string]bool{"policy": doc.Policy != "", "template": doc.Expand, "notify": len(doc.Notify.list) > 0, "check": doc.Check != "", "stage": doc.Stage != ""} {
		if given {
			d.bad(join(at, key), "add source or content for a file", "a directory has no %s", key)
		}
	}
	target := l.target(at, doc, d)
	if target == "" {
		return
	}
	if why := l.claimFolder(target); why != "" {
		d.bad(join(at, "target"), "", "%s", why)
		return
	}
	l.t.Directories = append(l.t.Directories, Directory{Target: target, Mode: doc.Mode.mode, Owner: doc.Owner})
}

// claimFolder reserves a target for a directory, or returns the reason why it is taken.
func (l *loader) claimFolder(target string) string {
	for _, other := range l.t.Directories {
		if other.Target == target {
			return fmt.Sprintf("%s is given twice", target)
		}
	}
	if l.targets == nil {
		l.targets, l.folders = map[string]string{}, map[string]string{}
	}
	for dir := target; len(dir) > 1; dir = path.Dir(dir) {
		if source, ok := l.targets[dir]; ok {
			return fmt.Sprintf("%s would have to be a folder, and is the target of %s", dir, source)
		}
		l.folders[dir] = target
	}
	return ""
}
