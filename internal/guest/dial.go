package guest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
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
	dial      func(ctx context.Context, network, address string) (net.Conn, error)
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
	conn, err := d.dial(short, "tcp", d.address)
	cancel()
	if err != nil {
		return nil, d.why(err)
	}
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
		return nil, d.why(err)
	}
	return ssh.NewClient(sc, chans, reqs), nil
}

// why says what an error of dialling or shaking hands means.
func (d *dialer) why(err error) error {
	e := &Error{Kind: NoSSHD, Transport: d.transport, Message: "cannot reach " + d.whom + " by SSH", Err: err}
	var net0 net.Error
	text := err.Error()
	switch {
	case strings.Contains(text, "unable to authenticate"), strings.Contains(text, "Too many authentication failures"):
		e.Kind, e.Err = AuthRefused, nil
		e.Message = fmt.Sprintf("cannot log in to %s as %s: no key was accepted", d.whom, d.user)
		e.Fix = "put your public key in " + d.user + "'s authorized_keys there, or name the private key that is"
	case strings.Contains(text, "no common algorithm for host key"):
		e.Kind = HostKeyChanged
		e.Message = "cannot trust " + d.whom
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ECONNRESET), errors.Is(err, io.EOF):
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EADDRNOTAVAIL),
		errors.Is(err, context.DeadlineExceeded), errors.As(err, &net0) && net0.Timeout():
		e.Kind = Unreachable
		e.Err = errors.New("no route, or nothing answers")
	}
	return e
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
func through(node func(context.Context) (*ssh.Client, error)) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := node(ctx)
		if err != nil {
			return nil, err
		}
		return c.DialContext(ctx, network, address)
	}
}
