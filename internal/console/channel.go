package console

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// line is one agent's streams over a console.
type Channel struct {
	p        *Mux
	id, slot int
	out, err *stream

	write   sync.Mutex // one message at a time
	seq     int
	limit   int // bytes of a message, before packing
	answers chan answer
	opened  chan struct{} // closed once the pump has the agent
	openOne sync.Once
	ended   chan struct{}
	once    sync.Once
	why     error
}

// answer is what the pump says of a message: a (handed over), k (it is there) or
// n (it is not).
type answer struct {
	word string
	seq  int
}

// Messages grow while they arrive whole and shrink when they do not: a terminal
// that loses what its queue cannot take, or somebody who types, spoils long ones
// first.
const (
	firstMessage = 8 << 10
	minMessage   = 1 << 10
	maxMessage   = 32 << 10
)

func newChannel(p *Mux, id, slot int) *Channel {
	l := &Channel{p: p, id: id, slot: slot, limit: firstMessage, answers: make(chan answer, 16), opened: make(chan struct{}), ended: make(chan struct{})}
	l.out, l.err = newStream(l, "o"), newStream(l, "e")
	return l
}

func (l *Channel) stream(name string) *stream {
	switch name {
	case "o":
		return l.out
	case "e":
		return l.err
	}
	return nil
}

func (l *Channel) open() { l.openOne.Do(func() { close(l.opened) }) }

// answer passes on what the pump says; what nobody waits for is dropped.
func (l *Channel) answer(a answer) {
	select {
	case l.answers <- a:
	default:
	}
}

// end ends every read and write of the line.
func (l *Channel) end(err error) {
	l.once.Do(func() {
		l.why = err
		close(l.ended)
		l.out.end(err)
		l.err.end(err)
	})
}

// Write sends p to the agent's stdin and returns when it has been handed over.
func (l *Channel) Write(p []byte) (int, error) {
	l.write.Lock()
	defer l.write.Unlock()
	done := 0
	for done < len(p) {
		n := min(l.limit, len(p)-done)
		if err := l.message(p[done : done+n]); err != nil {
			return done, err
		}
		done += n
	}
	return done, nil
}

// maxRefusals is how often one message may arrive spoilt.
const maxRefusals = 20

// message sends one message until it is handed over.
func (l *Channel) message(p []byte) error {
	l.seq++
	b := l.p.message(l.id, l.seq, p)
	for refused := 0; refused < maxRefusals; refused++ {
		if err := l.p.send(b); err != nil {
			return err
		}
		switch word, err := l.await(); {
		case err != nil:
			return err
		case word == "a":
			l.limit = min(2*l.limit, maxMessage)
			return nil
		}
		l.limit = max(l.limit/4, minMessage)
		if refused > 0 { // somebody types: wait for a pause
			time.Sleep(min(time.Duration(refused)*50*time.Millisecond, time.Second))
		}
	}
	return errors.New("the console spoils what is sent")
}

// await waits until the pump has handed the last message over (a) or says that it
// does not have it (n). An answer may be lost, so it is asked for.
func (l *Channel) await() (string, error) {
	patience := 2 * time.Second
	for {
		t := time.NewTimer(patience)
		select {
		case a := <-l.answers:
			t.Stop()
			if a.seq == l.seq && a.word != "k" {
				return a.word, nil
			}
			patience = 5 * time.Second
		case <-l.ended:
			t.Stop()
			return "", l.why
		case <-t.C:
			if err := l.p.command("? %d %d", l.id, l.seq); err != nil {
				return "", err
			}
			patience = min(2*patience, 10*time.Second)
		}
	}
}

// Close ends the agent and what it runs. Whoever reads or writes is woken.
func (l *Channel) Close() error {
	l.end(io.ErrClosedPipe)
	go func() {
		_ = l.p.command("k %d", l.id) // a dead console has no agent to end
		l.p.drop(l)                   // and only now is its slot free: the pump would close the next one's
	}()
	return nil
}

// Stdout is what the channel's program prints, until its end.
func (l *Channel) Stdout() io.Reader { return l.out }

// Stderr is Stdout's twin.
func (l *Channel) Stderr() io.Reader { return l.err }

// stream is one of an agent's outputs: blocks in, bytes out.
type stream struct {
	l    *Channel
	name string

	mu     sync.Mutex
	more   *sync.Cond
	want   int            // the block that comes next
	early  map[int][]byte // came before their turn
	last   int            // the block that ends the stream; 0: not seen
	ready  [][]byte
	first  int // the number of ready[0]
	asked  map[int]time.Time
	failed error
}

// window is how many blocks the pump keeps at most.
const window = 16

func newStream(l *Channel, name string) *stream {
	s := &stream{l: l, name: name, want: 1, first: 1, early: map[int][]byte{}, asked: map[int]time.Time{}}
	s.more = sync.NewCond(&s.mu)
	return s
}

// take gets block seq; end says that it is the stream's end.
func (s *stream) take(seq int, data []byte, end bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if seq < s.want || seq > s.first+2*window {
		return // it came twice, or from who does not wait until what he said is read
	}
	if end {
		s.last = seq
	}
	s.early[seq] = data
	for {
		b, ok := s.early[s.want]
		if !ok {
			break
		}
		delete(s.early, s.want)
		delete(s.asked, s.want)
		s.ready = append(s.ready, b)
		s.want++
	}
	if seq > s.want {
		s.missing(seq - 1)
	}
	s.more.Broadcast()
}

// printed is told how many blocks the pump has sent: those that never came are
// asked for. What was read is acknowledged again, for that may have been lost.
func (s *stream) printed(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.missing(min(n, s.want+window))
	if read := s.first - 1; read > 0 {
		go func() { _ = s.l.p.command("a %d %s %d", s.l.id, s.name, read) }()
	}
}

// missing asks for every block up to n that is not here, not too often.
func (s *stream) missing(n int) {
	for seq := s.want; seq <= n; seq++ {
		if _, here := s.early[seq]; here || time.Since(s.asked[seq]) < time.Second {
			continue
		}
		s.asked[seq] = time.Now()
		s.l.p.ask(fmt.Sprint(s.l.id), s.name, fmt.Sprint(seq))
	}
}

func (s *stream) end(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failed = err
	s.more.Broadcast()
}

// Read gives the next bytes, and acknowledges a block once it is read whole: the
// pump sends no more than window blocks ahead.
func (s *stream) Read(p []byte) (int, error) {
	s.mu.Lock()
	for len(s.ready) == 0 && s.failed == nil {
		s.more.Wait()
	}
	if len(s.ready) == 0 {
		defer s.mu.Unlock()
		return 0, s.failed
	}
	if s.last != 0 && s.first == s.last {
		defer s.mu.Unlock()
		return 0, io.EOF
	}
	n := copy(p, s.ready[0])
	s.ready[0] = s.ready[0][n:]
	acknowledged := 0
	if len(s.ready[0]) == 0 {
		acknowledged = s.first
		s.ready, s.first = s.ready[1:], s.first+1
	}
	s.mu.Unlock()
	if acknowledged > 0 {
		if err := s.l.p.command("a %d %s %d", s.l.id, s.name, acknowledged); err != nil {
			return n, nil // the next read says why
		}
	}
	return n, nil
}
