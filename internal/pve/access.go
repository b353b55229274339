package pve

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Users, roles, tokens and entries of the ACL, as an administrator makes them. Nothing
// here is repeated by itself.

// Role is a named set of privileges.
type Role struct {
	Name       string
	Privileges []string // sorted
	BuiltIn    bool     // Proxmox's own, which nobody may change
}

// Roles lists the roles, sorted by name. Every login may.
func (c *Client) Roles(ctx context.Context) ([]Role, error) {
	var raw []struct{ RoleID, Privs, Special text }
	if err := c.get(ctx, "list the roles", "/access/roles", &raw); err != nil {
		return nil, err
	}
	roles := make([]Role, 0, len(raw))
	for _, r := range raw {
		privs := strings.FieldsFunc(r.Privs.String(), func(c rune) bool { return c == ',' || c == ' ' })
		slices.Sort(privs)
		roles = append(roles, Role{Name: r.RoleID.String(), Privileges: privs, BuiltIn: r.Special.bool()})
	}
	slices.SortFunc(roles, func(a, b Role) int { return strings.Compare(a.Name, b.Name) })
	return roles, nil
}

// UserTokens lists the names of a user's tokens, sorted. exists is false if there is no
// such user, or if the login may not see it: that needs Sys.Audit or User.Modify on
// /access/groups.
func (c *Client) UserTokens(ctx context.Context, user string) (names []string, exists bool, err error) {
	var raw []struct {
		UserID text
		Tokens []struct{ TokenID text }
	}
	if err = c.get(ctx, "list the users", "/access/users?full=1", &raw); err != nil {
		return nil, false, err
	}
	for _, u := range raw {
		if u.UserID.String() != user {
			continue
		}
		exists = true
		for _, t := range u.Tokens {
			names = append(names, t.TokenID.String())
		}
	}
	slices.Sort(names)
	return names, exists, nil
}

// Lacks returns those of the privileges that a user lacks on a path. It needs Sys.Audit on
// /access.
func (c *Client) Lacks(ctx context.Context, user, at string, privileges []string) ([]string, error) {
	var raw map[string]map[string]text
	err := c.get(ctx, "read the permissions of "+user, "/access/permissions?userid="+url.QueryEscape(user)+"&path="+url.QueryEscape(at), &raw)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(slices.Clone(privileges), func(p string) bool { _, ok := raw[at][p]; return ok }), nil
}

// MakeUser makes a user who cannot log in by a password.
func (c *Client) MakeUser(ctx context.Context, user, comment string) error {
	return c.send(ctx, "make the user "+user, http.MethodPost, "/access/users", map[string]any{"userid": user, "comment": comment}, nil)
}

// RemoveUser removes a user with all its tokens and entries of the ACL.
func (c *Client) RemoveUser(ctx context.Context, user string) error {
	return c.send(ctx, "remove the user "+user, http.MethodDelete, join("access", "users", user), nil, nil)
}

// MakeRole makes a role of these privileges.
func (c *Client) MakeRole(ctx context.Context, role string, privileges []string) error {
	return c.send(ctx, "make the role "+role, http.MethodPost, "/access/roles", map[string]any{"roleid": role, "privs": strings.Join(privileges, ",")}, nil)
}

// WidenRole adds privileges to a role, for all who have it.
func (c *Client) WidenRole(ctx context.Context, role string, privileges []string) error {
	return c.send(ctx, "change the role "+role, http.MethodPut, join("access", "roles", role), map[string]any{"privs": strings.Join(privileges, ","), "append": 1}, nil)
}

// RemoveRole removes a role.
func (c *Client) RemoveRole(ctx context.Context, role string) error {
	return c.send(ctx, "remove the role "+role, http.MethodDelete, join("access", "roles", role), nil, nil)
}

// Grant is an entry of the ACL: it gives a user or a token a role on a path and below.
type Grant struct {
	Path, Role string
	ID         string // user@realm or user@realm!token
}

func (g Grant) params() map[string]any {
	m := map[string]any{"path": g.Path, "roles": g.Role}
	if strings.Contains(g.ID, "!") {
		m["tokens"] = g.ID
	} else {
		m["users"] = g.ID
	}
	return m
}

// Grants lists the entries of the ACL that propagate, as far as the login may change them.
func (c *Client) Grants(ctx context.Context) ([]Grant, error) {
	var raw []struct{ Path, RoleID, UgID, Propagate text }
	if err := c.get(ctx, "read the ACL", "/access/acl", &raw); err != nil {
		return nil, err
	}
	var grants []Grant
	for _, e := range raw {
		if e.Propagate.bool() {
			grants = append(grants, Grant{Path: e.Path.String(), Role: e.RoleID.String(), ID: e.UgID.String()})
		}
	}
	return grants, nil
}

// Grant adds an entry to the ACL.
func (c *Client) Grant(ctx context.Context, g Grant) error {
	return c.send(ctx, "give "+g.ID+" the role "+g.Role+" on "+g.Path, http.MethodPut, "/access/acl", g.params(), nil)
}

// Ungrant removes an entry from the ACL.
func (c *Client) Ungrant(ctx context.Context, g Grant) error {
	p := g.params()
	p["delete"] = 1
	return c.send(ctx, "take the role "+g.Role+" from "+g.ID+" on "+g.Path, http.MethodPut, "/access/acl", p, nil)
}

// MakeToken makes a token with privileges of its own, which is still without any, and
// returns its secret. Proxmox tells the secret this one time.
func (c *Client) MakeToken(ctx context.Context, user, name, comment string) (secret string, err error) {
	op := "make the token " + user + "!" + name
	var made struct{ Value text }
	err = c.send(ctx, op, http.MethodPost, join("access", "users", user, "token", name), map[string]any{"privsep": 1, "comment": comment}, &made)
	if err == nil && made.Value == "" {
		err = &Error{Kind: Refused, Op: op, Reason: "Proxmox's answer has no secret"}
	}
	return made.Value.String(), err
}

// RemoveToken revokes a token, user@realm!name. Without such a token the error is
// NotFound.
func (c *Client) RemoveToken(ctx context.Context, id string) error {
	user, name := cutLast(id, "!")
	err := c.send(ctx, "revoke the token "+id, http.MethodDelete, join("access", "users", user, "token", name), nil, nil)
	if IsKind(err, Refused) && (strings.Contains(err.Error(), "no such user (") || strings.Contains(err.Error(), "no such token '")) {
		return &Error{Kind: NotFound, Op: "revoke the token " + id, Reason: "Proxmox has no such token", Err: err}
	}
	return err
}

// MayAdminister returns Forbidden if the login may not make a user of the realm, a role,
// tokens, or entries of the ACL on the paths. The error names all that it lacks.
func (c *Client) MayAdminister(ctx context.Context, realm string, paths []string) error {
	p, err := c.permissions(ctx)
	if err != nil {
		return err
	}
	needs := []need{
		{at: "/access/realm/" + realm, privilege: "Realm.AllocateUser"}, {at: "/access/groups", privilege: "User.Modify"},
		{at: "/access", privilege: "Sys.Modify"},
	}
	for _, at := range paths {
		needs = append(needs, need{at: at, privilege: "Permissions.Modify"})
	}
	missing := slices.DeleteFunc(needs, func(n need) bool { return p.satisfied(ctx, n) })
	if len(missing) == 0 {
		return nil
	}
	return &Error{Kind: Forbidden, Op: "make a user, a role and a token", Reason: c.Login() + " lacks " + listNeeds(missing)}
}
