package kernel

import (
	"strconv"
	"strings"
)

// The signals that scripts name, with Linux's numbers.
var signals = []struct {
	n    int
	name string
}{
	{1, "HUP"}, {2, "INT"}, {3, "QUIT"}, {4, "ILL"}, {5, "TRAP"}, {6, "ABRT"}, {7, "BUS"}, {8, "FPE"},
	{9, "KILL"}, {10, "USR1"}, {11, "SEGV"}, {12, "USR2"}, {13, "PIPE"}, {14, "ALRM"}, {15, "TERM"},
	{16, "STKFLT"}, {17, "CHLD"}, {18, "CONT"}, {19, "STOP"}, {20, "TSTP"}, {21, "TTIN"}, {22, "TTOU"},
	{23, "URG"}, {24, "XCPU"}, {25, "XFSZ"}, {26, "VTALRM"}, {27, "PROF"}, {28, "WINCH"}, {29, "POLL"},
	{30, "PWR"}, {31, "SYS"}, {37, "RTMIN+3"},
}

// SignalNumber reads a signal's name (with or without SIG) or number.
func SignalNumber(s string) (int, bool) {
	if n, err := strconv.Atoi(s); err == nil {
		return n, n >= 0 && n <= 64
	}
	s = strings.TrimPrefix(strings.ToUpper(s), "SIG")
	for _, x := range signals {
		if x.name == s {
			return x.n, true
		}
	}
	return 0, false
}

// SignalName is the name without SIG, or the number.
func SignalName(n int) string {
	for _, x := range signals {
		if x.n == n {
			return x.name
		}
	}
	return strconv.Itoa(n)
}

type killedError int

func (e killedError) Error() string { return "killed by signal " + strconv.Itoa(int(e)) }

// Signal is kill(2): it ends the process, sets off its trap or handler, or does
// nothing where the process ignores the signal.
func (p *Proc) Signal(sig int) {
	if sig == 0 {
		return
	}
	p.mu.Lock()
	_, trapped := p.traps[sig]
	handler := p.handler
	switch {
	case sig == 9:
	case p.ignored[sig]:
		p.mu.Unlock()
		return
	case trapped:
		p.pending = append(p.pending, sig)
		p.mu.Unlock()
		select {
		case p.wake <- struct{}{}:
		default:
		}
		return
	case sig == 17, sig == 18, sig == 19, sig == 20, sig == 21, sig == 22, sig == 23, sig == 28:
		p.mu.Unlock()
		return
	}
	p.mu.Unlock()
	if sig != 9 && handler != nil && handler(sig) {
		return
	}
	p.mu.Lock()
	if p.first && sig != 9 && !p.stops[sig] {
		p.mu.Unlock()
		return
	}
	if p.killed == 0 {
		p.killed = sig
	}
	p.mu.Unlock()
	p.cancel(killedError(sig))
}

// Killed is the signal that ended the process, 0 for none.
func (p *Proc) Killed() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.killed
}

// Handle gives the process a signal handler; it returns true for the signals
// that it took care of.
func (p *Proc) Handle(f func(sig int) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.handler, p.stops = f, nil
}

// Stops tells on which signals the program ends by a handler of its own. For most processes
// this is what happens anyway; the first one of a container ignores all others. It comes
// after Handle.
func (p *Proc) Stops(sigs ...int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stops = map[int]bool{}
	for _, s := range sigs {
		p.stops[s] = true
	}
}

// Ignore ignores a signal from now on, as nohup does.
func (p *Proc) Ignore(sig int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ignored[sig] = true
}

// KillSession kills the process and all others of its session.
func (p *Proc) KillSession() {
	for _, q := range p.M.Procs() {
		if q.SID() == p.SID() {
			q.Signal(9)
		}
	}
}

// takePending is the next trapped signal that has come, with its action.
func (p *Proc) takePending() (sig int, action string, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.pending) == 0 {
		return 0, "", false
	}
	sig = p.pending[0]
	p.pending = p.pending[1:]
	action, ok = p.traps[sig]
	return sig, action, ok
}

func (p *Proc) setTrap(sig int, action *string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.ignored, sig)
	delete(p.traps, sig)
	switch {
	case action == nil:
	case *action == "":
		p.ignored[sig] = true
	default:
		if p.traps == nil {
			p.traps = map[int]string{}
		}
		p.traps[sig] = *action
	}
}
