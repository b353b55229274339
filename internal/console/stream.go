package console

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// stream is one output of a channel: the pump's numbered blocks come in, in any order,
// and bytes go out.
type stream struct {
	channel *Channel
	name    string

	mu        sync.Mutex
	more      *sync.Cond
	next      int            // the number of the block that is missing first
	early     map[int][]byte // blocks that came before an earlier one
	last      int            // the number of the block that ends the stream; 0: not known yet
	ready     [][]byte       // blocks to read
	firstRead int            // the number of ready[0]
	requested map[int]time.Time
	failed    error
}

// window is how many blocks the pump keeps at most; it waits for an acknowledgement then.
const window = 16

func newStream(c *Channel, name string) *stream {
	s := &stream{channel: c, name: name, next: 1, firstRead: 1, early: map[int][]byte{}, requested: map[int]time.Time{}}
	s.more = sync.NewCond(&s.mu)
	return s
}

// receive takes block seq; last says that it ends the stream.
func (s *stream) receive(seq int, data []byte, last bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if seq < s.next || seq > s.firstRead+2*window {
		return // it came twice, or its sender does not keep to the window
	}
	if last {
		s.last = seq
	}
	s.early[seq] = data
	for {
		b, ok := s.early[s.next]
		if !ok {
			break
		}
		delete(s.early, s.next)
		delete(s.requested, s.next)
		s.ready = append(s.ready, b)
		s.next++
	}
	if seq > s.next {
		s.requestUpTo(seq - 1)
	}
	s.more.Broadcast()
}

// sentSoFar handles the pump's report that it has sent n blocks. Blocks that never came
// are requested, and blocks that were read are acknowledged again, because the first
// acknowledgement may have been lost.
func (s *stream) sentSoFar(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requestUpTo(min(n, s.next+window))
	if read := s.firstRead - 1; read > 0 {
		go func() { _ = s.acknowledge(read) }()
	}
}

// requestUpTo requests every missing block up to n, each at most once a second.
func (s *stream) requestUpTo(n int) {
	for seq := s.next; seq <= n; seq++ {
		if _, here := s.early[seq]; here || time.Since(s.requested[seq]) < time.Second {
			continue
		}
		s.requested[seq] = time.Now()
		s.channel.mux.request(fmt.Sprint(s.channel.id), s.name, fmt.Sprint(seq))
	}
}

func (s *stream) acknowledge(n int) error {
	return s.channel.mux.command("a %d %s %d", s.channel.id, s.name, n)
}

func (s *stream) end(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failed = err
	s.more.Broadcast()
}

// Read returns the next bytes. It acknowledges a block once all of it was read, so the
// pump is never more than window blocks ahead of the reader.
func (s *stream) Read(p []byte) (int, error) {
	s.mu.Lock()
	for len(s.ready) == 0 && s.failed == nil {
		s.more.Wait()
	}
	if len(s.ready) == 0 {
		defer s.mu.Unlock()
		return 0, s.failed
	}
	if s.last != 0 && s.firstRead == s.last {
		defer s.mu.Unlock()
		return 0, io.EOF
	}
	n := copy(p, s.ready[0])
	s.ready[0] = s.ready[0][n:]
	acknowledged := 0
	if len(s.ready[0]) == 0 {
		acknowledged = s.firstRead
		s.ready, s.firstRead = s.ready[1:], s.firstRead+1
	}
	s.mu.Unlock()
	if acknowledged > 0 {
		_ = s.acknowledge(acknowledged) // an error has ended the mux: the next Read returns it
	}
	return n, nil
}
