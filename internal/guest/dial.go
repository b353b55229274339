package guest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/crypto/ssh"
)

// dialer opens SSH connections to one place.
type dialer struct {
	transport string
	whom      string // for messages: "the guest at 10.0.0.5", "the node pve1"
	address   string // host:port
	user      string
	dial      dialing
	// signers gives the keys to try, and what to close after the login.
	signers func() ([]ssh.Signer, io.Closer, error)
	check   ssh.HostKeyCallback // returns *Error for what it refuses
	// families are lists of host key algorithms, tried in turn while check
	// refuses: a pinned key may be of another type than the one offered first.
	families [][]string
}

// Host key algorithms in the order that OpenSSH offers them, one slice a type.
var hostKeyTypes = [][]string{
	{ssh.KeyAlgoED25519},
	{ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521},
	{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256},
}

// once tries to log in one time; patience bounds each of connecting and
// shaking hands (which may take a multiple of it).
func (d *dialer) once(ctx context.Context, patience time.Duration) (*ssh.Client, error) {
	var first error
	for _, algorithms := range d.families {
		c, err := d.attempt(ctx, patience, algorithms)
		if err == nil {
			return c, nil
		}
		if first == nil {
			first = err
		}
		if KindOf(first) != HostKeyChanged || ctx.Err() != nil {
			break
		}
	}
	return nil, first
}

func (d *dialer) attempt(ctx context.Context, patience time.Duration, algorithms []string) (*ssh.Client, error) {
	short, cancel := context.WithTimeout(ctx, patience)
	plain, err := d.dial(short, "tcp", d.address)
	cancel()
	if err != nil {
		return nil, d.why(err, "")
	}
	conn := &greeted{Conn: plain}
	signers, done, err := d.signers()
	if err != nil {
		conn.Close()
		return nil, err
	}
	if done != nil {
		defer done.Close()
	}
	var refused error
	config := &ssh.ClientConfig{
		User:              d.user,
		Auth:              []ssh.AuthMethod{ssh.PublicKeys(signers...)},
		HostKeyAlgorithms: algorithms,
		ClientVersion:     "SSH-2.0-infrahaus",
		HostKeyCallback: func(name string, remote net.Addr, key ssh.PublicKey) error {
			refused = d.check(name, remote, key)
			return refused
		},
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	slow := time.AfterFunc(max(10*patience, 10*time.Second), func() { conn.Close() })
	defer slow.Stop()
	sc, chans, reqs, err := ssh.NewClientConn(conn, d.address, config)
	if err != nil {
		conn.Close()
		if refused != nil {
			return nil, refused
		}
		return nil, d.why(err, conn.heard())
	}
	return ssh.NewClient(sc, chans, reqs), nil
}

// why explains an error while connecting or during the handshake. heard is the text that
// arrived before the other side identified itself as an sshd.
func (d *dialer) why(err error, heard string) error {
	var known *Error
	if errors.As(err, &known) { // the error of a jump host
		return known
	}
	_, port, _ := net.SplitHostPort(d.address)
	e := &Error{Kind: NoSSHD, Transport: d.transport, Message: "cannot reach " + d.whom + " by SSH on port " + port, Err: plainly(err), Tail: heard}
	var timeout net.Error
	var unknown *net.DNSError
	text := err.Error()
	switch {
	case strings.Contains(text, "unable to authenticate"), strings.Contains(text, "Too many authentication failures"):
		e.Kind, e.Err, e.Tail = AuthRefused, nil, ""
		e.Message = fmt.Sprintf("cannot log in to %s as %s on port %s: no key was accepted", d.whom, d.user, port)
		e.Fix = "put your public key in " + d.user + "'s authorized_keys there, or name the private key that is"
	case strings.Contains(text, "no common algorithm for host key"):
		e.Kind, e.Message = HostKeyChanged, "cannot trust "+d.whom
	case refusedForNow(heard):
		e.Kind, e.Tail = Busy, ""
		e.Err = errors.New("its sshd says " + strconv.Quote(strings.TrimSpace(heard)))
		e.Fix = "it refuses this address for a while, as after many connections that did not log in: wait a few minutes, or see PerSourcePenalties and MaxStartups in its sshd_config"
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ECONNRESET), errors.Is(err, io.EOF):
	case errors.As(err, &unknown):
		e.Kind = Unreachable
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EADDRNOTAVAIL),
		errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		e.Kind = Unreachable
		e.Err = errors.New("no route, or nothing answers")
	}
	return e
}

// plainly removes the address from a connection's error, because the message has it
// already.
func plainly(err error) error {
	var no syscall.Errno
	var unknown *net.DNSError
	switch {
	case errors.As(err, &unknown):
		return fmt.Errorf("the name %s: %s", unknown.Name, unknown.Err)
	case errors.As(err, &no):
		return no
	case errors.Is(err, io.EOF):
		return fmt.Errorf("it closes the connection at once (%w)", io.EOF)
	}
	return err
}

// refusedForNow recognises the line that OpenSSH's sshd sends instead of its version
// while it refuses connections (PerSourcePenalties, MaxStartups).
func refusedForNow(heard string) bool {
	return strings.HasPrefix(heard, "Not allowed at this time") || strings.HasPrefix(heard, "Exceeded MaxStartups")
}

// greeted keeps the text that a server sends before its version; x/crypto drops it.
type greeted struct {
	net.Conn
	first []byte
	done  bool
}

const maxGreeting = 512

func (g *greeted) Read(p []byte) (int, error) {
	n, err := g.Conn.Read(p)
	if !g.done {
		g.first = append(g.first, p[:min(n, maxGreeting-len(g.first))]...)
		g.done = len(g.first) == maxGreeting || bytes.HasPrefix(g.first, []byte("SSH-")) || bytes.Contains(g.first, []byte("\nSSH-"))
	}
	return n, err
}

// heard returns the last readable text from the other side.
func (g *greeted) heard() string {
	if p, ok := g.Conn.(*piped); ok {
		return p.heard()
	}
	if bytes.HasPrefix(g.first, []byte("SSH-")) {
		return ""
	}
	said, _, _ := bytes.Cut(g.first, []byte("\nSSH-"))
	return lastWords(said)
}

// tcp dials as the machine does.
func tcp(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{KeepAlive: 15 * time.Second}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return promptly(conn), nil
}

// through dials from the other end of an SSH connection.
func through(node func(context.Context) (*ssh.Client, error)) dialing {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := node(ctx)
		if err != nil {
			return nil, err
		}
		conn, err := c.DialContext(ctx, network, address)
		if err != nil && ctx.Err() == nil {
			err = forwardError("the node", address, err)
		}
		return conn, err
	}
}
