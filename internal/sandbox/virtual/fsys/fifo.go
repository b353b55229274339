package fsys

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"sync"
	"syscall"
	"time"
)

// fifo is a named pipe: the folder holds an empty file, the side table its
// type, and the bytes go through memory of this process.
type fifo struct {
	mu               sync.Mutex
	readers, writers int
	r, w             *os.File
	met              chan struct{} // closed once both ends are open
}

// Mkfifo makes a named pipe.
func (v *View) Mkfifo(p string, perm fs.FileMode) error {
	f, err := v.Open(p, os.O_CREATE|os.O_EXCL|os.O_WRONLY, perm)
	if err != nil {
		return err
	}
	f.Close()
	v.FS.setMeta(f.Path, Meta{UID: v.UID, GID: v.GID, Mode: perm.Perm()&^v.Umask | fs.ModeNamedPipe}, false)
	return nil
}

type fifoEnd struct {
	file  *os.File
	done  func()
	once  sync.Once
	ended <-chan struct{}
}

// tick is how long an end waits before it looks whether its process was killed.
// The pipe is shared by all ends, so the deadline is nobody's own.
const tick = 50 * time.Millisecond

func (e *fifoEnd) killed() bool {
	select {
	case <-e.ended:
		return true
	default:
		return false
	}
}

func (e *fifoEnd) Read(b []byte) (int, error) {
	for !e.killed() {
		if err := e.file.SetReadDeadline(time.Now().Add(tick)); err != nil {
			return 0, err
		}
		if n, err := e.file.Read(b); n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, err
		}
	}
	return 0, syscall.EINTR
}

func (e *fifoEnd) Write(b []byte) (int, error) {
	total := 0
	for !e.killed() {
		if err := e.file.SetWriteDeadline(time.Now().Add(tick)); err != nil {
			return total, err
		}
		n, err := e.file.Write(b[total:])
		if total += n; !errors.Is(err, os.ErrDeadlineExceeded) {
			return total, err
		}
	}
	return total, syscall.EINTR
}

func (e *fifoEnd) Close() error {
	e.once.Do(e.done)
	return nil
}

// openFifo blocks until the other end is open, as open(2) does, or ended is closed.
func (f *FS) openFifo(p string, flag int, ended <-chan struct{}) (io.ReadWriteCloser, error) {
	f.mu.Lock()
	q := f.fifos[p]
	if q == nil {
		r, w, err := os.Pipe()
		if err != nil {
			f.mu.Unlock()
			return nil, err
		}
		q = &fifo{r: r, w: w, met: make(chan struct{})}
		f.fifos[p] = q
	}
	q.mu.Lock()
	write, both := flag&os.O_WRONLY != 0, flag&os.O_RDWR != 0
	if write || both {
		q.writers++
	}
	if !write || both {
		q.readers++
	}
	if q.readers > 0 && q.writers > 0 {
		select {
		case <-q.met:
		default:
			close(q.met)
		}
	}
	q.mu.Unlock()
	f.mu.Unlock()
	end := &fifoEnd{file: q.r, ended: ended, done: func() { f.leaveFifo(p, q, write) }}
	if write {
		end.file = q.w
	}
	if flag&syscall.O_NONBLOCK == 0 {
		select {
		case <-q.met:
		case <-ended:
			return nil, errors.Join(syscall.EINTR, end.Close())
		}
	}
	return end, nil
}

func (f *FS) leaveFifo(p string, q *fifo, writer bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	q.mu.Lock()
	defer q.mu.Unlock()
	if writer {
		if q.writers--; q.writers == 0 {
			q.w.Close()
		}
	} else if q.readers--; q.readers == 0 {
		q.r.Close()
	}
	if (q.writers == 0 || q.readers == 0) && f.fifos[p] == q {
		delete(f.fifos, p) // the next to open it gets a new pipe
	}
}
