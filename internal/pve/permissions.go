package pve

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// permissions are the login's privileges by path; 1 means that the privilege also applies
// to lower paths.
type permissions struct {
	client *Client
	all    bool // root@pam with a ticket, or not known: Proxmox will decide
	paths  map[string]map[string]text

	mu        sync.Mutex
	confirmed map[string]map[string]text // answers to queries for one path
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

// has reports whether the login has a privilege on a path. It confirms a missing one by a
// query for that path, because the overview only lists the top paths and those with an
// ACL entry of their own.
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

// pool is the first pool, by name, on which the login has a privilege; "" if none.
func (p *permissions) pool(privilege string) string {
	for _, at := range slices.Sorted(maps.Keys(p.paths)) {
		if name, ok := strings.CutPrefix(at, "/pool/"); ok && p.listed(at, privilege) {
			return name
		}
	}
	return ""
}

// listed looks up the privilege at the nearest path in the overview.
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

// need is one privilege on one path that a command needs.
type need struct {
	at, privilege string
	or            string // another privilege that is enough instead
	alt           string // another path on which the privilege is enough instead
	grant         string // the path for the grant, which covers lower paths too; "" is at
	optional      bool   // the command works without it, but its role includes it
}

func (n need) grantPath() string {
	if n.grant != "" {
		return n.grant
	}
	return n.at
}

// on returns needs on the container with that id.
func on(ctid int, privileges ...string) []need {
	needs := make([]need, len(privileges))
	for i, p := range privileges {
		needs[i] = need{at: "/vms/" + strconv.Itoa(ctid), privilege: p, grant: "/vms"}
	}
	return needs
}

// May returns Forbidden if the login may not do op ("stop container 100") to a container.
// It runs before the first change and names all missing privileges at once. The command
// needs privileges; it works without those in optional, but uses them. "A|B" means either
// of the two.
func (c *Client) May(ctx context.Context, op string, ctid int, privileges, optional []string) error {
	p, err := c.permissions(ctx)
	if err != nil {
		return err
	}
	needs := on(ctid, append(slices.Clone(privileges), optional...)...)
	for i := range needs {
		needs[i].privilege, needs[i].or, _ = strings.Cut(needs[i].privilege, "|")
		needs[i].optional = i >= len(privileges)
	}
	return p.require(ctx, op, needs)
}

func (p *permissions) satisfied(ctx context.Context, n need) bool {
	return p.has(ctx, n.at, n.privilege) || n.or != "" && p.has(ctx, n.at, n.or) || n.alt != "" && p.has(ctx, n.alt, n.privilege)
}

// require returns a Forbidden error that names all missing privileges, with the commands
// that grant everything the command needs. Field is FieldTransport if only the way into
// the guest lacks a privilege.
func (p *permissions) require(ctx context.Context, op string, needs []need) error {
	var missing []need
	for _, n := range needs {
		if !n.optional && !p.satisfied(ctx, n) {
			missing = append(missing, n)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	who := p.client.login
	e := &Error{Kind: Forbidden, Op: op, Reason: who.name() + " lacks " + listNeeds(missing)}
	if p.none() && who.token != "" {
		e.Reason = "the token " + who.token + " has no privilege at all, and needs " + listNeeds(missing)
	}
	if !slices.ContainsFunc(missing, func(n need) bool { return n.privilege != ConsolePrivilege }) {
		e.Field, e.Op = FieldTransport, "get into container "+ctidOf(op)+" by its console"
	}
	// On a path where a privilege is missing, the role gets all that are needed or useful
	// there, because an entry in the ACL replaces inherited ones.
	var granted []need
	for _, n := range needs {
		if slices.ContainsFunc(missing, func(m need) bool { return m.grantPath() == n.grantPath() }) {
			granted = append(granted, n)
		}
	}
	e.Hints = p.grantHints(granted)
	if e.Field == FieldTransport {
		e.Hints = append(e.Hints, otherWayHint)
	}
	if p.none() && who.token != "" && who.user == rootUser {
		_, name, _ := strings.Cut(who.token, "!")
		e.Hints = append(e.Hints, fmt.Sprintf("or, to let the token do all that its user may, on the node: pveum user token modify %s %s --privsep 0", who.user, name))
	}
	return e
}

const otherWayHint = "or go in by SSH: INFRAHAUS_SSH_TRANSPORT=guest or node"

// listNeeds formats needs as "A, B on /vms/100; C on /storage/local".
func listNeeds(needs []need) string {
	var at []string
	byPath := map[string][]string{}
	for _, n := range needs {
		if byPath[n.at] == nil {
			at = append(at, n.at)
		}
		if !slices.Contains(byPath[n.at], n.privilege) {
			byPath[n.at] = append(byPath[n.at], n.privilege)
		}
	}
	for i, path := range at {
		at[i] = strings.Join(byPath[path], ", ") + " on " + path
	}
	return strings.Join(at, "; ")
}

// grantHints are the commands that give a login a role with these privileges, whether or
// not the role exists. A token with separated privileges only has those that both it and
// its user have.
func (p *permissions) grantHints(needs []need) []string {
	hints := p.grantCommands(needs)
	hints[0] = "on the node: " + hints[0]
	if p.client.login.user != rootUser && p.client.login.token != "" {
		hints = append(hints, "without --users where "+p.client.login.user+" has these rights from a path above: an entry replaces what is inherited there")
	}
	return hints
}

// grantCommands are the command lines for the node that give a login a role with these
// privileges.
func (p *permissions) grantCommands(needs []need) []string {
	var privileges, paths []string
	for _, n := range needs {
		if !slices.Contains(privileges, n.privilege) {
			privileges = append(privileges, n.privilege)
		}
		if at := p.entry(n); !slices.Contains(paths, at) {
			paths = append(paths, at)
		}
	}
	lines := []string{"pveum role add infrahaus 2>/dev/null; pveum role modify infrahaus --append 1 --privs " + strings.Join(privileges, ",")}
	who := p.client.login
	for _, at := range paths {
		line := "pveum acl modify " + at + " --roles infrahaus"
		if at == "/" { // the grant must not cover all lower paths
			line += " --propagate 0"
		}
		if who.user != rootUser {
			line += " --users '" + who.user + "'"
		}
		if who.token != "" {
			line += " --tokens '" + who.token + "'"
		}
		lines = append(lines, line)
	}
	return lines
}

// entry is the path for the ACL entry of a need. If a lower path has an entry of its own,
// that entry would hide a grant on the usual path, so the grant goes there.
func (p *permissions) entry(n need) string {
	if own, ok := p.paths[n.at]; ok && !maps.Equal(own, p.paths[n.grantPath()]) {
		return n.at
	}
	return n.grantPath()
}
