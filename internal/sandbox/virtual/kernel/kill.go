package kernel

import (
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Kill is kill(1).
func Kill(p *Proc, stdout, stderr io.Writer, args []string) int {
	sig, rest := 15, args[1:]
	if len(rest) > 0 && rest[0] == "-l" {
		if len(rest) > 1 {
			for _, a := range rest[1:] {
				n, err := strconv.Atoi(a)
				if err != nil {
					n, _ = SignalNumber(a)
					fmt.Fprintln(stdout, n)
				} else {
					fmt.Fprintln(stdout, SignalName(n&127))
				}
			}
			return 0
		}
		for _, s := range signals {
			fmt.Fprintln(stdout, s.name)
		}
		return 0
	}
	if len(rest) > 0 && len(rest[0]) > 1 && rest[0][0] == '-' && rest[0] != "--" {
		name := rest[0][1:]
		rest = rest[1:]
		if (name == "s" || name == "n") && len(rest) > 0 {
			name, rest = rest[0], rest[1:]
		} else {
			name = strings.TrimPrefix(name, "s")
		}
		n, ok := SignalNumber(name)
		if !ok {
			fmt.Fprintf(stderr, "kill: %s: invalid signal specification\n", name)
			return 1
		}
		sig = n
	}
	if len(rest) > 0 && rest[0] == "--" {
		rest = rest[1:]
	}
	if len(rest) == 0 {
		fmt.Fprintln(stderr, "kill: usage: kill [-s sigspec | -n signum | -sigspec] pid | jobspec ...")
		return 2
	}
	st := 0
	for _, a := range rest {
		pid, err := strconv.Atoi(a)
		if err != nil {
			fmt.Fprintf(stderr, "kill: %s: arguments must be process or job IDs\n", a)
			st = 1
			continue
		}
		if msg := p.kill(pid, sig); msg != "" {
			fmt.Fprintf(stderr, "kill: (%s) - %s\n", a, msg)
			st = 1
		}
	}
	return st
}

func (p *Proc) kill(pid, sig int) string {
	group := 0
	switch {
	case pid == 0:
		group = p.PGID()
	case pid < -1:
		group = -pid
	}
	hit, denied := false, false
	for _, q := range p.M.Procs() {
		if group != 0 && q.PGID() != group || group == 0 && pid != -1 && q.Pid != pid || pid == -1 && (q.Pid == 1 || q == p) {
			continue
		}
		if p.uid != 0 && p.uid != q.UID() {
			denied = true
			continue
		}
		hit = true
		q.Signal(sig)
	}
	switch {
	case hit:
		return ""
	case denied:
		return "Operation not permitted"
	}
	return "No such process"
}
