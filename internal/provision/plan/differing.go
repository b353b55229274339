package plan

import (
	"slices"

	"github.com/infrahaus/infrahaus/internal/configmanager"
)

// Differs reports whether a sync would have anything to do, or be refused. A service that
// cannot be started as a unit is reported, but a sync does not mend it; nor does it change a
// setting that cannot be changed, or that waits for a restart which it was not asked to make.
func (r Report) Differs() bool { return len(r.Differing()) > 0 }

// Differing names what a sync would change, or be refused for.
func (r Report) Differing() (names []string) {
	add := func(name string, differs bool) {
		if differs {
			names = append(names, name)
		}
	}
	for _, s := range r.Settings {
		add(s.Name, s.changes(r.restart) || s.Effect == SettingRefuse)
	}
	for _, v := range r.Variables {
		add("variable "+v.Name, true)
	}
	for _, f := range r.Folders {
		add(f.Target, f.State != configmanager.FolderSame)
	}
	for _, f := range r.Files {
		add(f.Target, f.Effect() != configmanager.Leave)
	}
	for _, p := range r.Packages {
		add(p.Manager+" "+p.Spec, packagesDiffer([]configmanager.PackageDrift{p}))
	}
	add("config-manager", r.Manager != "same")
	for _, s := range r.Scripts {
		add(s.Name, !slices.Contains([]string{"same", "skipped", "removed", everySync}, s.State))
	}
	for _, n := range r.Notify {
		add(n.Do+" "+n.Name, true)
	}
	for _, s := range r.Services {
		add(s.Name, len(s.Sync) > 0)
	}
	add(r.Busy, r.Busy != "")
	return names
}
