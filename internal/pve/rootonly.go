package pve

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/infrahaus/infrahaus/internal/lxc"
)

// Way is what a create knows of the ways into the guest and onto the node.
type Way struct {
	Inside   []string   // privileges on the container that getting into it needs
	Node     bool       // this program can run pct on the node, as root
	Registry Registry   // looks images up; nil: no registry is asked
	Baked    *BakedWish // an image to use instead of the OS template; nil: none
}

// Setting is one key of a container's configuration, with its value as Proxmox writes it.
type Setting struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// OnNode are the settings of a spec that the API refuses to this login and that `pct set` on
// the node makes: whatever the privileges, Proxmox accepts them only from root@pam with a
// ticket. A token of root is not root@pam. They depend on nothing but the spec and the login.
func (c *Client) OnNode(s lxc.Spec) []Setting {
	if c.login.root() {
		return nil
	}
	var out []Setting
	all, rest := features(s.Features), s.Features
	rest.Nesting = false
	if all != "" && (!s.Unprivileged || features(rest) != "") {
		out = append(out, Setting{"features", all})
	}
	for i, m := range s.Mounts {
		if m.Bind() {
			out = append(out, Setting{"mp" + strconv.Itoa(i), MountText(m, "")})
		}
	}
	for i, d := range s.Devices {
		out = append(out, Setting{"dev" + strconv.Itoa(i), DeviceText(d)})
	}
	return out
}

// checkRootOnly leaves to the node what this login may not set, or refuses it.
func (r *resolver) checkRootOnly(context.Context) error {
	settings := r.c.OnNode(r.spec)
	switch {
	case len(settings) == 0:
		return nil
	case r.way.Node:
		r.out.OnNode = settings
		return nil
	case settings[0].Key == "features":
		return r.featuresRefused(settings[0].Value)
	}
	e := &Error{Kind: Forbidden, Field: "device"}
	values := make([]string, len(settings))
	for i, s := range settings {
		values[i], _, _ = strings.Cut(s.Value, ",")
	}
	e.Op, e.Reason = "pass devices of the node to the container", "Proxmox lets only root@pam itself do that ("+strings.Join(values, ", ")+")"
	if strings.HasPrefix(settings[0].Key, "mp") {
		e.Field, e.Op = "mount", "mount folders of the node in the container"
	}
	e.Reason += r.notRoot()
	e.Hints = append(e.Hints, nodeWayHint, rootLoginHint)
	return e
}

const (
	nodeWayHint   = "or let it be set on the node: set INFRAHAUS_SSH_NODE (user@host:port), or ssh.node in the config"
	rootLoginHint = "or log in as root@pam with its password instead of a token: set INFRAHAUS_USER and INFRAHAUS_PASSWORD"
)

// notRoot says why this login is not root@pam.
func (r *resolver) notRoot() string {
	if who := r.c.login; who.token == "" {
		return ", not " + who.user
	}
	return "; the token " + r.c.login.token + " is not, whatever its privileges"
}

func (r *resolver) featuresRefused(all string) error {
	rest := r.spec.Features
	rest.Nesting = false
	reason := "Proxmox lets only root@pam itself set features (" + all + ") of a privileged container"
	if r.spec.Unprivileged {
		reason = "Proxmox lets only root@pam itself set features other than nesting (" + features(rest) + ")"
	}
	e := &Error{Kind: Forbidden, Op: "set the container's features", Field: "features", Reason: reason + r.notRoot()}
	ctid := strconv.Itoa(r.out.CTID)
	onNode := fmt.Sprintf("on the node: pct set %s --features '%s' && pct reboot %s", ctid, all, ctid)
	if features(rest) == "" {
		e.Hints = []string{"do without: --nesting=false", "or, with that, afterwards " + onNode}
	} else {
		e.Hints = []string{"leave them out, and afterwards " + onNode}
	}
	e.Hints = append(e.Hints, nodeWayHint, rootLoginHint)
	return e
}
