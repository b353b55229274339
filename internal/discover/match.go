package discover

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/infrahaus/infrahaus/internal/lxc"
)

// giveCredentials adds the keys of every credentials file to its service. A file without
// a service becomes a stopped service of its own.
func (b *builder) giveCredentials() {
	for _, name := range slices.Sorted(maps.Keys(b.Credentials)) {
		keys := slices.Sorted(maps.Keys(b.Credentials[name]))
		e := b.credentialOwner(name)
		if e == nil {
			e = b.entry("credential:"+name, func() *entry {
				return &entry{Service: lxc.Service{Name: name, Type: lxc.Credential, Status: lxc.Stopped}}
			})
		}
		if e.order == 0 && !keepsSystem(e.Name) {
			e.System = false
		}
		for _, k := range keys {
			if !slices.Contains(e.CredentialKeys, k) {
				e.CredentialKeys = append(e.CredentialKeys, k)
			}
		}
	}
}

// credentialOwner tries the exact name first, then a service's other names, then the
// file's name before "@", then a unit that does not run, and last a PORT among the keys
// on which exactly one service listens.
func (b *builder) credentialOwner(name string) *entry {
	base, _, _ := strings.Cut(name, "@")
	tests := []func(*entry) bool{
		func(e *entry) bool { return e.Name == name },
		func(e *entry) bool { return e.goesBy(name) && len(e.ports) > 0 },
		func(e *entry) bool { return e.goesBy(name) },
		func(e *entry) bool { return base != name && e.goesBy(base) },
	}
	for _, ok := range tests {
		for _, k := range b.keys {
			if e := b.entries[k]; e.Type != lxc.Credential && ok(e) {
				return e
			}
		}
	}
	if u := b.units[name+".service"]; u != nil {
		return b.unit(u)
	}
	return b.credentialByPort(name)
}

func (b *builder) credentialByPort(name string) *entry {
	port := 0
	for k, v := range b.Credentials[name] {
		if k = strings.ToUpper(k); k == "PORT" || strings.HasSuffix(k, "_PORT") {
			n, err := strconv.Atoi(v)
			if err != nil || port != 0 && n != port {
				return nil
			}
			port = n
		}
	}
	if port == 0 {
		return nil
	}
	var found *entry
	for _, k := range b.keys {
		e := b.entries[k]
		if e.System || !e.has("tcp", port) {
			continue
		}
		if found != nil {
			return nil
		}
		found = e
	}
	return found
}
