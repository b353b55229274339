package doctor

import (
	"slices"
	"strings"

	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/pve"
	"github.com/infrahaus/infrahaus/internal/transports"
)

// inside are the privileges on a container that the configured transport needs, and those
// that other transports and commands use if they are there.
func inside(transport string) (needed, useful []string) {
	switch transport {
	case transports.API:
		return []string{pve.ConsolePrivilege}, []string{"VM.Snapshot"}
	case transports.Auto, "":
		return nil, []string{pve.ConsolePrivilege, "VM.Snapshot"}
	}
	return nil, []string{"VM.Snapshot"}
}

// waysWith are the ways into guests that a privilege concerns: the console has one of its
// own, all others are for the create itself.
func waysWith(privilege string) []string {
	if privilege == pve.ConsolePrivilege {
		return []string{transports.API}
	}
	return []string{transports.Guest, transports.Node, transports.API}
}

// uses is what an optional privilege is good for, by its name.
var uses = map[string]string{
	pve.ConsolePrivilege:         "for the console transport",
	"VM.Snapshot":                "for snapshots before a sync",
	"VM.Config.Options":          "for tags, and for the mark that a container is ours",
	"Datastore.Audit":            "to see its free space",
	"Datastore.AllocateTemplate": "to download OS templates",
}

// rightChecks are the checks of privileges, one for each path.
func rightChecks(f *Facts) []examination {
	if f.Site == nil || f.Site.RightsErr != nil {
		return []examination{{"privileges", "privileges", []string{"token"}, func(f *Facts) verdict {
			if f.Site == nil {
				return skip("not asked")
			}
			return failed(f.Site.RightsErr).onNode("pveum acl list")
		}}}
	}
	var out []examination
	for _, path := range grantPaths(f.Site.Rights) {
		out = append(out, examination{"privileges:" + path, "privileges on " + path, []string{"token"}, func(f *Facts) verdict {
			return judgeRights(f, path)
		}})
	}
	return out
}

// grantPaths are the paths of rights, each once, in their order.
func grantPaths(rights []pve.Right) []string {
	var out []string
	for _, r := range rights {
		if !slices.Contains(out, r.Grant) {
			out = append(out, r.Grant)
		}
	}
	return out
}

func judgeRights(f *Facts, path string) verdict {
	var here []pve.Right
	var held, missing, absent []string
	var list []Privilege
	for _, r := range f.Site.Rights {
		if r.Grant != path {
			continue
		}
		here = append(here, r)
		list = append(list, Privilege{r.Privilege, r.Path, r.Held, r.Optional, waysWith(r.Privilege)})
		switch {
		case r.Held:
			held = append(held, r.Privilege)
		case r.Optional:
			absent = append(absent, r.Privilege+" "+uses[r.Privilege])
		default:
			missing = append(missing, r.Privilege)
		}
	}
	v := ok(strings.Join(held, ", "))
	switch {
	case len(missing) > 0:
		v = fail(exit.Proxmox, "lacks "+strings.Join(missing, ", "))
		if f.Site.NoRights {
			v.detail += " (the login has no privilege at all)"
		}
		v = v.onNode(pve.GrantCommand(here))
	case len(absent) > 0 && len(held) == 0:
		v.detail = "not needed; without " + strings.Join(absent, ", ")
	case len(absent) > 0:
		v.detail += "; without " + strings.Join(absent, ", ")
	}
	if f.Site.Pool != "" && path == "/pool/"+f.Site.Pool {
		v.detail += "; it may create containers in this pool alone: --pool " + f.Site.Pool
	}
	v.privileges = list
	return v
}
