package node

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/console"
	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
)

// consoles are the node's dtach sessions and the termproxies that wait for their
// client.
type consoles struct {
	mu       sync.Mutex
	sessions map[int]*console.Session // by container: /var/run/dtach/vzctlconsole<ID>
	waiting  map[int]*termproxy       // by port
	closed   bool
}

func (c *consoles) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for _, s := range c.sessions {
		_ = s.Close()
	}
}

// The ports of next_vnc_port.
const firstPort, lastPort = 5900, 5999

// termproxy is the program of that name: it takes one client on its port, checks
// the ticket once more and passes frames on to dtach.
type termproxy struct {
	n      *Node
	auth   Auth
	vmid   int
	port   int
	client chan net.Conn
}

// TermProxy is POST termproxy: a vncproxy task begins that waits for its client
// on the port. A container that does not run has one, too: what its program says
// is all there is to see.
func (n *Node) TermProxy(a Auth, vmid int) (map[string]any, error) {
	if err := n.Exists(vmid); err != nil {
		return nil, err
	}
	p := &termproxy{n: n, auth: a, vmid: vmid, client: make(chan net.Conn)}
	if !n.shows.listen(p) {
		return nil, fail("unable to find free port (%d-%d)", firstPort, lastPort)
	}
	upid, err := n.fork(a, "vncproxy", strconv.Itoa(vmid), p.run)
	if err != nil {
		n.shows.leave(p)
		return nil, err
	}
	// Perl has used the port as text before it is written as JSON.
	return map[string]any{"port": strconv.Itoa(p.port), "ticket": n.vncTicket(a, vmid), "user": a.ID(), "upid": upid}, nil
}

// listen gives p the lowest free port.
func (c *consoles) listen(p *termproxy) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waiting == nil {
		c.waiting, c.sessions = map[int]*termproxy{}, map[int]*console.Session{}
	}
	for p.port = firstPort; p.port <= lastPort; p.port++ {
		if c.waiting[p.port] == nil {
			c.waiting[p.port] = p
			return true
		}
	}
	return false
}

func (c *consoles) leave(p *termproxy) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waiting[p.port] == p {
		delete(c.waiting, p.port)
	}
}

// ErrRefused says that nobody listens on a port.
var ErrRefused = errors.New("connection refused")

// Dial is a connection to a termproxy's port. It takes one only.
func (n *Node) Dial(port int) (net.Conn, error) {
	n.shows.mu.Lock()
	p := n.shows.waiting[port]
	n.shows.mu.Unlock()
	if p == nil {
		return nil, ErrRefused
	}
	ours, theirs := net.Pipe()
	select {
	case p.client <- theirs:
		return ours, nil
	case <-time.After(time.Second): // it has its client, or has just given up
		return nil, ErrRefused
	}
}

// run is the worker. It ends well when the client leaves.
func (p *termproxy) run(ctx context.Context, w *worker) error {
	defer p.n.shows.leave(p)
	late := time.NewTimer(p.n.opt.ConsoleWait)
	defer late.Stop()
	var err error
	select {
	case conn := <-p.client:
		defer conn.Close()
		stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
		defer stop()
		p.n.shows.leave(p)
		err = p.serve(ctx, conn)
	case <-late.C:
		err = errors.New("failed waiting for client: timed out")
	case <-ctx.Done():
		return fail("received interrupt")
	}
	if err == nil {
		return nil
	}
	w.Log("Error: " + err.Error())
	return fail("command '/usr/bin/termproxy %d --path /vms/%d --perm VM.Console -- /usr/bin/dtach -A /var/run/dtach/vzctlconsole%d -r winch -z %s' failed: exit code 1",
		p.port, p.vmid, p.vmid, p.program())
}

func (p *termproxy) program() string {
	switch id := strconv.Itoa(p.vmid); p.n.cmode(p.vmid) {
	case "shell":
		return "lxc-attach --clear-env -n " + id
	case "console":
		return "lxc-console -n " + id + " -t 0 -e -1"
	default:
		return "lxc-console -n " + id + " -e -1"
	}
}

func (n *Node) cmode(vmid int) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if c := n.st.Containers[vmid]; c != nil {
		return c.Conf["cmode"]
	}
	return ""
}

// serve is a client's time: its ticket in a first line, OK, frames.
func (p *termproxy) serve(ctx context.Context, conn net.Conn) error {
	r := bufio.NewReaderSize(conn, 8<<10)
	_ = conn.SetReadDeadline(time.Now().Add(p.n.opt.ConsoleWait))
	line, err := r.ReadSlice('\n')
	if err != nil {
		return fmt.Errorf("failed reading ticket: %w", err)
	}
	_ = conn.SetReadDeadline(time.Time{})
	if err := p.login(strings.TrimSuffix(string(line), "\n")); err != nil {
		return err
	}
	view, s, err := p.n.attach(p.vmid)
	if err != nil {
		return err
	}
	defer view.Close()
	if _, err := io.WriteString(conn, "OK"); err != nil {
		return nil //nolint:nilerr // the client has left
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go p.n.disturb(ctx, s)
	go func() {
		_ = console.Frames(r, s, s.Resize) // the end, whatever it was, is the client's
		view.Close()
	}()
	_, _ = io.Copy(conn, reading{ctx, view})
	return nil
}

type reading struct {
	ctx  context.Context
	view *console.View
}

func (r reading) Read(b []byte) (int, error) { return r.view.Read(r.ctx, b) }

// login asks the API as termproxy does, which before pve-container 5.3.4 took no
// token's name for a user's.
func (p *termproxy) login(line string) error {
	user, ticket, _ := strings.Cut(line, ":")
	a := ParseAuth(user)
	switch {
	case a.TokenID != "" && !p.n.Profile().ConsoleTokens:
		return fmt.Errorf("authentication failed: value '%s' does not look like a valid user name", user)
	case p.n.CheckVNCTicket(a, p.vmid, ticket) != nil || p.n.Check(a, "/vms/"+strconv.Itoa(p.vmid), "VM.Console") != nil:
		return errors.New("authentication failed: permission denied")
	}
	return nil
}

// attach finds the container's session, or begins one.
func (n *Node) attach(vmid int) (*console.View, *console.Session, error) {
	n.shows.mu.Lock()
	defer n.shows.mu.Unlock()
	if n.shows.closed {
		return nil, nil, errors.New("node is shutting down")
	}
	if s := n.shows.sessions[vmid]; s != nil {
		if v, ok := s.Attach(); ok {
			return v, s, nil
		}
	}
	t, err := n.drv.Console(vmid, n.cmode(vmid))
	if err != nil {
		t = refusal(n.cmode(vmid), vmid, err)
	}
	s := console.New(t)
	n.shows.sessions[vmid] = s
	v, _ := s.Attach()
	return v, s, nil
}

// refusal is what the program says on a container that does not run, or has no such
// terminal, and ends. The latter was seen with LXC 5.0; the line's number is another
// in Proxmox's LXC.
func refusal(mode string, vmid int, err error) driver.Terminal {
	text := fmt.Sprintf("lxc-console: %d: %v\r\n", vmid, err)
	switch {
	case errors.Is(err, driver.ErrNoTerminal):
		text = fmt.Sprintf("lxc-console: %d: ../src/lxc/commands.c: lxc_cmd_get_tty_fd: 1200 Bad file descriptor - Denied access to tty\r\n", vmid)
	case !errors.Is(err, driver.ErrNotRunning):
	case mode == "shell":
		text = fmt.Sprintf("lxc-attach: %d: ../src/lxc/attach.c: get_attach_context: 406 Connection refused - Failed to get init pid\r\n"+
			"lxc-attach: %[1]d: ../src/lxc/attach.c: lxc_attach: 1470 Connection refused - Failed to get attach context\r\n", vmid)
	default:
		text = fmt.Sprintf("lxc-console: %d: ../src/lxc/tools/lxc_console.c: main: 129 %[1]d is not running\r\n", vmid)
	}
	return said{strings.NewReader(text)}
}

// said is a program that has said something and is gone.
type said struct{ *strings.Reader }

func (said) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }
func (said) Close() error              { return nil }
func (said) Resize(int, int) error     { return nil }
