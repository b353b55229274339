package plan

import (
	"github.com/infrahaus/infrahaus/internal/event"
)

// syncRule is one thing that a sync compares. A sync for which no rule differs changes
// nothing, and takes no snapshot.
type syncRule struct {
	name    string
	differs func(*decision) bool
	// redo are programs that are done and have to run again. Their marks must say so before
	// the record says that a change has begun: a resume could not see it. nil: none.
	redo func(*decision) []string
}

// syncRules are all rules. A new one is a row here, with rows in TestDecideSync.
var syncRules = []syncRule{
	{"files and packages", (*decision).filesDiffer, func(*decision) []string { return []string{ItemManager} }},
	{"values that a script names", func(d *decision) bool { return len(d.revalued()) > 0 }, (*decision).revalued},
	{"scripts that a change runs again", func(d *decision) bool { return len(d.reruns()) > 0 }, (*decision).reruns},
	{"what depends on a change", (*decision).toNotify, func(*decision) []string { return []string{ItemNotify} }},
	{"scripts for every sync", func(d *decision) bool { return len(d.everySync()) > 0 }, (*decision).everySync},
	{"programs that are not done", (*decision).unfinished, nil},
	{"settings on Proxmox", (*decision).sets, nil},
}

// reconcile applies the rules.
func (d *decision) reconcile() {
	for _, rule := range syncRules {
		if !rule.differs(d) {
			continue
		}
		d.differs = true
		if rule.redo != nil {
			d.redo = append(d.redo, rule.redo(d)...)
		}
	}
}

// everySync are the scripts that are done, and that every sync runs again.
func (d *decision) everySync() (items []string) {
	for _, s := range d.Job.Scripts() {
		if d.known().Of(event.Syncing, s.Name).State == Done && d.Request.everySync(s.Name) && !d.Request.revalued(s.Name) {
			items = append(items, s.Name)
		}
	}
	return items
}

// filesDiffer reports whether the config-manager has a file, directory or package to apply, or has to
// remember that the guest's version of a file stays.
func (d *decision) filesDiffer() bool {
	return d.input.ToApply() || d.Inside.Drift.FoldersDiffer() || packagesDiffer(d.Inside.Drift.Packages)
}

// revalued are the scripts that are done, and have to run with another value. Their digest
// does not show it if the value is secret.
func (d *decision) revalued() (items []string) {
	for _, s := range d.Job.Scripts() {
		if d.known().Of(event.Syncing, s.Name).State == Done && d.Request.revalued(s.Name) {
			items = append(items, s.Name)
		}
	}
	return items
}
