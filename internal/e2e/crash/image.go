package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/sandbox/node"
	"github.com/infrahaus/infrahaus/internal/sandbox/ocitest"
)

// imagePVE is the version that knows OCI images.
const imagePVE = "9.2"

// asideMarker begins the description of the second container of an update. Until the update
// has ended no record names that container.
const asideMarker = "infrahaus-update:"

// image is the OCI image of a trial, in a registry of its own. A pulled archive stays on the
// storage of a world, so that each trial has another repository.
type image struct {
	registry *ocitest.Registry
	repo     string
	page     string // what the newest version serves
	pulls    int    // how many archives the storage has in the end
	volumes  int    // that the storage had before the trial
}

// imageScenarios are the scenarios of containers that are made from an OCI image.
func imageScenarios() []scenario {
	return []scenario{
		{
			name: "create of an image", image: true, until: "step Starting container",
			prepare: func(context.Context, *trial) bool { return true },
			args:    func(t *trial) []string { return t.create() },
		}, {
			name: "update of an image", image: true, again: true,
			prepare: func(ctx context.Context, t *trial) bool { return t.finished(ctx) && t.moveTag() },
			args:    func(*trial) []string { return []string{"update", name, "--json"} },
		},
	}
}

// tries reports whether the tool is killed at a boundary, which is number n of all, from 0. In
// the rows of images it is not killed at each line of a task that it only follows: the first
// line and what it records after the last one are enough.
func (s scenario) tries(all []string, n int) bool {
	if s.until != "" && slices.ContainsFunc(all[:n+1], func(b string) bool { return strings.HasPrefix(b, s.until) }) {
		return false
	}
	const line = "log "
	return !s.image || n == 0 || !strings.HasPrefix(all[n], line) || !strings.HasPrefix(all[n-1], line)
}

// count is the number of boundaries at which the tool is killed.
func (s scenario) count(all []string) (n int) {
	for i := range all {
		if s.tries(all, i) {
			n++
		}
	}
	return n
}

// useImage makes the trial one of an image.
func (t *trial) useImage() error {
	template, err := filepath.Abs("testdata/templates/crash-image")
	if err != nil {
		return err
	}
	t.template = filepath.Join(t.dir, "crash-image")
	if err := os.CopyFS(t.template, os.DirFS(template)); err != nil {
		return err
	}
	t.config = map[string]string{"env": "APP_VERSION=1.0", "mp0": "mp=/data"}
	t.image = &image{registry: ocitest.NewRegistry(), repo: "app/" + strings.ToLower(filepath.Base(t.dir)), pulls: 1, volumes: len(t.volumes())}
	return t.push("1.0")
}

// push makes the image's tag another version.
func (t *trial) push(version string) error {
	i := t.image
	i.page = fmt.Sprintf("%s %s\n", i.repo, version)
	return i.registry.Push(i.repo+":1", ocitest.Web(version, i.page))
}

// moveTag moves the tag and writes what an update has to keep.
func (t *trial) moveTag() bool {
	err := t.push("1.1")
	t.config["env"] = "APP_VERSION=1.1"
	t.image.pulls = 2
	for _, id := range t.w.sb.Node().IDs() {
		if err == nil {
			err = os.WriteFile(t.w.path(id, "data/file"), []byte("kept\n"), 0o644)
		}
	}
	if err != nil {
		t.lost("cannot prepare: %v", err)
	}
	return err == nil
}

// volumes are those on the storage of containers.
func (t *trial) volumes() []map[string]any {
	all, err := t.w.sb.Node().StorageContent(node.Root, "local-lvm", node.Params{})
	if err != nil {
		t.lost("no volumes: %v", err)
	}
	return all
}

// judgeImage checks the final state of a container that was made from an image: ready, with
// the newest root file system, its data, and nothing beside it.
func (t *trial) judgeImage(r *row) {
	if r.Lifecycle != lxc.Ready || r.Interrupted {
		t.lost("it is %s in the end, not ready", r.Lifecycle)
	}
	if r.Image == nil || r.Image.Digest == "" {
		t.lost("no digest is on record")
	}
	n := t.w.sb.Node()
	if ids := n.IDs(); len(ids) != 1 {
		t.twice("containers %v are there, not one", ids)
	}
	want := map[string]string{"usr/share/nginx/html/index.html": t.image.page}
	if t.image.pulls > 1 {
		want["data/file"] = "kept\n"
	}
	for file, text := range want {
		if b, err := os.ReadFile(t.w.path(r.CTID, file)); err != nil || string(b) != text {
			t.lost("/%s is %q, not %q (%v)", file, b, text, err)
		}
	}
	if snaps, err := n.Snapshots(r.CTID); err != nil || len(snaps) > 1 { // "current" is one
		t.lost("%d snapshots are left: %v", len(snaps)-1, err)
	}
	if has := len(t.volumes()) - t.image.volumes; has != 2 {
		t.lost("%d volumes are there, not a root file system and a mount point: %v", has, t.volumes())
	}
	t.configured(r.CTID)
	t.pulled()
}

// pulled counts the archives that were pulled for the trial: one for each digest.
func (t *trial) pulled() {
	all, err := t.w.sb.Node().StorageContent(node.Root, "local", node.Params{"content": "vztmpl"})
	if err != nil {
		t.lost("no archives: %v", err)
	}
	mine := 0
	for _, row := range all {
		if strings.Contains(fmt.Sprint(row["volid"]), filepath.Base(t.image.repo)) {
			mine++
		}
	}
	if mine > t.image.pulls {
		t.twice("%d archives were pulled, not %d", mine, t.image.pulls)
	}
}

// besideNothing checks that a destroy has left no volume.
func (t *trial) besideNothing() {
	if has := len(t.volumes()) - t.image.volumes; has != 0 {
		t.lost("a destroy has left %d volumes: %v", has, t.volumes())
	}
}

// aside reports whether a container is the second one of an update that has not ended.
func (t *trial) aside(id int) bool {
	raw, err := t.w.sb.Node().Raw(id, "")
	return err == nil && t.image != nil && strings.HasPrefix(raw["description"], asideMarker)
}

// learnEnv learns the secrets in the environment of the containers.
func (t *trial) learnEnv() {
	for _, id := range t.w.sb.Node().IDs() {
		raw, err := t.w.sb.Node().Raw(id, "")
		if err != nil {
			continue // it has just gone
		}
		for v := range strings.SplitSeq(raw["env"], "\x00") {
			if made, ok := strings.CutPrefix(v, "MADE="); ok && made != "" {
				t.secrets[made] = "the generated variable"
			}
		}
	}
}
