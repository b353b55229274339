package system

import (
	"path"
	"strings"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

func openrcCommands() map[string]kernel.Command {
	return map[string]kernel.Command{"rc-service": rcService, "rc-update": rcUpdate, "rc-status": rcStatus, "openrc": nothing, "rc": nothing, "openrc-run": openrcRun, "start-stop-daemon": startStopDaemon}
}

func (s *System) bootOpenRC() {
	if !s.nap(s.o.Delay / 2) {
		return
	}
	s.m.SetAddress(s.o.Addr.Addr())
	list, _ := s.init.View().ReadDir("/etc/runlevels/default")
	for _, i := range list {
		if p, err := s.init.Start(kernel.Child{Argv: []string{"/etc/init.d/" + i.Name(), "start"}, NullIn: true}); err == nil {
			<-p.Done()
		}
	}
	s.nap(s.o.Delay - s.o.Delay/2)
	s.note("/run/openrc/softlevel", "default\n")
	s.mu.Lock()
	s.state = "running"
	s.mu.Unlock()
	close(s.changed)
	s.gettys()
}

func rcService(p *proc, args []string) int {
	_, rest := simple(args, "")
	if len(rest) < 2 {
		return 1
	}
	f := "/etc/init.d/" + rest[0]
	if _, err := p.View().Stat(f); err != nil {
		p.Errorf("service `%s' does not exist", rest[0])
		return 1
	}
	return p.Call(append([]string{f}, rest[1:]...)...)
}

func rcUpdate(p *proc, args []string) int {
	_, rest := simple(args, "")
	if len(rest) < 2 {
		return 0
	}
	level := "default"
	if len(rest) > 2 {
		level = rest[2]
	}
	l := "/etc/runlevels/" + level + "/" + rest[1]
	e := edits{v: p.View()}
	switch rest[0] {
	case "add":
		if e.link("/etc/init.d/"+rest[1], l); e.err == nil {
			p.Printf(" * service %s added to runlevel %s\n", rest[1], level)
		}
	case "del", "delete":
		e.remove(l)
	}
	if e.err != nil {
		p.Errorf("%s: %s", l, kernel.Reason(e.err))
		return 1
	}
	return 0
}

// rcStatus prints the services of the default runlevel, or with -a of all. As in OpenRC
// 0.45, the ini format has empty sections, and two blanks before a state.
func rcStatus(p *proc, args []string) int {
	line := strings.Join(args, " ")
	if strings.Contains(line, "-r") {
		p.Printf("default\n")
		return 0
	}
	ini, all := strings.Contains(line, "ini"), strings.Contains(line, "-a")
	told := map[string]bool{}
	section := func(title, dir string) {
		p.Printf(map[bool]string{true: "[%s]\n", false: "Runlevel: %s\n"}[ini], title)
		list, _ := p.View().ReadDir(dir)
		for _, i := range list {
			if !told[i.Name()] {
				told[i.Name()] = true
				p.Printf(map[bool]string{true: "%s =  %s \n", false: " %-60s [  %s  ]\n"}[ini], i.Name(), openrcState(p, i.Name()))
			}
		}
	}
	levels := []string{"default"}
	if all {
		levels = []string{"sysinit", "boot", "default", "nonetwork", "shutdown"}
	}
	for _, l := range levels {
		section(l, "/etc/runlevels/"+l)
	}
	if all {
		section("manual", "/run/openrc/started")
	}
	return 0
}

// openrcState is started or stopped, or crashed if the process in the service's pidfile
// has ended.
func openrcState(p *proc, name string) string {
	if _, err := p.View().Lstat("/run/openrc/started/" + name); err != nil {
		return "stopped"
	}
	alive := `RC_SVCNAME=$1; . "$0"; f=${pidfile:-/run/$RC_SVCNAME.pid}; [ ! -f "$f" ] || kill -0 "$(cat "$f")" 2>/dev/null`
	if p.Call("sh", "-c", alive, "/etc/init.d/"+name, name) != 0 {
		return "crashed"
	}
	return "started"
}

// openrcRun is the interpreter of init scripts: it reads the script as sh and
// does start and stop as OpenRC would.
func openrcRun(p *proc, args []string) int {
	if len(args) < 3 {
		return 1
	}
	name := path.Base(args[1])
	started := "/run/openrc/started/" + name
	switch args[2] {
	case "status":
		state := openrcState(p, name)
		p.Printf(" * status: %s\n", state)
		return map[string]int{"started": 0, "stopped": 3, "crashed": 32}[state]
	case "zap":
		if err := p.View().Remove(started); err == nil {
			p.Printf(" * Manually resetting %s to stopped state\n", name)
		}
		return 0
	case "restart":
		p.Call("openrc-run", args[1], "stop")
		return p.Call("openrc-run", args[1], "start")
	}
	script := `depend() { :; }; ebegin() { echo " * $*"; }; eend() { return "$1"; }; einfo() { echo " * $*"; }; eerror() { echo " * $*" >&2; }; checkpath() { :; }
start() { [ -n "$command" ] || return 0; ebegin "Starting ${name:-$RC_SVCNAME}"; case ${command_background:-no} in
[Yy][Ee][Ss]|[Tt][Rr][Uu][Ee]|1) [ -n "$pidfile" ] || { eerror "command_background option used but no pidfile specified"; return 1; }
start-stop-daemon --start --pidfile "$pidfile" --background --make-pidfile ${command_user:+--user "$command_user"} ${directory:+--chdir "$directory"} ${output_log:+--stdout "$output_log"} ${error_log:+--stderr "$error_log"} --exec "$command" -- $command_args $command_args_background ;;
*) $command $command_args $command_args_foreground ;; esac; }
stop() { [ -n "$pidfile" ] || return 0; ebegin "Stopping ${name:-$RC_SVCNAME}"; start-stop-daemon --stop --pidfile "$pidfile"; }
RC_SVCNAME=$1; action=$2; . "$0"; if command -v start_pre >/dev/null && [ $action = start ]; then start_pre || exit 1; fi; $action`
	st := p.Call("sh", "-c", script, args[1], name, args[2])
	e := edits{v: p.View()}
	switch {
	case args[2] == "start" && st == 0:
		e.link("/etc/init.d/"+name, started)
	case args[2] == "stop":
		e.remove(started)
	}
	if e.err != nil {
		p.Errorf("%s: %s", started, kernel.Reason(e.err))
		return 1
	}
	return st
}
