package pve

import (
	"context"
	"slices"
)

// checkPool refuses a pool that does not exist. Proxmox lists only the pools that the login
// may audit; of another one it answers to the create itself.
func (r *resolver) checkPool(ctx context.Context) error {
	want := r.spec.Pool
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
