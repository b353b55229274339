package cli

import (
	"context"
	"crypto/subtle"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/infrahaus/infrahaus/internal/store"
	"github.com/infrahaus/infrahaus/internal/ui"
)

type sshConfigOptions struct {
	app       *app
	filter    []string
	knownHost string
}

func newSSHConfigCmd(a *app) *cobra.Command {
	o := &sshConfigOptions{app: a}
	cmd := &cobra.Command{
		Use:   "ssh-config [<container>...]",
		Short: "Print the containers as Host blocks for ssh",
		Long: `Print a Host block for each container, or for those that are named, so that ssh, scp,
rsync, git and editors reach them by their names with this tool's key:

  infrahaus ssh-config >~/.ssh/infrahaus
  echo 'Include infrahaus' >>~/.ssh/config     (before any Host line)

A guest's host key is checked against the one that is pinned on its record, by this
program (KnownHostsCommand, OpenSSH 8.5 or later); an older ssh trusts none. If none is
pinned, ssh trusts the first key and keeps it in known_hosts in the state folder. ssh.jump
in the config becomes ProxyJump. A container without a known address is left out, as a
comment.` + exitStatuses(0, 1, 2),
		Example: "  infrahaus ssh-config web\n  infrahaus ssh-config --filter template=nginx",
		Args:    anyArgs("containers"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.knownHost != "" {
				return o.answer(cmd.Context(), args)
			}
			return o.run(cmd.Context(), args)
		},
	}
	filterFlag(cmd, &o.filter)
	cmd.Flags().StringVar(&o.knownHost, "known-host", "", "answer ssh: is this host key pinned on the `record`?")
	_ = cmd.Flags().MarkHidden("known-host")
	return cmd
}

// sshBlock is what `ssh-config --json` prints of a container.
type sshBlock struct {
	Alias        string `json:"alias"`
	RecordID     string `json:"id"`
	HostName     string `json:"hostName"`
	Port         int    `json:"port"`
	User         string `json:"user"`
	IdentityFile string `json:"identityFile,omitempty"`
	HostKeyAlias string `json:"hostKeyAlias"`
	Pinned       bool   `json:"pinned"`
	ProxyJump    string `json:"proxyJump,omitempty"`
}

func (o *sshConfigOptions) run(ctx context.Context, refs []string) error {
	a := o.app
	containers, err := a.chosen(ctx, refs, o.filter, false)
	if err != nil {
		return err
	}
	entries, err := a.sshEntries(ctx, containers)
	if err != nil {
		return err
	}
	if a.global.json {
		return ui.WriteJSON(a.streams, sshBlocks(entries))
	}
	text, err := sshText(entries)
	if err != nil {
		return err
	}
	_, err = io.WriteString(a.streams.Out, text)
	return err
}

func sshBlocks(entries []sshEntry) []sshBlock {
	blocks := []sshBlock{}
	for _, e := range entries {
		if e.Address == "" {
			continue
		}
		b := sshBlock{Alias: e.Alias, RecordID: e.Record.RecordID, HostName: e.Address, Port: sshPort, User: "root", IdentityFile: e.Identity, HostKeyAlias: e.hostAlias, Pinned: e.Pinned}
		if e.Jump != nil {
			b.ProxyJump = e.Jump.address()
		}
		blocks = append(blocks, b)
	}
	return blocks
}

// sshText is the configuration: the containers, then the hosts that they are reached
// through. A record's name is only in it as an alias, so that it cannot add a line.
func sshText(entries []sshEntry) (string, error) {
	var b strings.Builder
	jumps := map[string]*sshJump{}
	b.WriteString("# by infrahaus ssh-config: write it anew when containers come or go\n")
	for _, e := range entries {
		if e.Address == "" {
			fmt.Fprintf(&b, "\n# %s has no known address\n", e.Alias)
			continue
		}
		options, err := e.options()
		if err != nil {
			return "", err
		}
		writeBlock(&b, e.Alias, options)
		if e.Jump != nil {
			jumps[e.Jump.Alias] = e.Jump
		}
	}
	for _, e := range entries {
		if e.Jump == nil || jumps[e.Jump.Alias] == nil {
			continue
		}
		options, err := e.Jump.options()
		if err != nil {
			return "", err
		}
		writeBlock(&b, e.Jump.Alias, options)
		delete(jumps, e.Jump.Alias)
	}
	return b.String(), nil
}

func writeBlock(b *strings.Builder, alias string, options []option) {
	fmt.Fprintf(b, "\nHost %s\n", alias)
	for _, o := range options {
		fmt.Fprintf(b, "  %s %s\n", o.key, o.value)
	}
}

// options are those of a container's block.
func (e sshEntry) options() ([]option, error) {
	out := []option{{"HostName", e.Address}, {"Port", strconv.Itoa(sshPort)}, {"User", "root"}}
	if e.Identity != "" {
		key, err := sshPath(e.Identity)
		if err != nil {
			return nil, err
		}
		out = append(out, option{"IdentityFile", key}, option{"IdentitiesOnly", "yes"})
	}
	trust, err := e.trust()
	out = append(out, trust...)
	if e.Jump != nil {
		out = append(out, option{"ProxyJump", e.Jump.Alias})
	}
	return out, err
}

func (j *sshJump) options() ([]option, error) {
	out := []option{{"HostName", j.Host}}
	if j.Port != 0 {
		out = append(out, option{"Port", strconv.Itoa(j.Port)})
	}
	if j.User != "" {
		out = append(out, option{"User", j.User})
	}
	for _, file := range []option{{"IdentityFile", j.Identity}, {"UserKnownHostsFile", j.KnownHosts}} {
		if file.value == "" {
			continue
		}
		path, err := sshPath(file.value)
		if err != nil {
			return nil, err
		}
		out = append(out, option{file.key, path})
	}
	return out, nil
}

// address is [user@]host[:port].
func (j *sshJump) address() string {
	text := j.Host
	if strings.Contains(text, ":") {
		text = "[" + text + "]"
	}
	if j.Port != 0 {
		text += ":" + strconv.Itoa(j.Port)
	}
	if j.User != "" {
		text = j.User + "@" + text
	}
	return text
}

// answer answers ssh's KnownHostsCommand: if the fingerprint is pinned on the record, it
// prints the key as a line of known_hosts. ssh trusts no key that is not printed.
func (o *sshConfigOptions) answer(ctx context.Context, args []string) error {
	if len(args) != 4 {
		return usagef("--known-host takes what ssh gives it: a fingerprint, a name, a type and a key")
	}
	fingerprint, name, kind, key := args[0], args[1], args[2], args[3]
	if !strings.HasPrefix(fingerprint, "SHA256:") { // ssh also asks before it has seen a key
		return nil
	}
	cfg, err := o.app.config()
	if err != nil {
		return err
	}
	s, err := store.Peek(ctx, placeOf(cfg))
	if err != nil {
		return err
	}
	defer s.Close()
	pins, err := s.Pins(ctx, o.knownHost)
	if err != nil {
		return err
	}
	for _, pin := range pins {
		if subtle.ConstantTimeCompare([]byte(strings.TrimRight(pin, "=")), []byte(strings.TrimRight(fingerprint, "="))) == 1 {
			_, err := fmt.Fprintf(o.app.streams.Out, "%s %s %s\n", name, kind, key)
			return err
		}
	}
	o.app.warn("the host key of this container is "+fingerprint+", not the one that is pinned on its record", "")
	return nil
}
