package node

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

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
	Password string `json:"password"`
}

type token struct {
	Secret  string `json:"secret"`
	Privsep bool   `json:"privsep"`
}

// ACL gives a user or token a role on a path and, with Propagate, below it.
type ACL struct {
	Path, ID, Role string
	Propagate      bool
}

// Login is what a client needs to know.
type Login struct {
	User, Password     string
	TokenID, TokenUUID string // user@realm!name and its secret
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

// Login returns root's password and the token that every sandbox has.
func (n *Node) Login() Login {
	n.mu.Lock()
	defer n.mu.Unlock()
	return Login{"root@pam", n.st.Access.Users["root@pam"].Password, defaultToken, n.st.Access.Tokens[defaultToken].Secret}
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

// Token checks an API token and returns who it is.
func (n *Node) Token(id, secret string) (Auth, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	t, ok := n.st.Access.Tokens[id]
	if !ok || subtle.ConstantTimeCompare([]byte(t.Secret), []byte(secret)) != 1 {
		return Auth{}, false
	}
	name, tok, _ := strings.Cut(id, "!")
	_, known := n.st.Access.Users[name]
	return Auth{name, tok}, known
}

// Password checks a password login.
func (n *Node) Password(user, password string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	u, ok := n.st.Access.Users[user]
	return ok && subtle.ConstantTimeCompare([]byte(u.Password), []byte(password)) == 1
}

// ticketLife is Proxmox's: two hours, and five minutes of clock skew.
const ticketLife = 2 * time.Hour

// Ticket signs a ticket and its CSRF prevention token for a user.
func (n *Node) Ticket(user string) (ticket, csrf string) {
	now := fmt.Sprintf("%08X", n.opt.Now().Unix())
	plain := "PVE:" + user + ":" + now
	return plain + "::" + n.sign(plain), now + ":" + n.sign("CSRF:"+now+":"+user)
}

// CheckTicket returns whose ticket it is.
func (n *Node) CheckTicket(ticket string) (Auth, bool) {
	plain, sig, ok := strings.Cut(ticket, "::")
	if !ok || !hmac.Equal([]byte(sig), []byte(n.sign(plain))) {
		return Auth{}, false
	}
	var user, stamp string
	if f := strings.Split(plain, ":"); len(f) == 3 {
		user, stamp = f[1], f[2]
	}
	return Auth{User: user}, n.fresh(stamp)
}

// CheckCSRF checks the CSRF prevention token that every write with a ticket
// must carry.
func (n *Node) CheckCSRF(user, csrf string) bool {
	stamp, sig, ok := strings.Cut(csrf, ":")
	return ok && hmac.Equal([]byte(sig), []byte(n.sign("CSRF:"+stamp+":"+user))) && n.fresh(stamp)
}

func (n *Node) fresh(stamp string) bool {
	var at int64
	if _, err := fmt.Sscanf(stamp, "%08X", &at); err != nil {
		return false
	}
	age := n.opt.Now().Sub(time.Unix(at, 0))
	return age > -5*time.Minute && age < ticketLife
}

func (n *Node) sign(s string) string {
	m := hmac.New(sha1.New, []byte(n.st.Access.Secret))
	m.Write([]byte(s))
	return base64.RawStdEncoding.EncodeToString(m.Sum(nil))
}

// privileges are all that 8.4 has, in one word each.
var privileges = strings.Fields(`Datastore.Allocate Datastore.AllocateSpace Datastore.AllocateTemplate Datastore.Audit
Group.Allocate Mapping.Audit Mapping.Modify Mapping.Use Permissions.Modify Pool.Allocate Pool.Audit Realm.Allocate
Realm.AllocateUser SDN.Allocate SDN.Audit SDN.Use Sys.AccessNetwork Sys.Audit Sys.Console Sys.Incoming Sys.Modify
Sys.PowerMgmt Sys.Syslog User.Modify VM.Allocate VM.Audit VM.Backup VM.Clone VM.Config.CDROM VM.Config.CPU
VM.Config.Cloudinit VM.Config.Disk VM.Config.HWType VM.Config.Memory VM.Config.Network VM.Config.Options VM.Console
VM.Migrate VM.Monitor VM.PowerMgmt VM.Snapshot VM.Snapshot.Rollback`)

func (x *access) role(name string) []string {
	switch name {
	case "NoAccess":
		return nil
	case "Administrator":
		return privileges
	case "PVEAuditor":
		return []string{"Datastore.Audit", "Mapping.Audit", "Pool.Audit", "SDN.Audit", "Sys.Audit", "VM.Audit"}
	case "PVEVMUser":
		return strings.Fields("VM.Audit VM.Backup VM.Config.CDROM VM.Config.Cloudinit VM.Console VM.PowerMgmt")
	case "PVEVMAdmin":
		return slices.DeleteFunc(slices.Clone(privileges), func(p string) bool { return !strings.HasPrefix(p, "VM.") })
	case "PVEDatastoreUser":
		return strings.Fields("Datastore.AllocateSpace Datastore.Audit")
	case "PVESDNUser":
		return strings.Fields("SDN.Audit SDN.Use")
	}
	return strings.Fields(x.Roles[name])
}

// grants is what one user or token has on a path by its own ACL entries: the
// deepest path that names it decides. The value says whether it propagates.
func (x *access) grants(id, p string) map[string]bool {
	if id == "root@pam" {
		return all(privileges, true)
	}
	var best map[string]bool
	for at := "/"; ; at = next(at, p) {
		var here map[string]bool
		for _, e := range x.ACL {
			if e.ID != id || path.Clean(e.Path) != at || !e.Propagate && at != p {
				continue
			}
			if here == nil {
				here = map[string]bool{}
			}
			maps.Copy(here, all(x.role(e.Role), e.Propagate))
		}
		if here != nil {
			best = here
		}
		if at == p {
			return best
		}
	}
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
		return x.grants(a.User, p)
	}
	if _, ok := n.faults.Has(driver.FaultNoPrivileges); ok {
		return nil
	}
	t := x.Tokens[a.ID()]
	if t == nil {
		return nil
	}
	of := x.grants(a.User, p)
	if !t.Privsep {
		return of
	}
	own := x.grants(a.ID(), p)
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
	for _, e := range n.st.Access.ACL {
		paths = append(paths, path.Clean(e.Path))
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
