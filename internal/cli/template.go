package cli

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/provision/plan"
	"github.com/infrahaus/infrahaus/internal/template"
	"github.com/infrahaus/infrahaus/internal/ui"
)

func newTemplateCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "template",
		Aliases: []string{"templates"},
		Short:   "The catalogue of templates",
		Long: `The catalogue of templates. A template is a folder with a template.yaml; it is
looked for as an address, such as git+https://HOST/REPO.git//DIR@REF, then as a path,
then in $XDG_CONFIG_HOME/infrahaus/templates, then in TEMPLATES_ROOT, then among those
built in.` + exitStatuses(0, 2),
		Args: noArgs,
		RunE: helpOnly,
	}
	cmd.AddCommand(newTemplateListCmd(a), newTemplateShowCmd(a), newTemplateValidateCmd(a), newTemplateNewCmd(a), newTemplateCopyCmd(a), newTemplateTestCmd(a), newTemplateImportCmd(a), newTemplateSchemaCmd(a), newTemplateLockCmd(a), newTemplateDigestCmd(a))
	return cmd
}

func newTemplateListCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the templates",
		Long:  "List the templates: each name once, the place that is looked at first wins." + exitStatuses(0, 2),
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if _, err := a.config(); err != nil {
				return err
			}
			entries := template.List(a.templateSources(cmd.Context(), lookUp{}))
			if a.global.json {
				return ui.WriteJSON(a.streams, entries)
			}
			t := ui.Table{Columns: []ui.Column{
				{Title: "NAME", Keep: true}, {Title: "OS", Keep: true}, {Title: "FROM"}, {Title: "DESCRIPTION"},
			}}
			for _, e := range entries {
				text := e.Description
				if e.Error != "" {
					text = "cannot be used: " + e.Error
				}
				t.Rows = append(t.Rows, []string{e.Name, e.OS, e.Source, text})
			}
			return ui.WriteTable(a.streams, t)
		},
	}
}

func newTemplateShowCmd(a *app) *cobra.Command {
	var vars variableOptions
	cmd := &cobra.Command{
		Use:   "show <template>",
		Short: "Show what a template asks for, ships and runs",
		Long: `Show what a template asks for, ships and runs, its variables, and the settings that it
leaves to the defaults. With --set and --set-file, show the value that each variable would
have in a create, and where it comes from. Secrets are not shown.` + exitStatuses(0, 1, 2, 4),
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
			if a.global.json {
				doc := templateDocument(t)
				doc["values"], doc["defaults"] = list(values), list(t.Defaults())
				return ui.WriteJSON(a.streams, doc)
			}
			rows := templateRows(t)
			if len(set) > 0 {
				rows = append(rows, valueRows(t, values)...)
			}
			return ui.WriteTable(a.streams, ui.Table{
				Columns: []ui.Column{{Title: strings.ToUpper(t.Name), Keep: true}, {Title: ""}}, Rows: rows,
			})
		},
	}
	vars.register(cmd.Flags())
	a.lockedFlag(cmd.Flags())
	cmd.ValidArgsFunction = a.completeTemplates
	return cmd
}

// valueRows are the values that the variables would have.
func valueRows(t *template.Template, values []template.Resolved) (rows [][]string) {
	for i, o := range values {
		text := o.Name + " = " + strconv.Quote(o.Value)
		switch v := t.Variables[i]; {
		case o.From == "generated at create", o.From == "must be set":
			text = o.Name
		case v.Secret || v.Generate.Any():
			text = o.Name + " = ***"
		}
		rows = append(rows, []string{"value", text + " (" + o.From + ")"})
	}
	return rows
}

// templateDocument is what `template show --json` prints.
func templateDocument(t *template.Template) map[string]any {
	return map[string]any{
		"name": t.Name, "description": t.Description, "source": t.Source, "path": t.Path, "extends": t.Extends, "resolved": t.Resolved, "digest": t.Digest,
		"spec": t.Spec(), "variables": list(t.Variables), "packages": t.Packages, "repositories": list(t.Repositories), "files": list(t.Files), "directories": list(t.Directories),
		"scripts": list(t.Scripts), "services": list(t.Services), "credentials": list(t.Credentials), "notes": t.Notes, "syncOnBoot": t.SyncOnBoot,
	}
}

// list returns items, and an empty list instead of nil, so that JSON has [] and not null.
func list[T any](items []T) []T { return append([]T{}, items...) }

func templateRows(t *template.Template) [][]string {
	kind := "privileged"
	if t.Unprivileged {
		kind = "unprivileged"
	}
	var rows [][]string
	if t.Description != "" {
		rows = append(rows, []string{"description", t.Description})
	}
	if t.Extends != "" {
		rows = append(rows, []string{"extends", t.Extends})
	}
	rows = append(rows, [][]string{
		{"from", orElse(t.Resolved, orElse(t.Path, t.Source))},
		{"os", strings.Join(t.Spec().OSChoices(), ", ")},
		{"resources", plan.ResourceLine(t.Spec()) + ", " + kind},
	}...)
	if d := t.Defaults(); len(d) > 0 {
		rows = append(rows, []string{"by default", strings.Join(d, ", ")})
	}
	rows = append(rows, partRows(t.Spec())...)
	for _, v := range t.Variables {
		rows = append(rows, []string{"variable", v.Name + variableNote(v)})
	}
	for _, manager := range template.Managers {
		if names := t.Packages.Names[manager]; len(names) > 0 {
			rows = append(rows, []string{manager, strings.Join(names, " ")})
		}
	}
	for _, r := range t.Repositories {
		rows = append(rows, []string{"repository", r.Name + " " + strings.Join(slices.Concat(r.URIs, r.Suites, r.Components), " ")})
	}
	for _, c := range t.Packages.Custom {
		rows = append(rows, []string{"custom", c.Name})
	}
	for _, f := range t.Directories {
		rows = append(rows, []string{"directory", f.Target})
	}
	for _, f := range t.Files {
		rows = append(rows, []string{"file", fmt.Sprintf("%s (%s)", f.Target, f.Policy)})
	}
	for _, s := range t.Scripts {
		rows = append(rows, []string{"script", s.Name + s.Note()})
	}
	for _, s := range t.Services {
		text := s.Name
		if s.Port != 0 {
			text += " " + strconv.Itoa(s.Port) + "/" + s.Protocol
		}
		for _, port := range s.Also {
			text += " " + strconv.Itoa(port) + "/" + s.Protocol
		}
		if s.Command != "" {
			text += ", ready when its command succeeds"
		}
		rows = append(rows, []string{"service", text})
	}
	for _, c := range t.Credentials {
		rows = append(rows, []string{"credentials", c.Service + ": " + strings.Join(c.Keys, ", ")})
	}
	if t.Notes != "" {
		for _, line := range strings.Split(t.Notes, "\n") {
			rows = append(rows, []string{"notes", line})
		}
	}
	return rows
}

// partRows describe what a container has besides its resources, in the words of a plan.
// Settings that every container has are left out.
func partRows(s lxc.Spec) (rows [][]string) {
	add := func(what, text string) {
		if text != "" {
			rows = append(rows, []string{what, text})
		}
	}
	add("features", plan.FeaturesLine(s.Features))
	for i, n := range s.Networks() {
		if text := plan.NetworkLine(n, n.Bridge); i > 0 || text != "eth0, IPv4 dhcp" {
			add("network", text)
		}
	}
	for _, m := range s.Mounts {
		add("mount", plan.MountLine(m, m.Storage))
	}
	for _, d := range s.Devices {
		add("device", plan.DeviceLine(d))
	}
	add("pool", s.Pool)
	if s.OnBoot {
		add("onboot", "started with the node")
	}
	add("startup", plan.StartupLine(s.Startup))
	if n := len(s.SSHKeys); n > 0 {
		add("ssh keys", strconv.Itoa(n))
	}
	r := s.Requires
	for _, need := range [][2]string{{"infrahaus", r.Infrahaus}, {"Proxmox VE", r.Proxmox}, {"pve-container", r.PVEContainer}, {"privileges", strings.Join(r.Privileges, " ")}} {
		if need[1] != "" {
			add("requires", need[0]+" "+need[1])
		}
	}
	return rows
}

// counted is "1 core" or "2 cores".
func counted(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return strconv.Itoa(n) + " " + thing + "s"
}

func variableNote(v template.Variable) string {
	notes := []string{v.Type}
	if v.Type == "enum" {
		notes[0] += " of " + strings.Join(v.Values, ", ")
	}
	if v.Secret {
		notes = append(notes, "secret")
	}
	switch {
	case v.From != "":
		notes = append(notes, "from "+v.From)
	case v.Generate.Any():
		notes = append(notes, "generated "+v.Generate.Kind)
	case v.HasDefault && v.Secret:
		notes = append(notes, "default ***")
	case v.HasDefault:
		notes = append(notes, "default "+strconv.Quote(v.Default))
	case v.Required:
		notes = append(notes, "required")
	}
	text := " (" + strings.Join(notes, ", ") + ")"
	if v.Description != "" {
		text += ": " + v.Description
	}
	return text
}
