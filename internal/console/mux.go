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

// Mux is a console with a pump at its other end: several agents over one
// stream of bytes.
type Mux struct {
	conn io.ReadWriteCloser
	coding
	alive time.Duration
	said  func(string) // one line for the user
	noted sync.Once

	write sync.Mutex // one writer at a time
	left  bool       // q was sent; guarded by write

	mu     sync.Mutex
	lines  map[int]*Channel
	next   int
	heard  time.Time
	noise  []byte // the last of it, since the pump said something
	spoilt int    // blocks one after the other
	err    error
	gone   chan struct{} // closed with err
	clean  chan struct{} // closed when it has ended what it found
	quits  chan struct{} // closed when the pump has read q
	swept  sync.Once
	quit   sync.Once
}

// slots are the descriptors of the pump that hold agents' inputs open. A POSIX
// shell has nine.
var slots = []int{5, 6, 7, 8}

// command writes one line of words.
func (p *Mux) command(format string, args ...any) error {
	return p.send([]byte(pumpLine(p.tag, fmt.Sprintf(format, args...))))
}

// send writes b. Nothing follows the pump's end, and nothing but q follows q: what the
// pump does not read any more is read by whoever comes after it, a getty or a shell.
func (p *Mux) send(b []byte) error {
	p.write.Lock()
	defer p.write.Unlock()
	if err := p.Err(); err != nil {
		return err
	}
	if quit := string(b) == pumpLine(p.tag, "q"); quit {
		p.left = true
	} else if p.left {
		return nil
	}
	if _, err := p.conn.Write(b); err != nil {
		p.fail(err)
		return err
	}
	return nil
}

// fail ends everything that goes over the console.
func (p *Mux) fail(err error) {
	p.mu.Lock()
	if p.err != nil {
		p.mu.Unlock()
		return
	}
	p.err = err
	close(p.gone)
	var lines []*Channel
	for _, l := range p.lines {
		lines = append(lines, l)
	}
	p.mu.Unlock()
	for _, l := range lines {
		l.end(err)
	}
	p.conn.Close()
}

// Err says why the mux has ended, nil if it has not.
func (p *Mux) Err() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// read takes what comes until the console ends. rest was read before.
func (p *Mux) read(chunks <-chan []byte, ended func() error) {
	w := &wire{
		mark: []byte("~" + p.tag + " "), word: p.word, block: p.block, lost: p.again,
		noise: p.strange,
	}
	for b := range chunks {
		w.feed(b)
	}
	p.fail(ended())
}

// hear notes a sign of the pump's life.
func (p *Mux) hear() {
	p.mu.Lock()
	p.heard, p.noise = time.Now(), p.noise[:0]
	p.mu.Unlock()
}

// strange is what is not the pump's. A login prompt says that the pump is gone:
// what we type would be read as a name.
func (p *Mux) strange(b []byte) {
	p.mu.Lock()
	p.noise = keepLast(p.noise, b, 256)
	last := string(p.noise[bytes.LastIndexByte(p.noise, '\n')+1:])
	p.mu.Unlock()
	if loginAlone.MatchString(last) {
		p.fail(errors.New("a login prompt is where our shell was"))
	}
}

// pingEvery is how often a pump is asked whether it is there. Its answers are what
// tells another run that the console is in use: see othersSilence.
const pingEvery = time.Second

// watch asks again and again whether the pump is there, and what it has printed, so
// that what was lost is asked for again.
func (p *Mux) watch() {
	tick := time.NewTicker(min(p.alive, pingEvery))
	defer tick.Stop()
	for n := 1; ; n++ {
		select {
		case <-p.gone:
			return
		case <-tick.C:
		}
		p.mu.Lock()
		silent := time.Since(p.heard)
		p.mu.Unlock()
		if silent > 3*p.alive {
			p.fail(fmt.Errorf("nothing came for %s", silent.Round(time.Second)))
			return
		}
		go func() { _ = p.command("p %d", n) }() // its error ends the console
	}
}

// word takes what the pump says.
func (p *Mux) word(words []string) {
	p.hear()
	num := func(i int) int {
		if i >= len(words) {
			return -1
		}
		n, err := strconv.Atoi(words[i])
		if err != nil {
			return -1
		}
		return n
	}
	switch words[0] {
	case "n":
		if len(words) == 1 {
			p.noted.Do(func() { p.said("somebody else types in this console: what is spoilt is sent again") })
			return
		}
		fallthrough
	case "a", "k":
		if l := p.line(num(1)); l != nil {
			l.answer(answer{words[0], num(2)})
		}
	case "s":
		if l := p.line(num(1)); l != nil && len(words) == 4 {
			if s := l.stream(words[2]); s != nil {
				s.printed(num(3))
			}
		}
	case "o":
		if l := p.line(num(1)); l != nil {
			l.open()
		}
	case "z":
		p.swept.Do(func() { close(p.clean) })
	case "q":
		p.quit.Do(func() { close(p.quits) })
	case "b":
		p.fail(errors.New("the shell on the console has ended"))
	}
}

func (p *Mux) line(id int) *Channel {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lines[id]
}

// block takes a whole block, or asks for it again.
func (p *Mux) block(head []string, body []byte) {
	p.hear()
	data, err := unblock(p.sum, head[3], head[4], body)
	if err != nil {
		p.again(head[0], head[1], head[2])
		return
	}
	p.mu.Lock()
	p.spoilt = 0
	p.mu.Unlock()
	id, _ := strconv.Atoi(head[0])
	seq, _ := strconv.Atoi(head[2])
	l := p.line(id)
	if l == nil {
		return // an agent that was given up
	}
	if s := l.stream(head[1]); s != nil {
		s.take(seq, data, head[3] == "x")
	}
}

// Blocks that come spoilt one after the other, until that is said, and until it is
// given up.
const spoiltSaid, spoiltLimit = 5, 100

// again is ask for a block that something else was printed into.
func (p *Mux) again(id, stream, seq string) {
	p.mu.Lock()
	p.spoilt++
	n := p.spoilt
	p.mu.Unlock()
	switch n {
	case spoiltSaid:
		p.said("something else prints on this console: what it spoils is asked for again")
	case spoiltLimit:
		p.fail(errors.New("something else prints on this console without end"))
		return
	}
	p.ask(id, stream, seq)
}

// ask wants a block once more.
func (p *Mux) ask(id, stream, seq string) {
	go func() { _ = p.command("r %s %s %s", id, stream, seq) }() // its error ends the console
}

// Dial takes a channel for one more program, which Start then starts.
func (p *Mux) Dial() (*Channel, error) {
	p.mu.Lock()
	if p.err != nil {
		p.mu.Unlock()
		return nil, p.err
	}
	taken := map[int]bool{}
	for _, l := range p.lines {
		taken[l.slot] = true
	}
	slot := 0
	for _, s := range slots {
		if !taken[s] {
			slot = s
			break
		}
	}
	if slot == 0 {
		p.mu.Unlock()
		return nil, errors.New("too many shells on one console")
	}
	p.next++
	l := newChannel(p, p.next, slot)
	p.lines[l.id] = l
	p.mu.Unlock()
	return l, nil
}

// Start starts the channel's program and returns when the pump has done so.
func (l *Channel) Start() error {
	return l.p.insist(l.opened, l.ended, "c %d %d", l.id, l.slot)
}

// insist repeats a command until it is answered: somebody who types may spoil it.
func (p *Mux) insist(answered, ended <-chan struct{}, format string, args ...any) error {
	for {
		if err := p.command(format, args...); err != nil {
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
		case <-p.gone:
			t.Stop()
			return p.Err()
		case <-t.C:
		}
	}
}

// drop forgets an agent, which was told to end.
func (p *Mux) drop(l *Channel) {
	p.mu.Lock()
	delete(p.lines, l.id)
	p.mu.Unlock()
}

// byeDeadline is how long the pump may take to end: nobody waits longer for a
// console to be left tidy.
const byeDeadline = 3 * time.Second

// Close ends the pump, waits until it has left the console as it was, and hangs up.
func (p *Mux) Close() {
	if p.Err() == nil {
		over := make(chan struct{})
		t := time.AfterFunc(byeDeadline, func() { close(over) })
		_ = p.insist(p.quits, over, "q") // who does not hear of it ends after a minute of silence
		select {
		case <-p.gone:
		case <-over:
		}
		t.Stop()
	}
	p.fail(io.ErrClosedPipe)
}
