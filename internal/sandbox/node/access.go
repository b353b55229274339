package node

import (
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
)

// Auth is who asks. TokenID is "" for a login with a ticket: only then is
// root@pam the root@pam that may do everything.
type Auth struct{ User, TokenID string }

// Root is root on the node itself, as pct runs.
var Root = Auth{User: "root@pam"}

// ID is user@realm or user@realm!token.
func (a Auth) ID() string {
	if a.TokenID == "" {
		return a.User
	}
	return a.User + "!" + a.TokenID
}

func (a Auth) isRoot() bool { return a == Root }

type access struct {
	Users  map[string]*user  `json:"users"`  // by user@realm
	Tokens map[string]*token `json:"tokens"` // by user@realm!name
	ACL    []ACL             `json:"acl"`
	Roles  map[string]string `json:"roles"` // privileges, by spaces
	Secret string            `json:"secret"`
}

type user struct {
	Password string            `json:"password"` // "": it cannot log in by one
	Disabled bool              `json:"disabled,omitempty"`
	Expire   int64             `json:"expire,omitempty"`
	About    map[string]string `json:"about,omitempty"` // comment, email, firstname, lastname
	TOTP     *totp             `json:"totp,omitempty"`
}

type token struct {
	Secret  string `json:"secret"`
	Privsep bool   `json:"privsep"`
	Expire  int64  `json:"expire,omitempty"`
	Comment string `json:"comment,omitempty"`
}

// ACL gives a user or token a role on a path and, with Propagate, below it.
type ACL struct {
	Path, ID, Role string
	Propagate      bool
}

const defaultToken = "root@pam!infrahaus"

func newAccess() access {
	return access{
		Users:  map[string]*user{"root@pam": {Password: randomHex(12)}},
		Tokens: map[string]*token{defaultToken: {Secret: uuid()}},
		Roles:  map[string]string{},
		Secret: randomHex(20),
	}
}

func uuid() string {
	h := randomHex(16)
	return strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:]}, "-")
}

// AddUser makes or replaces a user.
func (n *Node) AddUser(id, password string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.st.Access.Users[id] = &user{Password: password}
	return n.save()
}

// AddToken makes or replaces the token user@realm!name and returns its secret.
func (n *Node) AddToken(id string, privsep bool) (string, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	t := &token{Secret: uuid(), Privsep: privsep}
	n.st.Access.Tokens[id] = t
	return t.Secret, n.save()
}

// AddRole makes or replaces a role of these privileges.
func (n *Node) AddRole(name string, privs ...string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.st.Access.Roles[name] = strings.Join(privs, " ")
	return n.save()
}

// SetACL replaces all entries of a user or token.
func (n *Node) SetACL(id string, acl ...ACL) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.st.Access.ACL = slices.DeleteFunc(n.st.Access.ACL, func(x ACL) bool { return x.ID == id })
	for _, x := range acl {
		x.ID = id
		n.st.Access.ACL = append(n.st.Access.ACL, x)
	}
	return n.save()
}

// role returns the privileges of a role; mu held.
func (n *Node) role(name string) []string {
	if privs, ok := n.roles[name]; ok {
		return privs
	}
	return strings.Fields(n.st.Access.Roles[name])
}

// grants is what one user or token has on a path by its own ACL entries: the
// deepest path that names it decides. The value says whether it propagates.
func (n *Node) grants(id, p string) map[string]bool {
	if id == "root@pam" {
		return all(n.roles["Administrator"], true)
	}
	var best map[string]bool
	for at := "/"; ; at = next(at, p) {
		var here map[string]bool
		for _, e := range n.st.Access.ACL {
			if e.ID != id || path.Clean(e.Path) != at || !e.Propagate && at != p {
				continue
			}
			if here == nil {
				here = map[string]bool{}
			}
			maps.Copy(here, all(n.role(e.Role), e.Propagate))
		}
		if here != nil {
			best = here
		}
		if at == p {
			return best
		}
	}
}

// granted adds to grants what one user or token has on the pool of a guest or a storage.
// Such a privilege does not propagate. NoAccess on the guest outweighs it. mu held.
func (n *Node) granted(id, p string) map[string]bool {
	have := n.grants(id, p)
	pools := n.poolsOf(p)
	if id == "root@pam" || len(pools) == 0 || have != nil && len(have) == 0 {
		return have
	}
	sum := map[string]bool{}
	for _, in := range pools {
		maps.Copy(sum, all(slices.Collect(maps.Keys(n.grants(id, "/pool/"+in))), false))
	}
	maps.Copy(sum, have)
	return sum
}

func all(privs []string, v bool) map[string]bool {
	m := make(map[string]bool, len(privs))
	for _, p := range privs {
		m[p] = v
	}
	return m
}

// next is the path one step from at towards p.
func next(at, p string) string {
	rest := strings.TrimPrefix(strings.TrimPrefix(p, at), "/")
	first, _, _ := strings.Cut(rest, "/")
	return path.Join(at, first)
}

// rights are the privileges of who asks on a path: a token with privilege
// separation has what both it and its user have.
func (n *Node) rights(a Auth, p string) map[string]bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	x := &n.st.Access
	p = path.Clean("/" + p)
	if a.TokenID == "" {
		return n.granted(a.User, p)
	}
	if _, ok := n.faults.Has(driver.FaultNoPrivileges); ok {
		return nil
	}
	t := x.Tokens[a.ID()]
	if t == nil {
		return nil
	}
	of := n.granted(a.User, p)
	for _, lacks := range n.faults.Values(driver.FaultNoPrivilege) {
		delete(of, lacks)
	}
	if !t.Privsep {
		return of
	}
	own := n.granted(a.ID(), p)
	maps.DeleteFunc(own, func(k string, _ bool) bool { _, ok := of[k]; return !ok })
	return own
}

// Check fails with 403 naming the first privilege that is missing.
func (n *Node) Check(a Auth, p string, privs ...string) error {
	have := n.rights(a, p)
	for _, priv := range privs {
		if _, ok := have[priv]; !ok {
			return forbid(p + ", " + priv)
		}
	}
	return nil
}

// CheckAny fails with 403 if not one of the privileges is there.
func (n *Node) CheckAny(a Auth, p string, privs ...string) error {
	have := n.rights(a, p)
	for _, priv := range privs {
		if _, ok := have[priv]; ok {
			return nil
		}
	}
	return forbid(p + ", " + strings.Join(privs, "|"))
}

// Permissions is GET /access/permissions of who asks: by path, and within it by
// privilege, whether it propagates. Paths without any are left out.
func (n *Node) Permissions(a Auth, only string) map[string]map[string]int {
	paths := []string{"/", "/access", "/access/groups", "/nodes", "/pool", "/sdn", "/storage", "/vms"}
	n.mu.Lock()
	for _, e := range n.st.Access.ACL { // with the folders above it, which the tree of the ACL has
		for p := path.Clean(e.Path); p != "/" && p != "."; p = path.Dir(p) {
			paths = append(paths, p)
		}
	}
	for _, c := range n.st.Containers {
		if c.Pool != "" {
			paths = append(paths, "/vms/"+strconv.Itoa(c.VMID))
		}
	}
	for _, one := range n.st.Pools {
		for _, s := range one.Storages {
			paths = append(paths, "/storage/"+s)
		}
	}
	n.mu.Unlock()
	if only != "" {
		paths = []string{only}
	}
	m := map[string]map[string]int{}
	for _, p := range paths {
		for priv, propagate := range n.rights(a, p) {
			if m[p] == nil {
				m[p] = map[string]int{}
			}
			m[p][priv] = 0
			if propagate {
				m[p][priv] = 1
			}
		}
	}
	return m
}

// ParseAuth reads user@realm or user@realm!token.
func ParseAuth(id string) Auth {
	user, token, _ := strings.Cut(id, "!")
	return Auth{user, token}
}
