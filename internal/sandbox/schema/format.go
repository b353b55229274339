package schema

import (
	_ "embed" // for zones
	"net/netip"
	"slices"
	"strings"

	"github.com/infrahaus/infrahaus/internal/lazy"
)

var (
	dnsName   = lazy.Regexp(`^(?:[a-zA-Z0-9](?:[a-zA-Z0-9\-]*[a-zA-Z0-9])?\.)*[a-zA-Z0-9](?:[a-zA-Z0-9\-]*[a-zA-Z0-9])?$`)
	nodeName  = lazy.Regexp(`^[a-zA-Z0-9](?:[a-zA-Z0-9\-]*[a-zA-Z0-9])?$`)
	vmid      = lazy.Regexp(`^[1-9][0-9]{2,8}$`)
	storageID = lazy.Regexp(`(?i)^[a-z][a-z0-9\-_.]*[a-z0-9]$`)
	tag       = lazy.Regexp(`(?i)^[a-z0-9_][a-z0-9_\-+.]*$`)
	mac       = lazy.Regexp(`(?i)^[a-f0-9][02468ace](?::[a-f0-9]{2}){5}$`)
	configID  = lazy.Regexp(`(?i)^[a-z][a-z0-9_-]+$`)
	volume    = lazy.Regexp(`^[A-Za-z][A-Za-z0-9\-_.]*[A-Za-z0-9]:.+$`)
	diskSize  = lazy.Regexp(`^\d+(?:\.\d+)?[KMGT]?$`)
	startup   = lazy.Regexp(`^(?:(?:order=)?\d+|up=\d+|down=\d+)(?:,(?:(?:order=)?\d+|up=\d+|down=\d+))*$`)
)

// zones are the time zones of tzdata's zone.tab (2025b), in which Proxmox looks: Etc/UTC and old
// names such as US/Eastern are not among them.
//
//go:embed zones.txt
var zones string

var (
	userID    = lazy.Regexp(`^[^\s:/]+@[A-Za-z][A-Za-z0-9.\-_]+$`)
	tokenID   = lazy.Regexp(`^[^\s:/]+@[A-Za-z][A-Za-z0-9.\-_]+![A-Za-z][A-Za-z0-9.\-_]+$`)
	haService = lazy.Regexp(`^(?:(?:vm|ct):)?[1-9]\d{2,8}$`)
	poolName  = lazy.Regexp(`^[A-Za-z0-9.\-_]+(?:/[A-Za-z0-9.\-_]+){0,2}$`)
	roleName  = lazy.Regexp(`^[A-Za-z0-9.\-_]+$`)
)

// checkFormat returns Proxmox's message, "" if the value is well formed. A
// format that it does not know passes.
func checkFormat(format, value string) string {
	if of, ok := strings.CutSuffix(format, "-list"); ok {
		for _, v := range strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune(",; \t\n", r) }) {
			if msg := checkFormat(of, v); msg != "" {
				return msg
			}
		}
		return ""
	}
	return checkOne(format, value)
}

func checkOne(format, value string) string {
	unless := func(ok bool, msg string) string {
		if ok {
			return ""
		}
		return msg
	}
	switch format {
	case "dns-name":
		return unless(dnsName().MatchString(value), "value does not look like a valid DNS name")
	case "node":
		return unless(nodeName().MatchString(value), "value does not look like a valid node name")
	case "vmid":
		return unless(vmid().MatchString(value), "value does not look like a valid VM ID")
	case "storage-id":
		return unless(storageID().MatchString(value), "storage ID '"+value+"' contains illegal characters")
	case "tag":
		return unless(tag().MatchString(value), "invalid characters in tag")
	case "mac-addr":
		return unless(mac().MatchString(value), "value does not look like a valid unicast MAC address")
	case "configid":
		return unless(configID().MatchString(value), "invalid configuration ID '"+value+"'")
	case "volume-id":
		return unless(volume().MatchString(value), "unable to parse volume ID '"+value+"'")
	case "disk-size":
		return unless(diskSize().MatchString(value), "value does not look like a valid disk size: "+value)
	case "startup-order":
		return unless(startup().MatchString(value), "unable to parse startup options")
	case "timezone":
		return unless(value == "host" || value == "UTC" || slices.Contains(strings.Fields(zones), value), "invalid time zone '"+value+"'")
	case "userid":
		return unless(userID().MatchString(value), "value '"+value+"' does not look like a valid user name")
	case "tokenid":
		return unless(tokenID().MatchString(value), "value '"+value+"' does not look like a valid token ID")
	case "roleid":
		return unless(roleName().MatchString(value), "role name '"+value+"' contains invalid characters")
	case "ha-resource":
		return unless(haService().MatchString(value), "value does not look like a valid ha resource id")
	case "poolid":
		if strings.Count(value, "/") > 2 {
			return "pool name '" + value + "' nested too deeply (max levels = 3)"
		}
		return unless(poolName().MatchString(value), "pool name '"+value+"' contains invalid characters")
	case "content":
		known := []string{"images", "rootdir", "vztmpl", "iso", "backup", "snippets", "import", "none"}
		return unless(slices.Contains(known, value), "invalid content type '"+value+"'")
	}
	return checkAddress(format, value, unless)
}

func checkAddress(format, value string, unless func(bool, string) string) string {
	addr, err := netip.ParseAddr(value)
	net, netErr := netip.ParsePrefix(value)
	switch format {
	case "ipv4":
		return unless(err == nil && addr.Is4(), "value does not look like a valid IPv4 address")
	case "ipv6":
		return unless(err == nil && addr.Is6(), "value does not look like a valid IPv6 address")
	case "ip":
		return unless(err == nil, "value does not look like a valid IP address")
	case "ipv4-config":
		ok := value == "dhcp" || value == "manual" || netErr == nil && net.Addr().Is4() && net.Bits() > 7
		return unless(ok, "value does not look like a valid ipv4 network configuration")
	case "ipv6-config":
		ok := value == "auto" || value == "dhcp" || value == "manual" || netErr == nil && net.Addr().Is6() && net.Bits() > 7
		return unless(ok, "value does not look like a valid ipv6 network configuration")
	}
	return ""
}
