package cli

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/infrahaus/infrahaus/internal/guest"
	"github.com/infrahaus/infrahaus/internal/pve"
	"github.com/infrahaus/infrahaus/internal/transports"
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
		e := &guest.Error{Kind: guest.AuthRefused, Transport: transports.API, Message: said.Error(), Fix: joinLines(said.Hints), Tail: joinLines(said.Tail())}
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
