package pve

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/infrahaus/infrahaus/internal/lxc"
)

// Archive is an OS template on a storage of a node.
type Archive struct {
	VolID   string   `json:"volid"` // local:vztmpl/debian-12-standard_12.12-1_amd64.tar.zst
	Name    string   `json:"name"`
	Storage string   `json:"storage"`
	Node    string   `json:"node"`
	Size    int64    `json:"size"` // bytes; 0: not known
	Made    lxc.Time `json:"made"` // when the file was written; zero: not known
}

func (a archive) exported(node string) Archive {
	return Archive{VolID: a.volID, Name: a.name, Storage: a.storage, Node: node, Size: a.size, Made: lxc.At(a.made)}
}

// Baked lists the images of template bake on the storages of a node, by name. A storage that
// the login may not see has none.
func (c *Client) Baked(ctx context.Context, node string) ([]Archive, error) {
	r := &resolver{c: c, out: &Placement{Node: node}}
	if err := r.askStorages(ctx); err != nil {
		return nil, err
	}
	var out []Archive
	for _, a := range r.baked {
		out = append(out, a.exported(node))
	}
	slices.SortFunc(out, func(a, b Archive) int { return strings.Compare(a.Name+a.Storage, b.Name+b.Storage) })
	return out, nil
}

// BakedEverywhere is Baked for all nodes that are online, or for one. What is on a shared
// storage is listed once.
func (c *Client) BakedEverywhere(ctx context.Context, only string) ([]Archive, error) {
	nodes, err := c.Nodes(ctx)
	if err != nil {
		return nil, err
	}
	shared, err := c.sharedStorages(ctx)
	if err != nil {
		return nil, err
	}
	lists := make([][]Archive, len(nodes))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(8)
	known := false
	for i, n := range nodes {
		known = known || n.Name == only
		if n.Online && (only == "" || n.Name == only) {
			g.Go(func() (err error) { lists[i], err = c.Baked(gctx, n.Name); return })
		}
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	if only != "" && !known {
		return nil, &Error{Kind: Invalid, Op: "use node " + only, Field: "node", Reason: "the cluster has no such node"}
	}
	seen := map[string]bool{}
	return slices.DeleteFunc(slices.Concat(lists...), func(a Archive) bool {
		twice := shared[a.Storage] && seen[a.VolID]
		seen[a.VolID] = true
		return twice
	}), nil
}

// sharedStorages are the storages that all nodes share.
func (c *Client) sharedStorages(ctx context.Context) (map[string]bool, error) {
	var raw []struct{ Storage, Shared text }
	if err := c.get(ctx, "list the storages", "/cluster/resources?type=storage", &raw); err != nil {
		return nil, err
	}
	shared := map[string]bool{}
	for _, s := range raw {
		shared[s.Storage.String()] = s.Shared.bool()
	}
	return shared, nil
}

// ArchiveStorage chooses the storage of a node that takes a new OS template: the named one,
// else local, else the one with the most free space. It refuses one that does not take OS
// templates, or to which the login may not upload.
func (c *Client) ArchiveStorage(ctx context.Context, node, want string) (string, error) {
	r := &resolver{c: c, out: &Placement{Node: node}}
	var err error
	if r.perms, err = c.permissions(ctx); err != nil {
		return "", err
	}
	if err := r.askStorageList(ctx); err != nil {
		return "", err
	}
	if want != "" && !slices.ContainsFunc(r.storages, func(s storage) bool { return s.name == want }) {
		var names []string
		for _, s := range r.storages {
			names = append(names, s.name)
		}
		return "", r.absent("storage", want, "node "+node+" has no such storage, or the login may not see it", names)
	}
	name, err := r.downloadStorage(ctx, want)
	if err != nil {
		return "", err
	}
	if !r.perms.has(ctx, "/storage/"+name, "Datastore.AllocateTemplate") {
		return "", &Error{Kind: Forbidden, Op: "upload to storage " + name, Field: "storage",
			Reason: c.Login() + " lacks Datastore.AllocateTemplate on /storage/" + name,
			Hints:  []string{fmt.Sprintf("on the node: pveum acl modify /storage/%s --roles PVEDatastoreAdmin --users %s", name, c.login.user)}}
	}
	return name, nil
}

// Upload is a file on its way to a storage.
type Upload struct {
	Node, Storage string
	Name          string // of the OS template
	Size          int64  // bytes of Body, exactly
	SHA256        string // hex; Proxmox compares it with what has arrived
	Body          io.Reader
}

// UploadArchive sends an OS template to a storage and waits until Proxmox has checked and
// stored it. A file of that name is overwritten. An interrupted upload leaves nothing on the
// storage. It is not retried.
func (c *Client) UploadArchive(ctx context.Context, u Upload, w Watch) error {
	op := "upload " + u.Name + " to storage " + u.Storage
	var head bytes.Buffer
	form := multipart.NewWriter(&head)
	for _, f := range [][2]string{{"content", "vztmpl"}, {"checksum-algorithm", "sha256"}, {"checksum", u.SHA256}} {
		if err := form.WriteField(f[0], f[1]); err != nil {
			return err
		}
	}
	// Proxmox takes the file's name from its part, which is the last and named filename.
	if _, err := form.CreateFormFile("filename", u.Name); err != nil {
		return err
	}
	begin := head.Len()
	if err := form.Close(); err != nil {
		return err
	}
	all := head.Bytes()
	body := io.MultiReader(bytes.NewReader(all[:begin]), io.LimitReader(u.Body, u.Size), bytes.NewReader(all[begin:]))
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+join("nodes", u.Node, "storage", u.Storage, "upload"), body)
	if err != nil {
		return err
	}
	req.ContentLength = int64(len(all)) + u.Size
	req.Header.Set("Content-Type", form.FormDataContentType())
	req.Header.Set("User-Agent", c.agent)
	if c.secret != "" {
		req.Header.Set("Authorization", "PVEAPIToken="+c.secret)
	}
	res, err := (&http.Client{Transport: c.http, CheckRedirect: noRedirects}).Do(req)
	if err != nil {
		return c.explain(ctx, op, err)
	}
	defer res.Body.Close()
	var answer struct{ Data string }
	if err := json.NewDecoder(io.LimitReader(res.Body, maxAnswer)).Decode(&answer); err != nil {
		return &Error{Kind: Refused, Op: op, Reason: "Proxmox's answer has an unexpected shape", Err: err}
	}
	if _, err := taskPath(op, answer.Data); err != nil {
		return &Error{Kind: Refused, Op: op, Reason: "Proxmox answered with something else than a task", Err: err}
	}
	_, err = c.Follow(ctx, answer.Data, w)
	return err
}

// OSArchives are the OS templates of a node that a create of these choices could use now: of
// each prefix the newest, and volumes that are named.
func (c *Client) OSArchives(ctx context.Context, node string, choices []string) ([]Archive, error) {
	r := &resolver{c: c, out: &Placement{Node: node}}
	if err := r.askStorages(ctx); err != nil {
		return nil, err
	}
	var out []Archive
	for _, os := range choices {
		here := r.archives
		if s, name, ok := strings.Cut(os, ":vztmpl/"); ok {
			here = slices.DeleteFunc(slices.Clone(here), func(a archive) bool { return a.storage != s || a.name != name })
			os = name
		} else {
			here = r.runnable(ctx, here, os)
		}
		if found, fit := best(here, os); fit > 0 {
			out = append(out, found.exported(node))
		}
	}
	return out, nil
}

// FindArchive looks for an OS template on its storage; NotFound if it is not there.
func (c *Client) FindArchive(ctx context.Context, node, volID string) (Archive, error) {
	storage, _, _ := strings.Cut(volID, ":")
	list, err := c.archives(ctx, node, storage)
	if err != nil {
		return Archive{}, err
	}
	for _, a := range list {
		if a.volID == volID {
			return a.exported(node), nil
		}
	}
	return Archive{}, &Error{Kind: NotFound, Op: "find " + volID, Reason: "the storage does not list it"}
}

// RemoveArchive removes an OS template from its storage. One that is gone is no error.
func (c *Client) RemoveArchive(ctx context.Context, a Archive) error {
	return c.removeVolume(ctx, a.Node, a.VolID)
}

// BakedWish is what a create would use instead of its OS template.
type BakedWish struct {
	Name   func(osTemplate string, size int64) string // the file that has the template's packages already
	Like   string                                     // begins the names of the template's other images
	MaxAge time.Duration
	Bake   string // the command that makes the image
	Not    string // why no image can be used, although there may be one; ""
}

// Baked is an image that a create uses, with the OS template that it stands for.
type Baked struct {
	VolID string   `json:"volid"`
	Made  lxc.Time `json:"made"`
	OS    Template `json:"os"`
}

// chooseBaked takes an image in the place of the OS template, if there is one with exactly
// what the template has now, and that is young enough. Why it takes none is a note.
func (r *resolver) chooseBaked(context.Context) error {
	w, t := r.way.Baked, r.out.Template
	if w == nil || t.Image != "" {
		return nil
	}
	others := slices.DeleteFunc(slices.Clone(r.baked), func(a archive) bool { return !strings.HasPrefix(a.name, w.Like) })
	if len(others) == 0 {
		return nil
	}
	at := slices.IndexFunc(r.archives, func(a archive) bool { return a.volID == t.VolID })
	switch {
	case w.Not != "":
		r.note("not the baked image %s: %s", others[0].volID, w.Not)
		return nil
	case t.Download || at < 0:
		r.note("not the baked image %s: the node does not have the OS template %s, so that they cannot be compared", others[0].volID, t.Name)
		return nil
	}
	name := w.Name(t.Name, r.archives[at].size)
	i := slices.IndexFunc(others, func(a archive) bool { return a.name == name })
	switch {
	case i < 0:
		r.note("not the baked image %s: the template or its OS template has changed since; to bake it anew: %s", others[0].volID, w.Bake)
		return nil
	case time.Since(others[i].made) > w.MaxAge:
		r.note("not the baked image %s: it is older than %s; to bake it anew: %s", others[i].volID, Days(w.MaxAge), w.Bake)
		return nil
	}
	a := others[i]
	r.out.Baked = &Baked{VolID: a.volID, Made: lxc.At(a.made), OS: t}
	r.out.Template = Template{VolID: a.volID, Name: a.name, Storage: a.storage}
	r.note("baked image %s, with the packages in it; --no-bake does without", a.volID)
	return nil
}

// Days is an age for people: "30 days", "12 hours".
func Days(d time.Duration) string {
	n, unit := int(d.Hours()), "hour"
	if n >= 48 {
		n, unit = n/24, "day"
	}
	if n != 1 {
		unit += "s"
	}
	return fmt.Sprintf("%d %s", n, unit)
}
