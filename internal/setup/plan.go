package setup

import (
	"fmt"
	"slices"
	"strings"

	"github.com/infrahaus/infrahaus/internal/guest"
	"github.com/infrahaus/infrahaus/internal/pve"
)

// There is what the host has already.
type There struct {
	User   bool
	Tokens []string   // of the user
	Roles  []pve.Role // all
	Grants []pve.Grant
	// Lacks are the privileges that the user lacks, by path.
	Lacks map[string][]string
}

// Kind is what a step does.
type Kind int

// The kinds of steps, in the order in which a plan has them.
const (
	MakeUser Kind = iota
	MakeRole
	WidenRole
	MakeToken
	Grant
)

// Step is one change on the host.
type Step struct {
	Kind       Kind
	Text       string   // for people: what will be there afterwards
	Line       string   // the same as a command on the node
	Widens     bool     // it gives more rights to a user or role that exists
	Privileges []string // of MakeRole and WidenRole
	Grants     []pve.Grant
}

// Plan is what will be made.
type Plan struct {
	Account
	Steps []Step
	Kept  []string // for people: what exists, and is used as it is
}

// Taken is the error for a token's name that is in use.
type Taken struct {
	ID   string // user@realm!name
	Free string // a name that is not in use
}

func (t *Taken) Error() string { return "the token " + t.ID + " exists" }

// Decide makes a plan. Nothing that exists is changed, but for steps that widen.
func Decide(a Account, privileges, paths []string, there There) (Plan, error) {
	p := Plan{Account: a}
	if slices.Contains(there.Tokens, a.Token) {
		return p, &Taken{a.TokenID(), Free(a.Token, there.Tokens)}
	}
	if there.User {
		p.Kept = append(p.Kept, "the user "+a.User+" exists and stays as it is")
	} else {
		p.add(Step{Kind: MakeUser, Text: "the user " + a.User + ", without a password",
			Line: "pveum user add " + guest.Quote(a.User) + " --comment " + guest.Quote(Comment)})
	}
	if err := p.role(privileges, there.Roles); err != nil {
		return p, err
	}
	p.add(Step{Kind: MakeToken, Text: "the token " + a.TokenID() + ", with privileges of its own",
		Line: fmt.Sprintf("pveum user token add %s %s --privsep 1 --comment %s", guest.Quote(a.User), a.Token, guest.Quote(Comment))})
	for _, path := range paths {
		p.grants(path, privileges, there)
	}
	return p, nil
}

// Comment is what the user and the token say of themselves.
const Comment = "made by infrahaus init"

func (p *Plan) add(s Step) { p.Steps = append(p.Steps, s) }

// role adds the step that makes or widens the role, if it needs one.
func (p *Plan) role(privileges []string, roles []pve.Role) error {
	i := slices.IndexFunc(roles, func(r pve.Role) bool { return r.Name == p.Role })
	if i < 0 {
		p.add(Step{Kind: MakeRole, Text: fmt.Sprintf("the role %s with %d privileges: %s", p.Role, len(privileges), strings.Join(privileges, " ")),
			Line: "pveum role add " + p.Role + " --privs " + strings.Join(privileges, ","), Privileges: privileges})
		return nil
	}
	has := roles[i].Privileges
	missing := slices.DeleteFunc(slices.Clone(privileges), func(s string) bool { return slices.Contains(has, s) })
	extra := slices.DeleteFunc(slices.Clone(has), func(s string) bool { return slices.Contains(privileges, s) })
	if len(missing) > 0 && roles[i].BuiltIn {
		return fmt.Errorf("the role %s is Proxmox's own and lacks %s", p.Role, strings.Join(missing, ", "))
	}
	if len(missing) > 0 {
		p.add(Step{Kind: WidenRole, Widens: true, Text: fmt.Sprintf("more privileges in the role %s, for all who have it: %s", p.Role, strings.Join(missing, " ")),
			Line: "pveum role modify " + p.Role + " --append 1 --privs " + strings.Join(missing, ","), Privileges: missing})
	} else {
		p.Kept = append(p.Kept, "the role "+p.Role+" exists and stays as it is")
	}
	if len(extra) > 0 {
		p.Kept = append(p.Kept, fmt.Sprintf("the role %s grants more than is needed: %s", p.Role, strings.Join(extra, ", ")))
	}
	return nil
}

// grants adds the entries of the ACL on a path: for the token, and for a user that lacks
// some of the privileges there. A token with privileges of its own only has those that
// its user has, too.
func (p *Plan) grants(path string, privileges []string, there There) {
	needed := on(path, privileges)
	lacks := slices.ContainsFunc(there.Lacks[path], func(s string) bool { return slices.Contains(needed, s) })
	s := Step{Kind: Grant, Line: "pveum acl modify " + path + " --roles " + p.Role}
	var names []string
	grant := func(id, name, flag string) bool {
		g := pve.Grant{Path: path, Role: p.Role, ID: id}
		if slices.Contains(there.Grants, g) {
			return false // the role itself lacks something, and gets it
		}
		s.Grants, names = append(s.Grants, g), append(names, name)
		s.Line += flag + guest.Quote(id)
		return true
	}
	if !there.User || lacks {
		s.Widens = grant(p.User, p.User, " --users ") && there.User
	}
	grant(p.TokenID(), "the token", " --tokens ")
	if len(s.Grants) == 0 {
		return
	}
	s.Text = "the role " + p.Role + " on " + path + " for " + strings.Join(names, " and ")
	p.add(s)
}

// Widens are the texts of the steps that give more rights to what exists.
func (p Plan) Widens() []string {
	var texts []string
	for _, s := range p.Steps {
		if s.Widens {
			texts = append(texts, s.Text)
		}
	}
	return texts
}

// Lines are commands for a root shell on the node that do the same.
func (p Plan) Lines() []string {
	lines := make([]string, len(p.Steps))
	for i, s := range p.Steps {
		lines[i] = s.Line
	}
	return lines
}
