package system

import (
	"path"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

// skel is the folder whose files every new home gets.
const skel = "/etc/skel"

// makeHome makes the home of a new user, with the skeleton's files in it. A home that exists
// gets none. useradd and adduser leave it to its owner; only busybox's adduser takes it over.
func makeHome(p *proc, a account, uid, gid int) int {
	e := edits{v: p.View()}
	if info, err := e.v.Stat(a.home); err == nil {
		switch {
		case onAlpine(p):
			e.do(func() error { return e.v.Chown(a.home, uid, gid, true) })
		case !a.upwards:
			p.Errorf("warning: the home directory %s already exists.", a.home)
			p.Errorf("Not copying any file from skel directory into it.")
		default:
			p.Errorf("The home directory `%s' already exists.  Not touching this directory.", a.home)
			if info.UID != uid || info.GID != gid {
				p.Errorf("Warning: The home directory `%s' does not belong to the user you are currently creating.", a.home)
			}
		}
	} else {
		e.mkdir(a.home)
		e.do(func() error { return e.v.Chown(a.home, uid, gid, true) })
		if !a.upwards || !a.system { // adduser gives a system's user no skeleton
			e.copyTree(skel, a.home, uid, gid)
		}
	}
	if e.err != nil {
		p.Errorf("cannot create directory %s: %s", a.home, kernel.Reason(e.err))
		return 12
	}
	return 0
}

// copyTree copies the entries of a folder, if it exists, and gives them to another user.
func (e *edits) copyTree(from, to string, uid, gid int) {
	infos, err := e.v.ReadDir(from)
	if err != nil {
		return
	}
	for _, i := range infos {
		source, target := path.Join(from, i.Name()), path.Join(to, i.Name())
		switch {
		case i.IsDir():
			e.mkdir(target)
			e.copyTree(source, target, uid, gid)
		case i.Mode().IsRegular():
			b, err := e.v.ReadFile(source)
			e.do(func() error { return err })
			e.do(func() error { return e.v.WriteFile(target, b, i.Mode().Perm()) })
		default:
			link, err := e.v.Readlink(source)
			e.do(func() error { return err })
			e.do(func() error { return e.v.Symlink(link, target) })
		}
		e.do(func() error { return e.v.Chown(target, uid, gid, false) })
	}
}
