package kernel

import (
	"io"
	"testing"
)

// A process that is gone holds no socket any more.
func TestDropClosesFirst(t *testing.T) {
	p := &Proc{Pid: 7, cancel: func(error) {}, done: make(chan struct{})}
	m := &Machine{procs: map[int]*Proc{7: p}}
	there := false
	p.closers = []io.Closer{closeFunc(func() { there = m.procs[7] != nil })}
	m.drop(p, 0)
	if !there || m.procs[7] != nil {
		t.Errorf("there while its sockets were closed: %v, afterwards: %v", there, m.procs[7] != nil)
	}
}
