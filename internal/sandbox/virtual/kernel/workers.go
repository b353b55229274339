package kernel

import "sync/atomic"

// workers hands functions to goroutines that have run a process before and wait for the next
// one, of any machine. The stack of a new goroutine grows, and is copied, some six times
// before the interpreter runs its first command.
var workers = make(chan func())

// idleWorkers bounds the goroutines that wait.
const idleWorkers = 32

var waitingWorkers atomic.Int32

// background runs f beside its caller, as a go statement does.
func background(f func()) {
	select {
	case workers <- f:
	default:
		go work(f)
	}
}

func work(f func()) {
	for {
		f()
		if waitingWorkers.Add(1) > idleWorkers {
			waitingWorkers.Add(-1)
			return
		}
		f = <-workers
		waitingWorkers.Add(-1)
	}
}
