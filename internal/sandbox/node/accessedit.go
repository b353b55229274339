package node

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// The changes that pveum makes, with its own messages.

// CreateUser is pveum user add.
func (n *Node) CreateUser(id, password string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.st.Access.Users[id] != nil {
		return fail("create user failed: user '%s' already exists", id)
	}
	n.st.Access.Users[id] = &user{Password: password}
	return n.save()
}

// tokenForm is Proxmox's: a token's name has two characters at least.
var tokenForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9._-]+$`)

// CreateToken is pveum user token add.
func (n *Node) CreateToken(userID, name string, privsep bool) (secret string, err error) {
	n.mu.Lock()
	known, exists := n.st.Access.Users[userID] != nil, n.st.Access.Tokens[userID+"!"+name] != nil
	n.mu.Unlock()
	switch {
	case !tokenForm.MatchString(name):
		return "", badParam("tokenid", "value does not match the regex pattern")
	case !known:
		return "", fail("no such user ('%s')", userID)
	case exists:
		return "", badParam("tokenid", "Token already exists.")
	}
	return n.AddToken(userID+"!"+name, privsep)
}

// ModifyToken is pveum user token modify.
func (n *Node) ModifyToken(userID, name string, privsep bool) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	t := n.st.Access.Tokens[userID+"!"+name]
	if t == nil {
		return fail("no such token '%s' for user '%s'", name, userID)
	}
	t.Privsep = privsep
	return n.save()
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
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.st.Access.hasRole(name) {
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
	case !own && n.st.Access.hasRole(name):
		return fail("update role failed: auto-generated role '%s' cannot be modified", name)
	case !own:
		return fail("update role failed: role '%s' does not exist", name)
	case !add:
		had = ""
	}
	return n.setRole("update", name, strings.Fields(had), privs)
}

// setRole needs mu held.
func (n *Node) setRole(what, name string, had, privs []string) error {
	for _, p := range privs {
		if !slices.Contains(privileges, p) {
			return fail("%s role failed: invalid privilege '%s'", what, p)
		}
	}
	all := append(had, privs...)
	slices.Sort(all)
	n.st.Access.Roles[name] = strings.Join(slices.Compact(all), " ")
	return n.save()
}

func (x *access) hasRole(name string) bool {
	_, own := x.Roles[name]
	return own || slices.Contains(builtinRoles, name)
}

// RoleList is GET /access/roles: names with their privileges.
func (n *Node) RoleList() map[string][]string {
	n.mu.Lock()
	defer n.mu.Unlock()
	m := map[string][]string{}
	for _, name := range builtinRoles {
		m[name] = n.st.Access.role(name)
	}
	for name := range n.st.Access.Roles {
		m[name] = n.st.Access.role(name)
	}
	return m
}

var builtinRoles = strings.Fields("NoAccess Administrator PVEAuditor PVEVMUser PVEVMAdmin PVEDatastoreUser PVESDNUser")

// aclPath is check_path: the paths that an ACL may have.
var aclPath = regexp.MustCompile(`^/(access(/groups(/[^/]+)?|/realm(/[^/]+)?)?|nodes(/[\w.-]+)?|pool(/[\w./-]+)?|` +
	`sdn(/(zones|controllers|ipams|dns|fabrics)(/[\w.-]+(/[\w.-]+(/\d+)?)?)?)?|storage(/[\w.-]+)?|vms(/[1-9]\d{2,})?|mapping(/[\w.-]+)*)?$`)

// ModifyACL is pveum acl modify: it gives a user or token a role on a path, or with
// remove takes it away.
func (n *Node) ModifyACL(at, role string, ids []string, propagate, remove bool) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	x := &n.st.Access
	if !aclPath.MatchString(at) {
		return badParam("path", "invalid ACL path '"+at+"'")
	}
	if !x.hasRole(role) {
		return fail("update ACL failed: role '%s' does not exist", role)
	}
	for _, id := range ids {
		if strings.Contains(id, "!") && x.Tokens[id] == nil {
			return fail("update ACL failed: no such token '%s'", id)
		}
		if !strings.Contains(id, "!") && x.Users[id] == nil {
			return fail("update ACL failed: no such user ('%s')", id)
		}
		x.ACL = slices.DeleteFunc(x.ACL, func(e ACL) bool { return e.ID == id && e.Role == role && path.Clean(e.Path) == path.Clean(at) })
		if !remove {
			x.ACL = append(x.ACL, ACL{Path: path.Clean(at), ID: id, Role: role, Propagate: propagate})
		}
	}
	return n.save()
}
