package node

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/infrahaus/infrahaus/internal/lazy"
)

// The changes that pveum makes, with its own messages.

// CreateUser is pveum user add.
func (n *Node) CreateUser(id, password string) error {
	return n.NewUser(Params{"userid": id, "password": password})
}

// NewUser is POST /access/users.
func (n *Node) NewUser(p Params) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	id := p["userid"]
	if n.st.Access.Users[id] != nil {
		return fail("create user failed: user '%s' already exists", id)
	}
	if p["groups"] != "" {
		return fail("create user failed: no such group '%s'", splitList(p["groups"])[0])
	}
	u := &user{Password: p["password"], Disabled: p["enable"] == "0", About: map[string]string{}}
	u.Expire, _ = strconv.ParseInt(p["expire"], 10, 64)
	for _, key := range aboutUser {
		if p[key] != "" {
			u.About[key] = p[key]
		}
	}
	n.st.Access.Users[id] = u
	return n.save()
}

// DeleteUser is DELETE /access/users/USER. Its tokens and their entries in the ACL go
// with it.
func (n *Node) DeleteUser(id string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	x := &n.st.Access
	delete(x.Users, id)
	for token := range x.Tokens {
		if strings.HasPrefix(token, id+"!") {
			delete(x.Tokens, token)
		}
	}
	x.ACL = slices.DeleteFunc(x.ACL, func(e ACL) bool { return e.ID == id || strings.HasPrefix(e.ID, id+"!") })
	return n.save()
}

// tokenForm is Proxmox's: a token's name has two characters at least.
var tokenForm = lazy.Regexp(`^[A-Za-z][A-Za-z0-9._-]+$`)

// CreateToken is pveum user token add.
func (n *Node) CreateToken(userID, name string, privsep bool) (secret string, err error) {
	return n.NewToken(userID, name, privsep, 0, "")
}

// NewToken is CreateToken with the time when the token expires (0: never) and a comment.
func (n *Node) NewToken(userID, name string, privsep bool, expire int64, comment string) (secret string, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	id := userID + "!" + name
	switch {
	case !tokenForm().MatchString(name):
		return "", badParam("tokenid", "value does not match the regex pattern")
	case n.st.Access.Users[userID] == nil:
		return "", fail("no such user ('%s')", userID)
	case n.st.Access.Tokens[id] != nil:
		return "", badParam("tokenid", "Token already exists.")
	}
	t := &token{Secret: uuid(), Privsep: privsep, Expire: expire, Comment: comment}
	n.st.Access.Tokens[id] = t
	return t.Secret, n.save()
}

// DeleteToken is DELETE /access/users/USER/token/NAME.
func (n *Node) DeleteToken(userID, name string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if _, err := n.st.Access.token(userID, name); err != nil {
		return err
	}
	id := userID + "!" + name
	delete(n.st.Access.Tokens, id)
	n.st.Access.ACL = slices.DeleteFunc(n.st.Access.ACL, func(e ACL) bool { return e.ID == id })
	return n.save()
}

// TokenChange is what can be changed of a token. Nil values stay as they are.
type TokenChange struct {
	Privsep    *bool
	Expire     *int64
	Comment    *string
	Regenerate bool     // version 9: the secret is made anew
	Delete     []string // version 9: keys to be unset
}

// ModifyToken is PUT /access/users/USER/token/NAME. It returns the new secret if there is
// one.
func (n *Node) ModifyToken(userID, name string, change TokenChange) (secret string, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	t, err := n.st.Access.token(userID, name)
	if err != nil {
		return "", err
	}
	for _, key := range change.Delete {
		switch key {
		case "comment":
			t.Comment = ""
		case "expire":
			t.Expire = 0
		default:
			return "", badParam("delete", "unknown option '"+key+"'")
		}
	}
	if change.Privsep != nil {
		t.Privsep = *change.Privsep
	}
	if change.Expire != nil {
		t.Expire = *change.Expire
	}
	if change.Comment != nil {
		t.Comment = *change.Comment
	}
	if change.Regenerate {
		t.Secret = uuid()
		secret = t.Secret
	}
	return secret, n.save()
}

// TokenList is pveum user token list: for each name, whether its privileges are
// separated.
func (n *Node) TokenList(userID string) map[string]bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	m := map[string]bool{}
	for id, t := range n.st.Access.Tokens {
		if name, ok := strings.CutPrefix(id, userID+"!"); ok {
			m[name] = t.Privsep
		}
	}
	return m
}

// CreateRole is pveum role add.
func (n *Node) CreateRole(name string, privs []string) error {
	if len(name) >= 3 && strings.EqualFold(name[:3], "PVE") {
		return badParam("roleid", "cannot use role ID starting with the (case-insensitive) 'PVE' namespace")
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.hasRole(name) {
		return fail("create role failed: role '%s' already exists", name)
	}
	return n.setRole("create", name, nil, privs)
}

// ModifyRole is pveum role modify. With add, the role also keeps the privileges that it
// has.
func (n *Node) ModifyRole(name string, privs []string, add bool) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	had, own := n.st.Access.Roles[name]
	switch {
	case !own && n.hasRole(name):
		return fail("auto-generated role '%s' cannot be modified", name)
	case !own:
		return fail("update role failed: role '%s' does not exist", name)
	case !add:
		had = ""
	}
	return n.setRole("update", name, strings.Fields(had), privs)
}

// DeleteRole is DELETE /access/roles/ROLE. Entries of the ACL with it grant nothing any
// more, and Proxmox drops them when it reads its file again.
func (n *Node) DeleteRole(name string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	_, own := n.st.Access.Roles[name]
	switch {
	case !own && n.hasRole(name):
		return fail("auto-generated role '%s' cannot be deleted", name)
	case !own:
		return fail("delete role failed: role '%s' does not exist", name)
	}
	delete(n.st.Access.Roles, name)
	n.st.Access.ACL = slices.DeleteFunc(n.st.Access.ACL, func(e ACL) bool { return e.Role == name })
	return n.save()
}

// setRole needs mu held.
func (n *Node) setRole(what, name string, had, privs []string) error {
	for _, p := range privs {
		if !slices.Contains(n.roles["Administrator"], p) {
			return fail("%s role failed: invalid privilege '%s'", what, p)
		}
	}
	all := append(had, privs...)
	slices.Sort(all)
	n.st.Access.Roles[name] = strings.Join(slices.Compact(all), " ")
	return n.save()
}

// hasRole needs mu held.
func (n *Node) hasRole(name string) bool {
	_, own := n.st.Access.Roles[name]
	_, special := n.roles[name]
	return own || special
}

// RoleList is GET /access/roles: names with their privileges.
func (n *Node) RoleList() map[string][]string {
	n.mu.Lock()
	defer n.mu.Unlock()
	m := map[string][]string{}
	for name := range n.roles {
		m[name] = n.role(name)
	}
	for name := range n.st.Access.Roles {
		m[name] = n.role(name)
	}
	return m
}

// aclPath is check_path: the paths that an ACL may have.
var aclPath = lazy.Regexp(`^/(access(/groups(/[^/]+)?|/realm(/[^/]+)?)?|nodes(/[\w.-]+)?|pool(/[\w./-]+)?|` +
	`sdn(/(zones|controllers|ipams|dns|fabrics)(/[\w.-]+(/[\w.-]+(/\d+)?)?)?)?|storage(/[\w.-]+)?|vms(/[1-9]\d{2,})?|mapping(/[\w.-]+)*)?$`)

// ModifyACL is pveum acl modify: it gives a user or token a role on a path, or with
// remove takes it away.
func (n *Node) ModifyACL(at, role string, ids []string, propagate, remove bool) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	x := &n.st.Access
	if !aclPath().MatchString(at) && !remove {
		return badParam("path", "invalid ACL path '"+at+"'")
	}
	if !n.hasRole(role) {
		return fail("ACL update failed: role '%s' does not exist", role)
	}
	for _, id := range ids {
		userID, name, token := strings.Cut(id, "!")
		if x.Users[userID] == nil && !token {
			return fail("ACL update failed: user '%s' does not exist", id)
		}
		if token {
			if _, err := x.token(userID, name); err != nil {
				return fail("ACL update failed: %s", err.Error())
			}
		}
		x.ACL = slices.DeleteFunc(x.ACL, func(e ACL) bool { return e.ID == id && e.Role == role && path.Clean(e.Path) == path.Clean(at) })
		if !remove {
			x.ACL = append(x.ACL, ACL{Path: path.Clean(at), ID: id, Role: role, Propagate: propagate})
		}
	}
	return n.save()
}

// token needs mu held; it fails as check_token_exist does.
func (x *access) token(userID, name string) (*token, error) {
	if x.Users[userID] == nil {
		return nil, fail("no such user ('%s')", userID)
	}
	t := x.Tokens[userID+"!"+name]
	if t == nil {
		return nil, fail("no such token '%s' for user '%s'", name, userID)
	}
	return t, nil
}
