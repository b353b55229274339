// Package setup decides what infrahaus init makes on a Proxmox host: a user, a role with
// the least privileges, a token, and entries of the ACL that join them. Deciding is pure;
// Make executes a plan and can take it back. It must not know a config file, a terminal or
// a flag.
package setup

import (
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/infrahaus/infrahaus/internal/lazy"
	"github.com/infrahaus/infrahaus/internal/pve"
	"github.com/infrahaus/infrahaus/internal/transports"
)

// The names that are proposed.
const (
	DefaultUser  = "infrahaus@pve"
	DefaultRole  = "infrahaus"
	DefaultToken = "cli"
)

// Account are the names of what is made.
type Account struct {
	User  string // user@realm
	Role  string
	Token string // the name alone
}

// TokenID is user@realm!name.
func (a Account) TokenID() string { return a.User + "!" + a.Token }

// Privileges are the least that every command needs with a transport: to create, start,
// stop, sync (which takes a snapshot first), roll back and destroy containers, and to
// download OS templates. major is Proxmox's version, 0 if it is not known. A privileged
// container needs Sys.Modify on / besides, which is not included.
func Privileges(transport string, major int) []string {
	privs := []string{
		"Datastore.AllocateSpace", "Datastore.AllocateTemplate", "Datastore.Audit",
		"VM.Allocate", "VM.Audit", "VM.Config.CPU", "VM.Config.Disk", "VM.Config.Memory", "VM.Config.Network", "VM.Config.Options",
		"VM.PowerMgmt", "VM.Snapshot",
	}
	if transport == transports.API || transport == transports.Auto { // auto ends at the console
		privs = append(privs, pve.ConsolePrivilege)
	}
	if major == 0 || major >= 8 { // it came with VE 8
		privs = append(privs, "SDN.Use")
	}
	slices.Sort(privs)
	return privs
}

// Place is where containers will be made. Empty names are not known.
type Place struct {
	Storage string // of the disks
	Archive string // of the OS templates
	Bridge  string
	VNet    bool // the bridge is a VNet of SDN, whose zone is not known
	Major   int  // Proxmox's version, 0 if it is not known
}

// Paths are the paths of the ACL on which the role is given.
func (p Place) Paths() []string {
	paths := []string{"/vms"}
	switch {
	case p.Storage == "" || p.Archive == "":
		paths = append(paths, "/storage")
	default:
		paths = append(paths, "/storage/"+p.Storage)
		if p.Archive != p.Storage {
			paths = append(paths, "/storage/"+p.Archive)
		}
	}
	switch {
	case p.Major != 0 && p.Major < 8:
	case p.VNet:
		paths = append(paths, "/sdn/zones")
	case p.Bridge == "":
		paths = append(paths, "/sdn/zones/localnetwork")
	default:
		paths = append(paths, "/sdn/zones/localnetwork/"+p.Bridge)
	}
	return paths
}

// on are the privileges that count on a path.
func on(path string, privileges []string) []string {
	prefix := map[string]string{"vms": "VM.", "storage": "Datastore.", "sdn": "SDN."}[strings.Split(path, "/")[1]]
	return slices.DeleteFunc(slices.Clone(privileges), func(p string) bool { return !strings.HasPrefix(p, prefix) })
}

var shortName = lazy.Regexp(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)

// HostName proposes a name for the host at an address, other than those that are taken:
// the first part of a DNS name, or the address.
func HostName(address string, taken []string) string {
	name := "pve"
	if u, err := url.Parse(address); err == nil {
		host := strings.TrimSuffix(u.Hostname(), ".")
		if _, err := netip.ParseAddr(host); err != nil {
			host, _, _ = strings.Cut(host, ".")
		}
		if shortName().MatchString(host) && host != "localhost" {
			name = host
		}
	}
	return Free(name, taken)
}

// Free returns the name, or the name with the first number from 2 on that is not taken.
func Free(name string, taken []string) string {
	free := name
	for n := 2; slices.Contains(taken, free); n++ {
		free = fmt.Sprintf("%s-%d", name, n)
	}
	return free
}

// Choice is the result of Pick.
type Choice struct {
	Name string // "" if a person must choose
	From []string
}

// Pick chooses one of the offers: the one that is wanted, or the only one. The first one
// is the best. An error says what is wrong with the wanted one.
func Pick(what, want string, offers []pve.Offer) (Choice, error) {
	var c Choice
	for _, o := range offers {
		c.From = append(c.From, o.Name)
	}
	switch {
	case len(offers) == 0 && want == "":
		return c, fmt.Errorf("there is no %s that containers can use, or the login may not see one", what)
	case want != "" && !slices.Contains(c.From, want):
		return c, fmt.Errorf("there is no %s %s that containers can use, or the login may not see it", what, want)
	case want != "":
		c.Name = want
	case len(offers) == 1:
		c.Name = offers[0].Name
	}
	return c, nil
}
