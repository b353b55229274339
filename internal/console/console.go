// Package console makes reliable byte channels out of a guest's console. It knows bytes and
// a terminal, and nothing of containers or of what the programs on its channels do.
//
// A console is one stream of bytes that everybody shares: a getty or somebody's shell
// reads what is typed, the kernel and systemd print into it, another run may log in at the
// same moment, and the connection may break anywhere. Five layers stand on it, from below:
//
//   - login (login.go, prompt.go, failure.go) gets from whatever the console shows to a root
//     shell, and knows when to give up. patterns.go has the prompts that it recognises.
//   - contention (contention.go) keeps two runs on one console apart.
//   - bootstrap and install (bootstrap.go, install.go) start the pump in that shell.
//   - Mux (mux.go) sends commands and messages to the pump and finds its words and blocks
//     in what the console prints (wire.go is the format).
//   - Channel (channel.go, stream.go) is one program over the Mux: what is lost or spoiled
//     on the way is sent again.
//
// The pump (pump.sh) is the other end: a shell program in the guest that runs the
// channels' programs, and turns their bytes into lines of text that survive a terminal.
//
// A connection that breaks leaves the pump running for a minute; the next Attach of the
// same Console finds it and goes on with it.
package console

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// Config says how to get in, and whom to tell.
type Config struct {
	// Start is the program that each channel runs: POSIX sh, one line, without a single
	// quote. Its stdin, stdout and stderr are the channel's.
	Start string
	// RootPassword is called when the console asks for a login. nil or "" means that no
	// password is known.
	RootPassword func(context.Context) (string, error)
	Booting      bool          // the guest was started just now, so its prompt comes by itself
	Limits       Limits        // the zero value means UsualLimits
	KeepAlive    time.Duration // a console that is silent for three times this counts as dead
	Waiting      func(string)  // is told what Attach waits for now
	Note         func(string)  // is told what the user should know, one line
}

// Console is the console of one guest, over connections that come and go. It is not safe
// for concurrent use; the Mux that it returns is.
type Console struct {
	Config
	mux      *Mux   // the last that Attach returned
	tag      string // of the pump that Attach started last
	loggedIn bool   // Attach logged in to the shell on the console
}

// New prepares a console; Attach opens it.
func New(c Config) *Console {
	if c.Limits == (Limits{}) {
		c.Limits = UsualLimits
	}
	return &Console{Config: c}
}

// Tag is the word that marks everything that the current pump says, and its folder in the
// guest.
func (c *Console) Tag() string { return c.tag }

// Attach logs in over conn and starts a pump, or finds the pump that an earlier connection
// of this Console left, with every channel on it ended. A refused password is typed twice,
// three times if somebody else typed too; nothing else is retried. The error is an *Error,
// ctx's, or that of a write to conn. After an error, conn is the caller's to close.
func (c *Console) Attach(ctx context.Context, conn io.ReadWriteCloser) (*Mux, error) {
	chunks, ended := listen(conn)
	attached := false
	defer func() {
		if !attached { // a full queue would block the reader for good, even after conn is closed
			go func() {
				for range chunks {
				}
			}()
		}
	}()
	d := &login{
		conn: conn, chunks: chunks, ended: ended, tag: newTag(), ownTag: c.tag, adoptOwn: c.mux != nil && c.mux.tag == c.tag,
		password: c.password(ctx), waiting: c.Waiting, note: c.Note, limits: c.Limits,
		booting: c.Booting && c.tag == "", loggedIn: c.loggedIn,
	}
	d.program = pumpProgram(d.tag, c.Start)
	adopted, err := d.run(ctx)
	c.loggedIn = d.loggedIn
	if err != nil {
		return nil, err
	}
	m := newMux(conn, d.tag, c.KeepAlive, c.Note)
	if adopted {
		m.encoder, m.lastID = c.mux.encoder, c.mux.lastID
	} else {
		c.tag = d.tag
		if err := m.install(ctx, d); err != nil {
			return nil, err
		}
	}
	go m.read(chunks, ended)
	go m.watch()
	if adopted { // half a message, and the programs of the old channels, end here
		if err := m.insist(m.clean, ctx.Done(), "z"); err != nil {
			m.Close()
			return nil, err
		}
	}
	c.mux, attached = m, true
	return m, nil
}

// password returns root's password, or why it cannot be typed.
func (c *Console) password(ctx context.Context) func() (string, error) {
	return func() (string, error) {
		if c.RootPassword == nil {
			return "", errors.New("it asks for a login, and root's password is not known")
		}
		secret, err := c.RootPassword(ctx)
		switch {
		case err != nil:
			return "", fmt.Errorf("it asks for a login, and root's password cannot be read: %w", err)
		case secret == "":
			return "", errors.New("it asks for a login, and root's password is not known")
		case strings.ContainsFunc(secret, func(r rune) bool { return r < ' ' || r == 0x7f }):
			return "", errors.New("root's password cannot be typed: it has control characters")
		}
		return secret, nil
	}
}

// listen reads a console in the background. Once chunks is closed, ended returns why.
func listen(conn io.Reader) (chunks <-chan []byte, ended func() error) {
	c := make(chan []byte, 64)
	var mu sync.Mutex
	var why error
	go func() {
		defer close(c)
		for {
			b := make([]byte, 32<<10)
			n, err := conn.Read(b)
			if n > 0 {
				c <- b[:n]
			}
			if err != nil {
				mu.Lock()
				why = err
				mu.Unlock()
				return
			}
		}
	}()
	return c, func() error { mu.Lock(); defer mu.Unlock(); return why }
}

// newTag makes the random word that marks everything of one pump.
func newTag() string {
	var b [8]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// pause waits for d, or until ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// overlap is the length of the longest end of b with which mark begins.
func overlap(b, mark []byte) int {
	for n := min(len(b), len(mark)-1); n > 0; n-- {
		if bytes.HasPrefix(mark, b[len(b)-n:]) {
			return n
		}
	}
	return 0
}
