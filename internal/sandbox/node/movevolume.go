package node

import "strconv"

// ChangeUser is PUT /access/users/USER: keys that are given are set, or with append added.
func (n *Node) ChangeUser(p Params) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	id := p["userid"]
	u := n.st.Access.Users[id]
	if u == nil {
		return fail("update user failed: no such user ('%s')", id)
	}
	if groups := splitList(p["groups"]); len(groups) > 0 {
		return fail("update user failed: no such group '%s'", groups[0])
	}
	if v, given := p["enable"]; given {
		u.Disabled = v == "0"
	}
	if v, given := p["expire"]; given {
		u.Expire, _ = strconv.ParseInt(v, 10, 64)
	}
	if u.About == nil {
		u.About = map[string]string{}
	}
	for _, key := range aboutUser {
		if v, given := p[key]; given {
			u.About[key] = v
		}
	}
	return n.save()
}

// SetPassword is PUT /access/password.
func (n *Node) SetPassword(id, password string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	u := n.st.Access.Users[id]
	if u == nil {
		return fail("no such user ('%s')", id)
	}
	u.Password = password
	return n.save()
}

// ChangeVolume is PUT /nodes/NODE/storage/STORAGE/content/VOLUME: notes and protection of a
// backup.
func (n *Node) ChangeVolume(a Auth, p Params) error {
	volid, storage, err := realVolume(p)
	if err != nil {
		return err
	}
	n.mu.Lock()
	b := n.findBackup(volid)
	t, v, err := n.findVolume(volid, storage)
	n.mu.Unlock()
	switch {
	case err != nil:
		return err
	case b == nil && t == nil && v == nil:
		return fail("volume '%s' does not exist", volid)
	case b == nil:
		return fail("unable to use volume %s - content type needs to be 'backup'", volid)
	}
	if err := n.mayUseBackup(a, storage, b.VMID); err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if v, given := p["notes"]; given {
		b.Notes = v
	}
	if v, given := p["protected"]; given {
		b.Protected = v == "1"
	}
	return n.save()
}
