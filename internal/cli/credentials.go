package cli

import (
	"context"
	"sort"
	"strings"

	"github.com/spf13/cobra"

	"github.com/infrahaus/infrahaus/internal/store"
	"github.com/infrahaus/infrahaus/internal/ui"
	"github.com/infrahaus/infrahaus/internal/vault"
)

type credentialsOptions struct {
	app    *app
	reveal bool
}

func newCredentialsCmd(a *app) *cobra.Command {
	o := &credentialsOptions{app: a}
	cmd := &cobra.Command{
		Use:   "credentials <container> [SERVICE]",
		Short: "Show which credentials a container has; their values with --reveal",
		Long: `Show which credentials were found in a container, and root's password, by name.
The values are kept sealed; --reveal opens them.` + exitStatuses(0, 1, 2),
		Example: "  infrahaus credentials db\n  infrahaus credentials db postgresql --reveal",
		Args:    rangeArgs(1, 2, "a container and perhaps a SERVICE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			service := ""
			if len(args) == 2 {
				service = args[1]
			}
			return o.run(cmd.Context(), args[0], service)
		},
	}
	cmd.Flags().BoolVar(&o.reveal, "reveal", false, "show the values")
	cmd.ValidArgsFunction = a.completeContainers
	return cmd
}

// credential is one service's, as --json prints it.
type credential struct {
	Service string            `json:"service"`
	Keys    []string          `json:"keys"`
	Values  map[string]string `json:"values,omitempty"`
}

func (o *credentialsOptions) run(ctx context.Context, ref, service string) error {
	a := o.app
	c, err := a.find(ctx, ref)
	if err != nil {
		return err
	}
	sealed, err := a.store.Credentials(ctx, c.RecordID)
	if err != nil {
		return err
	}
	list := []credential{}
	var names []string
	for _, s := range sealed {
		if s.Service == store.VariablesService || s.Service == store.PastService {
			continue // the template's, not the container's
		}
		name := publicName(s.Service)
		names = append(names, name)
		if service != "" && service != name {
			continue
		}
		item := credential{Service: name, Keys: s.Keys}
		if o.reveal {
			if item.Values, err = o.open(c.RecordID, s); err != nil {
				return err
			}
		}
		list = append(list, item)
	}
	if service != "" && len(list) == 0 {
		return failf(1, "%s has no credentials of a service %q", c.Hostname, service).hint("it has: %s", strings.Join(names, ", "))
	}
	return o.print(list)
}

// publicName is how root's password is called outside of the catalogue.
func publicName(service string) string {
	if service == store.RootService {
		return "root"
	}
	return service
}

func (o *credentialsOptions) open(recordID string, s store.Sealed) (map[string]string, error) {
	text, err := o.app.vault.Unseal(recordID, s.Service, s.Envelope)
	if err != nil {
		return nil, err
	}
	values, err := vault.UnpackValues(text)
	if err != nil {
		return nil, failf(1, "cannot read the credentials of %s: %v", s.Service, err)
	}
	return values, nil
}

func (o *credentialsOptions) print(list []credential) error {
	if o.app.global.json {
		return ui.WriteJSON(o.app.streams, list)
	}
	t := ui.Table{
		Columns: []ui.Column{{Title: "SERVICE", Keep: true}, {Title: "KEY", Keep: true}},
		Empty:   "no credentials",
	}
	if o.reveal {
		t.Columns = append(t.Columns, ui.Column{Title: "VALUE", Keep: true})
	}
	for _, c := range list {
		keys := append([]string(nil), c.Keys...)
		sort.Strings(keys)
		for _, k := range keys {
			row := []string{c.Service, k}
			if o.reveal {
				row = append(row, strings.TrimSuffix(c.Values[k], "\n")) // the row has a line end of its own
			}
			t.Rows = append(t.Rows, row)
		}
	}
	return ui.WriteTable(o.app.streams, t)
}
