// Package console makes reliable byte channels out of a guest's console: it logs in as
// root on the terminal, starts a small shell program there (the pump, see pump.sh), and
// runs several programs over the one stream of bytes. It knows bytes and a terminal, and
// nothing of containers or of what the programs do.
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
	// Start is the text of the program that each channel runs: POSIX sh, one line, without
	// a single quote. Its stdin, stdout and stderr are the channel's.
	Start string
	// RootPassword is asked for when the console wants a login; nil or "": not known.
	RootPassword func(context.Context) (string, error)
	Booting      bool          // the guest was started just now, so its prompt comes by itself
	Limits       Limits        // the zero value: UsualLimits
	KeepAlive    time.Duration // a third of the silence after which a console counts as dead
	Waiting      func(string)  // what is waited for now; called on change
	Note         func(string)  // one line for the user
}

// Console is the console of one guest, over connections that come and go. It is not safe
// for concurrent use.
type Console struct {
	Config
	mux    *Mux   // the last that Attach returned
	tag    string // of the pump that this run started last
	logged bool   // the shell that is there is of its login
}

// New prepares a console; Attach opens it.
func New(c Config) *Console {
	if c.Limits == (Limits{}) {
		c.Limits = UsualLimits
	}
	return &Console{Config: c}
}

// Tag is the word that marks everything of the pump that Attach started last.
func (c *Console) Tag() string { return c.tag }

// Attach gets a pump to run at the other end of conn, or finds the one that an earlier
// connection of this Console left there. Its error is an *Error, ctx's, or conn's. If it
// fails, conn is the caller's to close.
func (c *Console) Attach(ctx context.Context, conn io.ReadWriteCloser) (*Mux, error) {
	chunks, ended := listen(conn)
	d := &login{
		conn: conn, chunks: chunks, ended: ended, tag: newTag(), ours: c.tag, whole: c.mux != nil && c.mux.tag == c.tag,
		password: c.password(ctx), waiting: c.Waiting, note: c.Note, limits: c.Limits,
		boots: c.Booting && c.tag == "", logged: c.logged,
	}
	d.program = pumpProgram(d.tag, c.Start)
	adopted, err := d.run(ctx)
	c.logged = d.logged
	if err != nil {
		return nil, err
	}
	p := &Mux{
		conn: conn, coding: coding{tag: d.tag}, alive: c.KeepAlive, said: c.Note, heard: time.Now(),
		lines: map[int]*Channel{}, gone: make(chan struct{}), clean: make(chan struct{}), quits: make(chan struct{}),
	}
	if adopted {
		last := c.mux
		p.coding, p.next = last.coding, last.next
	} else {
		c.tag = d.tag
		if err := p.install(ctx, d); err != nil {
			return nil, err
		}
	}
	go p.read(chunks, ended)
	go p.watch()
	if adopted {
		// What came half through, and what the agents did, ends here.
		if err := p.insist(p.clean, ctx.Done(), "z"); err != nil {
			p.Close()
			return nil, err
		}
	}
	c.mux = p
	return p, nil
}

// password is root's, where it is known.
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

// listen reads a console in the background. ended says why chunks was closed.
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

// newTag makes the word that marks everything of one pump.
func newTag() string {
	var b [8]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// pause waits for d or for ctx's end.
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

// overlap is the length of the longest end of b that mark begins with.
func overlap(b, mark []byte) int {
	for n := min(len(b), len(mark)-1); n > 0; n-- {
		if bytes.HasPrefix(mark, b[len(b)-n:]) {
			return n
		}
	}
	return 0
}
