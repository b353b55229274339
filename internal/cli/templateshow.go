package cli

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/provision/plan"
	"github.com/infrahaus/infrahaus/internal/template"
	"github.com/infrahaus/infrahaus/internal/ui"
)

func newTemplateShowCmd(a *app) *cobra.Command {
	var vars variableOptions
	cmd := &cobra.Command{
		Use:   "show <template>",
		Short: "Show what a template asks for, ships and runs, and where it says so",
		Long: `Show what a template asks for, ships and runs, a line each, and where each value comes
from: a line of its own files, a template that it extends, or this tool's default. With
--set and --set-file, show the value that each variable would have in a create. Secrets
are not shown.` + exitStatuses(0, 1, 2, 4),
		Args: exactArgs("one template"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, err := a.config(); err != nil {
				return err
			}
			t, err := a.findTemplate(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			set, err := vars.read(a.in)
			if err != nil {
				return err
			}
			values, err := t.ResolvedValues(set)
			if err != nil {
				return err
			}
			fields := templateFields(t, values, vars)
			if a.global.json {
				doc := templateDocument(t)
				doc["values"], doc["defaults"], doc["fields"] = list(values), list(t.Defaults()), fields
				return ui.WriteJSON(a.streams, doc)
			}
			return ui.WriteTable(a.streams, fieldTable(fields))
		},
	}
	vars.register(cmd.Flags())
	a.lockedFlag(cmd.Flags())
	cmd.ValidArgsFunction = a.completeTemplates
	return cmd
}

// field is one value of a template, and where it comes from.
type field struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	template.Place

	from string // as people read it
}

// fieldTable wraps values in a narrow window, and shows the default of what nobody names dim.
func fieldTable(fields []field) ui.Table {
	t := ui.Table{Columns: []ui.Column{{Title: "FIELD", Keep: true}, {Title: "VALUE", Wrap: true}, {Title: "FROM", Wrap: true, Paint: func(string) ui.Shade { return ui.Dim }}}}
	for _, f := range fields {
		t.Rows = append(t.Rows, []string{f.Name, f.Value, f.from})
	}
	return t
}

// fields collects the values of a template.
type fields struct {
	t   *template.Template
	all []field
}

func (f *fields) add(name, value string, p template.Place) {
	f.all = append(f.all, field{name, value, p, p.String()})
}

// set adds a value that template.yaml says at a path. One that nobody names and that is empty
// is left out.
func (f *fields) set(name, value, path string) {
	p := f.t.Place(path)
	if value != "" || p.From != template.FromTool {
		f.add(name, value, p)
	}
}

// item adds an item of a list.
func (f *fields) item(name, value, list, key string) { f.add(name, value, f.t.PlaceOf(list, key)) }

// templateFields are all values of a template, in the order of a template.yaml.
func templateFields(t *template.Template, values []template.Resolved, vars variableOptions) []field {
	f := &fields{t: t}
	from := orElse(t.Resolved, orElse(t.Path, t.Name))
	f.all = append(f.all, field{Name: "template", Value: from, Place: template.Place{From: t.Source}, from: t.Source})
	f.set("description", t.Description, "description")
	f.set("extends", t.Extends, "extends")
	f.container(t.Spec())
	f.variables(values, vars)
	f.packages()
	for _, d := range t.Directories {
		f.item("directory", d.Target, "directories", d.Target)
	}
	for _, o := range t.Files {
		f.item("file", o.Target+" ("+string(o.Policy)+")", "files", o.Target)
	}
	for _, s := range t.Scripts {
		f.item("script", s.Name+s.Note(), "scripts", s.Name)
	}
	if t.Update != nil {
		f.set("update", t.Update.String(), "update")
	}
	for _, s := range t.Services {
		f.item("service", serviceText(s), "services", s.Name)
	}
	for _, c := range t.Credentials {
		f.item("credentials", c.Service+": "+strings.Join(c.Keys, ", "), "credentials", c.Service)
	}
	if t.SyncOnBoot {
		f.set("syncOnBoot", "true", "syncOnBoot")
	}
	if t.Notes != "" {
		for _, line := range strings.Split(t.Notes, "\n") {
			f.set("notes", line, "notes")
		}
	}
	return f.all
}

// container adds what Proxmox is asked for.
func (f *fields) container(s lxc.Spec) {
	f.set("os", strings.Join(s.OSChoices(), ", "), "os")
	f.set("cores", strconv.Itoa(s.Cores), "resources.cores")
	if s.CPULimit > 0 {
		f.set("cpulimit", strconv.FormatFloat(s.CPULimit, 'f', -1, 64), "resources.cpulimit")
	}
	if s.CPUUnits > 0 {
		f.set("cpuunits", strconv.Itoa(s.CPUUnits), "resources.cpuunits")
	}
	f.set("memory", strconv.Itoa(s.MemoryMiB)+" MiB", "resources.memory")
	f.set("swap", strconv.Itoa(s.SwapMiB)+" MiB", "resources.swap")
	f.set("disk", strconv.Itoa(s.DiskGiB)+" GiB", "resources.disk")
	f.set("unprivileged", strconv.FormatBool(s.Unprivileged), "unprivileged")
	f.features(s.Features)
	f.networks(s.Networks())
	for i, m := range s.Mounts {
		f.set("mount", plan.MountLine(m, m.Storage), "mounts["+strconv.Itoa(i)+"]")
	}
	for i, d := range s.Devices {
		f.set("device", plan.DeviceLine(d), "devices["+strconv.Itoa(i)+"]")
	}
	f.set("pool", s.Pool, "pool")
	f.set("onboot", strconv.FormatBool(s.OnBoot), "onboot")
	f.set("startup", plan.StartupLine(s.Startup), "startup")
	for _, tag := range s.Tags {
		f.item("tag", tag, "tags", tag)
	}
	for _, key := range s.SSHKeys {
		f.item("ssh key", shortKey(key), "sshKeys", key)
	}
	r := s.Requires
	for _, need := range [][3]string{{"infrahaus", r.Infrahaus, "infrahaus"}, {"Proxmox VE", r.Proxmox, "proxmox"}, {"pve-container", r.PVEContainer, "pveContainer"}} {
		if need[1] != "" {
			f.set("requires", need[0]+" "+need[1], "requires."+need[2])
		}
	}
	for _, p := range r.Privileges {
		f.item("requires", p, "requires.privileges", p)
	}
}

// features adds each feature by itself: they may come from different templates.
func (f *fields) features(o lxc.Features) {
	on := map[string]bool{"nesting": o.Nesting, "keyctl": o.Keyctl, "fuse": o.Fuse, "mknod": o.Mknod}
	for _, name := range slices.Sorted(maps.Keys(on)) {
		if p := f.t.Place("features." + name); on[name] || p.From != template.FromTool {
			f.add("feature", name+map[bool]string{false: " off"}[on[name]], p)
		}
	}
	for _, kind := range o.Mount {
		f.item("feature", "mount="+kind, "features.mount", kind)
	}
}

func (f *fields) networks(all []lxc.Network) {
	for i, n := range all {
		path := "network[" + strconv.Itoa(i) + "]"
		if i == 0 && f.t.Place(path).From == template.FromTool {
			path = "network"
		}
		f.set("network", plan.NetworkLine(n, n.Bridge), path)
	}
}

// shortKey is a public key by its type and comment, or by the end of its text.
func shortKey(line string) string {
	words := strings.Fields(line)
	switch {
	case len(words) > 2:
		return words[0] + " " + strings.Join(words[2:], " ")
	case len(words) == 2 && len(words[1]) > 16:
		return words[0] + " …" + words[1][len(words[1])-16:]
	}
	return line
}

// variables adds the values that the variables would have in a create.
func (f *fields) variables(values []template.Resolved, vars variableOptions) {
	for i, o := range values {
		v := f.t.Variables[i]
		p := f.t.Place("variables." + orElse(v.From, v.Name)) // of a public half, that of its key
		text, notes := v.Name, []string{v.Type}
		if v.Type == "enum" {
			notes[0] += " of " + strings.Join(v.Values, ", ")
		}
		switch {
		case v.From != "" && o.From == v.From:
			notes = append(notes, "from "+v.From)
		case o.From == "must be set":
			notes = append(notes, "must be set")
		case o.From == "generated at create":
			notes = append(notes, "generated "+v.Generate.Kind+" at create")
		case v.Hidden():
			text += " = ***"
		default:
			text += " = " + strconv.Quote(o.Value)
		}
		if v.Secret {
			notes = append(notes, "secret")
		}
		text += " (" + strings.Join(notes, ", ") + ")"
		if v.Description != "" {
			text += ": " + v.Description
		}
		if o.From != "command line" {
			f.add("variable", text, p)
			continue
		}
		f.all = append(f.all, field{Name: "variable", Value: text, Place: template.Place{From: vars.flagOf(v.Name)}, from: "--" + vars.flagOf(v.Name)})
	}
}

func (f *fields) packages() {
	t := f.t
	for _, r := range t.Repositories {
		f.item("repository", r.Name+" "+strings.Join(slices.Concat(r.URIs, r.Suites, r.Components), " "), "repositories", r.Name)
	}
	for _, manager := range template.Managers {
		for _, name := range t.Packages.Names[manager] {
			f.item(manager, name, "packages."+manager, name)
		}
	}
	for _, c := range t.Packages.Custom {
		f.item("custom", c.Name, "packages.custom", c.Name)
	}
}

func serviceText(s template.Service) string {
	text := s.Name
	for _, port := range s.Ports() {
		text += " " + port + "/" + s.Protocol
	}
	if s.Command != "" {
		text += ", ready when its command succeeds"
	}
	return text
}

// templateDocument is what `template show --json` prints.
func templateDocument(t *template.Template) map[string]any {
	doc := map[string]any{
		"name": t.Name, "description": t.Description, "source": t.Source, "path": t.Path, "extends": t.Extends, "resolved": t.Resolved, "digest": t.Digest,
		"spec": t.Spec(), "variables": list(t.Variables), "packages": t.Packages, "repositories": list(t.Repositories), "files": list(t.Files), "directories": list(t.Directories),
		"scripts": list(t.Scripts), "services": list(t.Services), "credentials": list(t.Credentials), "notes": t.Notes, "syncOnBoot": t.SyncOnBoot,
	}
	if t.Update != nil {
		doc["update"] = t.Update
	}
	return doc
}

// list returns items, and an empty list instead of nil, so that JSON has [] and not null.
func list[T any](items []T) []T { return append([]T{}, items...) }
