package pve

import (
	"context"
	"errors"
	"net/netip"

	"github.com/infrahaus/infrahaus/internal/lxc"
)

// CreateRequest is a container to create.
type CreateRequest struct {
	Spec        lxc.Spec
	Placement   *Placement
	Password    string   // root's, at least 5 characters; "" locks the account
	SSHKeys     []string // authorized_keys lines, beside Spec.SSHKeys
	Description string   // dropped where Placement.MarkerAllowed is false
	MAC         string   // of eth0; "" makes one with NewMAC
}

// Created is a container whose create task runs.
type Created struct {
	CTID int
	UPID string // "" if the task could not be found again after a broken connection
	MAC  string
}

// ErrTaken is what a claim returns to have the next id tried.
var ErrTaken = errors.New("the id is taken")

var errStub = errors.New("not implemented yet")

// Resolve chooses what the spec leaves open and checks what can be known before
// anything is created. It touches nothing.
func (c *Client) Resolve(ctx context.Context, spec lxc.Spec) (*Placement, error) { return nil, errStub }

// Download fetches the placement's OS template if it is not there yet.
func (c *Client) Download(ctx context.Context, p *Placement, w Watch) error { return errStub }

// Create claims an id by creating.
func (c *Client) Create(ctx context.Context, r CreateRequest, claim func(ctid int) error) (Created, error) {
	return Created{}, errStub
}

// Address waits for the container's address.
func (c *Client) Address(ctx context.Context, node string, ctid int, n lxc.Network, mac string, w Watch) (netip.Addr, error) {
	return netip.Addr{}, errStub
}

// Entry is one container in a list.
type Entry struct {
	CTID    int
	Node    string
	Name    string
	Running bool
	Tags    []string
}

// Find says where a container is, by its id.
func (c *Client) Find(ctx context.Context, ctid int) (node, name string, err error) { return "", "", errStub }

// List lists all containers that the login may see.
func (c *Client) List(ctx context.Context) ([]Entry, error) { return nil, errStub }

func (c *Client) addHints(*Error) {}
