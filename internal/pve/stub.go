package pve

import (
	"context"
	"errors"

	"github.com/infrahaus/infrahaus/internal/lxc"
)

const minCTID = 100

var errStub = errors.New("not implemented yet")

// Resolve chooses what the spec leaves open and checks what can be known before
// anything is created. It touches nothing.
func (c *Client) Resolve(ctx context.Context, spec lxc.Spec) (*Placement, error) { return nil, errStub }

// Download fetches the placement's OS template if it is not there yet.
func (c *Client) Download(ctx context.Context, p *Placement, w Watch) error { return errStub }

func (c *Client) addHints(*Error) {}
