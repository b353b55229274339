package plan

import (
	"strings"
	"testing"

	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/pve"
	"github.com/infrahaus/infrahaus/internal/template"
)

// applicationWorld is a container that runs nginx's image, in which nothing is done yet.
func applicationWorld(q Request) World {
	w := testWorld(q, "", ItemShip, ItemManager, "10-a.sh", "20-b.sh")
	w.Record.Image = &lxc.Image{Reference: "docker.io/library/nginx:1.29", Kind: lxc.ApplicationImage, Ports: []lxc.Port{{Protocol: "tcp", Port: 80}}}
	w.Inside, w.Login.Node = nil, true
	return w
}

// Each phase says in one line what it leaves out in an application container.
func TestDecideApplication(t *testing.T) {
	create, sync := testRequest(Create), testRequest(Sync)
	create.Job.Template.Packages.Names = map[string][]string{"apt": {"curl"}}
	create.Job.Template.Directories = []template.Directory{{Target: "/srv"}}
	for _, c := range []struct {
		name string
		w    func() (Request, World)
		want string
	}{
		{"a create, before anybody looked", func() (Request, World) { return create, applicationWorld(create) },
			"leave out, leave out packages, leave out /srv, push file /a, push file /b, ship scripts | run 10-a.sh, run 20-b.sh | discover"},
		{"without the node", func() (Request, World) {
			w := applicationWorld(create)
			w.Login.Node, w.NoShell = false, "there is no way in"
			return create, w
		}, "leave out, leave out packages, leave out /srv, leave out /a, leave out /b | leave out 10-a.sh, leave out 20-b.sh | discover"},
		{"without a shell", func() (Request, World) {
			w := applicationWorld(create)
			w.NoShell, w.Inside = "the image has no shell", &Inside{}
			return create, w
		}, "leave out, leave out packages, leave out /srv, push file /a, push file /b | leave out 10-a.sh, leave out 20-b.sh | discover"},
		{"a sync, with scripts that are not done", func() (Request, World) {
			w := applicationWorld(sync)
			w.Inside = testWorld(sync, "").compared("same", "same").Inside
			w.Inside.Drift.Files, w.Inside.Wants.Files = nil, nil
			return sync, w
		}, "snapshot, change, push file /a, push file /b, ship scripts | run 10-a.sh, run 20-b.sh | discover, drop snapshot"},
		{"a sync without a shell and without a difference", func() (Request, World) {
			w := applicationWorld(sync)
			w.Inside = testWorld(sync, "").compared("same", "same").Inside
			w.Inside.Drift.Files, w.Inside.Wants.Files, w.NoShell = nil, nil, "the image has no shell"
			return sync, w
		}, "keep job, push file /a, push file /b | leave out 10-a.sh, leave out 20-b.sh | discover"},
	} {
		q, w := c.w()
		w.Situation.Config = pve.ConfigOf(map[string]string{"entrypoint": "/docker-entrypoint.sh nginx"})
		got := brief(Decide(q, w))
		if parts := strings.SplitN(got, " | ", 3); len(parts) == 3 {
			got = parts[2]
		}
		if got != c.want {
			t.Errorf("%s:\n%s\n%s", c.name, got, c.want)
		}
	}
	lines := strings.Join(Decide(create, applicationWorld(create)).Lines(event.Finalizing), "\n")
	if !strings.Contains(lines, "ask port 80/tcp, which the image declares") {
		t.Error(lines)
	}
}

// TestApplicationWorld: the container's own configuration counts, too, since an adopted one
// has no image on record.
func TestApplicationWorld(t *testing.T) {
	for entrypoint, want := range map[string]bool{"": false, "/sbin/init": false, "'/sbin/init' --log": false, "/entry point": true, "redis-server": true} {
		w := World{Situation: Situation{Config: pve.ConfigOf(map[string]string{"entrypoint": entrypoint})}}
		if w.Application() != want {
			t.Errorf("%q: %v", entrypoint, !want)
		}
	}
}
