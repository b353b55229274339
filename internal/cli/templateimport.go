package cli

import (
	"errors"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/infrahaus/infrahaus/internal/template"
	"github.com/infrahaus/infrahaus/internal/ui"
)

func newTemplateImportCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "import DIR [TARGET]",
		Short: "Write a template.conf template of the original system as a template.yaml one",
		Long: `Write a template of the original system, a folder with template.conf, as a template with
template.yaml to TARGET, or to the folder DIR-yaml here. The report says what became of each
part, and what has no counterpart. The result is loaded and compared: it makes the same
container, or nothing is written. Nothing is overwritten: TARGET must be empty or not there.` + exitStatuses(0, 1, 2),
		Example: `  infrahaus template import ./web3-dev
  infrahaus template import ./web3-dev ~/.config/infrahaus/templates/web3-dev`,
		Args: rangeArgs(1, 2, "a DIR and at most one TARGET"),
		RunE: func(_ *cobra.Command, args []string) error { return a.importTemplate(args) },
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveFilterDirs
		},
	}
	return cmd
}

// imported is what `template import --json` prints.
type imported struct {
	Path   string              `json:"path"`
	Files  []string            `json:"files"`
	Report []template.Imported `json:"report"`
}

func (a *app) importTemplate(args []string) error {
	from := homePath(args[0])
	abs, err := filepath.Abs(from)
	if err != nil {
		return failf(1, "cannot find the template: %w", err)
	}
	to := filepath.Base(abs) + "-yaml"
	if len(args) == 2 {
		to = homePath(args[1])
	}
	files, report, err := template.Import(to, from)
	var wrong *template.Error
	switch {
	case errors.As(err, &wrong):
		return err
	case errors.Is(err, template.ErrExists):
		return a.wrote("", to, nil, err)
	case err != nil:
		return failf(1, "cannot import the template %s: %w", from, err)
	}
	if a.global.json {
		return ui.WriteJSON(a.streams, imported{to, files, report})
	}
	t := ui.Table{Columns: []ui.Column{{Title: "ORIGINAL", Keep: true}, {Title: "BECAME", Keep: true}, {Title: "NOTE"}}}
	for _, r := range report {
		t.Rows = append(t.Rows, []string{r.From, orElse(r.To, "-"), r.Note})
	}
	if err := ui.WriteTable(a.streams, t); err != nil {
		return err
	}
	ref := to
	if !filepath.IsAbs(ref) {
		ref = "." + string(filepath.Separator) + filepath.Clean(to)
	}
	a.say("check it:  " + a.command("template", "validate", ref))
	a.say("try it:    " + a.command("template", "test", ref))
	return nil
}
