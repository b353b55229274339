package virtual

import (
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/fsys"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/image"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/system"
)

// early is how long a start looks whether the application ends at once: longer than LXC and
// Proxmox take to ask for its process id on a genuine node, because a busy machine interprets
// slowly.
const early = 400 * time.Millisecond

// startApp starts the entrypoint of a guest that has no init.
func (d *Driver) startApp(m *kernel.Machine, c driver.Config) (inside, error) {
	argv := c.Init.Argv()
	root := &fsys.View{FS: m.FS, Cwd: "/"}
	if i, err := root.Stat("/" + c.Init.Cwd); len(argv) == 0 || err != nil || !i.IsDir() {
		return nil, driver.ErrExited
	}
	return system.StartApp(m, system.AppOptions{
		Argv: argv, Env: c.Init.Env, Cwd: c.Init.Cwd, UID: c.Init.UID, GID: c.Init.GID, Groups: c.Init.Groups, Halt: c.Init.Halt,
		TTY: m.Terminal("console"),
	})
}

// withEnv adds the container's own environment to that of a process which enters it. The
// container's outweighs the caller's.
func withEnv(env []string, c driver.Config) []string {
	if len(c.Init.Env) == 0 {
		return env
	}
	own := map[string]bool{}
	for _, v := range c.Init.Env {
		k, _, _ := strings.Cut(v, "=")
		own[k] = true
	}
	var out []string
	for _, v := range env {
		if k, _, _ := strings.Cut(v, "="); !own[k] {
			out = append(out, v)
		}
	}
	return append(out, c.Init.Env...)
}

// managed reports whether the node sets an interface's address.
func managed(c driver.Config) bool {
	for _, i := range c.Interfaces {
		if i.Managed && i.Addr.IsValid() {
			return true
		}
	}
	return false
}

// refresh writes the files that Proxmox writes before a start. In a guest of an unknown system
// these are none but what the node's dhclient leaves there: the nameserver.
func refresh(f *fsys.FS, spec image.Spec, c driver.Config) error {
	if !c.Unmanaged {
		return image.Refresh(f, spec, networkOf(c))
	}
	if len(c.Interfaces) == 0 || !c.Interfaces[0].Managed || !c.Interfaces[0].DHCP || !c.Interfaces[0].Gateway.IsValid() {
		return nil
	}
	v := &fsys.View{FS: f, Cwd: "/"}
	if err := v.MkdirAll("/etc", 0o755); err != nil {
		return err
	}
	return v.WriteFile("/etc/resolv.conf", []byte("nameserver "+c.Interfaces[0].Gateway.String()+"\n"), 0o644)
}
