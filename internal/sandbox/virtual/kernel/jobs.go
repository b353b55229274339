package kernel

import (
	"fmt"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/interp"
)

func (sh *shell) waitJobs(hc interp.HandlerContext, args []string) int {
	if len(args) > 0 && args[0] == "-n" {
		fmt.Fprintf(hc.Stderr, "sandbox: wait -n"+NotHere+"\n")
		return 2
	}
	if len(args) == 0 {
		for _, pid := range sh.order {
			if st, interrupted := sh.waitOne(sh.jobs[pid]); interrupted {
				return st
			}
		}
		return 0
	}
	st := 0
	for _, a := range args {
		q := sh.job(a)
		if q == nil {
			if _, err := strconv.Atoi(a); err != nil {
				fmt.Fprintf(hc.Stderr, "%s: 1: wait: No such job: %s\n", sh.name, a)
				return 2
			}
			st = 127
			continue
		}
		var interrupted bool
		if st, interrupted = sh.waitOne(q); interrupted {
			return st
		}
	}
	return st
}

// waitOne waits for a job; a trapped signal ends the waiting.
func (sh *shell) waitOne(q *Proc) (st int, interrupted bool) {
	for {
		sh.p.mu.Lock()
		if len(sh.p.pending) > 0 {
			st = 128 + sh.p.pending[0]
			sh.p.mu.Unlock()
			return st, true
		}
		sh.p.mu.Unlock()
		select {
		case <-q.done:
			return q.status, false
		case <-sh.p.wake:
		case <-sh.p.ctx.Done():
			return 137, true
		}
	}
}

func (sh *shell) job(s string) *Proc {
	if n, ok := strings.CutPrefix(s, "%"); ok {
		i, err := strconv.Atoi(n)
		if n == "%" || n == "+" || n == "" {
			i, err = len(sh.order), nil
		}
		if err != nil || i < 1 || i > len(sh.order) {
			return nil
		}
		return sh.jobs[sh.order[i-1]]
	}
	pid, _ := strconv.Atoi(s)
	return sh.jobs[pid]
}

func (sh *shell) listJobs(hc interp.HandlerContext, args []string) int {
	for i, pid := range sh.order {
		select {
		case <-sh.jobs[pid].done:
			continue
		default:
		}
		if len(args) > 0 && args[0] == "-p" {
			fmt.Fprintln(hc.Stdout, pid)
		} else {
			fmt.Fprintf(hc.Stdout, "[%d] + Running\n", i+1)
		}
	}
	return 0
}

func (sh *shell) kill(hc interp.HandlerContext, args []string) int {
	out := append([]string{"kill"}, args...)
	for i, a := range out {
		if strings.HasPrefix(a, "%") {
			if q := sh.job(a); q != nil {
				out[i] = strconv.Itoa(q.Pid)
			}
		}
	}
	return Kill(sh.p, hc.Stdout, hc.Stderr, out)
}

func (sh *shell) listTraps(hc interp.HandlerContext) int {
	sh.p.mu.Lock()
	defer sh.p.mu.Unlock()
	for _, s := range signals {
		if a, ok := sh.p.traps[s.n]; ok {
			fmt.Fprintf(hc.Stdout, "trap -- %s %s\n", quote(strings.TrimSuffix(a, "\n")), s.name)
		} else if sh.p.ignored[s.n] {
			fmt.Fprintf(hc.Stdout, "trap -- '' %s\n", s.name)
		}
	}
	return 0
}
