package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/spf13/cobra"

	"github.com/infrahaus/infrahaus/internal/catalogue"
	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/store"
	"github.com/infrahaus/infrahaus/internal/ui"
	"github.com/infrahaus/infrahaus/internal/vault"
)

func newDatabaseCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "database",
		Short: "The database that the catalogue is in",
		Long: `The database that the catalogue is in: a file in the state folder, or a PostgreSQL
database that several machines share; see database in help config.` + exitStatuses(0, 2),
		Args: noArgs,
		RunE: helpOnly,
	}
	cmd.AddCommand(newDatabaseCopyCmd(a))
	return cmd
}

func newDatabaseCopyCmd(a *app) *cobra.Command {
	o := &databaseCopyOptions{app: a}
	return &cobra.Command{
		Use:   "copy FROM TO",
		Short: "Copy the catalogue into another database",
		Long: `Copy the catalogue, logs included, into an empty database, and compare both row by row.
FROM and TO are "local", which is the file in the state folder, names below databases in the
config, or env:NAME of a variable with a URL: others can read the arguments of a process,
so a URL is none.

A copy that was interrupted goes on with the same command. Until it is complete, nothing
else can use TO. FROM stays as it is: from then on, only one of the two should be used.
Secrets stay sealed, so TO needs the same encryption key.` + exitStatuses(0, 1, 2, 130, 143),
		Example: "  infrahaus database copy local env:DATABASE_URL\n  infrahaus database copy team local --state-dir /srv/infrahaus",
		Args:    rangeArgs(2, 2, "FROM and TO"),
		RunE:    func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), args[0], args[1]) },
		ValidArgsFunction: func(*cobra.Command, []string, string) (names []string, _ cobra.ShellCompDirective) {
			a.peek(func(_ context.Context, p *peeker) {
				names = append([]string{"local", "env:"}, p.cfg.DatabaseNames()...)
			})
			return names, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
		},
	}
}

type databaseCopyOptions struct{ app *app }

func (o *databaseCopyOptions) run(ctx context.Context, fromName, toName string) error {
	a := o.app
	if _, err := a.config(); err != nil {
		return err
	}
	if fromName == toName {
		return usagef("FROM and TO are the same")
	}
	from, err := a.databaseAt(fromName)
	if err != nil {
		return err
	}
	to, err := a.databaseAt(toName)
	if err != nil {
		return err
	}
	source, err := store.OpenExisting(ctx, from)
	switch {
	case err != nil:
		return err
	case source == nil:
		return failf(exit.Other, "there is no catalogue in %s", fromName)
	}
	a.store = source // closed with the app
	if a.vault, err = a.vaultOf(ctx, source); err != nil {
		return err
	}
	a.upgrade(ctx)
	to.ForCopy = true
	target, err := store.OpenAt(ctx, to)
	if err != nil {
		return err
	}
	defer target.Close()
	if !source.IsShared() { // from then on, the containers are entered with the catalogue's key
		if err := catalogue.ShareSSHKey(ctx, source, a.vault, a.cfg.Paths.SSHKey()); err != nil {
			return err
		}
	}
	sum, err := store.Copy(ctx, source, target, func(part string, n int) { a.say(fmt.Sprintf("%s: %d", part, n)) })
	if err != nil {
		return o.explain(err, fromName, toName)
	}
	return o.print(sum, toName)
}

// explain adds the next step to an error.
func (o *databaseCopyOptions) explain(err error, from, to string) error {
	var busy *store.AtWork
	var full *store.NotEmpty
	var known *store.Error
	f := failf(exit.Other, "%w", err)
	switch {
	case errors.As(err, &busy):
		return f.hint("wait until it has ended: %s", o.app.command("list"))
	case errors.As(err, &full):
		return f.hint("give it another --state-dir, or an empty schema with its name in the search_path of the URL: psql -c 'CREATE SCHEMA infrahaus'")
	case errors.As(err, &known):
		return err
	}
	return f.hint("to go on from here: %s", o.app.command("database", "copy", from, to))
}

func (o *databaseCopyOptions) print(sum store.Copied, to string) error {
	a := o.app
	if a.global.json {
		return ui.WriteJSON(a.streams, sum)
	}
	names := []string{}
	for name := range sum.Tables {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if _, err := fmt.Fprintf(a.streams.Out, "%s\t%d\n", name, sum.Tables[name]); err != nil {
			return err
		}
	}
	if _, err := fmt.Fprintf(a.streams.Out, "logs\t%d\n", sum.Logs); err != nil {
		return err
	}
	if to != "local" {
		a.say("to use it from now on, write into the config: database: " + to)
	}
	return nil
}

// databaseAt is the place of a database that an argument names.
func (a *app) databaseAt(name string) (store.Place, error) {
	p := a.place()
	address, err := a.cfg.NamedDatabase(name)
	p.URL = address.Reveal()
	return p, err
}

// vaultOf opens the vault for a catalogue.
func (a *app) vaultOf(ctx context.Context, s *store.Store) (*vault.Vault, error) {
	return vault.Open(vault.Options{
		KeyFile: a.cfg.Paths.KeyFile(),
		Sealed:  func() (bool, error) { return s.HasSealed(context.WithoutCancel(ctx)) },
		Retired: func(id string) (string, error) { return s.RetiredKey(context.WithoutCancel(ctx), id) },
	})
}

// aside is where a line goes that is not an event: to the display of a run, which owns the
// terminal, else to stderr.
type aside struct {
	mu   sync.Mutex
	show func(line string)
}

func (s *aside) to(show func(line string)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.show = show
}

// say reports whether a display took the line.
func (s *aside) say(line string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.show == nil {
		return false
	}
	s.show(line)
	return true
}
