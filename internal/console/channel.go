package console

import (
	"errors"
	"io"
	"sync"
	"time"
)

// Channel is one program at the other end of a console: its stdin, stdout and stderr.
// Writes and reads are reliable and in order, whatever else is typed or printed there;
// they fail when the channel is closed or its Mux ends.
type Channel struct {
	mux         *Mux
	id, slot    int
	stdout      *stream
	stderr      *stream
	start       chan struct{} // closed when the pump has started the program
	startOnce   sync.Once
	shut        chan struct{} // closed when the pump has ended the program's input
	shutOnce    sync.Once
	ended       chan struct{} // closed when err is set
	endOnce     sync.Once
	err         error
	replies     chan reply
	write       sync.Mutex // one message at a time
	seq         int        // of the last message
	messageSize int        // limit in bytes, before packing
}

// reply is the pump's answer about a message: a (handed over to the program), k (arrived,
// not handed over yet) or n (not there).
type reply struct {
	word string
	seq  int
}

// Messages grow while they arrive whole and shrink when they do not: a terminal that
// drops what its queue cannot hold, or keys that somebody presses, spoil long ones first.
const (
	firstMessage = 16 << 10 // the agent's text is a little over 8 KiB
	minMessage   = 1 << 10
	maxMessage   = 32 << 10
)

func newChannel(m *Mux, id, slot int) *Channel {
	c := &Channel{
		mux: m, id: id, slot: slot, messageSize: firstMessage,
		replies: make(chan reply, 16), start: make(chan struct{}), shut: make(chan struct{}), ended: make(chan struct{}),
	}
	c.stdout, c.stderr = newStream(c, "o"), newStream(c, "e")
	return c
}

// Start starts the channel's program and returns when the pump has done so. It is
// repeated until the pump answers, until Close, or until the mux ends.
func (c *Channel) Start() error {
	return c.mux.insist(c.start, c.ended, "c %d %d", c.id, c.slot)
}

// StartPlain is Start for a program that must not ignore SIGINT, SIGQUIT and SIGHUP, as all
// others here do.
func (c *Channel) StartPlain() error {
	return c.mux.insist(c.start, c.ended, "c %d %d 1", c.id, c.slot)
}

func (c *Channel) started() { c.startOnce.Do(func() { close(c.start) }) }

// CloseWrite ends the program's input after everything that was written. Nothing can be
// written after it.
func (c *Channel) CloseWrite() error {
	c.write.Lock()
	defer c.write.Unlock()
	return c.mux.insist(c.shut, c.ended, "x %d", c.id)
}

func (c *Channel) inputEnded() { c.shutOnce.Do(func() { close(c.shut) }) }

// Stdout is what the program prints; it ends with io.EOF when nobody holds it open.
func (c *Channel) Stdout() io.Reader { return c.stdout }

// Stderr is like Stdout.
func (c *Channel) Stderr() io.Reader { return c.stderr }

// Close ends the program and its children with SIGTERM, without waiting for them. Blocked
// reads and writes return.
func (c *Channel) Close() error {
	c.end(io.ErrClosedPipe)
	go func() {
		_ = c.mux.command("k %d", c.id) // if the mux has ended, there is no program to end
		c.mux.forget(c)                 // not before: the pump would close the program of the next channel in this slot
	}()
	return nil
}

// stream is the stream that the pump calls by that name, nil if there is none.
func (c *Channel) stream(name string) *stream {
	switch name {
	case "o":
		return c.stdout
	case "e":
		return c.stderr
	}
	return nil
}

// reply passes the pump's answer to the writer; without a writer it is dropped.
func (c *Channel) reply(r reply) {
	select {
	case c.replies <- r:
	default:
	}
}

// end ends every read and write with err. Only the first error counts.
func (c *Channel) end(err error) {
	c.endOnce.Do(func() {
		c.err = err
		close(c.ended)
		c.stdout.end(err)
		c.stderr.end(err)
	})
}

// Write sends p to the program's stdin and returns when the pump has handed it over.
func (c *Channel) Write(p []byte) (int, error) {
	c.write.Lock()
	defer c.write.Unlock()
	done := 0
	for done < len(p) {
		n := min(c.messageSize, len(p)-done)
		if err := c.message(p[done : done+n]); err != nil {
			return done, err
		}
		done += n
	}
	return done, nil
}

// maxTries is how often one message is sent before the console counts as unusable.
const maxTries = 20

// message sends one message until the pump has handed it over.
func (c *Channel) message(p []byte) error {
	c.seq++
	b := c.mux.encode(c.id, c.seq, p)
	for refused := 0; refused < maxTries; refused++ {
		if err := c.mux.send(b); err != nil {
			return err
		}
		switch word, err := c.awaitReply(); {
		case err != nil:
			return err
		case word == "a":
			c.messageSize = min(2*c.messageSize, maxMessage)
			return nil
		}
		c.messageSize = max(c.messageSize/4, minMessage)
		if refused > 0 { // somebody types: wait for a pause
			time.Sleep(min(time.Duration(refused)*50*time.Millisecond, time.Second))
		}
	}
	return errors.New("the console spoils what is sent")
}

// awaitReply waits until the pump has handed the last message over (a), or says that it
// does not have it (n). A reply may be lost, so it is requested again after a while.
func (c *Channel) awaitReply() (string, error) {
	patience := 2 * time.Second
	for {
		t := time.NewTimer(patience)
		select {
		case r := <-c.replies:
			t.Stop()
			if r.seq == c.seq && r.word != "k" {
				return r.word, nil
			}
			patience = 5 * time.Second
		case <-c.ended:
			t.Stop()
			return "", c.err
		case <-t.C:
			if err := c.mux.command("? %d %d", c.id, c.seq); err != nil {
				return "", err
			}
			patience = min(2*patience, 10*time.Second)
		}
	}
}
