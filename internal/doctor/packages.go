package doctor

import (
	"slices"
	"strings"

	"github.com/infrahaus/infrahaus/internal/pve"
	"github.com/infrahaus/infrahaus/internal/transports"
)

// since is the first version of a package with something, by Proxmox's major release. A
// release without one does not have it; a release later than all here does.
type since map[int]string

// has reports whether a version on a release has it.
func (s since) has(major int, version string) bool {
	first, ok := s[major]
	if !ok {
		return major > newestRelease
	}
	return !pve.OlderThan(version, first)
}

// supports are the first versions of pve-container that set up an OS, by the beginning of
// its templates' names; from pve-container's changelogs (master and stable-bookworm). For
// older versions the create or the start fails.
var supports = []struct {
	product string
	since   since
}{
	{"debian-13", since{8: "5.3.1", 9: "6.0.10"}}, // 13.0 alone: earlier
	{"debian-14", since{8: "5.3.1", 9: "6.0.10"}},
	{"ubuntu-24.04", since{8: "5.1.10", 9: "6.0.0"}},
	{"ubuntu-24.10", since{8: "5.2.2", 9: "6.0.0"}},
	{"ubuntu-25.04", since{8: "5.2.2", 9: "6.0.0"}},
	{"ubuntu-25.10", since{8: "5.3.3", 9: "6.0.12"}},
	{"ubuntu-26.04", since{8: "5.3.3", 9: "6.0.12"}},
	{"fedora-41", since{8: "5.2.2", 9: "6.0.0"}},
	{"fedora-42", since{8: "5.2.2", 9: "6.0.0"}},
	{"fedora-43", since{8: "5.2.2", 9: "6.0.0"}},
	{"openeuler-", since{8: "5.2.1", 9: "6.0.0"}},
	{"opensuse-16", since{9: "6.0.14"}},
	{"rockylinux-10", since{9: "6.0.13"}},
	{"almalinux-10", since{9: "6.0.13"}},
	{"centos-10", since{9: "6.0.13"}},
}

// consoleTokens is the first pve-container whose console takes an API token.
var consoleTokens = since{8: "5.3.4", 9: "6.1.3"}

// upgrade is the command that brings a package up to date.
func upgrade(name string) string { return "apt update && apt install " + name }

// installed is the version of a package, or why it is not known.
func installed(f *Facts, name string) (version, why string) {
	switch s := f.Site; {
	case f.Packages[name] != "":
		return f.Packages[name], ""
	case pve.IsKind(s.PackagesErr, pve.Forbidden):
		return "", "told only to a login with Sys.Audit on /nodes/" + s.Node
	case s.PackagesErr != nil:
		return "", failed(s.PackagesErr).detail
	case s.Packages[name] == "":
		return "", "the node does not list " + name
	default:
		return s.Packages[name], ""
	}
}

// judgeContainerPackage judges pve-container against the OS templates there are.
func judgeContainerPackage(f *Facts) verdict {
	have, why := installed(f, "pve-container")
	if why != "" {
		return skip(why)
	}
	major := f.Version.value.Major()
	var old []string
	for _, product := range pve.Products(slices.Concat(f.Site.Templates, f.Site.Index)) {
		for _, s := range supports {
			if strings.HasPrefix(product, s.product) && !s.since.has(major, have) {
				need := "not on this release"
				if first := s.since[major]; first != "" {
					need = "since " + first
				}
				old = append(old, product+" ("+need+")")
			}
		}
	}
	if len(old) > 0 {
		return warn(have + " is too old for " + strings.Join(old, ", ")).onNode(upgrade("pve-container"))
	}
	return ok(have)
}

// judgeConsole judges the way in by the console.
func judgeConsole(f *Facts) verdict {
	h := f.Target.Host
	transport := f.Target.transport()
	if transport != transports.API && transport != transports.Auto {
		return skip("not used: the transport is " + transport)
	}
	if h.Token.Reveal() == "" {
		return ok("logs in by password")
	}
	have, why := installed(f, "pve-container")
	switch {
	case why != "":
		return skip("whether it takes tokens depends on pve-container: " + why)
	case consoleTokens.has(f.Version.value.Major(), have):
		return ok("takes tokens (pve-container " + have + ")")
	}
	v := fail(4, "pve-container "+have+" takes no API token at the console")
	if transport == transports.Auto { // other ways are left
		v = warn(v.detail)
	}
	if consoleTokens[f.Version.value.Major()] == "" {
		return v.here("export INFRAHAUS_SSH_TRANSPORT=node")
	}
	return v.onNode(upgrade("pve-container"))
}

// dockerFixed is the first lxc-pve that does not restrict /proc and /sys where nesting is
// on (its bug 7006). Before it, the runc of November 2025 (CVE-2025-52881) and later
// cannot start a container inside a container: "open sysctl
// net.ipv4.ip_unprivileged_port_start file: permission denied".
var dockerFixed = since{8: "6.0.0-2", 9: "6.0.5-2"}

func judgeDocker(f *Facts) verdict {
	have, why := installed(f, "lxc-pve")
	switch {
	case why != "":
		return skip(why)
	case dockerFixed.has(f.Version.value.Major(), have):
		return ok("no known trouble with lxc-pve " + have)
	}
	v := warn("with lxc-pve " + have + " Docker of runc 1.3.3 and later cannot start in a container (ip_unprivileged_port_start: permission denied)")
	if dockerFixed[f.Version.value.Major()] == "" {
		return v.onNode("pve7to8 --full")
	}
	return v.onNode(upgrade("lxc-pve"))
}
