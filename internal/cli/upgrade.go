package cli

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/infrahaus/infrahaus/internal/config"
	"github.com/infrahaus/infrahaus/internal/discover"
	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/store"
	"github.com/infrahaus/infrahaus/internal/vault"
)

// upgrade finishes the migration of a database of an older version. If it fails, the
// command continues, and the next command tries again.
func (a *app) upgrade(ctx context.Context) {
	err := a.store.Upgrade(ctx, store.Upgrade{
		Reread: rereader(a.vault),
		Redis:  a.cfg.RedisURL.Reveal(),
		Note:   a.note,
		Tell:   func(e store.Exposure) { a.tellExposure(ctx, e) },
	})
	if err != nil {
		a.warn(err.Error(), "the next command tries again: "+a.command("list"))
	}
}

// rereader returns a function that opens sealed values and reads them by the present
// rules.
func rereader(v *vault.Vault) func(store.Sealed) (store.Sealed, []string, error) {
	return func(s store.Sealed) (store.Sealed, []string, error) {
		text, err := v.Unseal(s.RecordID, s.Service, s.Envelope)
		if err != nil {
			return s, nil, err
		}
		old, err := vault.UnpackValues(text)
		if err != nil {
			return s, nil, fmt.Errorf("cannot read the credentials of %s: %w", s.Service, err)
		}
		values, leaked, changed := discover.Reread(old)
		if s.Keys = slices.Sorted(maps.Keys(values)); !changed {
			return s, nil, nil
		}
		if text, err = vault.PackValues(values); err != nil {
			return s, nil, err
		}
		if len(leaked) > 0 { // a script may have printed all of it
			for _, v := range values {
				leaked = append(leaked, event.SecretsIn(lxc.PasswordKey, v)...)
			}
		}
		s.Envelope, err = v.Seal(s.RecordID, s.Service, text)
		return s, leaked, err
	}
}

// tellExposure reports which secrets were in clear text, and what the user must do about
// copies that no program can remove.
func (a *app) tellExposure(ctx context.Context, e store.Exposure) {
	if len(e.Leaks) > 0 {
		a.warn("an older version of infrahaus took parts of secrets for names of keys, and showed and stored them in clear text. "+
			"They are sealed now, and all known parts are removed from the database, its copies and the logs. "+
			"Screens, backups and programs that have read them, such as an earlier Redis, still have them: change these secrets", "")
	}
	all, err := a.store.Containers(ctx, store.Filter{IncludeDestroyed: true})
	if err != nil {
		a.warn(err.Error(), "")
	}
	for _, l := range e.Leaks {
		i := slices.IndexFunc(all, func(c lxc.Container) bool { return c.RecordID == l.RecordID })
		if i < 0 {
			all, i = append(all, lxc.Container{RecordID: l.RecordID, Hostname: l.RecordID}), len(all)
		}
		a.tellLeak(ctx, all[i], l.Service)
	}
	for _, c := range e.Copies {
		a.warn(fmt.Sprintf("cannot clean %s, which may contain secrets in clear text: %s", c.Path, c.Why), "rm "+shellWord(c.Path))
	}
	if e.Unread > 0 {
		a.warn(fmt.Sprintf("%d sealed values of an older version cannot be read again yet: %s", e.Unread, e.KeyErr),
			"they are kept as they are; put the key back, and the next command reads them: "+a.command("list"))
	}
	a.tellRedis(e)
}

// tellLeak names one secret that the user must change. It gives the command that shows
// the secret, if it is still kept, and the one that reads it again after the change.
func (a *app) tellLeak(ctx context.Context, c lxc.Container, service string) {
	text := fmt.Sprintf("change the secret of %s in %s on host %s", service, c.Hostname, c.Host)
	ref := c.Hostname
	if c.Lifecycle == lxc.Destroyed {
		ref = c.RecordID
		text += " (destroyed), where it is used elsewhere"
	} else {
		text += ", then: " + a.commandOn(c.Host, "discover", ref)
	}
	hint := ""
	if kept, err := a.store.Credentials(ctx, c.RecordID); err == nil &&
		slices.ContainsFunc(kept, func(s store.Sealed) bool { return s.Service == service }) {
		hint = a.commandOn(c.Host, "credentials", ref, service, "--reveal")
	}
	a.warn(text, hint)
}

// commandOn is command for a container on any host.
func (a *app) commandOn(host string, words ...string) string {
	b := *a
	b.global.sandbox, b.global.host = host == config.SandboxHost, host
	if b.global.sandbox {
		b.global.host = ""
	}
	return b.command(words...)
}

func (a *app) tellRedis(e store.Exposure) {
	if e.Redis == "" {
		return
	}
	if e.Trouble != "" {
		words := "DEL infrahaus:events"
		var ids []string
		for _, l := range e.Leaks {
			if !slices.Contains(ids, l.RecordID) {
				ids = append(ids, l.RecordID)
				words += " container:" + l.RecordID + ":logs"
			}
		}
		a.warn(fmt.Sprintf("cannot clean redis at %s: %s; it still has parts of secrets in clear text", e.Redis, e.Trouble), redisCLI(a.cfg.RedisURL.Reveal())+" "+words)
		return
	}
	a.warn(fmt.Sprintf("redis at %s is cleaned, and %d entries are gone from its stream; its consumers, replicas and append-only file may have kept them", e.Redis, e.Removed), "")
}

// redisCLI is the redis-cli command for an address, without its password.
func redisCLI(address string) string {
	if !strings.Contains(address, "://") {
		address = "redis://" + address
	}
	u, err := url.Parse(address)
	if err != nil {
		return "redis-cli"
	}
	line, database := "redis-cli", strings.Trim(u.Path, "/")
	if u.Scheme == "unix" {
		line, database = line+" -s "+shellWord(u.Path), u.Query().Get("db")
	} else {
		line += " -h " + shellWord(cmp.Or(u.Hostname(), "localhost")) + " -p " + cmp.Or(u.Port(), "6379")
	}
	if u.Scheme == "rediss" {
		line += " --tls"
	}
	if database != "" {
		line += " -n " + shellWord(database)
	}
	if _, locked := u.User.Password(); locked {
		if name := u.User.Username(); name != "" {
			line += " --user " + shellWord(name)
		}
		line += " --askpass"
	}
	return line
}
