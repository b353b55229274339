package coreutils

import (
	"bufio"
	"strconv"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

func duration(s string) (time.Duration, bool) {
	unit := time.Second
	if s != "" {
		if k := strings.IndexByte("smhd", s[len(s)-1]); k >= 0 {
			unit = []time.Duration{time.Second, time.Minute, time.Hour, 24 * time.Hour}[k]
			s = s[:len(s)-1]
		}
	}
	if s == "infinity" || s == "inf" {
		return 1 << 62, true
	}
	f, err := strconv.ParseFloat(s, 64)
	return time.Duration(f * float64(unit)), err == nil && f >= 0
}

func sleep(p *proc, args []string) int {
	if len(args) < 2 {
		return missing(p)
	}
	var d time.Duration
	for _, a := range args[1:] {
		x, ok := duration(a)
		if !ok {
			p.Errorf("invalid time interval ‘%s’", a)
			return 1
		}
		d += x
	}
	p.Sleep(d)
	return 0
}

func setsid(p *proc, args []string) int {
	o, ok := parseOpts(p, args, "cw", "ctty wait", false)
	if !ok {
		return 1
	}
	if len(o.args) == 0 {
		p.Errorf("no command specified")
		return 1
	}
	// A process group leader cannot begin a session, so setsid forks then.
	if p.PGID() == p.Pid {
		q, err := p.Start(kernel.Child{Argv: o.args, Setsid: true})
		if err != nil {
			p.Errorf("fork: %v", err)
			return 1
		}
		if o.has("w", "wait") {
			return p.Wait(q)
		}
		return 0
	}
	p.Setsid()
	return p.Exec(o.args)
}

func nohup(p *proc, args []string) int {
	if len(args) < 2 {
		missing(p)
		return 125
	}
	p.Ignore(1)
	return p.Exec(args[1:])
}

func timeout(p *proc, args []string) int {
	wrong := 125 // the status of a call that timeout does not understand
	if onBusybox(p) {
		wrong = 1
	}
	o, ok := parseOpts(p, args, "s:k:", "signal= kill-after= foreground preserve-status", false)
	if !ok {
		return wrong
	}
	if len(o.args) < 2 {
		missing(p)
		return wrong
	}
	d, ok := duration(o.args[0])
	if !ok {
		p.Errorf("invalid time interval ‘%s’", o.args[0])
		return wrong
	}
	sig := 15
	if s, has := o.get("s", "signal"); has {
		if sig, ok = kernel.SignalNumber(s); !ok {
			p.Errorf("%s: invalid signal", s)
			return wrong
		}
	}
	q, err := p.Start(kernel.Child{Argv: o.args[1:]})
	if err != nil {
		return wrong
	}
	p.Handle(func(s int) bool { q.Signal(s); return s != 9 })
	var after <-chan time.Time
	if d > 0 {
		after = time.After(d)
	}
	select {
	case <-q.Done():
		return q.Status()
	case <-p.Context().Done():
		return 137
	case <-after:
	}
	q.Signal(sig)
	if k, has := o.get("k", "kill-after"); has {
		if kd, ok := duration(k); ok {
			select {
			case <-q.Done():
			case <-time.After(kd):
				q.Signal(9)
				p.Wait(q)
				return 137
			}
		}
	}
	st := p.Wait(q)
	if o.has("preserve-status") || onBusybox(p) {
		return st
	}
	if sig == 9 {
		return 137
	}
	return 124
}

func yes(p *proc, args []string) int {
	s := "y"
	if len(args) > 1 {
		s = strings.Join(args[1:], " ")
	}
	w := bufio.NewWriter(p.Stdout)
	for p.Context().Err() == nil {
		if _, err := w.WriteString(s + "\n"); err != nil {
			return 1
		}
	}
	return 1
}
