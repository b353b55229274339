package system

import (
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/tty"
)

// gettys begins the logins on the guest's terminals, once it has booted.
func (s *System) gettys() {
	for _, name := range s.o.Gettys {
		go s.getty(name)
	}
}

// getty keeps a login on a terminal: when it ends, init starts another a moment
// later.
func (s *System) getty(name string) {
	t := s.m.Terminal(name)
	unit := "console-getty.service"
	if n, ok := strings.CutPrefix(name, "tty"); ok {
		unit = "container-getty@" + n + ".service"
	}
	argv := []string{"/sbin/agetty", "-o", `-p -- \u`, "--noclear", "--keep-baud", "-", "115200,38400,9600", "linux"}
	if !s.o.OS.Systemd() {
		unit, argv = "", []string{"/sbin/getty", "38400", name}
	}
	for s.init.Context().Err() == nil {
		t.SetMode(tty.Getty())
		p, err := s.init.Start(kernel.Child{Argv: argv, Env: []string{"TERM=linux", "PATH=" + kernel.DefaultPath}, Cwd: "/", Setsid: true, TTY: t, Unit: unit, Comm: "agetty",
			Body: func(p *proc) int {
				l := &login{s: s, p: p, t: t, line: name}
				return l.run()
			}})
		if err != nil {
			return
		}
		<-p.Done()
		p.HangUpSession()
		if !s.nap(100 * time.Millisecond) { // RestartSec of systemd
			return
		}
	}
}

// issue is the text above a login prompt.
func (l *login) issue() string {
	b, _ := l.p.View().ReadFile("/etc/issue")
	host := l.p.M.Hostname()
	return strings.NewReplacer(`\n`, host, `\l`, l.line, `\s`, "Linux", `\r`, "6.8.12-4-pve", `\m`, "x86_64").Replace(string(b))
}
