package cli

import (
	"context"
	"encoding/base64"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/infrahaus/infrahaus/internal/discover"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/store"
	"github.com/infrahaus/infrahaus/internal/ui"
	"github.com/infrahaus/infrahaus/internal/vault"
)

type credentialsOptions struct {
	app          *app
	service, key string // "": all
	reveal       bool
}

func newCredentialsCmd(a *app) *cobra.Command {
	o := &credentialsOptions{app: a}
	cmd := &cobra.Command{
		Use:   "credentials <container> [SERVICE [KEY]]",
		Short: "Show which credentials a container has; their values with --reveal",
		Long: `Show which credentials were found in a container, and root's password, by name.
The values are stored encrypted; --reveal shows them.

A credentials file of KEY=VALUE lines, as a shell reads them, has its own keys. Any
other file (a token, a URL, a PEM key, JSON) is one value, byte for byte. Its key is
"password" if it is a single line, otherwise "content".

With --reveal and a KEY, stdout is the value, byte for byte. Without a KEY, each row in a
pipe ends with the value. A value of several lines, or with a tab, is escaped as
printf %b reads it, and a fourth column says so. With --json a value that is not text
is in base64, and the list "base64" has its key.` + exitStatuses(0, 1, 2),
		Example: "  infrahaus credentials db\n  infrahaus credentials db postgresql --reveal\n" +
			"  infrahaus credentials vpn wg0 content --reveal >wg0.conf",
		Args: rangeArgs(1, 3, "a container and perhaps a SERVICE and a KEY"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.service, o.key = append(args, "", "")[1], append(args, "", "")[2]
			return o.run(cmd.Context(), args[0])
		},
	}
	cmd.Flags().BoolVar(&o.reveal, "reveal", false, "show the values")
	cmd.ValidArgsFunction = a.completeCredentials
	return cmd
}

// credential is one service's, as --json prints it.
type credential struct {
	Service string            `json:"service"`
	Keys    []string          `json:"keys"`
	Values  map[string]string `json:"values,omitempty"`
	Base64  []string          `json:"base64,omitempty"` // keys whose value is not text and is encoded in base64
}

func (o *credentialsOptions) run(ctx context.Context, ref string) error {
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
		if s.Service == store.VariablesService || s.Service == store.PastService || store.IsJobService(s.Service) {
			continue // the template's, not the container's
		}
		name := publicName(s.Service)
		names = append(names, name)
		if o.service != "" && o.service != name {
			continue
		}
		item := credential{Service: name, Keys: s.Keys}
		if o.reveal {
			if item.Values, err = o.open(c.RecordID, s); err != nil {
				return err
			}
			item.Keys = slices.Sorted(maps.Keys(item.Values))
		}
		list = append(list, item)
	}
	if o.service != "" && len(list) == 0 {
		return failf(1, "%s has no credentials of a service %q", c.Hostname, o.service).hint("it has: %s", strings.Join(names, ", "))
	}
	if o.key != "" {
		if err := list[0].only(o.key); err != nil {
			return err
		}
	}
	return o.print(c, list)
}

// only keeps a single key.
func (c *credential) only(key string) error {
	if !slices.Contains(c.Keys, key) {
		return failf(1, "%s has no key %q", c.Service, key).hint("it has: %s", strings.Join(c.Keys, ", "))
	}
	c.Keys = []string{key}
	if value, ok := c.Values[key]; ok {
		c.Values = map[string]string{key: value}
	}
	return nil
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
	for key := range values {
		if !lxc.IsCredentialKey(key) { // an older version sealed it, and the upgrade was postponed
			values, _, _ = discover.Reread(values)
			break
		}
	}
	return values, nil
}

func (o *credentialsOptions) print(c lxc.Container, list []credential) error {
	s := o.app.streams
	switch {
	case o.app.global.json:
		for i := range list {
			list[i].encode()
		}
		return ui.WriteJSON(s, list)
	case o.reveal && o.key != "":
		return ui.WriteValue(s, list[0].Values[o.key])
	case o.reveal && s.OutTTY:
		return o.show(c, list)
	}
	t := o.table()
	for _, c := range list {
		for _, k := range slices.Sorted(slices.Values(c.Keys)) {
			row := []string{c.Service, k}
			if o.reveal {
				row = append(row, ui.ValueCells(c.Values[k])...)
			}
			t.Rows = append(t.Rows, row)
		}
	}
	return ui.WriteTable(s, t)
}

// encode converts values that are not text to base64, because JSON cannot hold them.
func (c *credential) encode() {
	for _, k := range slices.Sorted(maps.Keys(c.Values)) {
		if v := c.Values[k]; !utf8.ValidString(v) {
			c.Values[k] = base64.StdEncoding.EncodeToString([]byte(v))
			c.Base64 = append(c.Base64, k)
		}
	}
}

func (o *credentialsOptions) table() ui.Table {
	t := ui.Table{
		Columns: []ui.Column{{Title: "SERVICE", Keep: true}, {Title: "KEY", Keep: true}},
		Empty:   "no credentials",
	}
	if o.reveal {
		t.Columns = append(t.Columns, ui.Column{Title: "VALUE", Keep: true})
	}
	return t
}

// show prints values on a terminal: those of one line in a table, those of several lines
// below it, so that each can be copied. If a screen would not show a value exactly, show
// prints the command that writes it into a file.
func (o *credentialsOptions) show(c lxc.Container, list []credential) error {
	t := o.table()
	type block struct{ head, value string }
	var below []block
	for _, item := range list {
		for _, k := range slices.Sorted(slices.Values(item.Keys)) {
			v := item.Values[k]
			cell, size := strings.TrimSuffix(v, "\n"), ui.ValueSize(v)
			switch {
			case !ui.Shown(v):
				cell = size + ", not all of which can be shown: " + o.app.command("credentials", c.Hostname, item.Service, k, "--reveal") + " >FILE"
			case strings.Contains(cell, "\n"):
				below = append(below, block{item.Service + " " + k + ", " + size + ":", v})
				cell = size + ", below"
			}
			t.Rows = append(t.Rows, []string{item.Service, k, cell})
		}
	}
	if err := ui.WriteTable(o.app.streams, t); err != nil {
		return err
	}
	for _, b := range below {
		if err := ui.WriteValue(o.app.streams, "\n"+b.head+"\n"+b.value); err != nil {
			return err
		}
	}
	return nil
}
