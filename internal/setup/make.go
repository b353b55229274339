package setup

import (
	"context"
	"errors"

	"github.com/infrahaus/infrahaus/internal/pve"
)

// Look asks what a host has of an account. What the login may not see counts as missing.
func Look(ctx context.Context, c *pve.Client, a Account, privileges, paths []string) (There, error) {
	var t There
	var err error
	if t.Roles, err = c.Roles(ctx); err != nil {
		return t, err
	}
	if t.Grants, err = c.Grants(ctx); err != nil {
		return t, err
	}
	if t.Tokens, t.User, err = c.UserTokens(ctx, a.User); err != nil || !t.User {
		return t, err
	}
	t.Lacks = map[string][]string{}
	for _, path := range paths {
		needed := on(path, privileges)
		t.Lacks[path], err = c.Lacks(ctx, a.User, path, needed)
		if pve.IsKind(err, pve.Forbidden) {
			t.Lacks[path], err = needed, nil
		}
		if err != nil {
			return t, err
		}
	}
	return t, nil
}

// Made is what Make has changed. Undo takes it back.
type Made struct {
	Secret string // of the token

	client *pve.Client
	undo   []func(context.Context) error // in the order in which they were made
}

// Make executes a plan. If a step fails, Made has the steps before it.
func Make(ctx context.Context, c *pve.Client, p Plan) (*Made, error) {
	m := &Made{client: c}
	for _, s := range p.Steps {
		if err := m.step(ctx, p.Account, s); err != nil {
			return m, err
		}
	}
	return m, nil
}

// step makes one change. How to take it back is noted before the change, because a change
// whose answer is lost may have happened.
func (m *Made) step(ctx context.Context, a Account, s Step) (err error) {
	c := m.client
	note := func(f func(context.Context) error) { m.undo = append(m.undo, f) }
	switch s.Kind {
	case MakeUser:
		if err = c.MakeUser(ctx, a.User, Comment); err == nil || lost(err) {
			note(func(ctx context.Context) error { return c.RemoveUser(ctx, a.User) })
		}
	case MakeRole:
		if err = c.MakeRole(ctx, a.Role, s.Privileges); err == nil || lost(err) {
			note(func(ctx context.Context) error { return c.RemoveRole(ctx, a.Role) })
		}
	case WidenRole: // it stays: who else has the role by now may need it
		err = c.WidenRole(ctx, a.Role, s.Privileges)
	case MakeToken:
		if m.Secret, err = c.MakeToken(ctx, a.User, a.Token, Comment); err == nil || lost(err) {
			note(func(ctx context.Context) error {
				if err := c.RemoveToken(ctx, a.TokenID()); !pve.IsKind(err, pve.NotFound) {
					return err
				}
				return nil
			})
		}
	case Grant:
		for _, g := range s.Grants {
			if err = c.Grant(ctx, g); err == nil || lost(err) {
				note(func(ctx context.Context) error { return c.Ungrant(ctx, g) })
			}
			if err != nil {
				break
			}
		}
	}
	return err
}

// lost reports whether an error leaves open if the change happened.
func lost(err error) bool {
	var e *pve.Error
	return errors.As(err, &e) && e.Status == 0
}

// Undo takes everything back, the last first. It goes on after an error, and returns all.
func (m *Made) Undo(ctx context.Context) error {
	if m == nil {
		return nil
	}
	var failed []error
	for i := len(m.undo) - 1; i >= 0; i-- {
		if err := m.undo[i](ctx); err != nil {
			failed = append(failed, err)
		}
	}
	m.undo = nil
	return errors.Join(failed...)
}
