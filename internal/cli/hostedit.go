package cli

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/infrahaus/infrahaus/internal/config"
	"github.com/infrahaus/infrahaus/internal/ui"
)

func newHostRenameCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rename <name> <new-name>",
		Short: "Give a host another name; its records follow",
		Long: `Give a host another name, in the config and in the catalogue. The file keeps its
comments and its layout, and a copy of it as it was stays beside it.` + exitStatuses(0, 1, 2),
		Example: "  infrahaus host rename homelab cellar",
		Args:    exactArgs("the name of a host", "its new name"),
		RunE:    func(cmd *cobra.Command, args []string) error { return a.renameHost(cmd.Context(), args[0], args[1]) },
	}
	cmd.ValidArgsFunction = a.completeHostNames
	return cmd
}

// editable is a host whose name can be changed or removed here.
func (a *app) editable(ctx context.Context, name string) (knownHost, error) {
	h, err := a.findHost(ctx, name)
	switch {
	case err != nil:
		return h, err
	case h.From == config.IsSandbox:
		return h, usagef("%s is the embedded sandbox", name).hint("to remove its containers: infrahaus sandbox reset")
	case h.From == config.InEnvironment:
		return h, usagef("host %s is configured by the environment alone", name).hint("unset INFRAHAUS_URL, or give the host a name in the config")
	}
	return h, nil
}

func (a *app) renameHost(ctx context.Context, from, to string) error {
	h, err := a.editable(ctx, from)
	if err != nil {
		return err
	}
	if a.cfg.Calls(to) || a.onRecord(ctx, to, h.ID) {
		return usagef("there is a host %s already", to).hint("%s", a.command("host", "list"))
	}
	if err := config.CheckHostName(to); err != nil {
		return err
	}
	kept := ""
	if h.From == config.InFile {
		if kept, err = a.cfg.Rename(from, to); err != nil {
			return err
		}
	}
	if h.ID != "" && h.recorded == from {
		if err := a.store.RenameHost(ctx, h.ID, to); err != nil {
			return err
		}
	}
	return a.hostChanged("renamed", to, a.cfg.File, kept, h.Containers)
}

// onRecord reports whether the catalogue has another host of that name.
func (a *app) onRecord(ctx context.Context, name, id string) bool {
	if a.store == nil {
		return false
	}
	all, err := a.store.Hosts(ctx)
	if err != nil {
		return false // the change itself reports it
	}
	h, ok := all.Called(name)
	return ok && h.ID != id
}

// hostChange is what rename and remove print.
type hostChange struct {
	Host       string `json:"host"`
	Change     string `json:"change"` // renamed, removed
	ConfigFile string `json:"configFile,omitempty"`
	Copy       string `json:"copy,omitempty"` // of the file as it was
	Containers int    `json:"containers"`     // on record, that follow or stay
	Revoked    string `json:"revoked,omitempty"`
}

func (a *app) hostChanged(change, name, file, kept string, containers int) error {
	return a.printHostChange(hostChange{Host: name, Change: change, ConfigFile: file, Copy: kept, Containers: containers})
}

func (a *app) printHostChange(c hostChange) error {
	if c.Copy == "" {
		c.ConfigFile = ""
	}
	if a.global.json {
		return ui.WriteJSON(a.streams, c)
	}
	if c.Copy != "" {
		a.say(fmt.Sprintf("the config as it was is kept in %s", c.Copy))
	}
	return ui.WriteRow(a.streams, c.Host, c.Change, fmt.Sprint(c.Containers))
}

type hostRemoveOptions struct {
	app         *app
	keepRecords bool
	revoke      bool
	keepToken   bool
}

func newHostRemoveCmd(a *app) *cobra.Command {
	o := &hostRemoveOptions{app: a}
	cmd := &cobra.Command{
		Use:     "remove <name>",
		Aliases: []string{"rm"},
		Short:   "Take a host out of the config",
		Long: `Take a host out of the config. The file keeps its comments and its layout, and a copy
of it as it was stays beside it. Nothing is destroyed on the host.

It is refused while containers of the host are on record that are not destroyed, unless
--keep-records is given: then they stay in the catalogue under the host's name, and can be
used again once a host of that certificate is configured.

If init made the host's token, a terminal asks whether to revoke it. --revoke and
--keep-token answer that; without a terminal it is kept, and its command is named.` + exitStatuses(0, 1, 2, 3, 4),
		Example: "  infrahaus host remove homelab\n  infrahaus host remove homelab --keep-records --keep-token",
		Args:    exactArgs("the name of a host"),
		RunE:    func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), args[0]) },
	}
	cmd.Flags().BoolVar(&o.keepRecords, "keep-records", false, "also while containers of it are on record")
	cmd.Flags().BoolVar(&o.revoke, "revoke", false, "revoke the token that init made for it")
	cmd.Flags().BoolVar(&o.keepToken, "keep-token", false, "leave that token as it is")
	cmd.ValidArgsFunction = a.completeHostNames
	return cmd
}

func (o *hostRemoveOptions) run(ctx context.Context, name string) error {
	a := o.app
	if o.revoke && o.keepToken {
		return usagef("--revoke and --keep-token exclude each other")
	}
	h, err := a.editable(ctx, name)
	if err != nil {
		return err
	}
	if err := o.check(h); err != nil {
		return err
	}
	revoke, err := o.decide(ctx, h)
	if err != nil {
		return err
	}
	change := hostChange{Host: name, Change: "removed", ConfigFile: a.cfg.File, Containers: h.Containers}
	if revoke {
		if err := o.revokeToken(ctx, h); err != nil {
			return err
		}
		change.Revoked = h.MadeToken
	}
	if h.From == config.InFile {
		if change.Copy, err = a.cfg.Remove(name); err != nil {
			return err
		}
		o.remind(h, revoke)
	}
	if h.ID != "" && h.Containers == 0 && len(h.others) == 0 {
		if _, err := a.store.ForgetHost(ctx, h.ID); err != nil { // kept if destroyed containers name it
			return err
		}
	}
	return a.printHostChange(change)
}

// check refuses what would leave containers without a host, or has nothing to do.
func (o *hostRemoveOptions) check(h knownHost) error {
	a := o.app
	switch {
	case h.Containers > 0 && h.From == inCatalogue:
		return usagef("host %s is in no config any more, and has %s on record", h.Name, counted(h.Containers, "container")).
			hint("%s", a.commandOn(h.Name, "list"))
	case h.Containers > 0 && !o.keepRecords && len(h.others) == 0: // under another name they stay reachable
		return usagef("host %s has %s on record", h.Name, counted(h.Containers, "container")).
			hint("to see them: %s", a.commandOn(h.Name, "list")).
			hint("to keep them on record without the host: %s", a.command("host", "remove", h.Name, "--keep-records"))
	case o.revoke && h.MadeToken == "":
		return usagef("host %s has no token that init made", h.Name)
	}
	return nil
}

// decide is whether to revoke the token.
func (o *hostRemoveOptions) decide(ctx context.Context, h knownHost) (bool, error) {
	if o.revoke || o.keepToken || h.MadeToken == "" || !o.app.streams.InTTY {
		return o.revoke, nil
	}
	return ui.Confirm(ctx, o.app.streams, fmt.Sprintf("Also revoke the token %s, which init made for it?", h.MadeToken))
}

func (o *hostRemoveOptions) revokeToken(ctx context.Context, h knownHost) error {
	p, err := o.app.openHost(ctx, h.Name)
	if err == nil {
		err = p.pve.RevokeToken(ctx, h.MadeToken)
	}
	if err == nil {
		return nil
	}
	f := o.app.explain(err)
	f.Hints = append(f.Hints, "to remove the host all the same: "+o.app.command("host", "remove", h.Name, "--keep-token"))
	return f
}

// remind names what is left of a removed host outside of the config.
func (o *hostRemoveOptions) remind(h knownHost, revoked bool) {
	if h.MadeToken != "" && !revoked {
		user, token, _ := strings.Cut(h.MadeToken, "!")
		o.app.say(fmt.Sprintf("its token is still valid; to revoke it, on the node: pveum user token remove %s %s", user, token))
	}
	if file, ok := strings.CutPrefix(h.Login, "token of the file "); ok {
		if !filepath.IsAbs(file) {
			file = filepath.Join(filepath.Dir(o.app.cfg.File), file)
		}
		o.app.say("its token is still in the file " + file)
	}
}
