package system

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

// docker is the little of Docker that a template's script needs: images made
// from an archive, and containers whose one program is busybox's httpd.
type docker struct {
	mu         sync.Mutex
	images     map[string]bool
	containers []*container
}

type container struct {
	id, name, image string
	host, inner     int
	main            *proc
	since           time.Time
}

type dockerKey struct{}

func dockerCommands() map[string]kernel.Command {
	return map[string]kernel.Command{"docker": dockerCLI}
}

func dockerCLI(p *proc, args []string) int {
	d := p.M.Value(dockerKey{}, func() any { return &docker{images: map[string]bool{}} }).(*docker)
	up := false
	for _, q := range p.M.Procs() {
		up = up || q.Comm() == "dockerd"
	}
	if !up {
		fmt.Fprintln(p.Stderr, "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?")
		return 1
	}
	if len(args) < 2 {
		return 1
	}
	o, rest := simple(args[1:], "pefv")
	switch args[1] {
	case "version":
		p.Printf("20.10.24+dfsg1\n")
	case "info":
		if strings.Contains(strings.Join(args, " "), "Driver") {
			p.Printf("vfs\n")
		} else {
			p.Printf("Server:\n Server Version: 20.10.24+dfsg1\n Storage Driver: vfs\n")
		}
	case "import":
		return d.load(p, rest)
	case "images":
		for i := range d.images {
			p.Printf("%s\n", i)
		}
	case "rm", "stop", "kill":
		_, rest = simple(args[1:], "t") // -f has no value here
		return d.remove(p, rest)
	case "run":
		return d.run(p, o, args)
	case "ps":
		return d.list(p, args[2:])
	case "inspect":
		return d.inspect(p, args[2:])
	case "logs": // busybox httpd writes no log
		_, err := d.named(rest)
		return complain(p, err)
	default:
		p.Errorf("sandbox: docker %s"+kernel.NotHere, args[1])
		return 1
	}
	return 0
}

func imageDir(name string) string {
	return "/var/lib/docker/virtual/" + strings.NewReplacer("/", "_", ":", "_").Replace(name)
}

func (d *docker) load(p *proc, rest []string) int {
	if len(rest) < 2 || rest[0] != "-" {
		p.Errorf("sandbox: docker import takes - and a name in the virtual guest")
		return 1
	}
	dir := imageDir(rest[1])
	if err := p.View().MkdirAll(dir, 0o755); err != nil {
		p.Errorf("%s", kernel.Reason(err))
		return 1
	}
	if st := p.Call("tar", "-C", dir, "-xf", "-"); st != 0 {
		return st
	}
	d.mu.Lock()
	d.images[rest[1]] = true
	d.mu.Unlock()
	p.Printf("sha256:%064x\n", len(rest[1]))
	return 0
}

func (d *docker) remove(p *proc, names []string) int {
	st := 0
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, n := range names {
		hit := false
		for i, c := range d.containers {
			if c.name == n || strings.HasPrefix(c.id, n) {
				c.main.Signal(9)
				p.Wait(c.main) // its port is free when the command ends
				d.containers = append(d.containers[:i], d.containers[i+1:]...)
				p.Printf("%s\n", n)
				hit = true
				break
			}
		}
		if !hit {
			fmt.Fprintf(p.Stderr, "Error response from daemon: No such container: %s\n", n)
			st = 1
		}
	}
	return st
}

func (d *docker) run(p *proc, _ map[string]string, args []string) int {
	c := &container{since: time.Now(), id: fmt.Sprintf("%064x", time.Now().UnixNano())}
	i := 2
	for ; i < len(args) && strings.HasPrefix(args[i], "-"); i++ {
		switch a := args[i]; a {
		case "--name", "--restart", "-p", "--network", "-e", "-v":
			if i++; i < len(args) && a == "--name" {
				c.name = args[i]
			} else if i < len(args) && a == "-p" {
				h, in, _ := strings.Cut(args[i], ":")
				c.host, _ = strconv.Atoi(h)
				c.inner, _ = strconv.Atoi(in)
			}
		}
	}
	if i >= len(args) {
		return 125
	}
	c.image = args[i]
	cmd := args[i+1:]
	d.mu.Lock()
	known := d.images[c.image]
	d.mu.Unlock()
	if !known {
		fmt.Fprintf(p.Stderr, "Unable to find image '%s' locally\ndocker: Error response from daemon: Get \"https://registry-1.docker.io/v2/\": no route to host.\n", c.image)
		return 125
	}
	root := imageDir(c.image)
	for k, a := range cmd {
		if a == "-h" && k+1 < len(cmd) {
			root = path.Join(root, path.Clean("/"+cmd[k+1]))
		}
	}
	if len(cmd) < 2 || cmd[1] != "httpd" {
		p.Errorf("sandbox: a container that runs anything but busybox httpd" + kernel.NotHere)
		return 125
	}
	if err := d.serve(p, c, root, cmd); err != nil {
		fmt.Fprintf(p.Stderr, "docker: Error response from daemon: driver failed programming external connectivity: %s\n", kernel.Reason(err))
		return 125
	}
	d.mu.Lock()
	d.containers = append(d.containers, c)
	d.mu.Unlock()
	p.Printf("%s\n", c.id)
	return 0
}

func (d *docker) serve(p *proc, c *container, root string, cmd []string) error {
	init := of(p).init
	ready := make(chan error, 1)
	_, err := init.Start(kernel.Child{Argv: []string{"/usr/bin/docker-proxy", "-host-port", strconv.Itoa(c.host)}, Comm: "docker-proxy", Unit: "docker.service", Setsid: true, NullIn: true, Stdout: io.Discard, Stderr: io.Discard,
		Body: func(q *proc) int {
			l := &connListener{c: make(chan net.Conn), done: make(chan struct{})}
			if _, err := q.Listen("tcp", netip.IPv4Unspecified(), c.host, l.hand); err != nil {
				ready <- err
				return 1
			}
			srv := &http.Server{Handler: webRoot(q, site{root: root})}
			go serve(q, srv, l)
			defer srv.Close()
			c.main = q
			ready <- nil
			return daemonOnly(q, nil)
		}})
	if err != nil {
		return err
	}
	if err := <-ready; err != nil {
		return err
	}
	_, err = init.Start(kernel.Child{Argv: cmd, Comm: path.Base(cmd[0]), Unit: "docker-" + c.id, Setsid: true, NullIn: true, Body: func(q *proc) int {
		select {
		case <-c.main.Done():
		case <-q.Context().Done():
		}
		return 0
	}})
	return err
}
