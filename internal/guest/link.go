package guest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

// link is one session with an agent that has answered, over SSH or a console.
type link struct {
	nonce string
	sess  session
	in    io.WriteCloser
	out   *scanner
	err   *scanner
	once  sync.Once // abandons
}

// session is what carries a link.
type session interface {
	// Terminate sends SIGTERM to the agent and what it runs, where the session can.
	Terminate()
	// Close ends the session and its streams at once.
	Close() error
}

// sshSession is a session of SSH.
type sshSession struct{ *ssh.Session }

func (s sshSession) Terminate() { _ = s.Signal(ssh.SIGTERM) }

// ownError is a failure of the caller's reader or writer, not of the link.
type ownError struct{ err error }

func (e *ownError) Error() string { return e.err.Error() }
func (e *ownError) Unwrap() error { return e.err }

// exchange sends cmd and reads both streams up to their sentinels. After an error the link
// cannot be used again.
func (l *link) exchange(cmd Cmd, out, errw io.Writer) (int, error) {
	var wg sync.WaitGroup
	var sent, outErr, errErr error
	var status, again int
	wg.Add(3)
	go func() {
		defer wg.Done()
		if sent = l.send(cmd); sent != nil {
			l.abandon()
		}
	}()
	go func() {
		defer wg.Done()
		if status, outErr = l.out.next(out); outErr != nil {
			l.abandon()
		}
	}()
	go func() {
		defer wg.Done()
		if again, errErr = l.err.next(errw); errErr != nil {
			l.abandon()
		}
	}()
	wg.Wait()
	for _, err := range []error{sent, outErr, errErr} {
		if own := (*ownError)(nil); errors.As(err, &own) {
			return 0, own
		}
	}
	switch {
	case outErr != nil:
		return 0, outErr
	case errErr != nil:
		return 0, errErr
	case status != again:
		return 0, fmt.Errorf("two statuses of one command: %d and %d", status, again)
	}
	return status, nil
}

// shortText is the length in bytes up to which the agent reads a command's text itself. For
// a longer one it starts dd, which costs as much as the system calls for so many bytes.
const shortText = 1024

// sendBlock is how much is written at once, in bytes: a console waits for an answer to each write.
const sendBlock = 32 << 10

// send writes the text between its lines, and the payload.
func (l *link) send(cmd Cmd) error {
	size := cmd.Size
	if cmd.Stdin == nil {
		size = 0
	}
	text := strings.ReplaceAll(cmd.Script, "\x00", "") + "\n"
	length := len(text)
	if length <= shortText {
		length = 0
	}
	head := fmt.Sprintf("%d\n%s%s\n%d %d\n", length, text, l.nonce, size/payloadBlock, size%payloadBlock)
	if size == 0 {
		_, err := io.WriteString(l.in, head)
		return err
	}
	w := bufio.NewWriterSize(struct{ io.Writer }{l.in}, sendBlock)
	if _, err := w.WriteString(head); err != nil {
		return err
	}
	src := &source{r: io.LimitReader(cmd.Stdin, size)}
	n, err := w.ReadFrom(src)
	if src.err != nil {
		return &ownError{src.err}
	}
	if err == nil && n < size {
		return &ownError{fmt.Errorf("cannot send %d bytes: only %d were there", size, n)}
	}
	if err == nil {
		err = w.Flush()
	}
	return err
}

// source remembers an error of the reader, which is the caller's and not the link's.
type source struct {
	r   io.Reader
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

// abandon ends the session at once. The signal goes to the agent and its children; a
// detached attempt has a process session of its own. Closing the SSH session closes its
// stdin too; closing stdin alone would race with a write to it.
func (l *link) abandon() {
	l.once.Do(func() {
		l.sess.Terminate()
		_ = l.sess.Close()
	})
}

// helloDeadline is how long an agent may take to answer; pct alone takes a
// second, much more on a busy node.
const helloDeadline = 30 * time.Second

// silence is why no agent answered.
type silence struct {
	status int // the session's exit status; -1: it had none
	said   string
	err    error
}

// start starts an agent with greet, which passes on the session as soon as it is open. It
// returns a silence if no agent answered within helloDeadline.
func start(ctx context.Context, greet func(opened chan<- session) (*link, *silence)) (*link, *silence) {
	ctx, cancel := context.WithTimeout(ctx, helloDeadline)
	defer cancel()
	type result struct {
		l *link
		s *silence
	}
	done := make(chan result, 1)
	kill := make(chan session, 1)
	go func() {
		l, s := greet(kill)
		done <- result{l, s}
	}()
	select {
	case r := <-done:
		return r.l, r.s
	case <-ctx.Done():
	}
	go func() {
		select {
		case sess := <-kill:
			sess.Close()
		case r := <-done:
			if r.l != nil {
				r.l.abandon()
			}
		}
	}()
	return nil, &silence{status: -1, err: fmt.Errorf("no answer: %w", ctx.Err())}
}

// greet opens a session of SSH and starts the agent there.
func greet(c *ssh.Client, command string, opened chan<- session) (*link, *silence) {
	fail := func(err error) (*link, *silence) { return nil, &silence{status: -1, err: err} }
	sess, err := c.NewSession()
	if err != nil {
		return fail(err)
	}
	opened <- sshSession{sess}
	in, err1 := sess.StdinPipe()
	out, err2 := sess.StdoutPipe()
	errp, err3 := sess.StderrPipe()
	if err := errors.Join(err1, err2, err3, sess.Start(command)); err != nil {
		sess.Close()
		return fail(err)
	}
	var noise, said tail
	l, err := handshake(sshSession{sess}, in, out, errp, &noise, &said)
	if err == nil {
		return l, nil
	}
	return nil, exitOf(sess, err, &said, &noise)
}

// handshake sends a new agent its text and waits for its answer. Everything that a login
// prints before goes to noise and said.
func handshake(sess session, in io.WriteCloser, out, errp io.Reader, noise, said *tail) (*link, error) {
	nonce := newNonce()
	l := &link{nonce: nonce, sess: sess, in: in, out: newScanner(out, nonce), err: newScanner(errp, nonce)}
	go func() { _, _ = io.WriteString(in, greeting(nonce)) }() // a broken pipe shows when we read
	var outErr, errErr error
	var wg sync.WaitGroup
	wg.Add(2)
	go func() { defer wg.Done(); _, outErr = l.out.next(noise) }()
	go func() { defer wg.Done(); _, errErr = l.err.next(said) }()
	wg.Wait()
	if outErr != nil {
		return nil, outErr
	}
	return l, errErr
}

// exitOf finds out how a session ended in which no agent answered.
func exitOf(sess *ssh.Session, err error, said, noise *tail) *silence {
	s := &silence{status: -1, err: err, said: said.String()}
	if s.said == "" {
		s.said = noise.String()
	}
	ended := make(chan error, 1)
	go func() { ended <- sess.Wait() }()
	var exit *ssh.ExitError
	select {
	case err := <-ended:
		if err == nil {
			s.status, s.err = 0, nil
		} else if errors.As(err, &exit) {
			s.status, s.err = exit.ExitStatus(), nil
		}
	case <-time.After(5 * time.Second):
	}
	go sess.Close()
	return s
}
