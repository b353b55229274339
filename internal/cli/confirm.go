package cli

import (
	"context"
	"errors"

	"github.com/infrahaus/infrahaus/internal/ui"
)

// confirm asks before a command does what cannot be undone. Without a terminal it needs
// --yes.
func (a *app) confirm(ctx context.Context, yes bool, question string) error {
	if yes {
		return nil
	}
	ok, err := ui.Confirm(ctx, a.streams, question)
	switch {
	case errors.Is(err, ui.ErrNoTerminal):
		return usagef("there is no terminal to ask on, and --yes is missing").hint("add --yes if you mean it")
	case err != nil:
		return err
	case !ok:
		return usagef("nothing was done")
	}
	return nil
}
