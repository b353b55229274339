package pve

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// Console is a terminal of a container: Read returns its output, Write types. It allows
// one reader and any number of writers at a time. Its errors are those of the link. When
// the console's program has ended, for example because its container stops, Read returns
// io.EOF.
type Console struct {
	conn *websocket.Conn
	op   string
	rest []byte // rest of the last message
	last []byte // end of all output

	every time.Duration // interval of pings

	write sync.Mutex
	once  sync.Once
	done  chan struct{}
}

// answered is the error for any answer but OK.
type answered struct{ said string }

func (e *answered) Error() string { return "it answered " + e.said }

// shake sends the ticket and waits for OK. It keeps output that came with the answer.
func (c *Console) shake(ticket string) error {
	_ = c.conn.SetReadDeadline(time.Now().Add(consoleConnect))
	defer func() { _ = c.conn.SetReadDeadline(time.Time{}) }()
	if err := c.frame(ticket); err != nil {
		return err
	}
	var said []byte
	for len(said) < 2 {
		_, b, err := c.conn.ReadMessage()
		if err != nil {
			return err
		}
		said = append(said, b...)
	}
	rest, ok := bytes.CutPrefix(said, []byte("OK"))
	if !ok {
		return &answered{string(said[:min(len(said), 80)])}
	}
	c.shown(rest)
	return nil
}

// shown keeps a message for Read, and the end of all output.
func (c *Console) shown(b []byte) {
	c.rest = b
	c.last = append(c.last, b[max(0, len(b)-lastShown):]...)
	c.last = c.last[max(0, len(c.last)-lastShown):]
}

// Read implements io.Reader.
func (c *Console) Read(p []byte) (int, error) {
	for len(c.rest) == 0 {
		_, b, err := c.conn.ReadMessage()
		if err != nil {
			return 0, c.ended(err)
		}
		c.shown(b)
	}
	n := copy(p, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

// dtachEnd is the last output of dtach when its program has ended. The last lastShown
// bytes of output are enough to find it.
const (
	dtachEnd  = "[EOF - dtach terminating]"
	lastShown = 64
)

// errConsoleCut means that a console's connection broke while its program ran.
var errConsoleCut = errors.New("its connection was closed without a reason")

// ended returns the error for the end of a console. pveproxy never sends the close
// message of a websocket, so the last output decides whether the program has ended.
func (c *Console) ended(err error) error {
	switch {
	case websocket.IsCloseError(err, websocket.CloseNormalClosure, websocket.CloseGoingAway), errors.Is(err, io.ErrUnexpectedEOF):
		return io.EOF
	case bytes.Contains(c.last, []byte(dtachEnd)):
		return io.EOF
	case websocket.IsCloseError(err, websocket.CloseAbnormalClosure):
		return errConsoleCut
	}
	return err
}

// Write types p, in frames of a limited size.
func (c *Console) Write(p []byte) (int, error) {
	done := 0
	for done < len(p) {
		n := min(len(p)-done, consoleFrame)
		if err := c.frame(fmt.Sprintf("0:%d:%s", n, p[done:done+n])); err != nil {
			return done, err
		}
		done += n
	}
	return done, nil
}

// Resize sets the size of the window, for everybody who has the console open.
func (c *Console) Resize(cols, rows int) error { return c.frame(fmt.Sprintf("1:%d:%d:", cols, rows)) }

// frame sends one message; termproxy knows them as 0:LENGTH:BYTES, 1:COLS:ROWS:
// and 2, the ping.
func (c *Console) frame(s string) error {
	c.write.Lock()
	defer c.write.Unlock()
	_ = c.conn.SetWriteDeadline(time.Now().Add(2 * consolePing)) // a tty that takes nothing blocks
	return c.conn.WriteMessage(websocket.BinaryMessage, []byte(s))
}

// ping keeps an idle console open: termproxy and some proxies close a connection on which
// nothing comes for a minute.
func (c *Console) ping() {
	t := time.NewTicker(c.every)
	defer t.Stop()
	for {
		select {
		case <-c.done:
			return
		case <-t.C:
			if c.frame("2") != nil {
				return // the reader gets an error too
			}
		}
	}
}

// Close closes the connection. The console and its programs go on.
func (c *Console) Close() error {
	c.once.Do(func() { close(c.done) })
	_ = c.conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), time.Now().Add(time.Second))
	return c.conn.Close()
}
