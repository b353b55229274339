package sandbox

import (
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/infrahaus/infrahaus/internal/sandbox/node"
	"github.com/infrahaus/infrahaus/internal/sandbox/ocitest"
)

// TestRealImages runs Debian's static busybox in real containers, made of images that were
// pulled.
func TestRealImages(t *testing.T) {
	if os.Getenv("INFRAHAUS_E2E") == "" {
		t.Skip("real guests run with INFRAHAUS_E2E=1 only")
	}
	binary, err := os.ReadFile("/bin/busybox")
	if err != nil {
		t.Fatal(err)
	}
	path := []string{"PATH=/bin", "GREETING=hello world"}
	run := func(script string) v1.ImageConfig {
		return v1.ImageConfig{Entrypoint: []string{"/bin/sh", "-c", script}, Env: path}
	}
	user := run("id; exec sleep 1000")
	user.User, user.Volumes = "app", map[string]struct{}{"/data": {}}
	i := withImages(t, Options{Driver: "lxc"})
	for _, tt := range []struct {
		name          string
		image         ocitest.Image
		more          node.Params
		create, start string
		commands      [][2]string
	}{
		{"httpd", ocitest.Busybox(binary, "busybox", v1.ImageConfig{Entrypoint: []string{"/bin/httpd", "-f", "-p", "8080"}, Cmd: []string{"-h", "/www"}, Env: path, WorkingDir: "/www"},
			ocitest.File{Name: "www/index.html", Content: "hello from lxc\n"}), node.Params{"ostype": "unmanaged"}, "Falling back to amd64.", "OK", [][2]string{
			{"pct exec 100 --keep-env 0 -- env | sort", "GREETING=hello world\nPATH=/bin\nTERM="},
			{"pct exec 100 -- cat /etc/resolv.conf", "nameserver "},
			{"pct exec 100 -- ps -o pid,args | head -n 2", "1 /bin/httpd -f -p 8080 -h /www"},
			{"echo pushed >/tmp/p; pct push 100 /tmp/p /www/p; pct exec 100 -- cat /www/p", "pushed\n"},
			{"pct shutdown 100 --timeout 1; echo $?; pct stop 100; pct status 100", "255\nstatus: stopped\ncontainer did not stop\n"},
		}},
		{"user", ocitest.Busybox(binary, "debian", user), nil, "creating base directory for volume at /data", "OK", [][2]string{
			{"pct exec 100 -- id -u; pct exec 100 -- ps -o pid,user,args | head -n 2; pct exec 100 -- hostname; pct exec 100 -- ls -d /data", "0\nPID   USER     COMMAND\n    1 app      sleep 1000\napp\n/data\n"},
		}},
		{"exits", ocitest.Busybox(binary, "debian", run("exit 3")), nil, "OK", "unable to get PID for CT 100 (not running?)", [][2]string{{"pct status 100", "status: stopped\n"}}},
		{"stops", ocitest.Busybox(binary, "debian", run("trap 'exit 0' TERM; while :; do sleep 0.1; done")), nil, "OK", "OK", [][2]string{
			{"pct shutdown 100 --timeout 20; pct status 100", "status: stopped\n"},
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			i.t = t
			if err := i.registry.Push("real/"+tt.name+":1", tt.image); err != nil {
				t.Fatal(err)
			}
			more := node.Params{"rootfs": "local-lvm:1"}
			for k, v := range tt.more {
				more[k] = v
			}
			has(t, i.create("real/"+tt.name+":1", more), tt.create)
			if log := i.start(); log != tt.start {
				t.Fatal(log)
			}
			if tt.name == "httpd" {
				i.get(":8080/", "hello from lxc\n")
			}
			for _, c := range tt.commands {
				if out, _ := i.node(c[0]); !strings.Contains(out, c[1]) {
					t.Errorf("%s: %q has no %q", c[0], out, c[1])
				}
			}
			if log := i.task(i.s.Node().Destroy(t.Context(), node.Root, 100, node.Params{"force": "1"})); !strings.HasSuffix(log, "OK") {
				t.Error(log)
			}
		})
	}
}

// get asks the web server of container 100, whose address is there when the start has ended.
func (i *images) get(where, want string) {
	i.t.Helper()
	all, err := i.s.Node().Addresses(i.t.Context(), 100)
	if err != nil || len(all) < 2 || !all[1].Addr.IsValid() {
		i.t.Fatalf("%v %v", all, err)
	}
	resp, err := http.Get("http://" + all[1].Addr.Addr().String() + where)
	if err != nil {
		i.t.Fatal(err)
	}
	defer resp.Body.Close()
	if b, _ := io.ReadAll(resp.Body); string(b) != want {
		i.t.Errorf("%q", b)
	}
}
