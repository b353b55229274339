package kernel

import (
	"os"
	"syscall"
)

// spliceNonblock is SPLICE_F_NONBLOCK of splice(2).
const spliceNonblock = 2

// peek looks into pipes without taking anything out: tee(2) copies what is in one to a pipe
// of our own. It belongs to one process.
type peek struct {
	ends [2]int // of our own pipe
	made bool
}

// Close closes our own pipe.
func (k *peek) Close() error {
	_ = syscall.Close(k.ends[0])
	return syscall.Close(k.ends[1])
}

// see copies to b what is in the pipe f, and waits until there is something; 0 is its end.
// It is false for a file that is no pipe.
func (k *peek) see(p *Proc, f *os.File, b []byte) (n int, pipe bool, err error) {
	if !k.made {
		if err := syscall.Pipe2(k.ends[:], syscall.O_CLOEXEC); err != nil {
			return 0, false, nil //nolint:nilerr // a byte at a time is slower, and right
		}
		k.made = true
		p.closeLater(k)
	}
	c, err := f.SyscallConn()
	if err != nil {
		return 0, true, err
	}
	var no error
	err = c.Read(func(fd uintptr) bool {
		var m int64
		for {
			m, no = syscall.Tee(int(fd), k.ends[1], len(b), spliceNonblock)
			if no != syscall.EINTR {
				break
			}
		}
		n = int(m)
		return no != syscall.EAGAIN
	})
	switch {
	case err != nil:
		return 0, true, err
	case no == syscall.EINVAL:
		return 0, false, nil
	case no != nil:
		return 0, true, no
	}
	for got := 0; got < n; {
		m, err := syscall.Read(k.ends[0], b[got:n])
		if err != nil && err != syscall.EINTR {
			return 0, true, err
		}
		got += max(m, 0)
	}
	return n, true, nil
}
