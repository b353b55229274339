package console

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"
	"time"
)

// Mux carries several channels over one console, with a pump at its other end. It ends
// for good when the connection breaks, when the pump ends, or with Close; then every
// channel ends with the same error. Its methods are safe for concurrent use.
type Mux struct {
	conn io.ReadWriteCloser
	encoder
	keepAlive time.Duration
	note      func(string) // one line for the user
	typing    sync.Once    // the note that somebody types
	printing  sync.Once    // the note that something prints

	write    sync.Mutex // one writer at a time
	quitSent bool       // guarded by write
	lent     bool       // a terminal's program reads what is sent; guarded by write

	mu       sync.Mutex
	channels map[int]*Channel
	lastID   int
	lastWord time.Time // when the pump said something last
	noise    []byte    // the last bytes since then that are not the pump's
	spoiled  int       // spoiled blocks without a good one in between
	terminal *Terminal // the program that has the console; nil: the pump has it
	err      error

	gone      chan struct{} // closed when err is set
	clean     chan struct{} // closed when the pump has ended its channels (z)
	cleanOnce sync.Once
	quit      chan struct{} // closed when the pump has read q
	quitOnce  sync.Once
}

func newMux(conn io.ReadWriteCloser, tag string, keepAlive time.Duration, note func(string)) *Mux {
	return &Mux{
		conn: conn, encoder: encoder{tag: tag}, keepAlive: keepAlive, note: note, lastWord: time.Now(),
		channels: map[int]*Channel{}, gone: make(chan struct{}), clean: make(chan struct{}), quit: make(chan struct{}),
	}
}

// slots are the pump's file descriptors that hold the channels' inputs open. A POSIX
// shell has only the descriptors 0 to 9.
var slots = []int{5, 6, 7, 8}

// Err returns why the mux has ended, nil if it has not.
func (m *Mux) Err() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.err
}

// command sends one line of words to the pump.
func (m *Mux) command(format string, args ...any) error {
	return m.send([]byte(pumpLine(m.tag, fmt.Sprintf(format, args...))))
}

// send writes b to the console. It writes nothing after the pump has ended, and nothing
// but q after q: a getty or a shell that comes after the pump would read it as input.
func (m *Mux) send(b []byte) error {
	m.write.Lock()
	defer m.write.Unlock()
	if err := m.Err(); err != nil {
		return err
	}
	if string(b) == pumpLine(m.tag, "q") {
		m.quitSent = true
	} else if m.quitSent {
		return nil
	}
	if m.lent {
		return nil
	}
	if _, err := m.conn.Write(b); err != nil {
		m.fail(err)
		return err
	}
	return nil
}

// fail ends the mux and every channel with err. Only the first error counts.
func (m *Mux) fail(err error) {
	m.mu.Lock()
	if m.err != nil {
		m.mu.Unlock()
		return
	}
	m.err = err
	close(m.gone)
	var channels []*Channel
	for _, c := range m.channels {
		channels = append(channels, c)
	}
	terminal := m.terminal
	m.mu.Unlock()
	for _, c := range channels {
		c.end(err)
	}
	if terminal != nil {
		terminal.fail(err)
	}
	m.conn.Close()
}

// read handles what the console prints until it ends.
func (m *Mux) read(chunks <-chan []byte, ended func() error) {
	p := &parser{mark: []byte("~" + m.tag + " "), word: m.onWord, block: m.onBlock, lost: m.onSpoiled, noise: m.onNoise}
	for b := range chunks {
		if t := m.lentTo(); t != nil {
			rest, over := t.show(b)
			if !over {
				continue
			}
			m.takeBack()
			b = rest
		}
		p.feed(b)
	}
	m.fail(ended())
}

// lentTo is the terminal whose program prints now.
func (m *Mux) lentTo() *Terminal {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.terminal == nil {
		return nil
	}
	select {
	case <-m.terminal.begun:
		return m.terminal
	default:
		return nil
	}
}

// takeBack lets the pump have the console again.
func (m *Mux) takeBack() {
	m.mu.Lock()
	m.terminal, m.lastWord, m.noise = nil, time.Now(), m.noise[:0]
	m.mu.Unlock()
	m.write.Lock()
	m.lent = false
	m.write.Unlock()
}

// alive records that the pump has said something.
func (m *Mux) alive() {
	m.mu.Lock()
	m.lastWord, m.noise = time.Now(), m.noise[:0]
	m.mu.Unlock()
}

// onNoise handles text that is not the pump's. A login prompt in it means that the pump is
// gone: a getty would read as a name what we type from now on.
func (m *Mux) onNoise(b []byte) {
	m.mu.Lock()
	m.noise = keepLast(m.noise, b, 256)
	last := string(m.noise[bytes.LastIndexByte(m.noise, '\n')+1:])
	m.mu.Unlock()
	if loginAlone().MatchString(last) {
		m.fail(errors.New("a login prompt is where our shell was"))
	}
}

// pingEvery is the pause between two pings of the pump. Other runs see from the pump's
// answers that the console is in use: see ownerSilence.
const pingEvery = time.Second

// watch pings the pump until the mux ends. An answer says how many blocks each stream has
// sent, so that lost ones can be requested again. Three intervals of keepAlive without a
// word end the mux.
func (m *Mux) watch() {
	tick := time.NewTicker(min(m.keepAlive, pingEvery))
	defer tick.Stop()
	for n := 1; ; n++ {
		select {
		case <-m.gone:
			return
		case <-tick.C:
		}
		m.mu.Lock()
		silent, lent := time.Since(m.lastWord), m.terminal != nil
		m.mu.Unlock()
		if lent {
			continue
		}
		if silent > 3*m.keepAlive {
			m.fail(fmt.Errorf("nothing came for %s", silent.Round(time.Second)))
			return
		}
		go func() { _ = m.command("p %d", n) }() // an error has ended the mux already
	}
}

// onWord handles one word of the pump.
func (m *Mux) onWord(words []string) {
	m.alive()
	switch words[0] {
	case "n":
		if len(words) == 1 {
			m.typing.Do(func() { m.note("somebody else types in this console: what is spoilt is sent again") })
			return
		}
		fallthrough
	case "a", "k":
		if c := m.channel(number(words, 1)); c != nil {
			c.reply(reply{words[0], number(words, 2)})
		}
	case "s":
		if c := m.channel(number(words, 1)); c != nil && len(words) == 4 {
			if s := c.stream(words[2]); s != nil {
				s.sentSoFar(number(words, 3))
			}
		}
	case "o":
		if c := m.channel(number(words, 1)); c != nil {
			c.started()
		}
	case "x":
		if c := m.channel(number(words, 1)); c != nil {
			c.inputEnded()
		}
	case "t":
		m.mu.Lock()
		t := m.terminal
		m.mu.Unlock()
		if t != nil {
			t.beginOnce.Do(func() { close(t.begun) })
		}
	case "z":
		m.cleanOnce.Do(func() { close(m.clean) })
	case "q":
		m.quitOnce.Do(func() { close(m.quit) })
	case "b":
		m.fail(errors.New("the shell on the console has ended"))
	}
}

// number is the number at index i of words, -1 without one.
func number(words []string, i int) int {
	if i >= len(words) {
		return -1
	}
	n, err := strconv.Atoi(words[i])
	if err != nil {
		return -1
	}
	return n
}

func (m *Mux) channel(id int) *Channel {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.channels[id]
}

// onBlock passes a block on to its stream, or requests it again if it is spoiled.
func (m *Mux) onBlock(head []string, body []byte) {
	m.alive()
	data, err := decodeBlock(m.sum, head[3], head[4], body)
	if err != nil {
		m.onSpoiled(head[0], head[1], head[2])
		return
	}
	m.mu.Lock()
	m.spoiled = 0
	m.mu.Unlock()
	id, _ := strconv.Atoi(head[0])
	seq, _ := strconv.Atoi(head[2])
	c := m.channel(id)
	if c == nil {
		return // the channel was closed
	}
	if s := c.stream(head[1]); s != nil {
		s.receive(seq, data, head[3] == "x")
	}
}

// The user is told once, after spoiledNoted spoiled blocks without a good one in between; the
// mux ends after spoiledLimit.
const spoiledNoted, spoiledLimit = 5, 100

// onSpoiled requests a block again that something else was printed into.
func (m *Mux) onSpoiled(id, stream, seq string) {
	m.mu.Lock()
	m.spoiled++
	n := m.spoiled
	m.mu.Unlock()
	switch n {
	case spoiledNoted:
		m.printing.Do(func() { m.note("something else prints on this console: what it spoils is asked for again") })
	case spoiledLimit:
		m.fail(errors.New("something else prints on this console without end"))
		return
	}
	m.request(id, stream, seq)
}

// request asks the pump to send a block again.
func (m *Mux) request(id, stream, seq string) {
	go func() { _ = m.command("r %s %s %s", id, stream, seq) }() // an error has ended the mux already
}

// Dial reserves a channel; Start starts its program. The error is why the mux has ended,
// or that all four slots are taken: a slot is free again once its channel was closed and
// the pump was told so.
func (m *Mux) Dial() (*Channel, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return nil, m.err
	}
	taken := map[int]bool{}
	for _, c := range m.channels {
		taken[c.slot] = true
	}
	for _, slot := range slots {
		if taken[slot] {
			continue
		}
		m.lastID++
		c := newChannel(m, m.lastID, slot)
		m.channels[c.id] = c
		return c, nil
	}
	return nil, errors.New("too many shells on one console")
}

// forget frees the slot of a closed channel.
func (m *Mux) forget(c *Channel) {
	m.mu.Lock()
	delete(m.channels, c.id)
	m.mu.Unlock()
}

// insist sends a command every two seconds until answered is closed: keys that somebody
// presses may spoil it. It gives up when ended is closed, or the mux ends.
func (m *Mux) insist(answered, ended <-chan struct{}, format string, args ...any) error {
	for {
		if err := m.command(format, args...); err != nil {
			return err
		}
		t := time.NewTimer(2 * time.Second)
		select {
		case <-answered:
			t.Stop()
			return nil
		case <-ended:
			t.Stop()
			return io.ErrClosedPipe
		case <-m.gone:
			t.Stop()
			return m.Err()
		case <-t.C:
		}
	}
}

// quitDeadline is how long Close waits for the pump to end.
const quitDeadline = 3 * time.Second

// Close ends the pump, waits at most three seconds until it has left the console as it
// was, and closes the connection. A pump that does not hear of it ends by itself after a
// minute of silence.
func (m *Mux) Close() {
	if m.Err() == nil {
		over := make(chan struct{})
		t := time.AfterFunc(quitDeadline, func() { close(over) })
		_ = m.insist(m.quit, over, "q")
		select {
		case <-m.gone:
		case <-over:
		}
		t.Stop()
	}
	m.fail(io.ErrClosedPipe)
}
