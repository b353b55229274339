package cli

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"github.com/infrahaus/infrahaus/internal/guest"
	"github.com/infrahaus/infrahaus/internal/pve"
	"github.com/infrahaus/infrahaus/internal/store"
)

// consoles opens containers' consoles for the guest room, in its words: whatever
// keeps one from being opened is a way in that is shut, so it ends with status 4.
func consoles(c *pve.Client) func(ctx context.Context, node string, ctid int) (io.ReadWriteCloser, error) {
	return func(ctx context.Context, node string, ctid int) (io.ReadWriteCloser, error) {
		con, err := c.Console(ctx, node, ctid)
		if err == nil {
			return con, nil
		}
		var said *pve.Error
		if !errors.As(err, &said) {
			return nil, err
		}
		e := &guest.Error{Kind: guest.AuthRefused, Transport: "api", Message: said.Error(), Fix: joinLines(said.Hints), Tail: joinLines(said.Tail())}
		switch said.Kind {
		case pve.Unreachable, pve.Timeout:
			e.Kind = guest.Unreachable
		case pve.NotFound:
			e.Kind = guest.Gone
		case pve.Refused:
			e.Kind = guest.NoConsole
			if strings.Contains(said.Reason, "not running") {
				e.Kind = guest.Gone
			}
		}
		return nil, e
	}
}

// RootPassword is the one that was sealed when the container was created, "" for
// a container that this catalogue did not make.
func (r *record) RootPassword(ctx context.Context) (string, error) {
	sealed, err := r.store.Credentials(ctx, r.recordID)
	if err != nil {
		return "", err
	}
	for _, s := range sealed {
		if s.Service != store.RootService {
			continue
		}
		text, err := r.vault.Unseal(r.recordID, s.Service, s.Envelope)
		if err != nil {
			return "", err
		}
		var values map[string]string
		if err := json.Unmarshal(text, &values); err != nil {
			return "", err
		}
		return values["PASSWORD"], nil
	}
	return "", nil
}
