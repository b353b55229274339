package plan

import (
	"slices"

	"github.com/infrahaus/infrahaus/internal/configmanager"
	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/template"
)

// Report is how a container differs from its template, and what a sync would do about it:
// the result of `sync --plan`. Empty lists are [] in JSON, never null.
type Report struct {
	Inside string `json:"inside"` // how the guest was entered, and why so
	// Settings are the differences on Proxmox: what is the same is left out.
	Settings []Setting `json:"settings"`
	// Variables are those whose value differs from the one on record.
	Variables []NewValue                   `json:"variables"`
	Files     []configmanager.FileDrift    `json:"files"`
	Folders   []configmanager.FolderDrift  `json:"folders"`
	Packages  []configmanager.PackageDrift `json:"packages"`
	// Manager is the state of the config-manager's last attempt, in the words for a script.
	// Unless it is same, the sync applies files and packages although none differs.
	Manager string        `json:"configManager"`
	Scripts []ScriptDrift `json:"scripts"`
	// Notify are the units that a sync restarts or reloads for what it changes.
	Notify   []configmanager.Notify `json:"notify"`
	Services []ServiceDrift         `json:"services"`
	// Conflicts are the targets of the files for which the sync would be refused.
	Conflicts []string `json:"conflicts"`
	// Busy is a program that still runs and would be killed by the restart for which the sync
	// was asked: the sync would be refused.
	Busy string `json:"busy,omitempty"`
	// Diffs are the files that differ, line by line; nil if that was not asked for.
	Diffs []FileDiff `json:"diffs,omitempty"`

	restart bool // as the sync was asked
}

// FileDiff is how one file of the guest differs from the template's, with secrets masked.
type FileDiff struct {
	Target string `json:"target"`
	Diff   string `json:"diff,omitempty"` // unified
	Note   string `json:"note,omitempty"` // why there is no diff
}

// ScriptDrift is the state of one script: same, new, changed, failed (or died, at its last
// attempt), running, notified (it depends on what changes), skipped, every sync (it is the
// same, and runs nevertheless), or removed from the template.
type ScriptDrift struct {
	Name   string `json:"name"`
	State  string `json:"state"`
	Reason string `json:"reason,omitempty"` // why its condition does not hold
}

// everySync is the state of a script that is the same, and that every sync runs.
const everySync = "every sync"

// scriptDrift is the state of an enabled script, with the decision about it.
func scriptDrift(q Request, m Mark, s template.Script, doing Doing) ScriptDrift {
	switch why := q.Job.unmet(s); {
	case q.Job.Skips(s.Name):
		return ScriptDrift{Name: s.Name, State: "skipped"}
	case why != "":
		return ScriptDrift{s.Name, "skipped", why}
	case doing == Rerun && m.State == Done && q.everySync(s.Name) && m.SHA256 == q.Job.ScriptSHA(s.Name) && !q.revalued(s.Name):
		return ScriptDrift{Name: s.Name, State: everySync}
	}
	return ScriptDrift{Name: s.Name, State: doing.state(m)}
}

// ServiceDrift is one service that the template declares.
type ServiceDrift struct {
	Name  string `json:"name"`
	State string `json:"state"` // running, not running or not enabled
	// Sync is what a sync does about it: start, enable, both or nothing. Only a unit of the
	// guest's init can be started.
	Sync []string `json:"sync"`
}

// Mend notes what a sync does about the service's unit.
func (s *ServiceDrift) Mend(unit configmanager.ServiceDrift) {
	if unit.Stopped() {
		s.Sync = append(s.Sync, "start")
	}
	if unit.Disabled() {
		s.Sync = append(s.Sync, "enable")
		if s.State == string(lxc.Running) {
			s.State = "not enabled"
		}
	}
}

// ReportOf is the report of a sync, from the same decision that the sync would execute. The
// world must have a comparison of the guest with its template.
func ReportOf(q Request, w World) Report {
	d, programs, drift := decide(q, w), Programs(q, w), w.Inside.Drift
	r := Report{
		Inside: w.Way, Settings: append([]Setting{}, Settings(q, w)...), restart: q.Sync.Restart, Packages: append([]configmanager.PackageDrift{}, drift.Packages...),
		Folders: append([]configmanager.FolderDrift{}, drift.Folders...),
		Manager: programs[ItemManager].state(w.Marks.Of(event.Syncing, ItemManager)),
		Files:   []configmanager.FileDrift{}, Scripts: []ScriptDrift{}, Services: []ServiceDrift{}, Conflicts: []string{},
		Notify: append([]configmanager.Notify{}, d.notified()...), Variables: append([]NewValue{}, q.Sync.Values...),
	}
	for _, f := range drift.Files {
		r.Files = append(r.Files, f.Settled(q.Sync.Take))
	}
	for _, s := range q.Job.Template.EnabledScripts() {
		drift := scriptDrift(q, w.Marks.Of(event.Syncing, s.Name), s, programs[s.Name])
		if drift.State == "same" && d.programs[s.Name] == Rerun {
			drift.State = "notified"
		}
		r.Scripts = append(r.Scripts, drift)
	}
	for _, name := range q.Sync.Removed {
		r.Scripts = append(r.Scripts, ScriptDrift{Name: name, State: "removed"})
	}
	for _, f := range d.refused {
		r.Conflicts = append(r.Conflicts, f.Target)
	}
	r.Busy = d.busy()
	return r
}

// Would is what the sync does about a setting.
func (r Report) Would(s Setting) string { return s.Would(r.restart) }

// Barred are the settings for which the sync would be refused.
func (r Report) Barred() []Setting {
	return slices.DeleteFunc(slices.Clone(r.Settings), func(s Setting) bool { return s.Effect != SettingRefuse })
}
