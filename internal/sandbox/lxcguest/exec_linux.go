package lxcguest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"

	"encoding/json"

	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
)

// Exec runs a process with lxc-attach. When ctx ends, for example with the SSH session,
// Exec returns at once. The process is not killed: its stdin ends and its stdout is
// closed.
func (d *Driver) Exec(ctx context.Context, vmid int, e driver.Exec) (int, error) {
	if d.Pid(vmid) == 0 {
		return 0, driver.ErrNotRunning
	}
	attach, err := exec.LookPath("lxc-attach")
	if err != nil {
		return 0, err
	}
	cmd := exec.Command(attach, append([]string{"-n", strconv.Itoa(vmid), "-P", d.guestsDir(), "--keep-env", "--"}, e.Argv...)...)
	cmd.Env = e.Env
	if cmd.Env == nil {
		cmd.Env = []string{} // nil would pass on our own environment
	}
	if cmd.Dir, err = d.attachDir(vmid, e.Cwd); err != nil {
		return 0, err
	}
	p, err := newPipes(cmd, e)
	if err != nil {
		return 0, err
	}
	if err := cmd.Start(); err != nil {
		p.abandon()
		return 0, fmt.Errorf("cannot run lxc-attach: %w", err)
	}
	return p.wait(ctx, cmd)
}

// Attach runs a process with lxc-attach on a pty of the machine, for which lxc-attach makes
// another one in the guest.
func (d *Driver) Attach(vmid int, e driver.Exec) (driver.Attached, error) {
	if d.Pid(vmid) == 0 {
		return nil, driver.ErrNotRunning
	}
	attach, err := exec.LookPath("lxc-attach")
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(attach, append([]string{"-n", strconv.Itoa(vmid), "-P", d.guestsDir(), "--keep-env", "--"}, e.Argv...)...)
	if cmd.Env = e.Env; cmd.Env == nil {
		cmd.Env = []string{}
	}
	if cmd.Dir, err = d.attachDir(vmid, e.Cwd); err != nil {
		return nil, err
	}
	return startOnPty(cmd)
}

// attachDir is the folder in which lxc-attach is started. It enters the folder of the
// same name in the guest, or / if there is none. The folder must also exist on this
// machine.
func (d *Driver) attachDir(vmid int, cwd string) (string, error) {
	if cwd == "" {
		return "/", nil
	}
	if fi, err := os.Stat(cwd); err == nil && fi.IsDir() {
		return cwd, nil
	}
	return "/", nil
}

// pipes carry a process's streams. Those of exec.Cmd would wait for a stdin that never
// ends.
type pipes struct {
	child  []*os.File // our copies of the child's ends
	stdin  *os.File
	in     io.Reader
	copies sync.WaitGroup // of stdout and stderr
	ours   []*os.File
}

func newPipes(cmd *exec.Cmd, e driver.Exec) (*pipes, error) {
	p := &pipes{in: e.Stdin}
	if e.Stdin != nil {
		r, w, err := os.Pipe()
		if err != nil {
			return nil, err
		}
		cmd.Stdin, p.stdin, p.child = r, w, append(p.child, r)
	}
	var err error
	if cmd.Stdout, err = p.out(e.Stdout); err != nil {
		return nil, err
	}
	if e.Stderr != nil && e.Stderr == e.Stdout { // two goroutines must not write to one writer
		cmd.Stderr = cmd.Stdout
		return p, nil
	}
	cmd.Stderr, err = p.out(e.Stderr)
	return p, err
}

// out is the child's end of a pipe to w; nil stays nil.
func (p *pipes) out(w io.Writer) (io.Writer, error) {
	if w == nil {
		return nil, nil
	}
	r, f, err := os.Pipe()
	if err != nil {
		p.abandon()
		return nil, err
	}
	p.child, p.ours = append(p.child, f), append(p.ours, r)
	p.copies.Go(func() { _, _ = io.Copy(w, r) })
	return f, nil
}

func closeAll(files []*os.File) {
	for _, f := range files {
		_ = f.Close()
	}
}

func (p *pipes) abandon() {
	closeAll(p.child)
	closeAll(p.ours)
	if p.stdin != nil {
		_ = p.stdin.Close()
	}
}

func (p *pipes) wait(ctx context.Context, cmd *exec.Cmd) (int, error) {
	closeAll(p.child)
	if p.stdin != nil {
		go func() {
			_, _ = io.Copy(p.stdin, p.in)
			_ = p.stdin.Close()
		}()
	}
	ended := make(chan error, 1)
	go func() {
		err := cmd.Wait()
		if p.stdin != nil {
			_ = p.stdin.Close()
		}
		p.copies.Wait()
		closeAll(p.ours)
		ended <- err
	}()
	select {
	case err := <-ended:
		return status(err)
	case <-ctx.Done():
		closeAll(p.ours)
		if p.stdin != nil {
			_ = p.stdin.Close()
		}
		return 0, ctx.Err()
	}
}

// status is the exit status of lxc-attach, which has turned a signal into 128+n.
func status(err error) (int, error) {
	var exit *exec.ExitError
	if err == nil {
		return 0, nil
	}
	if errors.As(err, &exit) && exit.ExitCode() >= 0 {
		return exit.ExitCode(), nil
	}
	return 0, err
}

// Interfaces runs the machine's own ip in the guest's network namespace, as Proxmox does.
func (d *Driver) Interfaces(ctx context.Context, vmid int) ([]driver.Interface, error) {
	pid := d.Pid(vmid)
	if pid == 0 {
		return nil, driver.ErrNotRunning
	}
	out, err := exec.CommandContext(ctx, "nsenter", "-t", strconv.Itoa(pid), "-n", "ip", "-json", "address").Output()
	if err != nil {
		return nil, fmt.Errorf("cannot read the interfaces of CT %d: %w", vmid, err)
	}
	return parseAddresses(out)
}

func parseAddresses(b []byte) ([]driver.Interface, error) {
	var links []struct {
		Name  string `json:"ifname"`
		MAC   string `json:"address"`
		Addrs []struct {
			Family string `json:"family"`
			Local  string `json:"local"`
			Bits   int    `json:"prefixlen"`
			Scope  string `json:"scope"`
		} `json:"addr_info"`
	}
	if err := json.Unmarshal(b, &links); err != nil {
		return nil, err
	}
	var all []driver.Interface
	for _, l := range links {
		i := driver.Interface{Name: l.Name, MAC: strings.ToUpper(l.MAC)}
		for _, a := range l.Addrs {
			addr, err := netip.ParseAddr(a.Local)
			if err != nil {
				continue
			}
			p := netip.PrefixFrom(addr, a.Bits)
			switch {
			case addr.Is4() && !i.Addr.IsValid():
				i.Addr = p
			case addr.Is6() && addr.IsLinkLocalUnicast():
				i.LinkLocal = p
			case addr.Is6() && !i.Addr6.IsValid():
				i.Addr6 = p
			}
		}
		all = append(all, i)
	}
	return all, nil
}
