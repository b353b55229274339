package main

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"github.com/infrahaus/infrahaus/internal/event"
)

// scenario is a command that is killed at each boundary of its work.
type scenario struct {
	name    string
	prepare func(context.Context, *trial) bool // the state before the command
	args    func(*trial) []string
	ends    []string                       // the scripts that have ended well in the end, as "VERSION NAME"
	watch   func(*trial) func(event.Event) // runs beside the command
	gone    bool                           // it ends with no container
	again   bool                           // it begins with a container that is ready
	console bool                           // by the container's console alone
	image   bool                           // the container is made from an OCI image
	until   string                         // the first boundary that another row has; "": it has none
}

// row is the row of the table that counts it.
func (s scenario) row() string {
	if s.console {
		return s.name + ", by the console"
	}
	return s.name
}

// pve is the version that the scenario needs; "" if any will do.
func (s scenario) pve() string {
	if s.image {
		return imagePVE
	}
	return ""
}

// begin makes the state before a scenario's command.
func (t *trial) begin(ctx context.Context, s scenario) bool {
	if s.image {
		if err := t.useImage(); err != nil {
			t.lost("cannot prepare: %v", err)
			return false
		}
	}
	return s.prepare(ctx, t)
}

var onceEach = []string{"1 package", "1 10-first.sh", "1 20-second.sh", "1 30-third.sh"}

// named is the scenario of that name. It panics if there is none: a row that moves in the
// table must not change what is tested.
func named(name string) scenario {
	for _, s := range scenarios() {
		if s.name == name {
			return s
		}
	}
	panic("there is no scenario " + name)
}

func scenarios() []scenario {
	follow := func(t *trial) func(event.Event) { return t.releaseFollowed }
	return []scenario{
		{
			name: "create", ends: onceEach,
			prepare: func(context.Context, *trial) bool { return true },
			args:    func(t *trial) []string { return t.create() },
		}, {
			name: "resume of a create killed when Proxmox was asked", ends: onceEach,
			prepare: func(ctx context.Context, t *trial) bool { return t.killedAt(ctx, "step Container ") },
			args:    func(*trial) []string { return []string{"resume", name, "--json"} },
		}, {
			name: "resume of a create killed while a script ran", ends: onceEach, watch: follow,
			prepare: func(ctx context.Context, t *trial) bool {
				t.hold = "20-second.sh"
				return t.killedAt(ctx, "log holding ")
			},
			args: func(*trial) []string { return []string{"resume", name, "--json"} },
		}, {
			name: "sync", again: true, ends: append([]string{"2 20-second.sh", "1 40-new.sh"}, onceEach...),
			prepare: func(ctx context.Context, t *trial) bool { return t.finished(ctx) && t.change() },
			args:    func(*trial) []string { return []string{"sync", name, "--json"} },
		}, {
			name: "sync of settings, with a restart", again: true, ends: onceEach,
			prepare: func(ctx context.Context, t *trial) bool { return t.finished(ctx) && t.changeSettings() },
			args:    func(*trial) []string { return []string{"sync", name, "--restart", "--json"} },
		}, {
			name: "update of the template's own", again: true, ends: append([]string{"2 update.sh"}, onceEach...),
			prepare: func(ctx context.Context, t *trial) bool { return t.finished(ctx) },
			args:    func(*trial) []string { return []string{"update", name, "--json"} },
		}, {
			name: "destroy", gone: true,
			prepare: func(ctx context.Context, t *trial) bool { return t.finished(ctx) },
			args:    func(*trial) []string { return []string{"destroy", name, "--yes", "--json"} },
		},
	}
}

// killedAt makes a container by a create that is killed after a boundary.
func (t *trial) killedAt(ctx context.Context, at string) bool {
	e := t.tool(ctx, call{args: t.create(), at: at})
	if !e.killed {
		t.lost("cannot prepare: the create was not killed at %q: %s", at, e.why())
	}
	return e.killed
}

// changeSettings changes what the template asks of Proxmox: what takes effect at once, a
// disk, and what takes a restart.
func (t *trial) changeSettings() bool {
	t.edit("template.yaml", "memory: 256", "memory: 300")
	t.edit("template.yaml", "disk: 2", "disk: 3")
	t.edit("template.yaml", "features:", "tags: [crash]\nnetwork: {nameservers: [192.0.2.53]}\nfeatures:")
	maps.Copy(t.config, map[string]string{"memory": "300", "rootfs": "size=3G", "tags": "crash", "nameserver": "192.0.2.53"})
	return true
}

// change changes the template for a sync: a changed file, a changed script, a new one. It
// also makes an edit in the guest that must stay.
func (t *trial) change() bool {
	t.edit("files/app.conf", "version = 1", "version = 2")
	t.edit("scripts/20-second.sh", " 1 $INFRAHAUS_ATTEMPT", " 2 $INFRAHAUS_ATTEMPT")
	third, err := os.ReadFile(filepath.Join(t.template, "scripts/30-third.sh"))
	if err == nil {
		text := strings.ReplaceAll(string(third), "30-third.sh", "40-new.sh")
		err = os.WriteFile(filepath.Join(t.template, "scripts/40-new.sh"), []byte(text), 0o644)
	}
	for _, id := range t.w.sb.Node().IDs() {
		if err == nil {
			err = os.WriteFile(t.w.path(id, "etc/crash/own.conf"), []byte("mine = yes\n"), 0o644)
		}
	}
	if err != nil {
		t.lost("cannot prepare: %v", err)
	}
	return err == nil
}
