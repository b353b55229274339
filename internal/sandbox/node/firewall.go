package node

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/infrahaus/infrahaus/internal/lazy"
)

// firewall is a container's firewall file. No packet is filtered by it: the simulated guests
// are reached as if it were off.
type firewall struct {
	Options map[string]string   `json:"options,omitempty"`
	Rules   []map[string]string `json:"rules,omitempty"`
}

// firewallOptions are the options of a container's firewall. true: a number.
var firewallOptions = map[string]bool{
	"enable": true, "macfilter": true, "dhcp": true, "ndp": true, "radv": true, "ipfilter": true,
	"policy_in": false, "policy_out": false, "log_level_in": false, "log_level_out": false,
}

// ruleKeys are what a rule has. true: a number.
var ruleKeys = map[string]bool{
	"type": false, "action": false, "macro": false, "iface": false, "source": false, "dest": false, "proto": false, "enable": true,
	"log": false, "sport": false, "dport": false, "comment": false, "icmp-type": false,
}

// macros are those of pve-firewall, by their names in small letters.
var macros = func() map[string]string {
	m := map[string]string{}
	for name := range strings.FieldsSeq("Amanda Auth BGP BitTorrent BitTorrent32 Ceph CVS Citrix DAAP DCC DHCPfwd DHCPv6 DNS Distcc FTP Finger GNUnet GRE Git HKP HTTP HTTPS " +
		"ICPV2 ICQ IMAP IMAPS IPIP IPsec IPsecah IPsecnat IRC Jetdirect L2TP LDAP LDAPS MSNP MSSQL Mail MDNS Munin MySQL NNTP NNTPS NTP NeighborDiscovery OSPF OpenVPN PCA PMG " +
		"POP3 POP3S PPtP Ping PostgreSQL Printer RDP RIP RNDC Razor Rdate Rsync SANE SMB SMBswat SMTP SMTPS SNMP SPAMD SSH SVN SixXS SPICEproxy Squid Submission Syslog TFTP " +
		"Telnet Telnets Time Trcrt VNC VNCL Web Webcache Webmin Whois") {
		m[strings.ToLower(name)] = name
	}
	return m
}()

// withPorts are the protocols that have ports; icmps are those that have types.
var (
	withPorts = strings.Fields("udp 17 udplite 136 tcp 6 dccp 33 sctp 132")
	icmps     = strings.Fields("icmp icmpv6 ipv6-icmp 1 58")
	protocols = strings.Fields("ah egp eigrp encap esp etherip fc ggp gre hip hmp iatp icmp icmpv6 idpr-cmtp idrp igmp igp ip ipcomp ipencap ipip ipv6 ipv6-icmp " +
		"ipv6-nonxt ipv6-opts ipv6-route isis l2tp manet mpls-in-ip ospf pim pup rdp rohc rspf rsvp sctp shim6 skip st tcp udp udplite vmtp vrrp wesp xns-idp xtp dccp")
)

var guestIface = lazy.Regexp(`^net(\d+)$`)

// modified is assert_if_modified.
func modified(digest, given string) error {
	if given != "" && given != digest {
		return fail("detected modified configuration - file changed by other user? Try again.")
	}
	return nil
}

// firewallOf is a container's firewall; mu held. Proxmox reads and writes the file of an id that
// no container has, too.
func (n *Node) firewallOf(vmid int) *firewall {
	if f := n.st.Firewalls[vmid]; f != nil {
		return f
	}
	return &firewall{}
}

// changeFirewall changes a container's firewall, or nothing if do fails.
func (n *Node) changeFirewall(vmid int, do func(*firewall) error) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	f := n.firewallOf(vmid).copy()
	if err := do(f); err != nil {
		return err
	}
	if n.st.Firewalls == nil {
		n.st.Firewalls = map[int]*firewall{}
	}
	n.st.Firewalls[vmid] = f
	return n.save()
}

func (f *firewall) copy() *firewall {
	to := &firewall{Options: map[string]string{}}
	maps.Copy(to.Options, f.Options)
	for _, r := range f.Rules {
		to.Rules = append(to.Rules, maps.Clone(r))
	}
	return to
}

// digestOf is the digest of a list of sections, as copy_list_with_digest makes it.
func digestOf(list ...map[string]string) string {
	h := sha1.New()
	for _, m := range list {
		for _, k := range slices.Sorted(maps.Keys(m)) {
			fmt.Fprintf(h, "%s:%s\n", k, m[k])
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

func numbersOf(m map[string]string, numbers map[string]bool) map[string]any {
	out := map[string]any{}
	for k, v := range m {
		out[k] = v
		if i, err := strconv.Atoi(v); err == nil && numbers[k] {
			out[k] = i
		}
	}
	return out
}

// FirewallOptions is GET /lxc/ID/firewall/options.
func (n *Node) FirewallOptions(vmid int) map[string]any {
	n.mu.Lock()
	defer n.mu.Unlock()
	f := n.firewallOf(vmid)
	m := numbersOf(f.Options, firewallOptions)
	m["digest"] = digestOf(f.Options)
	return m
}

// SetFirewallOptions is PUT /lxc/ID/firewall/options.
func (n *Node) SetFirewallOptions(vmid int, p Params) error {
	return n.changeFirewall(vmid, func(f *firewall) error {
		if err := modified(digestOf(f.Options), p["digest"]); err != nil {
			return err
		}
		for _, key := range splitList(p["delete"]) {
			if _, ok := firewallOptions[key]; !ok {
				return badParam("delete", "no such option '"+key+"'")
			}
			delete(f.Options, key)
		}
		for key, number := range firewallOptions {
			if v, given := p[key]; given && number {
				f.Options[key] = strconv.Itoa(flag(p.bool(key)))
			} else if given {
				f.Options[key] = v
			}
		}
		return nil
	})
}

func (f *firewall) rule(pos int) (map[string]any, error) {
	if pos >= len(f.Rules) {
		return nil, fail("no rule at position %d", pos)
	}
	m := numbersOf(f.Rules[pos], ruleKeys)
	m["pos"], m["digest"] = pos, digestOf(f.Rules...)
	if v, err := strconv.Atoi(f.Rules[pos]["ipversion"]); err == nil {
		m["ipversion"] = v
	}
	return m, nil
}

// FirewallRules is GET /lxc/ID/firewall/rules.
func (n *Node) FirewallRules(vmid int) []map[string]any {
	n.mu.Lock()
	defer n.mu.Unlock()
	f := n.firewallOf(vmid)
	rows := []map[string]any{}
	for pos := range f.Rules {
		row, _ := f.rule(pos) // it is there
		rows = append(rows, row)
	}
	return rows
}

// FirewallRule is GET /lxc/ID/firewall/rules/POS.
func (n *Node) FirewallRule(vmid, pos int) (map[string]any, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.firewallOf(vmid).rule(pos)
}

// AddFirewallRule is POST /lxc/ID/firewall/rules: the new rule is the first.
func (n *Node) AddFirewallRule(vmid int, p Params) error {
	return n.changeFirewall(vmid, func(f *firewall) error {
		rule := map[string]string{}
		copyRule(rule, p)
		if err := verifyRule(rule); err != nil {
			return err
		}
		if _, given := p["enable"]; !given {
			rule["enable"] = "0"
		}
		f.Rules = slices.Insert(f.Rules, 0, rule)
		return nil
	})
}

// ChangeFirewallRule is PUT /lxc/ID/firewall/rules/POS; with moveto it only moves the rule.
func (n *Node) ChangeFirewallRule(vmid, pos int, p Params) error {
	return n.changeFirewall(vmid, func(f *firewall) error {
		if err := modified(digestOf(f.Rules...), p["digest"]); err != nil {
			return err
		}
		if pos >= len(f.Rules) {
			return fail("no rule at position %d", pos)
		}
		rule := f.Rules[pos]
		if to, err := strconv.Atoi(p["moveto"]); err == nil && to != pos {
			if to > pos { // the position counts the rule itself
				to--
			}
			f.Rules = slices.Delete(f.Rules, pos, pos+1)
			f.Rules = slices.Insert(f.Rules, min(to, len(f.Rules)), rule)
			return nil
		}
		copyRule(rule, p)
		for _, key := range splitList(p["delete"]) {
			if _, ok := ruleKeys[key]; !ok {
				return badParam("delete", "no such property ('"+key+"')")
			}
			if key == "type" || key == "action" {
				return badParam("delete", "unable to delete required property '"+key+"'")
			}
			delete(rule, key)
		}
		return verifyRule(rule)
	})
}

// RemoveFirewallRule is DELETE /lxc/ID/firewall/rules/POS.
func (n *Node) RemoveFirewallRule(vmid, pos int, p Params) error {
	return n.changeFirewall(vmid, func(f *firewall) error {
		if err := modified(digestOf(f.Rules...), p["digest"]); err != nil {
			return err
		}
		if pos >= len(f.Rules) {
			return fail("no rule at position %d", pos)
		}
		f.Rules = slices.Delete(f.Rules, pos, pos+1)
		return nil
	})
}

// copyRule is copy_rule_data: an empty value and - remove a key.
func copyRule(rule map[string]string, p Params) {
	for key := range ruleKeys {
		switch v, given := p[key]; {
		case !given:
		case v == "" || v == "-":
			delete(rule, key)
		default:
			rule[key] = v
		}
	}
}

// verifyRule is verify_rule of a container. The cluster of the sandbox has no security groups,
// IP sets or aliases.
func verifyRule(rule map[string]string) error {
	switch {
	case rule["type"] == "":
		return badParam("type", "missing property")
	case rule["action"] == "":
		return badParam("action", "missing property")
	case rule["type"] == "forward":
		return badParam("type", "invalid rule type 'forward' for rule_env 'ct'")
	case rule["type"] != "group" && !slices.Contains([]string{"ACCEPT", "DROP", "REJECT"}, rule["action"]):
		return badParam("action", "unknown action '"+rule["action"]+"'")
	case rule["iface"] != "" && !guestIface().MatchString(rule["iface"]):
		return badParam("iface", "value does not match the regex pattern 'net\\d+'")
	}
	if m := rule["macro"]; m != "" {
		if rule["macro"] = macros[strings.ToLower(m)]; rule["macro"] == "" {
			return badParam("macro", "unknown macro '"+m+"'")
		}
	}
	if err := verifyPorts(rule); err != nil {
		return err
	}
	version := ""
	for _, key := range []string{"source", "dest"} {
		v, err := addressVersion(rule[key])
		switch {
		case err != "":
			return badParam(key, err)
		case v != "" && version != "" && v != version:
			return fail("detected mixed ipv4/ipv6 addresses in rule")
		case v != "":
			version = v
		}
	}
	delete(rule, "ipversion")
	if version != "" {
		rule["ipversion"] = version
	}
	return nil
}

func verifyPorts(rule map[string]string) error {
	proto := rule["proto"]
	number, err := strconv.Atoi(proto)
	if proto != "" && !slices.Contains(protocols, proto) && (err != nil || number > 255) {
		return badParam("proto", "unknown protocol '"+proto+"'")
	}
	icmp := slices.Contains(icmps, proto)
	for _, key := range []string{"dport", "sport"} {
		switch {
		case rule[key] == "":
		case badPorts(rule[key]) != "":
			return badParam(key, badPorts(rule[key]))
		case proto == "":
			return badParam("proto", "missing property - '"+key+"' requires this property")
		case !slices.Contains(withPorts, proto) && (key == "sport" || !icmp):
			return badParam(key, "protocol '"+proto+"' does not support ports")
		}
	}
	if rule["icmp-type"] != "" && !icmp {
		return badParam("proto", "missing property - 'icmp-type' requires this property")
	}
	return nil
}

// services are names of ports; the node's /etc/services has more.
var services = strings.Fields("domain ftp http https imap imaps ldap ldaps mysql ntp pop3 pop3s postgresql smtp snmp ssh submission syslog telnet tftp")

func badPorts(list string) string {
	for item := range strings.SplitSeq(list, ",") {
		low, high, ranged := strings.Cut(item, ":")
		a, err := strconv.ParseUint(low, 10, 32)
		switch {
		case err != nil && !ranged && slices.Contains(services, item):
			continue
		case err != nil:
			return "invalid port '" + item + "'"
		case a > 65535:
			return "invalid port '" + low + "'"
		case !ranged:
			continue
		}
		switch b, err := strconv.ParseUint(high, 10, 32); {
		case err != nil:
			return "invalid port '" + item + "'"
		case b > 65535:
			return "invalid port '" + high + "'"
		case a > b:
			return fmt.Sprintf("backwards range '%d:%d' not allowed, did you mean '%d:%d'?", a, b, b, a)
		}
	}
	return ""
}

var aliasName = lazy.Regexp(`^(?:dc/|guest/)?[A-Za-z][A-Za-z0-9_-]+$`)

// addressVersion is 4 or 6 for a list of addresses, networks or one range, "" for none.
func addressVersion(list string) (version, wrong string) {
	switch {
	case list == "":
		return "", ""
	case strings.HasPrefix(list, "+"):
		return "", "no such ipset '" + strings.TrimPrefix(strings.TrimPrefix(list[1:], "dc/"), "guest/") + "'"
	case aliasName().MatchString(list):
		return "", "no such alias '" + list + "'"
	}
	for item := range strings.SplitSeq(list, ",") {
		low, _, _ := strings.Cut(item, "-")
		low, _, _ = strings.Cut(low, "/")
		a, err := netip.ParseAddr(low)
		if err != nil {
			return "", "invalid IP address: Cannot determine IP version for " + item
		}
		v := "6"
		if a.Is4() {
			v = "4"
		}
		if version != "" && version != v {
			return "", "detected mixed ipv4/ipv6 addresses in address list '" + list + "'"
		}
		version = v
	}
	return version, ""
}
