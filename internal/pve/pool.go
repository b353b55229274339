package pve

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
)

// PoolOf is the pool that a container is a member of, "" for none.
func (c *Client) PoolOf(ctx context.Context, ctid int) (string, error) {
	var raw []struct{ VMID, Pool text }
	if err := c.get(ctx, fmt.Sprintf("look up the pool of container %d", ctid), "/cluster/resources?type=vm", &raw); err != nil {
		return "", err
	}
	for _, r := range raw {
		if r.VMID.int() == ctid {
			return r.Pool.String(), nil
		}
	}
	return "", nil
}

// MayMove reports whether the login may move a container from one pool to another; "" is
// none. That takes Pool.Allocate on each, and on the container what creating it takes.
func (c *Client) MayMove(ctx context.Context, ctid int, from, to string) (bool, error) {
	p, err := c.permissions(ctx)
	if err != nil {
		return false, err
	}
	for _, pool := range []string{from, to} {
		if pool != "" && !p.has(ctx, "/pool/"+pool, "Pool.Allocate") {
			return false, nil
		}
	}
	at := "/vms/" + strconv.Itoa(ctid)
	return p.has(ctx, at, "VM.Allocate") || p.has(ctx, at, "Permissions.Modify"), nil
}

// MoveToPool moves a container to a pool, or with "" out of the one that it is in. Repeating
// it does no harm. Proxmox has the request since VE 8.
func (c *Client) MoveToPool(ctx context.Context, ctid int, from, to string) error {
	now, err := c.PoolOf(ctx, ctid)
	if err != nil || now == to {
		return err
	}
	op, body := fmt.Sprintf("move container %d to pool %s", ctid, to), map[string]any{"poolid": to, "vms": ctid, "allow-move": 1}
	if to == "" {
		op, body = fmt.Sprintf("take container %d out of pool %s", ctid, from), map[string]any{"poolid": from, "vms": ctid, "delete": 1}
	}
	return c.send(ctx, op, http.MethodPut, "/pools", body, nil)
}

// checkPool refuses a pool that does not exist. Proxmox lists only the pools that the login
// may audit; of another one it answers to the create itself.
func (r *resolver) checkPool(ctx context.Context) error {
	want := r.spec.InPool()
	if want == "" {
		return nil
	}
	var raw []struct{ PoolID text }
	err := r.c.get(ctx, "list the pools", "/pools", &raw)
	if IsKind(err, Forbidden) {
		return nil
	}
	if err != nil {
		return err
	}
	var names []string
	for _, p := range raw {
		names = append(names, p.PoolID.String())
	}
	if slices.Contains(names, want) || !r.perms.has(ctx, "/pool/"+want, "Pool.Audit") {
		return nil
	}
	e := r.absent("pool", want, "the host has no such pool", names)
	e.Hints = append(e.Hints, "to make it, on the node: pveum pool add "+want)
	return e
}
