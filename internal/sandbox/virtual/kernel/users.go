package kernel

import (
	"strconv"
	"strings"
)

// User is one line of /etc/passwd.
type User struct {
	Name     string
	UID, GID int
	Gecos    string
	Home     string
	Shell    string
	Groups   []int
}

// SetUser makes the process the user's, groups included.
func (p *Proc) SetUser(u User) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.uid, p.gid, p.groups = u.UID, u.GID, u.Groups
}

func (p *Proc) lines(file string) []string {
	v := p.View()
	v.UID = 0
	b, err := v.ReadFile(file)
	if err != nil {
		return nil
	}
	return strings.Split(string(b), "\n")
}

// Users are the lines of /etc/passwd.
func (p *Proc) Users() []User {
	var out []User
	for _, l := range p.lines("/etc/passwd") {
		f := strings.Split(l, ":")
		if len(f) < 7 {
			continue
		}
		uid, err1 := strconv.Atoi(f[2])
		gid, err2 := strconv.Atoi(f[3])
		if err1 == nil && err2 == nil {
			out = append(out, User{Name: f[0], UID: uid, GID: gid, Gecos: f[4], Home: f[5], Shell: f[6]})
		}
	}
	return out
}

// Group is one line of /etc/group.
type Group struct {
	Name    string
	GID     int
	Members []string
}

// Groups are the lines of /etc/group.
func (p *Proc) Groups() []Group {
	var out []Group
	for _, l := range p.lines("/etc/group") {
		f := strings.Split(l, ":")
		if len(f) < 4 {
			continue
		}
		gid, err := strconv.Atoi(f[2])
		if err != nil {
			continue
		}
		g := Group{Name: f[0], GID: gid}
		if f[3] != "" {
			g.Members = strings.Split(f[3], ",")
		}
		out = append(out, g)
	}
	return out
}

// LookupUser finds a user by name or number, with the groups filled in.
func (p *Proc) LookupUser(name string) (User, bool) {
	n, nerr := strconv.Atoi(name)
	for _, u := range p.Users() {
		if u.Name != name && (nerr != nil || u.UID != n) {
			continue
		}
		for _, g := range p.Groups() {
			for _, m := range g.Members {
				if m == u.Name {
					u.Groups = append(u.Groups, g.GID)
				}
			}
		}
		return u, true
	}
	return User{}, false
}

// LookupGroup finds a group by name or number.
func (p *Proc) LookupGroup(name string) (Group, bool) {
	n, nerr := strconv.Atoi(name)
	for _, g := range p.Groups() {
		if g.Name == name || nerr == nil && g.GID == n {
			return g, true
		}
	}
	return Group{}, false
}

// UserName and GroupName are names for ids, or the numbers.
func (p *Proc) UserName(uid int) string {
	for _, u := range p.Users() {
		if u.UID == uid {
			return u.Name
		}
	}
	return strconv.Itoa(uid)
}

// GroupName is a group's name, or its number.
func (p *Proc) GroupName(gid int) string {
	for _, g := range p.Groups() {
		if g.GID == gid {
			return g.Name
		}
	}
	return strconv.Itoa(gid)
}
