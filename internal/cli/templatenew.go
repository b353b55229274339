package cli

import (
	"errors"
	"io/fs"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/infrahaus/infrahaus/internal/fleet"
	"github.com/infrahaus/infrahaus/internal/template"
	"github.com/infrahaus/infrahaus/internal/ui"
	"github.com/infrahaus/infrahaus/templates"
)

func newTemplateNewCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "new NAME [DIR]",
		Short: "Write a small working template to start from",
		Long: `Write a small working template with comments: a page served by nginx, with variables, a
package, files, a script and a service. It goes to DIR, or to the folder NAME. Nothing is
overwritten: DIR must be empty or not there.` + exitStatuses(0, 1, 2),
		Example: `  infrahaus template new blog
  infrahaus template new blog ~/.config/infrahaus/templates/blog`,
		Args: rangeArgs(1, 2, "a NAME and at most one DIR"),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := template.CheckName(args[0]); err != nil {
				return usagef("%w", err).hint("%s", a.command("template", "new", "blog"))
			}
			starter, err := fs.Sub(templates.Starter, "starter")
			if err != nil {
				return err
			}
			dir := homePath(args[len(args)-1])
			files, err := template.New(dir, args[0], starter)
			return a.wrote(args[0], dir, files, err)
		},
	}
}

func newTemplateCopyCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "copy <template> [DIR]",
		Short: "Copy a template, such as a built-in one, to read and change it",
		Long: `Copy a template to DIR, or to a folder of its name. The files stay as they are, but for
the line at the top of template.yaml that tells editors its schema. Nothing is
overwritten: DIR must be empty or not there.` + exitStatuses(0, 1, 2, 4),
		Example: `  infrahaus template copy nginx
  infrahaus template copy postgresql ./database`,
		Args: rangeArgs(1, 2, "one template and at most one DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, err := a.config(); err != nil {
				return err
			}
			from, err := template.Folder(homePath(args[0]), a.templateSources(cmd.Context(), lookUp{}))
			if err != nil {
				return err
			}
			dir := homePath(args[len(args)-1])
			if len(args) == 1 {
				dir = filepath.Base(dir)
			}
			files, err := template.Copy(dir, from)
			return a.wrote(filepath.Base(dir), dir, files, err)
		},
	}
	a.lockedFlag(cmd.Flags())
	cmd.ValidArgsFunction = a.completeTemplateThenFolder
	return cmd
}

// written is what `template new` and `template copy` print with --json.
type written struct {
	Name  string   `json:"name"`
	Path  string   `json:"path"`
	Files []string `json:"files"`
}

// wrote says what was written and what to do with it.
func (a *app) wrote(name, dir string, files []string, err error) error {
	if errors.Is(err, template.ErrExists) {
		return usagef("cannot write to %s: %w, and nothing is overwritten", dir, err).
			hint("give another folder after the name, such as %s-2", filepath.Base(dir))
	}
	if err != nil {
		return failf(1, "cannot write the template: %w", err)
	}
	if a.global.json {
		return ui.WriteJSON(a.streams, written{name, dir, files})
	}
	for _, f := range files {
		if err := ui.WriteRow(a.streams, filepath.Join(dir, filepath.FromSlash(f))); err != nil {
			return err
		}
	}
	ref := dir
	if !filepath.IsAbs(ref) {
		ref = "." + string(filepath.Separator) + filepath.Clean(dir)
	}
	a.say("check it:  " + a.command("template", "validate", ref))
	a.say("try it:    " + a.command("create", "--template", ref, "--sandbox"))
	return nil
}

func newTemplateSchemaCmd(a *app) *cobra.Command {
	var ofFleet bool
	cmd := &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of template.yaml, or of a fleet file",
		Long: `Print the JSON Schema of template.yaml, with --fleet that of the file for create -f.
Editors use it to complete and check what you write: those with a YAML language server
find it by the first line that new and copy put into template.yaml. The line of a
fleet file is: # yaml-language-server: $schema=` + "\n" + fleet.SchemaID + exitStatuses(0, 2),
		Example: `  infrahaus template schema >template.schema.json
  infrahaus template schema --fleet >fleet.schema.json`,
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			schema := template.Schema
			if ofFleet {
				schema = fleet.Schema
			}
			_, err := a.streams.Out.Write(schema())
			return err
		},
	}
	cmd.Flags().BoolVar(&ofFleet, "fleet", false, "that of a fleet file")
	return cmd
}

// completeTemplateThenFolder offers templates, then folders.
func (a *app) completeTemplateThenFolder(cmd *cobra.Command, args []string, start string) ([]string, cobra.ShellCompDirective) {
	if len(args) == 0 {
		return a.completeTemplates(cmd, args, start)
	}
	return nil, cobra.ShellCompDirectiveFilterDirs
}
