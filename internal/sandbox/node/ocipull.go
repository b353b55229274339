package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
	"github.com/infrahaus/infrahaus/internal/sandbox/oci"
)

// notInFile are characters that a storage's file names do not have.
var notInFile = regexp.MustCompile(`[^a-zA-Z0-9_.-]`)

// contentName is normalize_content_filename.
func contentName(name string) string {
	return notInFile.ReplaceAllString(name[strings.LastIndexAny(name, `/\`)+1:], "_")
}

// cache is where OS templates lie on a storage of folders.
const cache = "/var/lib/vz/template/cache/"

// PullImage is POST /nodes/NODE/storage/STORAGE/oci-registry-pull: a task that gets an image
// from a registry and puts it on the storage as an OCI archive, in an OS template's place.
// It asks the registry itself, as skopeo does on a genuine node, and answers in skopeo's
// words.
func (n *Node) PullImage(a Auth, p Params) (string, error) {
	if err := n.Check(a, "/nodes/"+n.name, "Sys.AccessNetwork"); err != nil {
		return "", err
	}
	id, reference := p["storage"], p["reference"]
	name := p["filename"]
	if name == "" {
		name = reference
	}
	file := contentName(name) + ".tar"
	t := Template{Volid: id + ":vztmpl/" + file}
	n.mu.Lock()
	s, err := n.storage(id)
	exists := n.template(t.Volid) != nil
	n.mu.Unlock()
	switch {
	case err != nil:
		return "", err
	case s.Type != "dir" && s.Type != "btrfs" && s.Type != "nfs":
		return "", fail("can't upload to storage type '%s', not a file based storage!", s.Type)
	case !s.holds("vztmpl"):
		return "", fail("storage '%s' is not configured for content-type 'vztmpl'", id)
	case exists:
		return "", fail("refusing to override existing file '%s'", file)
	}
	return n.fork(a, "ociregistrypull", file, func(ctx context.Context, w *worker) error {
		return n.pull(ctx, w, reference, t)
	})
}

func (n *Node) pull(ctx context.Context, w *worker, reference string, t Template) error {
	dir := n.imageDir(t.Volid)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	tmp := fmt.Sprintf("%s.tmp.%d", t.File(), w.t.PID)
	var err error
	if text, ok := n.faults.Take(driver.FaultDownloadFail); ok {
		if text == "" {
			text = "initializing source docker://" + reference + ": received unexpected HTTP status: 503 Service Unavailable"
		}
		err = &oci.PullError{Text: text, Status: 1}
	} else {
		err = oci.Pull(ctx, reference, filepath.Join(dir, tmp), w.Log)
	}
	var refused *oci.PullError
	if errors.As(err, &refused) {
		w.Log(n.skopeoLine(refused.Text))
		return fail("command 'skopeo copy docker://%s oci-archive:%s%s' failed: exit code %d", reference, cache, tmp, refused.Status)
	}
	if err != nil {
		if ctx.Err() != nil {
			return fail("got interrupted by signal")
		}
		return err
	}
	t.Path = filepath.Join(dir, t.File())
	if err := os.Rename(filepath.Join(dir, tmp), t.Path); err != nil {
		return err
	}
	info, err := os.Stat(t.Path)
	if err != nil {
		return err
	}
	t.Size = info.Size()
	return n.AddTemplate(t)
}

// imageDir is where the archives of a storage lie: files of other storages may have the same
// names.
func (n *Node) imageDir(volid string) string {
	storage, _, _ := strings.Cut(volid, ":")
	return filepath.Join(n.TemplateDir(), "cache", storage)
}

// skopeoLine is how skopeo logs its end.
func (n *Node) skopeoLine(text string) string {
	return fmt.Sprintf("time=%q level=fatal msg=%q", n.opt.Now().UTC().Format(time.RFC3339), text)
}

// ImageTags is GET /nodes/NODE/query-oci-repo-tags. Why it fails stands in the node's journal
// alone.
func (n *Node) ImageTags(ctx context.Context, p Params) ([]string, error) {
	tags, err := oci.Tags(ctx, p["reference"])
	var refused *oci.PullError
	if errors.As(err, &refused) {
		return nil, fail("command 'skopeo list-tags docker://%s' failed: exit code %d", p["reference"], refused.Status)
	}
	return tags, err
}
