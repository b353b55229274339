package node

import (
	"slices"
	"strconv"
	"strings"
)

// The roles that every node has are made of this table, as in Proxmox's AccessControl.pm.
// For each kind of object it lists the privileges that only Administrator has, and the
// privileges of an admin, a user and an auditor. Only the version after a slash (/8, /9) has
// that privilege.
var groups = []struct{ kind, root, admin, user, audit string }{
	{
		"VM", "",
		"VM.Config.Disk VM.Config.CPU VM.Config.Memory VM.Config.Network VM.Config.HWType VM.Config.Options VM.Allocate VM.Clone " +
			"VM.Migrate VM.Monitor/8 VM.GuestAgent.Unrestricted/9 VM.Replicate/9 VM.Snapshot VM.Snapshot.Rollback",
		"VM.Config.CDROM VM.Config.Cloudinit VM.Console VM.Backup VM.PowerMgmt " +
			"VM.GuestAgent.FileRead/9 VM.GuestAgent.FileSystemMgmt/9 VM.GuestAgent.FileWrite/9",
		"VM.Audit VM.GuestAgent.Audit/9",
	},
	{"Sys", "Sys.PowerMgmt Sys.Modify Sys.Incoming Sys.AccessNetwork", "Sys.Console Sys.Syslog", "", "Sys.Audit"},
	{"Datastore", "", "Datastore.Allocate Datastore.AllocateTemplate", "Datastore.AllocateSpace", "Datastore.Audit"},
	{"SDN", "", "SDN.Allocate SDN.Audit", "SDN.Use", "SDN.Audit"},
	{"User", "Realm.Allocate", "User.Modify Group.Allocate Realm.AllocateUser", "", ""},
	{"Pool", "", "Pool.Allocate", "Pool.Audit", "Pool.Audit"},
	{"Mapping", "", "Mapping.Modify", "Mapping.Use", "Mapping.Audit"},
}

// builtinRoles returns the privileges of each role that every node has.
func (p Profile) builtinRoles() map[string][]string {
	roles := map[string][]string{
		"NoAccess": nil, "PVETemplateUser": {"VM.Audit", "VM.Clone"}, "Administrator": {"Permissions.Modify"},
	}
	give := func(role string, privs []string) {
		roles[role] = slices.Compact(slices.Sorted(slices.Values(append(roles[role], privs...))))
	}
	for _, g := range groups {
		root, admin, user, audit := p.privs(g.root), p.privs(g.admin), p.privs(g.user), p.privs(g.audit)
		give("Administrator", slices.Concat(root, admin, user, audit))
		give("PVE"+g.kind+"Admin", slices.Concat(admin, user, audit))
		give("PVEAdmin", slices.Concat(admin, user, audit))
		if len(user) > 0 {
			give("PVE"+g.kind+"User", slices.Concat(user, audit))
		}
		give("PVEAuditor", audit)
	}
	roles["PVEAdmin"] = slices.DeleteFunc(roles["PVEAdmin"], func(priv string) bool { return priv == "Mapping.Modify" })
	return roles
}

// privs are the privileges of a cell that this version has.
func (p Profile) privs(cell string) (have []string) {
	for word := range strings.FieldsSeq(cell) {
		priv, only, bound := strings.Cut(word, "/")
		if !bound || only == strconv.Itoa(p.Major) {
			have = append(have, priv)
		}
	}
	return have
}
