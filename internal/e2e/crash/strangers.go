package main

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/pve"
	"github.com/infrahaus/infrahaus/internal/sandbox/node"
)

const givenAwayRow = ", and the id given away"

// givenAway is a boundary after which somebody removes the container on the node, and
// gives its id to a container that is not ours: a plain one, or one with the same name
// from another catalogue of this tool. No command may touch that container.
func (h *harness) givenAway(s scenario, kill call, what string, n int) kase {
	transport := h.ways(s)[n%len(h.ways(s))]
	return kase{
		row: s.row() + givenAwayRow, transport: transport, pve: s.pve(),
		name: fmt.Sprintf("%s, killed after %d (%.40s) and the id given away, by the %s", s.row(), n, what, transport),
		do: func(ctx context.Context, t *trial) {
			if t.begin(ctx, s) {
				t.giveAwayAndGoOn(ctx, s, kill, n)
			}
		},
	}
}

func (t *trial) giveAwayAndGoOn(ctx context.Context, s scenario, kill call, n int) {
	t.kill(ctx, s, kill)
	t.learnMade()
	row := t.list(ctx)
	t.learnSealed(ctx)
	if row == nil || row.CTID == 0 {
		return // it had no id
	}
	theirs, err := t.giveAway(ctx, row.CTID, n/8%2 == 0, n/16%2 == 0)
	if err != nil {
		t.lost("cannot give the id away: %v", err)
		return
	}
	t.mayStop = true
	t.list(ctx)
	for _, args := range [][]string{{"resume", name, "--json"}, {"discover", name}, {"sync", name, "--json"}, {"destroy", name, "--yes"}} {
		e := t.tool(ctx, call{args: args, watch: t.releaseFollowed})
		if changed := theirs.changed(t.w); changed != "" {
			t.lost("%s has touched the container that is somebody else's: %s: %s", args[0], changed, e.why())
			return
		}
		if args[0] == "destroy" && e.status != 0 {
			t.lost("the record of what somebody else has removed cannot be closed: %s", e.why())
		}
	}
	if row = t.list(ctx); row != nil && row.Lifecycle != lxc.Destroyed {
		t.lost("it is %s, not destroyed", row.Lifecycle)
	}
	if ids := t.w.sb.Node().IDs(); len(ids) != 1 {
		t.lost("containers %v are left, of which one is somebody else's", ids)
	}
}

// stranger is somebody else's container and its first state.
type stranger struct {
	id      int
	running bool
	config  map[string]string
	files   string // where it does not run, and nothing of its own changes them
}

// giveAway puts somebody else's container in the place of ours.
func (t *trial) giveAway(ctx context.Context, id int, twin, running bool) (*stranger, error) {
	t.w.idle()
	n := t.w.sb.Node()
	for end := time.Now().Add(20 * time.Second); n.Exists(id) == nil; time.Sleep(20 * time.Millisecond) {
		if t.w.remove(ctx, id); time.Now().After(end) {
			return nil, fmt.Errorf("container %d cannot be removed", id)
		}
	}
	p := node.Params{"vmid": strconv.Itoa(id), "ostemplate": "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst", "hostname": "precious",
		"rootfs": "local-lvm:1", "unprivileged": "1", "net0": "name=eth0,bridge=vmbr0,ip=dhcp"}
	if twin {
		p["hostname"], p["tags"], p["description"] = name, "infrahaus", pve.Marker("01JSOMEBODYELSE0000000000")
	}
	work := func(upid string, err error) error {
		if err != nil {
			return err
		}
		exit, err := n.Follow(ctx, upid, func(string) {})
		if err == nil && exit != "OK" && !strings.HasPrefix(exit, "WARNINGS") {
			err = fmt.Errorf("%s: %s", upid, exit)
		}
		return err
	}
	if err := work(n.Create(ctx, node.Root, p)); err != nil {
		return nil, err
	}
	if running {
		if err := work(n.Start(ctx, node.Root, id, nil)); err != nil {
			return nil, err
		}
	}
	t.given = id
	s := &stranger{id: id, running: running}
	var err error
	if s.config, err = n.Raw(id, ""); err == nil && !running {
		s.files, err = s.listing(t.w)
	}
	return s, err
}

// listing names every file of it, with size and time.
func (s *stranger) listing(w *world) (string, error) {
	var b strings.Builder
	root := w.path(s.id, "")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		i, err := d.Info()
		if err == nil && !d.IsDir() {
			fmt.Fprintln(&b, path, i.Size(), i.ModTime())
		} else if err == nil {
			fmt.Fprintln(&b, path, i.Mode())
		}
		return err
	})
	return b.String(), err
}

// changed returns how the container differs from its first state, or "".
func (s *stranger) changed(w *world) string {
	n := w.sb.Node()
	config, err := n.Raw(s.id, "")
	switch {
	case err != nil:
		return err.Error()
	case !maps.Equal(config, s.config):
		return fmt.Sprintf("its config is %q, was %q", config, s.config)
	case n.Running(s.id) != s.running:
		return "it runs or has stopped"
	}
	if snaps, err := n.Snapshots(s.id); err != nil || len(snaps) > 1 { // "current" is one
		return fmt.Sprintf("it has %d snapshots: %v", len(snaps)-1, err)
	}
	if s.running {
		for _, ours := range []string{"root/effects", "etc/crash", "etc/infrahaus", "var/lib/config-manager", "var/log/config-manager"} {
			if found, _ := filepath.Glob(w.path(s.id, ours)); len(found) > 0 {
				return "it has /" + ours
			}
		}
		return ""
	}
	if files, err := s.listing(w); err != nil || files != s.files {
		return fmt.Sprintf("its files are not as they were: %v", err)
	}
	return ""
}
