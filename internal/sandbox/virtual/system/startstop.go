package system

import (
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

// startStopDaemon is OpenRC's start-stop-daemon, as far as services of its init scripts use
// it: a program is started in the background with its pid in a file, and ended by that pid.
func startStopDaemon(p *proc, args []string) int {
	o, rest := daemonOptions(args[1:])
	pidfile := o["pidfile"]
	switch {
	case o["stop"] != "":
		return stopDaemon(p, pidfile)
	case o["start"] == "" || o["exec"] == "":
		p.Errorf("need --start and --exec, or --stop")
		return 1
	}
	if pid := pidIn(p, pidfile); pid > 0 && p.Call("kill", "-0", strconv.Itoa(pid)) == 0 {
		p.Errorf("%s is already running", o["exec"])
		return 1
	}
	c := kernel.Child{Argv: append([]string{o["exec"]}, rest...), Setsid: true, NullIn: true, Cwd: "/"}
	if d := o["chdir"]; d != "" {
		c.Cwd = d
	}
	if name, _, _ := strings.Cut(o["user"], ":"); name != "" {
		u, ok := p.LookupUser(name)
		if !ok {
			p.Errorf("user `%s' not found", name)
			return 1
		}
		c.User = &u
	}
	for key, file := range map[string]string{"stdout": o["stdout"], "stderr": o["stderr"]} {
		if file == "" {
			file = "/dev/null"
		}
		f, err := p.View().Open(file, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
		if err != nil {
			p.Errorf("%s: %s", file, kernel.Reason(err))
			return 1
		}
		if key == "stdout" {
			c.Stdout = f
		} else {
			c.Stderr = f
		}
	}
	q, err := p.Start(c)
	if err != nil {
		p.Errorf("%s: %s", o["exec"], kernel.Reason(err))
		return 1
	}
	if o["make-pidfile"] != "" && pidfile != "" {
		e := edits{v: p.View()}
		e.write(pidfile, strconv.Itoa(q.Pid)+"\n", 0o644)
		if e.err != nil {
			p.Errorf("%s: %s", pidfile, kernel.Reason(e.err))
			return 1
		}
	}
	return 0
}

// stopDaemon ends the process of a pidfile, as OpenRC does: SIGTERM, and a short wait.
func stopDaemon(p *proc, pidfile string) int {
	pid := pidIn(p, pidfile)
	if pid <= 0 {
		return 0
	}
	text := strconv.Itoa(pid)
	if p.Call("kill", text) == 0 {
		for i := 0; i < 100 && p.Call("sh", "-c", "kill -0 "+text+" 2>/dev/null") == 0; i++ {
			p.Sleep(50 * time.Millisecond)
		}
	}
	_ = p.View().Remove(pidfile)
	return 0
}

// pidIn is the pid in a pidfile, or 0.
func pidIn(p *proc, file string) int {
	b, err := p.View().ReadFile(file)
	if err != nil {
		return 0
	}
	pid, _ := strconv.Atoi(strings.TrimSpace(string(b)))
	return pid
}

// daemonOptions reads the options up to --, behind which are the program's arguments.
func daemonOptions(args []string) (o map[string]string, rest []string) {
	short := map[string]string{"-S": "start", "-K": "stop", "-b": "background", "-m": "make-pidfile", "-p": "pidfile", "-x": "exec", "-u": "user", "-d": "chdir", "-1": "stdout", "-2": "stderr"}
	o = map[string]string{}
	for i := 0; i < len(args); i++ {
		name, value, has := strings.Cut(strings.TrimPrefix(args[i], "--"), "=")
		if long := short[args[i]]; long != "" {
			name = long
		}
		switch {
		case args[i] == "--":
			return o, args[i+1:]
		case name == "pidfile" || name == "exec" || name == "user" || name == "chdir" || name == "stdout" || name == "stderr":
			if !has && i+1 < len(args) {
				i++
				value = args[i]
			}
			o[name] = value
		case strings.HasPrefix(args[i], "-"):
			o[name] = "yes"
		default:
			return o, args[i:]
		}
	}
	return o, nil
}
