package discover

import (
	"fmt"
	"strings"
	"testing"

	"github.com/infrahaus/infrahaus/internal/lxc"
)

func TestContainerStatus(t *testing.T) {
	tests := []struct {
		said   string
		status lxc.ServiceStatus
		note   string
	}{
		{"Up 2 hours", lxc.Running, ""},
		{"Up About a minute (healthy)", lxc.Running, ""},
		{"Up Less than a second", lxc.Running, ""},
		{"Up 2 hours (unhealthy)", lxc.Unready, "unhealthy"},
		{"Up 2 hours (health: starting)", lxc.Unready, "starting"},
		{"Up 3 seconds (starting)", lxc.Unready, "starting"}, // podman 5
		{"Up 2 hours (Paused)", lxc.Stopped, "paused"},
		{"Up 2 hours (unhealthy) (Paused)", lxc.Stopped, "paused"},
		{"Up 2 hours (something new)", lxc.Unready, "something new"},
		{"Paused", lxc.Stopped, "paused"}, // podman
		{"Initialized", lxc.Stopped, "initialized"},
		{"Created", lxc.Stopped, "created"},
		{"Restarting (1) 5 seconds ago", lxc.Errored, "restarting"},
		{"Exited (0) 2 hours ago", lxc.Stopped, ""},
		{"Exited (137) 3 weeks ago", lxc.Stopped, "exited with status 137"},
		{"Dead", lxc.Errored, "dead"},
		{"Removal In Progress", lxc.Stopped, "removal in progress"},
		{"Upside down", lxc.Unready, "its state is not known: Upside down"},
		{"", lxc.Unready, "its state is not known: "},
	}
	for _, test := range tests {
		if status, note := containerStatus(test.said); status != test.status || note != test.note {
			t.Errorf("%q: %s %q, want %s %q", test.said, status, note, test.status, test.note)
		}
	}
}

// A container that its engine reports as unhealthy stays unready even if a proxy answers
// for it. If its first health check has not finished, an answer counts more.
func TestDeclaredContainers(t *testing.T) {
	line := func(n int, name, status string) string {
		return fmt.Sprintf("%064d\t%s\ti\t%s\t0.0.0.0:%d->80/tcp\n", n, name, status, 8000+n)
	}
	var declared []Declared
	parts := []string{"docker docker", line(1, "ill", "Up 1 hour (unhealthy)") + line(2, "held", "Up 1 hour (Paused)") +
		line(3, "new", "Up 1 second (health: starting)") + line(4, "loop", "Restarting (1) 1 second ago") + line(5, "well", "Up 1 hour")}
	for i, name := range []string{"ill", "held", "new", "loop", "well"} {
		declared = append(declared, Declared{Name: name, Port: 8001 + i})
		parts = append(parts, fmt.Sprintf("ready %d ok tcp", i), "", fmt.Sprintf("why %d docker %s", i, name), "Status=running\n--\n")
	}
	var got []string
	for _, s := range parse(t, parts...).Services("", declared) {
		got = append(got, fmt.Sprintf("%s %s %s", s.Name, s.Status, s.Note))
	}
	if want := "ill unready unhealthy|held unready paused|new running |loop error restarting|well running "; strings.Join(got, "|") != want {
		t.Errorf("got %q", got)
	}
}

// The columns are those that podman 4.3.1 printed for the probe's format: a compose
// project, a pod with its pause container, and a quadlet.
func TestPodman(t *testing.T) {
	id := func(n int) string { return fmt.Sprintf("%064x", n) }
	r := parse(t,
		"units", "Id=web.service\nNames=web.service\nType=notify\nLoadState=loaded\nActiveState=active\nSubState=running\nMainPID=20\n"+
			"UnitFileState=generated\nSourcePath=/etc/containers/systemd/web.container\nFragmentPath=/run/systemd/generator/web.service\n\n"+
			"Id=gone.service\nType=notify\nLoadState=loaded\nActiveState=failed\nSubState=failed\nUnitFileState=generated\nSourcePath=/etc/containers/systemd/gone.container\n\n"+
			"Id=later.service\nType=notify\nLoadState=loaded\nActiveState=inactive\nUnitFileState=generated\nSourcePath=/etc/containers/systemd/later.container\n\n"+
			"Id=old.service\nType=forking\nLoadState=loaded\nActiveState=inactive\nUnitFileState=generated\nSourcePath=/etc/init.d/old\n",
		"procs", "20 (conmon) S 1 1\n21 (nginx) S 20 1\n30 (conmon) S 1 1\n",
		"cgroups", "/proc/20/cgroup:0::/system.slice/web.service/runtime\n/proc/21/cgroup:0::/system.slice/web.service/libpod-payload-"+id(3)+"\n",
		"ss", "tcp LISTEN 0 1 0.0.0.0:8080 0.0.0.0:* users:((\"conmon\",pid=30,fd=4))\n"+
			"tcp LISTEN 0 1 0.0.0.0:8081 0.0.0.0:* users:((\"conmon\",pid=20,fd=4))\n"+
			"tcp LISTEN 0 1 *:9113 *:* users:((\"nginx\",pid=21,fd=4))\n",
		"docker podman", id(1)+"\tshop_db_1\tdocker.io/library/postgres:15\tUp 5 minutes\t0.0.0.0:8080->80/tcp\tshop\tdb\t\t\n"+
			id(2)+"\tblog-web\tlocalhost/blog:1\tUp 5 minutes\t\t\t\t\tblog\n"+
			id(4)+"\tf00-infra\tlocalhost/podman-pause:4.3.1-0\tUp 5 minutes\t\t\t\t\tblog\n"+
			id(3)+"\tsystemd-web\tdocker.io/library/nginx:1\tUp 5 minutes\t0.0.0.0:8081->80/tcp\t\t\tweb.service\t\n",
		"cred web", "TOKEN=abcdef\n",
	)
	services := r.Services("10.0.0.1", []Declared{{Name: "db"}})
	compare(t, services,
		"db docker running tcp/0.0.0.0:8080 http://10.0.0.1:8080 image=docker.io/library/postgres:15 declared",
		"blog-web docker running image=localhost/blog:1",
		"gone systemd error note=quadlet /etc/containers/systemd/gone.container",
		"later systemd stopped note=quadlet /etc/containers/systemd/later.container",
		"systemd-web docker running tcp/0.0.0.0:8081 tcp/[::]:9113 http://10.0.0.1:8081 image=docker.io/library/nginx:1 keys=TOKEN "+
			"note=quadlet /etc/containers/systemd/web.container",
	)
	if services[0].Project != "shop" || services[1].Project != "blog" || services[4].Project != "" {
		t.Errorf("projects %+v", services)
	}
}

// If an engine prints nothing, or nothing readable, its containers are unknown. They must
// not be reported as none.
func TestEngineThatCannotBeRead(t *testing.T) {
	for want, r := range map[string]*Report{
		"the list of containers from docker cannot be read": parse(t, "docker docker", "json\njson\n"),
		"podman does not list its containers":               parse(t, "docker podman", "", "silent podman", ""),
	} {
		if notes := strings.Join(r.Notes, "\n"); !strings.Contains(notes, want) {
			t.Errorf("notes %q, want %s", notes, want)
		}
	}
	if r := parse(t, "docker docker", ""); len(r.Notes) > 0 {
		t.Errorf("no containers: %q", r.Notes)
	}
}

func TestQuadletsIgnored(t *testing.T) {
	r := parse(t, "quadlets podman version 4.3.1", "/etc/containers/systemd/web.container\n/etc/containers/systemd/x.conf\n/usr/share/containers/systemd/*.*\n")
	want := "podman version 4.3.1 ignores /etc/containers/systemd/web.container: quadlets need podman 4.4 or newer, as in Debian 13"
	if len(r.Notes) != 1 || r.Notes[0] != want {
		t.Errorf("notes %q", r.Notes)
	}
}

// Docker without its proxy listens itself. containerd listens on a new port at each
// start, for its own clients. Node.js 24 gives its main thread a name.
func TestNamesInSS(t *testing.T) {
	r := parse(t,
		"units", "Id=containerd.service\nLoadState=loaded\nActiveState=active\nSubState=running\nMainPID=5\n\n"+
			"Id=docker.service\nLoadState=loaded\nActiveState=active\nSubState=running\nMainPID=6\n",
		"procs", "5 (containerd) S 1 1\n6 (dockerd) S 1 1\n7 (MainThread) S 1 1\n8 (a-very-long-nam) S 1 1\n9 (gunicorn) S 1 1\n",
		"exes", "lrwxrwxrwx 1 root root 0 Nov 30 01:00 /proc/5/exe -> /usr/bin/containerd\n"+
			"lrwxrwxrwx    1 root     root             0 Nov 30 01:00 /proc/7/exe -> /usr/bin/node (deleted)\n"+
			"lrwxrwxrwx 1 root root 0 Nov 30 01:00 /proc/8/exe -> /opt/a-very-long-name-indeed\n"+
			"lrwxrwxrwx 1 root root 0 Nov 30 01:00 /proc/9/exe -> /usr/bin/python3.11\n",
		"ss", "tcp LISTEN 0 1 127.0.0.1:41234 0.0.0.0:* users:((\"containerd\",pid=5,fd=9))\n"+
			"tcp LISTEN 0 1 0.0.0.0:8080 0.0.0.0:* users:((\"dockerd\",pid=6,fd=9))\n"+
			"tcp LISTEN 0 1 [::]:8080 [::]:* users:((\"dockerd\",pid=6,fd=9))\n"+
			"tcp LISTEN 0 1 *:3000 *:* users:((\"MainThread\",pid=7,fd=9))\n"+
			"tcp LISTEN 0 1 *:3100 *:* users:((\"a-very-long-nam\",pid=8,fd=9))\n"+
			"tcp LISTEN 0 1 127.0.0.1:3200 *:* users:((\"gunicorn\",pid=9,fd=9))\n",
		"docker docker", dockerID+"\tweb\tnginx\tUp 1 hour\t0.0.0.0:8080->80/tcp, :::8080->80/tcp\n",
	)
	compare(t, r.Services("10.0.0.1", nil),
		"a-very-long-name-indeed process running tcp/[::]:3100",
		"gunicorn process running tcp/127.0.0.1:3200",
		"node process running tcp/[::]:3000 http://10.0.0.1:3000",
		"web docker running tcp/0.0.0.0:8080 tcp/[::]:8080 http://10.0.0.1:8080 image=nginx",
		"containerd systemd running system",
		"docker systemd running system",
	)
}
