package pve

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/infrahaus/infrahaus/internal/lazy"
	"github.com/infrahaus/infrahaus/internal/oci"
)

// pull has Proxmox pull the placement's image, and waits for it. A pull of the same archive
// that runs already, such as that of a run that was killed, is followed instead. If the log
// shows that another image came than the registry had announced, its archive is removed
// again: its name would lie.
func (c *Client) pull(ctx context.Context, p *Placement, w Watch) error {
	t := p.Template
	op := "pull the image " + t.Image
	w.waiting(fmt.Sprintf("pulling %s to %s", t.Image, t.Storage))
	upid := c.pulling(ctx, p)
	if upid == "" {
		body := map[string]any{"reference": t.Image, "filename": strings.TrimSuffix(t.Name, ".tar")} // Proxmox adds .tar
		err := unlocked(ctx, func() error {
			return c.begin(ctx, op, http.MethodPost, join("nodes", p.Node, "storage", t.Storage, "oci-registry-pull"), body, &upid)
		})
		var e *Error
		switch {
		case errors.As(err, &e) && strings.Contains(e.Reason, "refusing to override existing file") && c.present(ctx, p):
			p.Template.Download = false // another run was first
			return nil
		case err != nil:
			return pullRefused(err)
		}
	}
	res, err := c.Follow(ctx, upid, w)
	if err != nil {
		if ctx.Err() == nil && c.present(ctx, p) {
			p.Template.Download = false
			return nil
		}
		return notPulled(err, p)
	}
	p.Template.Download = false
	return c.pulled(ctx, op, p, res)
}

// pulling is the task that pulls the archive already, "" for none. It looks at running tasks
// of this login only: Proxmox shows others to those with Sys.Audit.
func (c *Client) pulling(ctx context.Context, p *Placement) string {
	var raw []struct{ UPID, Type, ID text }
	path := join("nodes", p.Node, "tasks") + "?source=active&typefilter=ociregistrypull"
	if err := c.get(ctx, "look for a pull that runs", path, &raw); err != nil {
		return "" // Proxmox will say so if there is one
	}
	for _, t := range raw {
		if _, err := taskPath("", t.UPID.String()); err == nil && t.Type == "ociregistrypull" && t.ID.String() == p.Template.Name {
			return t.UPID.String()
		}
	}
	return ""
}

// pulled compares what came with what the registry announced.
func (c *Client) pulled(ctx context.Context, op string, p *Placement, res Result) error {
	id := oci.IDOf(res.Lines)
	switch {
	case p.Image == nil:
		return nil
	case p.Found == nil || id == "":
		p.Image.ID = id
		return nil
	case p.Found.Pulled(res.Lines):
		p.Image.ID = id
		return nil
	}
	e := &Error{Kind: Refused, Op: op, Field: "image",
		Reason: fmt.Sprintf("the node has pulled another image (%s) than the registry had announced here (%s): the tag has moved meanwhile, or the node asks another registry", id, p.Found.ID)}
	if err := c.removeVolume(ctx, p.Node, p.Template.VolID); err != nil {
		e.Hints = append(e.Hints, "its archive could not be removed ("+err.Error()+"); on the node: pvesm free "+p.Template.VolID)
	}
	return e
}

// removeVolume removes a volume of a storage.
func (c *Client) removeVolume(ctx context.Context, node, volume string) error {
	storage, _, _ := strings.Cut(volume, ":")
	var upid string
	if err := c.begin(ctx, "remove "+volume, http.MethodDelete, join("nodes", node, "storage", storage, "content", volume), nil, &upid); err != nil {
		return err
	}
	_, err := c.Follow(ctx, upid, Watch{})
	return err
}

// pullRefused explains a pull that did not begin.
func pullRefused(err error) error {
	var e *Error
	if errors.As(err, &e) && strings.Contains(e.Reason, "Install 'skopeo'") {
		out := *e
		out.Hints = append(slices.Clone(e.Hints), "on the node: apt install skopeo")
		return &out
	}
	return err
}

// pullFailures are the usual causes of a failed pull, by what skopeo says of them.
var pullFailures = []struct {
	said   func() *regexp.Regexp
	reason string
	hint   string // %[1]s is the registry, %[3]s the repository, %[4]s the name of its host
}{
	{lazy.Regexp(`manifest unknown|name unknown|repository name not known|not found`), "the registry has no such image or tag",
		"on the node, to see its tags: skopeo list-tags docker://%[3]s"},
	{lazy.Regexp(`unauthorized|authentication required|denied|invalid username/password`), "the registry wants a login, or does not know the image",
		"Proxmox's API takes no login for a registry; on the node, as root: skopeo login %[1]s"},
	{lazy.Regexp(`no image found in (?:manifest list|image index) for architecture`), "the registry has it for other architectures only", ""},
	{lazy.Regexp(`no space left on device`), "the storage is full", "on the node: pvesm status"},
	{lazy.Regexp(`x509|certificate|server gave HTTP response to HTTPS client`), "the node does not trust the registry",
		"if it is one of your own: add its authority to the node's certificates (/usr/local/share/ca-certificates, update-ca-certificates)"},
	{lazy.Regexp(`toomanyrequests|rate limit`), "the registry has had too many requests from the node", "wait, or on the node, as root: skopeo login %[1]s"},
	{lazy.Regexp(`dial tcp|no such host|connection refused|i/o timeout|no route to host|pinging container registry`), "the node cannot reach the registry",
		"it is the node that pulls: does its DNS work? on the node: getent hosts %[4]s"},
}

// notPulled explains a pull that failed by the last lines of its log.
func notPulled(err error, p *Placement) error {
	var e *Error
	if !errors.As(err, &e) || e.Kind != TaskFailed {
		return err
	}
	out := *e
	out.Op, out.Field = "pull the image "+p.Template.Image, "image"
	ref, perr := oci.Parse(p.Template.Image)
	if perr != nil {
		return &out
	}
	host := ref.Host
	if u, uerr := url.Parse("//" + ref.Host); uerr == nil {
		host = u.Hostname()
	}
	text := strings.Join(append(slices.Clone(e.Log), e.Reason), "\n")
	for _, f := range pullFailures {
		if !f.said().MatchString(text) {
			continue
		}
		out.Reason = f.reason
		if f.hint != "" {
			out.Hints = append(slices.Clone(e.Hints), strings.NewReplacer("%[1]s", ref.Host, "%[3]s", ref.Repository(), "%[4]s", host).Replace(f.hint))
		}
		return &out
	}
	return &out
}
