package sandbox

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
	"github.com/infrahaus/infrahaus/internal/sandbox/node"
	"github.com/infrahaus/infrahaus/internal/sandbox/ocitest"
)

// images is a sandbox of version 9.2 beside a registry with every image.
type images struct {
	t        *testing.T
	s        *Sandbox
	registry *ocitest.Registry
}

func withImages(t *testing.T, o Options) *images {
	t.Helper()
	r := ocitest.NewRegistry()
	t.Cleanup(r.Close)
	if err := r.Fill(); err != nil {
		t.Fatal(err)
	}
	o.Dir, o.PVE = t.TempDir(), "9.2"
	return &images{t, open(t, o), r}
}

// task waits for a task's end and returns its log, with the exit status in the last line.
func (i *images) task(upid string, err error) string {
	i.t.Helper()
	if err != nil {
		return err.Error()
	}
	var log strings.Builder
	exit, err := i.s.Node().Follow(i.t.Context(), upid, func(line string) { log.WriteString(line + "\n") })
	if err != nil {
		i.t.Fatal(err)
	}
	return strings.ReplaceAll(log.String()+exit, i.registry.Host(), "REGISTRY")
}

func (i *images) pull(name string) string {
	i.t.Helper()
	return i.task(i.s.Node().PullImage(node.Root, node.Params{"storage": "local", "reference": i.registry.Host() + "/" + name}))
}

// create pulls an image and creates container 100 of it.
func (i *images) create(name string, more node.Params) string {
	i.t.Helper()
	if log := i.pull(name); !strings.HasSuffix(log, "OK") {
		i.t.Fatal(log)
	}
	file := name[strings.LastIndexByte(name, '/')+1:]
	p := node.Params{
		"vmid": "100", "ostemplate": "local:vztmpl/" + strings.ReplaceAll(file, ":", "_") + ".tar", "hostname": "app", "memory": "256",
		"rootfs": "local-lvm:1", "net0": "name=eth0,bridge=vmbr0,ip=dhcp", "password": "secret", "unprivileged": "1",
	}
	for k, v := range more {
		p[k] = v
	}
	return i.task(i.s.Node().Create(i.t.Context(), node.Root, p))
}

func (i *images) start() string {
	i.t.Helper()
	return i.task(i.s.Node().Start(i.t.Context(), node.Root, 100, nil))
}

func (i *images) config() map[string]any {
	i.t.Helper()
	m, err := i.s.Node().Config(100, nil)
	if err != nil {
		i.t.Fatal(err)
	}
	return m
}

func (i *images) node(command string) (string, int) {
	i.t.Helper()
	out, errOut, exit := remote(i.t, login(i.t, i.s.Endpoint()), command, nil)
	return out + errOut, exit
}

func has(t *testing.T, text string, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if !strings.Contains(text, want) {
			t.Errorf("%q has no %q", text, want)
		}
	}
}

func TestPullFailures(t *testing.T) {
	i := withImages(t, Options{})
	for _, tt := range []struct{ name, want string }{
		{"app/web:9.9", `level=fatal msg="initializing source docker://REGISTRY/app/web:9.9: reading manifest 9.9 in REGISTRY/app/web: manifest unknown"` + "\ncommand 'skopeo copy docker://REGISTRY/app/web:9.9 oci-archive:/var/lib/vz/template/cache/web_9.9.tar.tmp."},
		{"private/web:1.0", `reading manifest 1.0 in REGISTRY/private/web: unauthorized: authentication required"`},
		{"app/foreign:1.0", `choosing image instance: no image found in image index for architecture \"amd64\", variant \"\", OS \"linux\""`},
	} {
		if log := i.pull(tt.name); !strings.Contains(log, tt.want) {
			t.Errorf("%s: %s", tt.name, log)
		}
	}
	if log := i.pull("app/multi:1.0"); !strings.HasPrefix(log, "Getting image source signatures\nCopying blob sha256:") || !strings.HasSuffix(log, "Writing manifest to image destination\nOK") {
		t.Error(log)
	}
	if log := i.pull("app/multi:1.0"); log != "refusing to override existing file 'multi_1.0.tar'" {
		t.Error(log)
	}
	nobody := i.task(i.s.Node().PullImage(node.Root, node.Params{"storage": "local", "reference": "127.0.0.1:1/app/web:1.0"}))
	has(t, nobody, `msg="initializing source docker://127.0.0.1:1/app/web:1.0: pinging container registry 127.0.0.1:1: Get \"http://127.0.0.1:1/v2/\": dial tcp 127.0.0.1:1: connect: connection refused"`, "exit code 1")
	if log := i.task(i.s.Node().PullImage(node.Root, node.Params{"storage": "local-lvm", "reference": "x/y:1"})); log != "can't upload to storage type 'lvmthin', not a file based storage!" {
		t.Error(log)
	}
	tags, err := i.s.Node().ImageTags(t.Context(), node.Params{"reference": i.registry.Host() + "/app/web"})
	if err != nil || strings.Join(tags, " ") != "1.0 1.1 broken latest mute" {
		t.Error(tags, err)
	}
	if _, err := i.s.Node().ImageTags(t.Context(), node.Params{"reference": i.registry.Host() + "/app/none"}); err == nil || !strings.HasSuffix(err.Error(), "failed: exit code 1") {
		t.Error(err)
	}
}

// TestWebImage: an application container serves, logs to its console, has its environment
// and address when the start task ends, and stops on its own signal.
func TestWebImage(t *testing.T) {
	i := withImages(t, Options{AddressDelay: time.Hour})
	has(t, i.create("app/web:1.0", nil), "Detected OCI archive\nAuto-Enabling host-managed network for network device net0.\nDetected container architecture: amd64\nOK")
	m := i.config()
	if m["entrypoint"] != "/docker-entrypoint.sh nginx -g 'daemon off;'" || m["cmode"] != "console" || m["ostype"] != "debian" {
		t.Errorf("%v", m)
	}
	if log := i.start(); log != "OK" {
		t.Fatal(log)
	}
	rows, err := i.s.Node().Interfaces(t.Context(), 100)
	if err != nil || len(rows) != 2 || rows[1]["inet"] == nil {
		t.Errorf("%v %v", rows, err)
	}
	for _, tt := range []struct {
		command, want string
		exit          int
	}{
		{"pct exec 100 -- curl -s http://localhost/ 2>&1; pct exec 100 -- cat /usr/share/nginx/html/index.html", "web 1.0\n", 0},
		{"FOO=bar pct exec 100 --keep-env 0 -- env | sort", "APP_VERSION=1.0\n" + ocitest.Path + "\nTERM=", 0},
		{"pct exec 100 -- ps -eo pid,args | sed -n 2p", "1 nginx -g daemon off;", 0},
		{"echo pushed >/tmp/p; pct push 100 /tmp/p /srv/p; pct pull 100 /srv/p /tmp/q; cat /tmp/q", "pushed\n", 0},
		{"pct config 100", "\nswap: 512\nunprivileged: 1\nlxc.init.cwd: /srv\nlxc.signal.halt: SIGQUIT\n", 0},
		{"pct shutdown 100 --timeout 5; pct status 100", "status: stopped\n", 0},
	} {
		out, exit := i.node(tt.command)
		if !strings.Contains(out, tt.want) || exit != tt.exit {
			t.Errorf("%s: %d %q", tt.command, exit, out)
		}
	}
}

// TestImages: what a create and a start of each image says.
func TestImages(t *testing.T) {
	const unknown = "unable to create CT 100 - unable to detect OS distribution"
	unmanaged := node.Params{"ostype": "unmanaged"}
	for _, tt := range []struct {
		name          string
		more          node.Params
		create, start string
		command, want string
	}{
		{"library/system:12", node.Params{"features": "nesting=1"}, "Detected container architecture: amd64\nCreating SSH host key", "OK", "pct exec 100 -- ps -eo comm | grep -x systemd; pct config 100", "systemd\narch: amd64\nenv: "},
		{"library/system:12", nil, "WARN: Systemd 252 detected. You may need to enable nesting.\nWARNINGS: 1", "WARNINGS: 1", "", ""},
		{"library/debian:12", nil, "OK", "OK", "pct config 100", "entrypoint: bash\n"},
		{"app/exits:1.0", nil, "OK", "unable to get PID for CT 100 (not running?)", "pct status 100", "stopped"},
		{"app/stubborn:1.0", nil, "OK", "OK", "pct shutdown 100 --timeout 1; echo $?; pct stop 100; pct status 100", "command 'lxc-stop -n 100 --nokill --timeout 1' failed: exit code 1\n255\nstatus: stopped\ncontainer did not stop\n"},
		{"app/user:1.0", nil, "creating base directory for volume at /data", "OK", "pct exec 100 -- id -u; pct exec 100 -- ps -eo user,args | grep run.sh | grep -v grep; pct config 100; pct exec 100 -- ls -d /data", "app /bin/sh /run.sh"},
		{"app/httpd:1.0", nil, "unknown ID 'busybox' in /etc/os-release file, trying fallback detection\n" + unknown, "", "pct list", ""},
		{"app/httpd:1.0", unmanaged, "Falling back to amd64.\nUse `pct set VMID --arch ARCH` to change.\nOK", "OK", "pct exec 100 -- cat /etc/resolv.conf; pct shutdown 100 --timeout 1; pct stop 100", "nameserver 127."},
		{"app/bare:1.0", nil, "/etc/os-release file not found and autodetection failed, falling back to 'unmanaged'\n", "OK", "pct exec 100 -- sh; echo $?", "127"},
		{"app/arm:1.0", nil, "Detected container architecture: arm64", "unable to get PID for CT 100 (not running?)", "", ""},
		{"app/layers:1.0", nil, "OK", "OK", "pct exec 100 -- sh -c 'cat /count; ls /layers | wc -l'", "39\n38\n"},
		{"app/whiteouts:1.0", nil, "OK", "OK", "pct exec 100 -- sh -c 'ls /data /data/deep /other; cat /data/old'", "/data:\ndeep\nnew\nold\n\n/data/deep:\nc\n\n/other:\nkept\n3"},
		{"app/hostile:1.0", nil, "OK", "OK", "pct exec 100 -- sh -c 'ls -d /absolute /tmp/through /etc/through /escape; cat /hard | head -n 1; test -f /sda && echo file'", "/absolute\n/etc/through\n/tmp/through\nroot:x:0:0:root:/root:/bin/sh\nfile\n"},
		{"app/broken:1.0", nil, "unable to create CT 100 - Error while extracting OCI image: IO error: archive header checksum mismatch", "", "pct list", ""},
		{"app/web:1.0", node.Params{"net0": "name=eth0,bridge=vmbr0,ip6=auto"}, "OK", "net0: SLAAC is not supported for host-managed network configuration", "", ""},
		{"app/web:1.0", node.Params{"cmode": "shell", "env": "X=1", "entrypoint": "/bin/sh"}, "OK", "OK", "pct config 100 | tr '\\0' ' '", "cmode: console\nentrypoint: /docker-entrypoint.sh nginx -g 'daemon off;'\nenv: " + ocitest.Path + " APP_VERSION=1.0\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			i := withImages(t, Options{})
			has(t, i.create(tt.name, tt.more), tt.create)
			if tt.start != "" {
				if log := i.start(); log != tt.start && !strings.HasSuffix(log, "\n"+tt.start) {
					t.Fatal(log)
				}
			}
			if tt.command != "" {
				out, _ := i.node(tt.command)
				if !strings.HasPrefix(out, tt.want) && !strings.Contains(out, tt.want) {
					t.Errorf("%q has no %q", out, tt.want)
				}
			}
		})
	}
}

// TestImageConsole: the console is the terminal of the first process. What it prints is shown,
// and who ends it ends the container.
func TestImageConsole(t *testing.T) {
	i := withImages(t, Options{})
	i.create("library/debian:12", nil)
	if log := i.start(); log != "OK" {
		t.Fatal(log)
	}
	c, err := i.s.Node().Driver().Console(100, "console")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	shown := make(chan string)
	go func() {
		b, _ := io.ReadAll(c)
		shown <- string(b)
	}()
	if _, err := c.Write([]byte("echo I am $$\nexit\n")); err != nil {
		t.Fatal(err)
	}
	has(t, <-shown, "I am 1\r")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	i.s.Node().Wait(ctx, 100)
	if i.s.Node().Running(100) {
		t.Error("it still runs")
	}
}

// TestDHCPFails: the start ends with a warning, and the interface has no address.
func TestDHCPFails(t *testing.T) {
	i := withImages(t, Options{Faults: []string{driver.FaultNoAddress}})
	i.create("app/web:1.0", nil)
	has(t, i.start(), "WARN: DHCP failed - command 'lxc-attach -n 100 -s 'NETWORK|UTSNAME' -- aa-exec -p unconfined /sbin/dhclient -1 -4 -pf ", "\nWARNINGS: 1")
}

// TestNoImagesBefore: an OCI archive has no place in version 8.
func TestNoImagesBefore(t *testing.T) {
	s := open(t, Options{Dir: t.TempDir(), PVE: "8.4"})
	_, err := s.Node().Create(t.Context(), node.Root, node.Params{"vmid": "100", "ostemplate": "local:vztmpl/web_1.0.tar", "rootfs": "local-lvm:1"})
	if err == nil || err.Error() != "unable to parse directory volume name 'vztmpl/web_1.0.tar'" {
		t.Error(err)
	}
}
