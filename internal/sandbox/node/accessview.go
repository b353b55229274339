package node

import (
	"maps"
	"path"
	"slices"
	"strings"
	"time"
)

// The API's views of users, tokens, roles and the ACL.

// aboutUser are the properties of a user that mean nothing to Proxmox itself.
var aboutUser = []string{"comment", "email", "firstname", "lastname"}

func (u *user) enabled(now time.Time) bool {
	return u != nil && !u.Disabled && (u.Expire == 0 || u.Expire > now.Unix())
}

func (u *user) view() map[string]any {
	m := map[string]any{"enable": flag(!u.Disabled), "expire": u.Expire}
	for key, text := range u.About {
		m[key] = text
	}
	if u.TOTP != nil {
		m["keys"] = "x"
	}
	return m
}

func (t *token) view() map[string]any {
	m := map[string]any{"privsep": flag(t.Privsep), "expire": t.Expire}
	if t.Comment != "" {
		m["comment"] = t.Comment
	}
	return m
}

// tokens are a user's, by name; mu held.
func (x *access) tokens(userID string) map[string]map[string]any {
	m := map[string]map[string]any{}
	for id, t := range x.Tokens {
		if name, ok := strings.CutPrefix(id, userID+"!"); ok {
			m[name] = t.view()
		}
	}
	return m
}

func rows(tokens map[string]map[string]any) []map[string]any {
	list := []map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(tokens)) {
		tokens[name]["tokenid"] = name
		list = append(list, tokens[name])
	}
	return list
}

// UserList is GET /access/users. Without User.Modify or Sys.Audit on /access/groups it
// has only the user that asks.
func (n *Node) UserList(a Auth, p Params) []map[string]any {
	all := n.CheckAny(a, "/access/groups", "User.Modify", "Sys.Audit") == nil
	n.mu.Lock()
	defer n.mu.Unlock()
	list := []map[string]any{}
	for _, id := range slices.Sorted(maps.Keys(n.st.Access.Users)) {
		u := n.st.Access.Users[id]
		if !all && id != a.ID() || p["enabled"] != "" && p.bool("enabled") == u.Disabled {
			continue
		}
		m := u.view()
		m["userid"] = id
		if _, realm, _ := strings.Cut(id, "@"); realm == "pam" || realm == "pve" {
			m["realm-type"] = realm
		}
		if p.bool("full") {
			m["groups"], m["tokens"] = "", rows(n.st.Access.tokens(id))
		}
		list = append(list, m)
	}
	return list
}

// User is GET /access/users/USER.
func (n *Node) User(id string) (map[string]any, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	u := n.st.Access.Users[id]
	if u == nil {
		return nil, fail("no such user ('%s')", id)
	}
	m := u.view()
	m["groups"] = []string{}
	if tokens := n.st.Access.tokens(id); len(tokens) > 0 {
		m["tokens"] = tokens
	}
	return m, nil
}

// UserExists is check_user_exist, which comes before a permission of a user's group.
func (n *Node) UserExists(id string) error {
	_, err := n.User(id)
	return err
}

// Tokens is GET /access/users/USER/token.
func (n *Node) Tokens(userID string) ([]map[string]any, error) {
	if err := n.UserExists(userID); err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return rows(n.st.Access.tokens(userID)), nil
}

// TokenInfo is GET /access/users/USER/token/NAME.
func (n *Node) TokenInfo(userID, name string) (map[string]any, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	t, err := n.st.Access.token(userID, name)
	if err != nil {
		return nil, err
	}
	return t.view(), nil
}

// Roles is GET /access/roles.
func (n *Node) Roles() []map[string]any {
	list := []map[string]any{}
	for name, privs := range n.RoleList() {
		privs = slices.Sorted(slices.Values(privs))
		_, special := n.roles[name]
		list = append(list, map[string]any{"roleid": name, "privs": strings.Join(privs, ","), "special": flag(special)})
	}
	return list
}

// Role is GET /access/roles/ROLE: each privilege with 1.
func (n *Node) Role(name string) (map[string]int, error) {
	privs, ok := n.RoleList()[name]
	if !ok {
		return nil, fail("role '%s' does not exist", name)
	}
	m := map[string]int{}
	for _, p := range privs {
		m[p] = 1
	}
	return m, nil
}

// ACLList is GET /access/acl: the entries that the caller may change, or all of them with
// Sys.Audit on /access.
func (n *Node) ACLList(a Auth) []map[string]any {
	audit := n.Check(a, "/access", "Sys.Audit") == nil
	n.mu.Lock()
	entries := slices.Clone(n.st.Access.ACL)
	n.mu.Unlock()
	list := []map[string]any{}
	for _, e := range entries {
		if !audit && n.MayGrant(a, e.Path) != nil {
			continue
		}
		kind := "user"
		if strings.Contains(e.ID, "!") {
			kind = "token"
		}
		list = append(list, map[string]any{"path": path.Clean(e.Path), "type": kind, "ugid": e.ID, "roleid": e.Role, "propagate": flag(e.Propagate)})
	}
	return list
}

// MayGrant is check_perm_modify.
func (n *Node) MayGrant(a Auth, at string) error {
	privs := []string{"Permissions.Modify"}
	for prefix, more := range map[string]string{"/storage/": "Datastore.Allocate", "/vms/": "VM.Allocate", "/pool/": "Pool.Allocate"} {
		if strings.HasPrefix(at, prefix) && at != prefix {
			privs = append(privs, more)
		}
	}
	return n.CheckAny(a, at, privs...)
}

// MayHandOut refuses a role to a login that may grant on a path without
// Permissions.Modify there, if the role has a privilege that this login lacks.
func (n *Node) MayHandOut(a Auth, at, role string, propagate, remove bool) error {
	have := n.rights(a, at)
	if _, ok := have["Permissions.Modify"]; ok {
		return nil
	}
	verb := "add"
	if remove {
		verb = "remove"
	}
	privs := n.RoleList()[role]
	for _, p := range privs {
		down, ok := have[p]
		if !ok {
			return badParam("role", "Cannot "+verb+" role '"+role+"' - requires 'Permissions.Modify' or superset of privileges.")
		}
		if propagate && !down && !remove {
			return badParam("role", "Cannot "+verb+" role '"+role+"' with propagation - requires 'Permissions.Modify' or propagated superset of privileges.")
		}
	}
	if role == "NoAccess" {
		return badParam("role", "Cannot "+verb+" role '"+role+"' - requires 'Permissions.Modify'")
	}
	return nil
}
