package pve

import (
	"context"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"
)

// rolePrivileges are all that a create, start, discover, sync and destroy ask for.
const rolePrivileges = "VM.Allocate,VM.Audit,VM.Config.CPU,VM.Config.Memory,VM.Config.Disk,VM.Config.Network,VM.Config.Options," +
	"VM.PowerMgmt,VM.Console,VM.Snapshot,Datastore.AllocateSpace,Datastore.AllocateTemplate,Datastore.Audit,SDN.Use"

// permissions is what the login may do: privileges by path, 1 where they hold
// for the paths below as well.
type permissions struct {
	client *Client
	all    bool // root@pam's ticket, or not to be found out: Proxmox will judge
	paths  map[string]map[string]text

	mu        sync.Mutex
	confirmed map[string]map[string]text // by a query for that very path
}

func (c *Client) permissions(ctx context.Context) (*permissions, error) {
	p := &permissions{client: c, confirmed: map[string]map[string]text{}}
	if c.login.root() {
		p.all = true
		return p, nil
	}
	err := c.get(ctx, "read the login's permissions", "/access/permissions", &p.paths)
	if err != nil && !IsKind(err, Forbidden) && !IsKind(err, Refused) {
		return nil, err
	}
	p.all = err != nil
	return p, nil
}

// none reports whether the login has no privilege anywhere.
func (p *permissions) none() bool { return !p.all && len(p.paths) == 0 }

// has reports whether the login has a privilege on a path. A no is confirmed by
// a query for that very path, since the overview lists only the top and the paths
// with an ACL of their own.
func (p *permissions) has(ctx context.Context, at, privilege string) bool {
	if p.all || p.listed(at, privilege) {
		return true
	}
	if p.none() {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	privs, ok := p.confirmed[at]
	if !ok {
		var answer map[string]map[string]text
		if p.client.get(ctx, "read the login's permissions", "/access/permissions?path="+url.QueryEscape(at), &answer) != nil {
			return true
		}
		privs = answer[at]
		p.confirmed[at] = privs
	}
	_, ok = privs[privilege]
	return ok
}

// listed looks the privilege up at the nearest path that the overview has.
func (p *permissions) listed(at, privilege string) bool {
	for dir := at; ; dir = path.Dir(dir) {
		if privs, ok := p.paths[dir]; ok {
			propagates, has := privs[privilege]
			return has && (dir == at || propagates.bool())
		}
		if dir == "/" || dir == "." {
			return false
		}
	}
}

// need is one privilege on one path, and what is granted to mend its lack.
type need struct{ at, privilege, grant string }

// require returns a Forbidden error that names all privileges missing.
func (p *permissions) require(ctx context.Context, op string, needs []need) error {
	var lines, grants []string
	byPath := map[string][]string{}
	for _, n := range needs {
		if p.has(ctx, n.at, n.privilege) {
			continue
		}
		if byPath[n.at] == nil {
			lines = append(lines, n.at)
		}
		byPath[n.at] = append(byPath[n.at], n.privilege)
		if !slices.Contains(grants, n.grant) {
			grants = append(grants, n.grant)
		}
	}
	if len(lines) == 0 {
		return nil
	}
	who := p.client.login
	e := &Error{Kind: Forbidden, Op: op}
	for i, at := range lines {
		lines[i] = strings.Join(byPath[at], ", ") + " on " + at
	}
	e.Reason = who.name() + " lacks " + strings.Join(lines, "; ")
	if p.none() && who.token != "" {
		e.Reason = "the token " + who.token + " has no privilege at all; it was probably made with privilege separation"
		_, name, _ := strings.Cut(who.token, "!")
		e.Hints = append(e.Hints, fmt.Sprintf("give it its user's privileges: pveum user token modify %s %s --privsep 0, or", who.user, name))
	}
	e.Hints = append(e.Hints, grantHints(who, grants)...)
	return e
}

// grantHints are the commands that give a login the role it needs.
func grantHints(who login, paths []string) []string {
	hints := []string{`on the node: pveum role add infrahaus --privs "` + rolePrivileges + `"`}
	for _, at := range paths {
		hints = append(hints, fmt.Sprintf("pveum acl modify %s --roles infrahaus %s", at, grantee(who)))
	}
	return hints
}

// appendHint is for who made that role before it had these privileges.
func appendHint(privileges []string) string {
	return "where that role is there already: pveum role modify infrahaus --append 1 --privs " + strings.Join(privileges, ",")
}

func grantee(who login) string {
	if who.token != "" {
		return "--users " + who.user + " --tokens '" + who.token + "'"
	}
	return "--users " + who.user
}
