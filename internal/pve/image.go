package pve

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"

	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/oci"
)

// Registry looks an image up where it comes from, for an architecture. See oci.Registry.Look.
type Registry func(ctx context.Context, ref oci.Reference, arch string) (oci.Found, error)

// imagesSince is the version of Proxmox VE that made the first container from an OCI image.
const imagesSince = "9.1"

// image is the search for one image.
type image struct {
	asked oci.Reference // as it was asked for
	ref   oci.Reference // the same, with the digest that a lock file has for it
	found *oci.Found    // nil: the registry was not asked, or did not tell
	why   string        // of a nil found
	moved string        // what the tag stands for now, if that is not the digest that is asked for
	gone  bool          // the registry does not have the tag
}

// digest is the content that the archive must have, "" if any will do.
func (i *image) digest() string {
	if i.ref.Digest != "" || i.found == nil {
		return i.ref.Digest
	}
	return i.found.Digest
}

// locked reports whether a lock file says which digest it must have.
func (i *image) locked() bool { return i.asked.Digest != i.ref.Digest }

// pullable reports whether Proxmox can pull the image. It pulls by a tag alone, so a digest
// can only be had while a tag stands for it.
func (i *image) pullable() bool {
	return i.ref.Tag != "" && i.moved == "" && !i.gone && (i.ref.Digest == "" || i.found != nil)
}

// chooseImage finds the archive of an image on a storage of the node, or the storage to which
// it will be pulled. An archive that this program has pulled has its digest in its name. Any
// other archive is taken only where no particular digest is asked for, and the image cannot
// be pulled.
func (r *resolver) chooseImage(ctx context.Context, wish string) error {
	asked, err := oci.Parse(wish)
	if err != nil {
		return err // CheckSpec has said it before
	}
	ref, err := oci.Parse(r.spec.Pinned(wish))
	if err != nil {
		return err
	}
	if !Satisfies(r.out.Version.Full, ">="+imagesSince) {
		return &Error{Kind: Refused, Op: "use the image " + ref.Short(), Field: "image", noTemplate: true,
			Reason: "containers from OCI images need Proxmox VE " + imagesSince + " or later, and the host has " + r.out.Version.Full}
	}
	if r.arch == "" {
		r.arch = r.c.architecture(ctx, r.out.Node)
	}
	i := &image{asked: asked, ref: ref}
	if err := r.askRegistry(ctx, i); err != nil {
		return err
	}
	r.out.Image = &lxc.Image{Reference: asked.String(), Digest: ref.Digest}
	if i.found != nil {
		r.out.Image, r.out.Found = i.found.Image(asked), i.found
	}
	if err := r.placeImage(ctx, i); err != nil {
		return err
	}
	r.out.Image.Archive = r.out.Template.VolID
	r.imageNotes(i)
	return r.checkImage()
}

// placeImage chooses the archive.
func (r *resolver) placeImage(ctx context.Context, i *image) error {
	if d := i.digest(); d != "" {
		if a, ok := r.archiveNamed(i.ref.FileOf(d)); ok {
			r.takeArchive(a)
			return nil
		}
	}
	plain, has := r.archiveNamed(i.ref.File())
	if has && i.digest() == "" { // as with OS templates: what is there is used
		r.takeArchive(plain)
		r.warning("the digest of %s is not known: %s; whether the tag %s has moved since it was pulled cannot be told", plain.volID, i.why, i.ref.Tag)
		return nil
	}
	if !i.pullable() {
		return r.notPullable(i)
	}
	storage, err := r.downloadStorage(ctx, "")
	if err != nil {
		return err
	}
	a := archive{name: i.ref.File(), storage: storage}
	if d := i.digest(); d != "" {
		a.name = i.ref.FileOf(d)
	}
	a.volID = storage + ":vztmpl/" + a.name
	if has && i.ref.Digest == "" && !r.mayPull(ctx, storage) {
		r.takeArchive(plain)
		r.warning("%s may not pull images, so %s is used as it is; whether it is what %s stands for now cannot be told", r.c.Login(), plain.volID, i.ref.Short())
		r.out.Image, r.out.Found = &lxc.Image{Reference: i.ref.String()}, nil
		return nil
	}
	r.out.Template = Template{VolID: a.volID, Name: a.name, Storage: a.storage, Download: true, Image: i.ref.Tagged()}
	r.note("image %s, to be pulled to %s as %s", i.ref.Tagged(), a.storage, a.name)
	return nil
}

// takeArchive uses an archive that a storage has.
func (r *resolver) takeArchive(a archive) {
	r.out.Template = Template{VolID: a.volID, Name: a.name, Storage: a.storage}
	r.note("image archive %s", a.volID)
}

// mayPull reports whether Proxmox lets the login pull images to a storage.
func (r *resolver) mayPull(ctx context.Context, storage string) bool {
	return r.perms.has(ctx, "/storage/"+storage, "Datastore.AllocateTemplate") && r.perms.has(ctx, "/nodes/"+r.out.Node, "Sys.AccessNetwork")
}

func (r *resolver) archiveNamed(name string) (archive, bool) {
	i := slices.IndexFunc(r.archives, func(a archive) bool { return a.name == name })
	if i < 0 {
		return archive{}, false
	}
	return r.archives[i], true
}

// askRegistry looks the image up. An image that cannot run on the node, or that the registry
// does not have, is an error. A registry that does not answer, or wants a login, is none: it
// is the node that pulls, with its own network and login.
func (r *resolver) askRegistry(ctx context.Context, i *image) error {
	switch {
	case r.way.Registry == nil:
		i.why = "the registry was not asked"
		return nil
	case i.ref.Local() && !r.c.local():
		i.why = "the registry " + i.ref.Host + " is the node's own, and cannot be asked from here"
		return nil
	}
	found, err := r.way.Registry(ctx, i.ref, r.arch)
	var f *oci.Failure
	switch {
	case err == nil:
		i.found = &found
		for _, name := range found.SeveralLines() {
			r.warning("the image's variable %s has several lines, of which Proxmox keeps the first alone", name)
		}
		return r.askTag(ctx, i)
	case !errors.As(err, &f):
		return err
	case f.Kind == oci.Unreachable, f.Kind == oci.Denied:
		i.why = "from here, " + f.Reason
		return nil
	case f.Kind == oci.Missing:
		if _, has := r.archiveNamed(i.ref.File()); has && i.ref.Digest == "" {
			i.why, i.gone = "the registry does not have the tag any more", true
			return nil
		}
		return r.noSuchImage(ctx, i.ref)
	case f.Kind == oci.Foreign:
		return &Error{Kind: Invalid, Op: "use the image " + i.ref.Short(), Field: "image", noTemplate: true, Reason: "on node " + r.out.Node + ", " + f.Reason, Hints: []string{"use an image or a tag that is built for " + r.arch}}
	}
	return &Error{Kind: Invalid, Op: "use the image " + i.ref.Short(), Field: "image", noTemplate: true, Reason: f.Reason}
}

// askTag finds out whether a tag still stands for the digest that is asked for with it.
func (r *resolver) askTag(ctx context.Context, i *image) error {
	if i.ref.Digest == "" || i.ref.Tag == "" {
		return nil
	}
	now, err := r.way.Registry(ctx, i.ref.Pinned(""), r.arch)
	switch {
	case err == nil && (now.Digest == i.ref.Digest || now.Manifest == i.ref.Digest):
	case err == nil:
		i.moved = now.Digest
	case oci.IsKind(err, oci.Missing), oci.IsKind(err, oci.Foreign), oci.IsKind(err, oci.NoImage):
		i.gone = true
	default:
		return err
	}
	return nil
}

// noSuchImage is the error for a tag that the registry does not have, with some that it has.
func (r *resolver) noSuchImage(ctx context.Context, ref oci.Reference) error {
	e := &Error{Kind: Invalid, Op: "use the image " + ref.Short(), Field: "image", noTemplate: true, Reason: ref.Host + " has no such image"}
	tags, err := r.c.Tags(ctx, r.out.Node, ref)
	if err != nil {
		return e // the tags are help only
	}
	e.Reason = fmt.Sprintf("%s has no tag %s of it", ref.Host, cmp.Or(ref.Tag, ref.Digest))
	if n := len(tags); n > 0 {
		e.Hints = append(e.Hints, fmt.Sprintf("of its tags, the last are: %s", strings.Join(tags[max(0, n-maxTags):], ", ")))
	}
	return e
}

const maxTags = 12 // of a hint

// notPullable is the error for an image that Proxmox cannot be told to pull.
func (r *resolver) notPullable(i *image) error {
	e := &Error{Kind: Invalid, Op: "use the image " + i.ref.Short(), Field: "image", noTemplate: true}
	storage := "local"
	for _, s := range r.storages {
		if s.usable && s.holds("vztmpl") {
			storage = s.name
			break
		}
	}
	onNode := fmt.Sprintf(`on the node: skopeo copy docker://%s "oci-archive:$(pvesm path %s:vztmpl/%s)"`,
		i.ref.Repository()+"@"+i.ref.Digest, storage, i.ref.FileOf(i.ref.Digest))
	switch {
	case i.gone:
		e.Reason = fmt.Sprintf("the registry does not have the tag %s any more, and Proxmox pulls by a tag alone", i.ref.Tag)
	case i.moved != "" && i.locked():
		e.Reason = fmt.Sprintf("the tag %s stands for another image now (%s) than the lock file says, and Proxmox pulls by a tag alone", i.ref.Tag, i.moved)
		e.Hints = append(e.Hints, "to lock what it stands for now: infrahaus template lock "+oci.Prefix+i.asked.Short())
	case i.moved != "":
		e.Reason = fmt.Sprintf("the tag %s stands for another image now (%s), and Proxmox pulls by a tag alone", i.ref.Tag, i.moved)
		e.Hints = append(e.Hints, "to use what it stands for now: "+i.ref.Pinned(i.moved).Short())
	case i.ref.Tag == "":
		e.Reason = "Proxmox pulls by a tag alone, and only a digest is named"
		e.Hints = append(e.Hints, "name a tag that stands for it too: IMAGE:TAG@"+i.ref.Digest)
	default:
		e.Reason = "whether the tag " + i.ref.Tag + " stands for that digest could not be found out: " + i.why
	}
	e.Hints = append(e.Hints, onNode)
	return e
}

// imageNotes say which content is used.
func (r *resolver) imageNotes(i *image) {
	img := r.out.Image
	if i.ref.Assumed {
		r.note("image %s: no tag is named, so it is latest", i.ref.Short())
	}
	if img.Digest != "" {
		by := ""
		if i.locked() {
			by = ", as the lock file says"
		}
		r.note("image %s is %s%s", i.ref.Pinned("").Short(), img.Digest, by)
	} else if r.out.Template.Download {
		r.note("the digest of %s is not known before the pull: %s", i.ref.Short(), i.why)
	}
	if i.moved != "" {
		r.warning("the tag %s stands for another image now: %s", i.ref.Tag, i.moved)
	}
	if img.Digest == "" || !r.out.Template.Download {
		return
	}
	head := strings.TrimSuffix(i.ref.File(), ".tar") + "_sha256-"
	if n := slices.IndexFunc(r.archives, func(a archive) bool { return strings.HasPrefix(a.name, head) }); n >= 0 {
		r.note("the tag %s has moved since %s was pulled", i.ref.Tag, r.archives[n].volID)
	}
}

// checkImage refuses what a container from an image cannot have. Only an image that is known
// to be a system's is like any other OS template.
func (r *resolver) checkImage() error {
	img := r.out.Image
	if img.Kind == lxc.SystemImage {
		return nil
	}
	known := "it is an application's image"
	if img.Kind == "" {
		known = "it may be an application's image"
	}
	if r.spec.Console == "shell" {
		return &Error{Kind: Invalid, Op: "use --console shell", Field: "console",
			Reason: known + ", whose console Proxmox makes that of its only program", Hints: []string{"leave --console out"}}
	}
	for _, n := range r.spec.Networks() {
		if n.IPv6 == "auto" {
			return &Error{Kind: Invalid, Op: "use the IPv6 address auto of " + n.Name, Field: "ip6",
				Reason: known + ", whose network the node sets up, and the node knows no IPv6 autoconfiguration",
				Hints:  []string{"use a fixed address, dhcp or none"}}
		}
	}
	if img.Kind == "" {
		r.warning("what the image starts is not known before the create: %s", "its registry did not tell")
	}
	return nil
}

func (r *resolver) warning(format string, a ...any) {
	r.out.Warnings = append(r.out.Warnings, fmt.Sprintf(format, a...))
}

// local reports whether Proxmox is on this machine.
func (c *Client) local() bool {
	u, err := url.Parse(c.base)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

// Tags lists the tags of an image's repository, as the node's registry has them. The login
// needs Sys.AccessNetwork on the node.
func (c *Client) Tags(ctx context.Context, node string, ref oci.Reference) ([]string, error) {
	var raw []text
	path := join("nodes", node, "query-oci-repo-tags") + "?reference=" + url.QueryEscape(ref.Repository())
	if err := c.get(ctx, "list the tags of "+ref.Repository(), path, &raw); err != nil {
		return nil, err
	}
	tags := make([]string, len(raw))
	for i, t := range raw {
		tags[i] = t.String()
	}
	return tags, nil
}
