package cli

import (
	"context"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/infrahaus/infrahaus/internal/fetch"
	"github.com/infrahaus/infrahaus/internal/ui"
)

func newTemplateLockCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "lock [<address>...]",
		Short: "Pin remote templates in " + fetch.LockName,
		Long: `Look up what the branches, tags and archives of remote templates are now, and write that
to ` + fetch.LockName + ` in the current folder: the commit or checksum, and the digest of the
template. Without an address, every entry that it has is looked up anew.

A command that names such a template uses what the file in its current folder says; with
--locked, it refuses everything else. Keep the file under version control.` + exitStatuses(0, 1, 2, 4),
		Example: `  infrahaus template lock git+https://git.example.org/ops/templates.git//web@main
  infrahaus template lock
  infrahaus create web --template git+https://git.example.org/ops/templates.git//web@main --locked`,
		Args: anyArgs("addresses"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.lockTemplates(cmd.Context(), args) },
	}
}

// lockRow is what `template lock --json` prints of an entry.
type lockRow struct {
	fetch.Entry
	State string `json:"state"` // new, changed or same
}

func (a *app) lockTemplates(ctx context.Context, sources []string) error {
	if _, err := a.config(); err != nil {
		return err
	}
	lock, err := a.lockHere()
	if err != nil {
		return err
	}
	if lock == nil {
		here, err := os.Getwd()
		if err != nil {
			return failf(1, "cannot find the current folder: %w", err)
		}
		lock = &fetch.Lock{Path: filepath.Join(here, fetch.LockName)}
	}
	if len(sources) == 0 {
		for _, e := range lock.Entries {
			sources = append(sources, e.Source)
		}
	}
	if len(sources) == 0 {
		return usagef("there is no %s in this folder, and no address is given", fetch.LockName).
			hint("%s", a.command("template", "lock", "git+https://git.example.org/ops/templates.git//web@main"))
	}
	rows := []lockRow{}
	for _, s := range sources {
		row, err := a.lockTemplate(ctx, lock, s)
		if err != nil {
			return err
		}
		rows = append(rows, row)
	}
	if err := lock.Write(); err != nil {
		return err
	}
	return a.showLocked(rows)
}

// lockTemplate looks one template up and puts it into the lock, which is not written yet.
func (a *app) lockTemplate(ctx context.Context, lock *fetch.Lock, source string) (lockRow, error) {
	if !fetch.IsRemote(source) {
		return lockRow{}, usagef("cannot lock %s: it is not fetched from elsewhere", source).hint("an address, such as git+https://git.example.org/ops/templates.git//web@main")
	}
	t, err := a.lookTemplate(ctx, source, lookUp{lock: &fetch.Lock{}}) // what is locked now must not decide
	if err != nil {
		return lockRow{}, err
	}
	was := lock.Find(t.Path)
	row := lockRow{State: "new"}
	if row.Entry, err = lock.Set(t.Path, t.Resolved, t.Digest); err != nil {
		return row, err
	}
	switch {
	case was != nil && *was == row.Entry:
		row.State = "same"
	case was != nil:
		row.State = "changed"
	}
	return row, nil
}

func (a *app) showLocked(rows []lockRow) error {
	if a.global.json {
		return ui.WriteJSON(a.streams, rows)
	}
	t := ui.Table{Columns: []ui.Column{{Title: "TEMPLATE", Keep: true}, {Title: "CONTENT", Keep: true}, {Title: "STATE", Keep: true}}}
	for _, r := range rows {
		t.Rows = append(t.Rows, []string{r.Source, r.ID()[:12], r.State})
	}
	return ui.WriteTable(a.streams, t)
}

func newTemplateDigestCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "digest <template>",
		Short: "Print the digest of a template, for a signature",
		Long: `Print the SHA-256 digest over the names, executable bits and contents of the files that
belong to a template. It is the same on every machine. It is what is signed:

  infrahaus template digest ./web | ssh-keygen -Y sign -n infrahaus -f ~/.ssh/id_ed25519 >web/template.sig` + exitStatuses(0, 1, 2, 4),
		Example: "  infrahaus template digest ./web",
		Args:    exactArgs("one template"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, err := a.config(); err != nil {
				return err
			}
			t, err := a.findTemplate(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if a.global.json {
				return ui.WriteJSON(a.streams, map[string]string{"name": t.Name, "digest": t.Digest})
			}
			return ui.WriteRow(a.streams, t.Digest)
		},
	}
	a.lockedFlag(cmd.Flags())
	cmd.ValidArgsFunction = a.completeTemplates
	return cmd
}
