package guest

import (
	"bytes"
	"context"
	"errors"
	"io"

	"golang.org/x/crypto/ssh"
)

// readyMark is what boottty.sh says once the terminal is raw.
const readyMark = string(nonceByte) + "ih-ready"

// noStty is boottty.sh's exit status where the guest has no stty.
const noStty = 97

// process opens a session of SSH for Exec. A shared connection that has broken is opened
// again; the program is started once.
func (o *sshTransport) process(ctx context.Context, _ *shell, t *TTY, _ string) (*stream, error) {
	for {
		c, reused, err := o.connection(ctx)
		if err != nil {
			return nil, err
		}
		sess, err := c.NewSession()
		switch {
		case err == nil:
			return o.begin(sess, t)
		case ctx.Err() != nil:
			return nil, ctx.Err()
		}
		o.forget(c)
		if !reused {
			return nil, o.fail(Dropped, "cannot open a session in the guest", err)
		}
	}
}

func (o *sshTransport) begin(sess *ssh.Session, t *TTY) (*stream, error) {
	text := bootText
	var pty error
	if t != nil {
		text = bootTTYText
		size := t.Size.orUsual()
		pty = sess.RequestPty(orElse(t.Term, "dumb"), size.Rows, size.Cols, ssh.TerminalModes{})
	}
	in, err1 := sess.StdinPipe()
	out, err2 := sess.StdoutPipe()
	errp, err3 := sess.StderrPipe()
	o.mu.Lock()
	old := o.older != "" && o.command == o.older
	o.mu.Unlock()
	if pty != nil {
		sess.Close()
		return nil, o.fail(Failed, "cannot get a terminal: sshd gives none", pty)
	}
	if err := errors.Join(err1, err2, err3, sess.Start(o.around(boot(text), old))); err != nil {
		sess.Close()
		return nil, o.fail(Dropped, "cannot start the command in the guest", err)
	}
	st := &stream{session: sshSession{sess}, in: in, out: out, err: errp}
	if t == nil {
		return st, nil
	}
	st.err = nil
	st.resize = func(s Size) error { return sess.WindowChange(s.Rows, s.Cols) }
	go func() { _, _ = io.Copy(io.Discard, errp) }()
	ready := &scanner{r: out, mark: []byte(readyMark + " ")}
	var said tail
	if _, err := ready.next(&said); err != nil {
		s := exitOf(sess, err, &said, &said)
		switch {
		case s.status == noStty:
			return nil, o.fail(Failed, "cannot use a terminal in the guest: it has no stty", nil)
		case s.status < 0:
			return nil, o.fail(Dropped, "cannot start the command in the guest", s.err)
		}
		return nil, o.mute(s)
	}
	st.out = io.MultiReader(bytes.NewReader(ready.buf), out)
	return st, nil
}

// orUsual is the size, or that of a terminal of old where none is known.
func (s Size) orUsual() Size {
	if s.Cols < 1 || s.Rows < 1 {
		return Size{80, 24}
	}
	return s
}
