package guest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/infrahaus/infrahaus/internal/transports"
)

// dialing opens a connection. If its error is an *Error, it is passed on unchanged.
type dialing func(ctx context.Context, network, address string) (net.Conn, error)

// maxHops limits how many jump hosts may follow each other; more are probably a loop.
const maxHops = 8

// jump makes the dialer of the last host of ProxyJump. The first host is reached as the
// configuration says, and each further one through the host before it, as in `ssh -J`.
func (n NodeSSH) jump(ctx context.Context, hosts []string, depth int) (last *dialer, left []string, err error) {
	for _, text := range hosts {
		if depth++; depth > maxHops {
			return nil, nil, &Error{Kind: BadSettings, Transport: transports.Node, Message: "cannot reach the node: more than " + strconv.Itoa(maxHops) + " jump hosts, or they lead to each other",
				Fix: "see ProxyJump in the SSH configuration"}
		}
		hop := NodeSSH{ConfigFile: n.ConfigFile, Identity: n.Identity, KnownHosts: n.KnownHosts, AgentSocket: n.AgentSocket, hop: true}
		if hop.User, hop.Host, hop.Port, err = splitHop(text); err != nil {
			return nil, nil, &Error{Kind: BadSettings, Transport: transports.Node, Message: "cannot use ProxyJump", Err: err}
		}
		d, more, err := hop.dialerBy(ctx, depth)
		if err != nil {
			return nil, nil, err
		}
		if last != nil {
			d.dial = over(last)
		}
		last, left = d, append(left, more...)
	}
	return last, left, nil
}

// splitHop splits [user@]host[:port]; ssh:// may precede it.
func splitHop(text string) (user, host string, port int, err error) {
	host = strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(text), "ssh://"), "/")
	if i := strings.LastIndexByte(host, '@'); i >= 0 {
		user, host = host[:i], host[i+1:]
	}
	if h, p, err := net.SplitHostPort(host); err == nil {
		number, err := strconv.ParseUint(p, 10, 16)
		if err != nil || number == 0 {
			return "", "", 0, fmt.Errorf("%q is no port", p)
		}
		host, port = h, int(number)
	}
	host = strings.Trim(host, "[]")
	if host == "" || strings.HasPrefix(host, "-") {
		return "", "", 0, fmt.Errorf("%q names no host", text)
	}
	return user, host, port, nil
}

// hopPatience limits the time for connecting to a jump host.
const hopPatience = 10 * time.Second

// over dials from a jump host, to which it logs in for this one connection.
func over(hop *dialer) dialing {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := hop.once(ctx, hopPatience)
		if err != nil {
			return nil, err
		}
		conn, err := c.DialContext(ctx, network, address)
		if err != nil {
			c.Close()
			return nil, forwardError(hop.whom, address, err)
		}
		return &hopped{Conn: conn, beneath: c}, nil
	}
}

// forwardError explains why a jump host did not open the next connection.
func forwardError(whom, address string, err error) error {
	e := &Error{Kind: Unreachable, Transport: transports.Node, Message: "cannot reach " + address + " from " + whom, Err: err}
	var rejected *ssh.OpenChannelError
	if errors.As(err, &rejected) {
		e.Err = errors.New(orElse(rejected.Message, rejected.Reason.String()))
		switch {
		case rejected.Reason == ssh.Prohibited:
			e.Kind, e.Fix = AuthRefused, "its sshd must allow TCP forwarding"
		case strings.Contains(strings.ToLower(rejected.Message), "refused"):
			e.Kind = NoSSHD
		}
	}
	return e
}

// hopped is a connection through a host; closing it also logs out of that host.
type hopped struct {
	net.Conn
	beneath io.Closer
}

func (h *hopped) Close() error { return errors.Join(h.Conn.Close(), h.beneath.Close()) }

// byCommand connects through a ProxyCommand, started as ssh starts it.
func byCommand(text string) dialing {
	return func(context.Context, string, string) (net.Conn, error) {
		cmd := shellCommand(text)
		p := &piped{cmd: cmd, ended: make(chan struct{})}
		cmd.Stderr = &p.said
		cmd.WaitDelay = time.Second
		in, w, err1 := os.Pipe()
		r, out, err2 := os.Pipe()
		if err := errors.Join(err1, err2); err != nil {
			return nil, err
		}
		cmd.Stdin, cmd.Stdout, p.in, p.out = in, out, w, r
		err := cmd.Start()
		in.Close()
		out.Close()
		if err != nil {
			w.Close()
			r.Close()
			return nil, &Error{Kind: BadSettings, Transport: transports.Node, Message: "cannot start the ProxyCommand", Err: err}
		}
		go func() { _ = cmd.Wait(); close(p.ended) }()
		return p, nil
	}
}

// piped is a connection over the stdin and stdout of a program.
type piped struct {
	cmd     *exec.Cmd
	in, out *os.File
	said    lockedTail
	ended   chan struct{}
}

func (p *piped) Read(b []byte) (int, error)  { return p.out.Read(b) }
func (p *piped) Write(b []byte) (int, error) { return p.in.Write(b) }

// Close ends the program and its children: it closes the program's input, and sends a
// signal if that is not enough. The program still gets time to report an error on stderr.
func (p *piped) Close() error {
	err := errors.Join(p.in.Close(), p.out.Close())
	select {
	case <-p.ended:
	case <-time.After(300 * time.Millisecond):
		endCommand(p.cmd)
	}
	return err
}

// heard returns the program's stderr after its connection has failed.
func (p *piped) heard() string {
	select {
	case <-p.ended:
	case <-time.After(time.Second):
	}
	return p.said.String()
}

func (p *piped) LocalAddr() net.Addr              { return pipeAddr{} }
func (p *piped) RemoteAddr() net.Addr             { return pipeAddr{} }
func (p *piped) SetDeadline(time.Time) error      { return errors.ErrUnsupported }
func (p *piped) SetReadDeadline(time.Time) error  { return errors.ErrUnsupported }
func (p *piped) SetWriteDeadline(time.Time) error { return errors.ErrUnsupported }

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "ProxyCommand" }
