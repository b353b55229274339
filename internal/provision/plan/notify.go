package plan

import (
	"slices"
	"strings"

	"github.com/infrahaus/infrahaus/internal/configmanager"
	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/guest"
	"github.com/infrahaus/infrahaus/internal/template"
)

// Due is something other than a file that has changed, and on which something depends, or a
// declared service to mend. The files are on record in the guest.
type Due struct {
	Kind string `json:"kind"` // package, variable, start or enable
	Name string `json:"name"` // MANAGER NAME of a package, a variable, or a unit
}

// Notifies reports whether anything depends on a file, a package or a variable.
func (j Job) Notifies() bool {
	t := j.Template
	return len(t.Packages.Notify) > 0 ||
		slices.ContainsFunc(t.Files, func(f template.File) bool { return f.Check != "" || len(f.Notify) > 0 }) ||
		slices.ContainsFunc(t.Variables, func(v template.Variable) bool { return len(v.Notify) > 0 }) ||
		slices.ContainsFunc(t.Services, func(s template.Service) bool { return s.Enabled })
}

// notifyOf is what depends on a package or variable.
func (j Job) notifyOf(d Due) []template.Notify {
	if d.Kind == "package" {
		return j.Template.Packages.Notify[d.Name]
	}
	for _, v := range j.Template.Variables {
		if d.Kind == "variable" && v.Name == d.Name {
			return v.Notify
		}
	}
	return nil
}

// Causes are the packages and variables of due, and Mends its services, as the script in the
// guest takes them.
func (j Job) Causes(due []Due) (causes []configmanager.Cause, mends []configmanager.Mend) {
	for _, d := range due {
		if d.Kind == "start" || d.Kind == "enable" {
			mends = append(mends, configmanager.Mend{Do: d.Kind, Unit: d.Name})
		} else if units := Units(j.notifyOf(d)); len(units) > 0 {
			causes = append(causes, configmanager.Cause{Kind: d.Kind, Name: d.Name, Notify: units})
		}
	}
	return causes, mends
}

// Units are the units of a notify, without its scripts.
func Units(list []template.Notify) (out []configmanager.Notify) {
	for _, n := range list {
		if n.Do != template.Rerun {
			out = append(out, configmanager.Notify{Do: string(n.Do), Name: n.Name})
		}
	}
	return out
}

// written are the files that the config-manager will write.
func (d *decision) written() (files []template.File) {
	if d.Inside == nil || d.Inside.Drift == nil || !d.programs[ItemManager].Starts() && !d.filesDiffer() {
		return nil
	}
	for i, f := range d.Job.Template.Files {
		if was, _ := d.driftOf(f.Target); !d.input.Files[i].Unshipped && was.Effect() != configmanager.Leave {
			files = append(files, f)
		}
	}
	return files
}

// changed are the packages and variables of which this run knows that they change. In a
// create, and a resume of one that was killed before the restarts, all packages do.
func (d *decision) changed() (due []Due) {
	add := func(kind, name string) { due = append(due, Due{kind, name}) }
	first := d.Verb != Sync && d.known().Of(event.Syncing, ItemNotify).State == ""
	for _, key := range d.packageKeys() {
		if first || d.packageDiffers(key) {
			add("package", key)
		}
	}
	for _, name := range d.Sync.Renewed() {
		if len(d.Job.notifyOf(Due{"variable", name})) > 0 {
			add("variable", name)
		}
	}
	return due
}

// packageKeys are the packages on which something depends, in the order of their managers.
func (d *decision) packageKeys() (keys []string) {
	for _, manager := range append(slices.Clone(template.Managers), "custom") {
		var some []string
		for key := range d.Job.Template.Packages.Notify {
			if strings.HasPrefix(key, manager+" ") {
				some = append(some, key)
			}
		}
		slices.Sort(some)
		keys = append(keys, some...)
	}
	return keys
}

func (d *decision) packageDiffers(key string) bool {
	return d.Inside != nil && d.Inside.Drift != nil && slices.ContainsFunc(d.Inside.Drift.Packages, func(p configmanager.PackageDrift) bool {
		return p.Manager+" "+p.Spec == key && p.State != configmanager.PackageSame
	})
}

// mends are the declared services that a sync starts or enables. Before that, those that the
// template wants enabled are started and enabled once.
func (d *decision) mends() (due []Due) {
	if d.Verb != Sync {
		for _, s := range d.Job.Template.Services {
			if s.Enabled && d.known().Of(event.Syncing, ItemNotify).State == "" {
				due = append(due, Due{"enable", s.UnitName()}, Due{"start", s.UnitName()})
			}
		}
		return due
	}
	if d.Inside == nil || d.Inside.Drift == nil {
		return nil
	}
	for _, s := range d.Inside.Drift.Services {
		if s.Stopped() {
			due = append(due, Due{"start", s.Unit})
		}
		if s.Disabled() {
			due = append(due, Due{"enable", s.Unit})
		}
	}
	return due
}

// reruns are the scripts that are done and depend on what changes.
func (d *decision) reruns() (items []string) {
	add := func(list []template.Notify) {
		for _, n := range list {
			done := d.known().Of(event.Syncing, n.Name).State == Done && d.Job.runs(n.Name)
			if n.Do == template.Rerun && done && !slices.Contains(items, n.Name) {
				items = append(items, n.Name)
			}
		}
	}
	for _, f := range d.written() {
		add(f.Notify)
	}
	for _, c := range d.changed() {
		add(d.Job.notifyOf(c))
	}
	return items
}

// toNotify reports whether a unit depends on what changes, or a changed file has a check, or
// a service has to be mended.
func (d *decision) toNotify() bool {
	return len(d.mends()) > 0 ||
		slices.ContainsFunc(d.written(), func(f template.File) bool { return f.Check != "" || len(Units(f.Notify)) > 0 }) ||
		slices.ContainsFunc(d.changed(), func(c Due) bool { return len(Units(d.Job.notifyOf(c))) > 0 })
}

// notified are the units that depend on what changes, each once. A restart stands for a
// reload.
func (d *decision) notified() (units []configmanager.Notify) {
	add := func(list []template.Notify) {
		for _, u := range Units(list) {
			i := slices.IndexFunc(units, func(o configmanager.Notify) bool { return o.Name == u.Name })
			switch {
			case i < 0:
				units = append(units, u)
			case u.Do == string(template.Restart):
				units[i].Do = u.Do
			}
		}
	}
	for _, f := range d.written() {
		add(f.Notify)
	}
	for _, due := range d.due {
		add(d.Job.notifyOf(due))
	}
	return units
}

// notify decides about the program that checks and restarts, once it is known what the
// config-manager does. What an earlier run had to do and did not is still due.
func (d *decision) notify() {
	m := d.known().Of(event.Syncing, ItemNotify)
	p := d.programs[ItemNotify]
	again := d.toNotify() || d.Verb != Sync && d.programs[ItemManager].Starts() && m.State != ""
	switch {
	case p == Leave && again:
		p = Rerun
	case p == Follow && again:
		p = Drain
		if d.Inside != nil && d.Inside.Attempts[m.Dir].State == guest.Unclaimed {
			p = Rerun
		}
	}
	d.programs[ItemNotify] = p
	if !p.Starts() {
		return
	}
	d.due = slices.Concat(d.changed(), d.mends())
	if m.State == Claimed || m.State == Failed {
		for _, was := range m.Due {
			if !slices.Contains(d.due, was) {
				d.due = append(d.due, was)
			}
		}
	}
}

// silent are the files that a sync has written and on which nothing depends.
func (d *decision) silent() (targets []string) {
	if d.Verb != Sync {
		return nil
	}
	for _, f := range d.written() {
		if f.Check == "" && len(f.Notify) == 0 {
			targets = append(targets, f.Target)
		}
	}
	return targets
}

// refusedBefore reports whether the last checks put files back.
func refusedBefore(m Mark, seen guest.Seen) bool {
	return m.State == Failed && m.Status == configmanager.StatusRefused ||
		m.State == Claimed && seen.State == guest.Ended && seen.Status == configmanager.StatusRefused
}

// notifyLines describe the checks and restarts: before a create which ones.
func (d *decision) notifyLines() []string {
	switch d.programs[ItemNotify] {
	case Follow:
		return []string{"follow the checks and restarts"}
	case Drain:
		return []string{"show how the checks and restarts ended, and do again what is due"}
	}
	var checks, units []string
	add := func(list *[]string, text string) {
		if text != "" && !slices.Contains(*list, text) {
			*list = append(*list, text)
		}
	}
	t := d.Job.Template
	for _, f := range t.Files {
		add(&checks, f.Check)
		for _, u := range Units(f.Notify) {
			add(&units, u.Name)
		}
	}
	for _, key := range d.packageKeys() {
		for _, u := range Units(t.Packages.Notify[key]) {
			add(&units, u.Name)
		}
	}
	var lines []string
	if len(checks) > 0 {
		lines = append(lines, "check what was written: "+strings.Join(checks, "; "))
	}
	if len(units) > 0 {
		lines = append(lines, "restart or reload what does not run with the changes yet: "+strings.Join(units, ", "))
	}
	for _, do := range []string{"start", "enable"} {
		for _, due := range d.due {
			if due.Kind == do {
				lines = append(lines, do+" "+due.Name)
			}
		}
	}
	return lines
}
