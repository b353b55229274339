package fsys

import (
	"io"
	"io/fs"
	"os"
	"sync"
	"syscall"
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
	*os.File
	done func()
	once sync.Once
}

func (e *fifoEnd) Close() error {
	e.once.Do(e.done)
	return nil
}

// openFifo blocks until the other end is open, as open(2) does.
func (f *FS) openFifo(p string, flag int) (io.ReadWriteCloser, error) {
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
	if flag&syscall.O_NONBLOCK == 0 {
		<-q.met
	}
	if write {
		return &fifoEnd{File: q.w, done: func() { f.leaveFifo(p, q, true) }}, nil
	}
	return &fifoEnd{File: q.r, done: func() { f.leaveFifo(p, q, false) }}, nil
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
