package api

import (
	"encoding/binary"
	"io"
	"sync"
	"time"
)

// frames writes frames as a server does: unfragmented and unmasked.
type frames struct {
	mu   sync.Mutex
	w    io.WriteCloser
	pace pace
	cut  int // bytes of output until the connection breaks in a frame; <0: never
}

func (f *frames) frame(op byte, payload []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	b := []byte{0x80 | op}
	switch n := len(payload); {
	case n < 126:
		b = append(b, byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 127), uint64(n))
	}
	b = append(b, payload...)
	if f.cut >= 0 && op == opBinary {
		if f.cut -= len(payload); f.cut < 0 {
			_, _ = f.w.Write(b[:max(1, len(b)-len(payload)/2-1)])
			_ = f.w.Close()
			return io.ErrClosedPipe
		}
	}
	f.pace.spend(len(payload))
	_, err := f.w.Write(b)
	return err
}

// pace limits a stream to a rate in bytes a second; 0 means no limit.
type pace struct {
	rate int
	next time.Time
}

func (p *pace) spend(n int) {
	if p.rate <= 0 {
		return
	}
	now := time.Now()
	if p.next.Before(now) {
		p.next = now
	}
	p.next = p.next.Add(time.Duration(n) * time.Second / time.Duration(p.rate))
	if d := p.next.Sub(now); d > time.Millisecond {
		time.Sleep(d)
	}
}
