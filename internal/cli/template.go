package cli

import (
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/infrahaus/infrahaus/internal/fetch"
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
	cmd.AddCommand(newTemplateListCmd(a), newTemplateShowCmd(a), newTemplateValidateCmd(a), newTemplateNewCmd(a), newTemplateCopyCmd(a), newTemplateTestCmd(a), newTemplateImportCmd(a), newTemplateSchemaCmd(a), newTemplateLockCmd(a), newTemplateDigestCmd(a), newTemplateBakeCmd(a), newTemplateImagesCmd(a))
	return cmd
}

func newTemplateListCmd(a *app) *cobra.Command {
	var tag string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the templates",
		Long: `List the templates: each name once, the place that is looked at first wins. With --tag,
list those that give their containers this tag.` + exitStatuses(0, 2),
		Example: `  infrahaus template list
  infrahaus template list --tag database`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if _, err := a.config(); err != nil {
				return err
			}
			entries := template.List(a.templateSources(cmd.Context(), lookUp{mode: fetch.Local}))
			if tag != "" {
				entries = slices.DeleteFunc(entries, func(e template.Entry) bool { return !slices.Contains(e.Tags, tag) })
			}
			if a.global.json {
				return ui.WriteJSON(a.streams, entries)
			}
			t := ui.Table{Columns: []ui.Column{
				{Title: "NAME", Keep: true}, {Title: "OS", Keep: true}, {Title: "FROM"}, {Title: "TAGS"}, {Title: "DESCRIPTION"},
			}}
			for _, e := range entries {
				text := e.Description
				if e.Error != "" {
					text = "cannot be used: " + e.Error
				}
				t.Rows = append(t.Rows, []string{e.Name, e.OS, e.Source, strings.Join(e.Tags, ","), text})
			}
			return ui.WriteTable(a.streams, t)
		},
	}
	cmd.Flags().StringVar(&tag, "tag", "", "only templates with this `tag`")
	return cmd
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
