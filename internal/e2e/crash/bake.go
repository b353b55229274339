package main

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/sandbox/node"
)

// bakeRow is the row of the kills of `template bake`.
const bakeRow = "bake"

// bakeEvery is how many boundaries are passed over before the container is packed: a create
// has a row of its own.
const bakeEvery = 6

// bakes records the boundaries of a bake, and makes a case for those that are tried.
func (h *harness) bakes(ctx context.Context) []kase {
	if !h.only.MatchString(bakeRow) {
		return nil
	}
	var names []string
	h.perform(ctx, []kase{{row: bakeRow, name: "undisturbed", transport: "node", do: func(ctx context.Context, t *trial) {
		names = t.bakeUndisturbed(ctx)
	}}})
	var cases []kase
	tried, packing := 0, false
	for i, what := range names {
		packing = packing || strings.HasPrefix(what, "step Removing what containers")
		if !h.all && !packing && i%bakeEvery != 0 || i > 0 && strings.HasPrefix(what, "log ") && strings.HasPrefix(names[i-1], "log ") {
			continue
		}
		tried++
		kills := []call{{after: i + 1}}
		if packing && entry(what) {
			kills = append(kills, call{short: i + 1})
		}
		for k, kill := range kills {
			transport := h.transports[i%len(h.transports)]
			label := fmt.Sprintf("bake, killed %s %d (%.40s), by the %s", [2]string{"after", "before"}[k], i+1, what, transport)
			cases = append(cases, kase{row: bakeRow, name: label, transport: transport, do: func(ctx context.Context, t *trial) { t.bakeKilled(ctx, kill) }})
		}
	}
	h.table.boundaries(bakeRow, tried)
	return cases
}

func (t *trial) bake(c call) call {
	c.args = []string{"template", "bake", t.template, "--json"}
	return c
}

// useBaked makes the trial one of an image that is baked.
func (t *trial) useBaked() bool {
	t.template = filepath.Join(t.dir, "crash-bake")
	err := os.CopyFS(t.template, os.DirFS("testdata/templates/crash-bake"))
	if err != nil {
		t.lost("cannot prepare: %v", err)
	}
	return err == nil
}

// bakeUndisturbed bakes to the end and returns the boundaries' names.
func (t *trial) bakeUndisturbed(ctx context.Context) []string {
	if !t.useBaked() {
		return nil
	}
	c := t.bake(call{trace: filepath.Join(t.dir, "trace")})
	if e := t.tool(ctx, c); e.status != 0 {
		t.lost("undisturbed: %s", e.why())
		return nil
	}
	t.judgeBake(ctx, 1)
	t.forgetImages(ctx)
	b, err := os.ReadFile(c.trace)
	if err != nil {
		t.lost("no boundary is recorded: %v", err)
	}
	return strings.Split(strings.TrimSpace(string(b)), "\n")
}

// bakeKilled kills a bake and bakes again: whatever is listed meanwhile is a whole image, and in
// the end there is one, and nothing beside it.
func (t *trial) bakeKilled(ctx context.Context, kill call) {
	if !t.useBaked() {
		return
	}
	defer t.forgetImages(ctx)
	if e := t.tool(ctx, t.bake(kill)); !e.killed {
		if e.status != 0 {
			t.lost("it failed before it was killed: %s", e.why())
		}
		t.judgeBake(ctx, 1)
		return
	}
	t.list(ctx)
	t.images()
	for try := 1; ; try++ {
		e := t.tool(ctx, t.bake(call{}))
		if e.status == 0 {
			break
		}
		if try == tries {
			t.lost("no way on: bake: %s", e.why())
			return
		}
		time.Sleep(300 * time.Millisecond)
	}
	t.judgeBake(ctx, 1)
}

// judgeBake checks what a bake leaves in the end.
func (t *trial) judgeBake(ctx context.Context, want int) {
	t.w.idle()
	if r := t.list(ctx); r != nil && r.Lifecycle != lxc.Destroyed {
		t.lost("the record of the container is %s in the end, not destroyed", r.Lifecycle)
	}
	if ids := t.w.sb.Node().IDs(); len(ids) > 0 {
		t.lost("a bake has left container %d", ids[0])
	}
	if n := t.images(); n != want {
		t.twice("%d images are there, not %d", n, want)
	}
	cache := filepath.Join(t.w.sb.Node().MachineDir(), "var", "lib", "vz", "template", "cache")
	for dir, pattern := range map[string]string{t.w.sb.Node().UploadDir(): "pveupload-*", filepath.Join(t.dir, "state", "infrahaus"): "image-*", cache: ".*"} {
		if left, err := filepath.Glob(filepath.Join(dir, pattern)); err != nil || len(left) > 0 {
			t.lost("a bake has left %q: %v", left, err)
		}
	}
}

// images counts the images, and reads each to its end.
func (t *trial) images() (n int) {
	for _, volid := range t.imageList() {
		n++
		storage, file, _ := strings.Cut(volid, ":vztmpl/")
		if err := readAll(filepath.Join(t.w.sb.Node().TemplateDir(), "cache", storage, file)); err != nil {
			t.lost("%s is not whole: %v", volid, err)
		}
	}
	return n
}

func readAll(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	r, err := gzip.NewReader(f)
	if err != nil {
		return err
	}
	n, err := io.Copy(io.Discard, r)
	if err == nil && n == 0 {
		err = errors.New("it is empty")
	}
	return err
}

// imageList are the volumes of the images on the node.
func (t *trial) imageList() (volids []string) {
	all, err := t.w.sb.Node().StorageContent(node.Root, "local", node.Params{"content": "vztmpl"})
	if err != nil {
		t.lost("no archives: %v", err)
	}
	for _, row := range all {
		if volid := fmt.Sprint(row["volid"]); strings.Contains(volid, lxc.BakedPrefix) {
			volids = append(volids, volid)
		}
	}
	return volids
}

// forgetImages removes the images for the next trial of the world.
func (t *trial) forgetImages(ctx context.Context) {
	t.w.idle()
	for _, volid := range t.imageList() {
		if _, err := t.w.sb.Node().RemoveVolume(ctx, node.Root, node.Params{"storage": "local", "volume": volid}); err != nil {
			t.lost("%v", err)
		}
	}
	t.w.idle()
}
