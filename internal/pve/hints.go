package pve

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/infrahaus/infrahaus/internal/lazy"
)

var (
	deniedForm  = lazy.Regexp(`^Permission check failed \((/[^,\s]*), ([A-Za-z.]+(?:[,|]\s?[A-Za-z.]+)*)\)`)
	storageForm = lazy.Regexp(`^storage '([^']+)' (does not exist|is disabled|is not available|is not online)`)
	lockedForm  = lazy.Regexp(`^CT is locked \(([a-z-]+)\)|CT (\d+) is locked`)
)

// noPortForm is the message of a start if a bridge has no port that could carry the VLAN.
var noPortForm = lazy.Regexp(`no physical interface on bridge '([^']+)'`)

// noPortHint is advice without a command. The API's change of a bridge removes every
// setting that the request leaves out, even the node's own address.
func noPortHint(bridge string) string {
	return "for a VLAN, bridge " + bridge + " has to be VLAN aware or to have a port: on the node, bridge-vlan-aware yes in its part of /etc/network/interfaces, then ifreload -a; " +
		"or create it without --vlan, or on another --bridge"
}

// newerForm is the message of pve-container for a version of a distribution that is newer
// than its table of distributions. A start has it only in the log, because there it comes
// from a hook of lxc.
var newerForm = lazy.Regexp(`(?i)\bunsupported [a-z]+( linux| leap)? (version|release)\b|\bunknown [a-z]+ (version|release) '`)

var newerHints = []string{
	"the node's pve-container is older than this distribution; on the node: apt update && apt install pve-container",
	"or use an older OS template (os in the template); on the node: pveam available --section system",
}

// addHints adds the user's name of the faulty setting, and hints, to an answer of
// Proxmox.
func (c *Client) addHints(e *Error) {
	for key, msg := range e.Params {
		e.Field = fieldOf(key, msg)
	}
	if len(e.Params) > 1 {
		e.Field = ""
	}
	r := e.Reason
	switch {
	case e.Kind == Unauthorized:
		c.explainLogin(e)
	case strings.Contains(r, "changing feature flags"):
		e.Field = "features"
		e.Hints = append(e.Hints, rootOnlyHints...)
	case strings.Contains(r, "configuring device passthrough"):
		e.Field, e.Hints = "device", append(e.Hints, nodeWayHint, rootLoginHint)
	case strings.Contains(r, "mount point type"):
		e.Field, e.Hints = "mount", append(e.Hints, nodeWayHint, rootLoginHint)
	case strings.HasPrefix(r, "Permission check failed (pool '"):
		e.Field = "pool"
	case deniedForm().MatchString(r):
		e.Hints = append(e.Hints, c.deniedHints(deniedForm().FindStringSubmatch(r))...)
	case storageForm().MatchString(r):
		e.Field = "storage"
	case strings.Contains(r, "already exists on node"):
		e.Field = "ctid"
	case strings.Contains(r, "SSH public key validation error"):
		e.Field = "ssh-key"
	case strings.HasPrefix(r, "unable to use volume"), strings.Contains(r, "Only root can pass arbitrary filesystem paths"):
		e.Field = "os"
	case lockedForm().MatchString(r):
		e.Hints = append(e.Hints, lockedHint(ctidOf(e.Op)))
	case strings.Contains(r, "protection mode enabled"):
		e.Hints = append(e.Hints, "it is protected against removal; on the node: pct set "+ctidOf(e.Op)+" --protection 0")
	case e.Params["template"] == "no such template":
		e.Field = "os"
		e.Hints = append(e.Hints, "the node's appliance index may be old; on the node: pveam update")
	}
}

func lockedHint(ctid string) string {
	return "another task is at work on it; a lock left behind by one that died is freed on the node with: pct unlock " + ctid
}

// ctidOf returns the container that the failed operation names, for a command line.
func ctidOf(op string) string {
	_, rest, _ := strings.Cut(op, "container ")
	id, _, _ := strings.Cut(rest, " ")
	if _, err := strconv.Atoi(id); err != nil {
		return "CTID"
	}
	return id
}

// rootOnlyHints are the ways to set feature flags that a token may not set.
var rootOnlyHints = []string{
	"log in as root@pam with its password instead of a token: set INFRAHAUS_USER and INFRAHAUS_PASSWORD",
	"or create it without them, and set them on the node afterwards with pct set --features",
}

// explainLogin gives a 401 a message. Its body is empty and its reason says little: only
// the node's system log tells whether the token, its secret, the user or the realm is
// wrong. The message leaves out the request, which differs from run to run, so that one
// cause has one message.
func (c *Client) explainLogin(e *Error) {
	e.Op = "log in to Proxmox at " + c.host()
	if e.factor {
		return
	}
	said := e.Reason
	if c.login.token != "" {
		e.Reason = "the token " + c.login.token + " or its secret is not accepted"
		if _, name := cutLast(c.login.token, "!"); len(name) < 2 {
			e.Hints = append(e.Hints, fmt.Sprintf("Proxmox has no token named %q: their names have two characters at least", name))
		}
		e.Hints = append(e.Hints, "its form is user@realm!name=secret; on the node: pveum user token list "+c.login.user)
	} else {
		e.Reason = "the user " + c.login.user + " or the password is not accepted"
		e.Hints = append(e.Hints, "is the realm right? root@pam is the node's root, name@pve one of Proxmox's own users")
	}
	if said != "" && !strings.EqualFold(strings.TrimRight(said, "!"), "authentication failed") && !strings.EqualFold(said, "authentication failure") {
		e.Reason += " (" + said + ")"
	}
}

// deniedHints grant the privileges that Proxmox reports as missing: one of A|B, both of
// A,B.
func (c *Client) deniedHints(m []string) []string {
	first, _, _ := strings.Cut(m[2], "|")
	var needs []need
	for p := range strings.SplitSeq(first, ",") {
		n := need{at: m[1], privilege: strings.TrimSpace(p)}
		if strings.HasPrefix(n.at, "/vms/") {
			n.grant = "/vms"
		}
		needs = append(needs, n)
	}
	return (&permissions{client: c}).grantHints(needs)
}
