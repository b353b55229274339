package template

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Update is how `infrahaus update` brings what the template installs to its newest version:
// two scripts that no create and no sync runs.
type Update struct {
	Check *Script // tells whether there is anything newer; nil: nobody can tell before Run
	Run   Script
}

// NothingNewer is the exit status by which Update.Check says that there is nothing to do. 0
// says that there is something; any other status is a failure, because a script that stops
// at its first error must not be taken for an answer.
const NothingNewer = 10

// updateTimeout is how long each of the two may run.
const updateTimeout = time.Hour

// updateDoc is the scripts of an update.
type updateDoc struct {
	Check   string      `yaml:"check" pattern:"^[A-Za-z0-9][A-Za-z0-9._+@-]*$" hint:"a file under scripts/" desc:"A file under scripts/ that looks for something newer and changes nothing. Exit status 0: there is, and its last line says what; 10: there is not; any other: it cannot tell, and nothing is updated. Without it every update runs." example:"check-update.sh"`
	Run     string      `yaml:"run" required:"true" pattern:"^[A-Za-z0-9][A-Za-z0-9._+@-]*$" hint:"a file under scripts/" desc:"A file under scripts/ that installs the newest version. If it fails, or a service does not answer after it, the container is put back." example:"update.sh"`
	Timeout durationDoc `yaml:"timeout" desc:"How long run may take. Default: 1 h." example:"10m"`
}

// update reads the scripts of an update. They are no setup scripts, whatever their names.
func (l *loader) update(doc updateDoc, d *decoder) {
	if l.parent != nil && !d.given("update") {
		l.t.Update = l.parent.Update.inherit()
		return
	}
	if doc.Run == "" {
		return // none, or noted as missing
	}
	u := &Update{Run: l.updateScript("run", doc.Run, d)}
	u.Run.Timeout = updateTimeout
	if doc.Timeout.d > 0 {
		u.Run.Timeout = doc.Timeout.d
	}
	switch {
	case doc.Check == doc.Run:
		d.bad("update.check", "a script that only looks", "%q is what installs the update", doc.Check)
	case doc.Check != "":
		check := l.updateScript("check", doc.Check, d)
		check.Timeout = checkTimeout
		u.Check = &check
	}
	l.t.Update = u
}

// checkTimeout is how long the question may take whether there is anything newer: a package
// manager that reads its lists again over a slow line.
const checkTimeout = 10 * time.Minute

func (l *loader) updateScript(field, name string, d *decoder) Script {
	found := l.tree.in("scripts")
	if !contains(found, name) {
		suggestion := "put it into scripts/"
		if near := nearest(name, found); near != "" {
			suggestion = fmt.Sprintf("did you mean %q?", near)
		}
		d.bad("update."+field, suggestion, "there is no scripts/%s", name)
		return Script{}
	}
	s, _ := l.script("scripts/"+name, Script{Enabled: true})
	return s
}

// inherit is the update of a parent.
func (u *Update) inherit() *Update {
	if u == nil {
		return nil
	}
	own := *u
	own.Run.inherited = true
	if u.Check != nil {
		check := *u.Check
		check.inherited = true
		own.Check = &check
	}
	return &own
}

// updates reports whether a script under scripts/ belongs to the update.
func (doc updateDoc) updates(name string) bool {
	return name != "" && (name == doc.Check || name == doc.Run)
}

// Scripts are the scripts of the update; none of a nil Update.
func (u *Update) Scripts() (scripts []Script) {
	if u == nil {
		return nil
	}
	if u.Check != nil {
		scripts = append(scripts, *u.Check)
	}
	return append(scripts, u.Run)
}

// allScripts are the setup scripts and those of the update.
func (t *Template) allScripts() []Script { return slices.Concat(t.Scripts, t.Update.Scripts()) }

// String is what people read: update.sh, after check-update.sh.
func (u *Update) String() string {
	if u.Check == nil {
		return u.Run.Name
	}
	return u.Run.Name + ", if " + u.Check.Name + " finds something newer"
}

// MarshalJSON writes names, and the timeout as text.
func (u *Update) MarshalJSON() ([]byte, error) {
	var names []string
	for _, s := range u.Scripts() {
		names = append(names, s.Name)
	}
	check := strings.Join(names[:len(names)-1], "")
	return json.Marshal(struct {
		Check   string `json:"check,omitempty"`
		Run     string `json:"run"`
		Timeout string `json:"timeout"`
	}{check, u.Run.Name, seconds(u.Run.Timeout)})
}
