package cli

import (
	"errors"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/infrahaus/infrahaus/internal/template"
	"github.com/infrahaus/infrahaus/internal/ui"
)

func newTemplateImportCmd(a *app) *cobra.Command {
	from := ""
	cmd := &cobra.Command{
		Use:   "import DIR|community:NAME [TARGET]",
		Short: "Make a template of another system's",
		Long: `Write a template of another system as one with template.yaml to TARGET, or to a folder
here: DIR-yaml, or NAME. The report says what became of each part, and what has no
counterpart. Nothing is overwritten: TARGET must be empty or not there.

DIR is a folder with a template.conf, the layout of the original system. The result is
loaded and compared: it makes the same container, or nothing is written.

community:NAME is an installer of community-scripts/ProxmoxVE. --from names a checkout of
it: a folder, or an address such as git+https://github.com/community-scripts/ProxmoxVE@TAG.
The template has the resources and OS of ct/NAME.sh, and a copy of install/NAME-install.sh
and of every function that it uses: it installs the same tomorrow, whatever happens to that
project's branch. What the installer asks becomes a variable, and the passwords that it
makes become credentials. An installer with a question that no variable can answer is
refused, with file and line. Read what you import: it runs as root in the container.` + exitStatuses(0, 1, 2, 4),
		Example: `  infrahaus template import ./web3-dev
  infrahaus template import ./web3-dev ~/.config/infrahaus/templates/web3-dev
  infrahaus template import community:adguard --from ~/src/ProxmoxVE`,
		Args: rangeArgs(1, 2, "a DIR or community:NAME, and at most one TARGET"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if name, ok := strings.CutPrefix(args[0], communityPrefix); ok {
				return a.importCommunity(cmd.Context(), name, from, args[1:])
			}
			if from != "" {
				return usagef("--from goes with community:NAME")
			}
			return a.importTemplate(args)
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveFilterDirs
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "a `CHECKOUT` of community-scripts/ProxmoxVE: a folder or an address")
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
	return a.reportImport(from, to, files, report, err)
}

// reportImport shows what an import has written, or why it has written nothing.
func (a *app) reportImport(from, to string, files []string, report []template.Imported, err error) error {
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
