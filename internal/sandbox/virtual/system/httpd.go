package system

import (
	"net"
	"net/http"
	"net/netip"
	"strconv"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

// httpd is busybox's web server in the foreground: httpd -f -p [ADDRESS:]PORT -h DIR. It
// handles no signal.
func httpd(p *proc, args []string) int {
	s, foreground := site{port: 80, root: "."}, false
	addr := netip.IPv4Unspecified()
	for i := 1; i < len(args); i++ {
		value := func() string {
			if i++; i < len(args) {
				return args[i]
			}
			return ""
		}
		switch args[i] {
		case "-f", "-vf", "-fv", "-fvv":
			foreground = true
		case "-v", "-vv":
		case "-p":
			v := value()
			if host, port, err := net.SplitHostPort(v); err == nil {
				addr, _ = netip.ParseAddr(host)
				v = port
			}
			s.port, _ = strconv.Atoi(v)
		case "-h":
			s.root = value()
		default:
			p.Errorf("sandbox: the virtual guest's httpd knows -f, -v, -p and -h only, not %s", args[i])
			return 1
		}
	}
	if !foreground {
		p.Errorf("sandbox: the virtual guest's httpd needs -f")
		return 1
	}
	s.uid, s.root = p.UID(), p.View().Abs(s.root)
	l := &connListener{c: make(chan net.Conn), done: make(chan struct{})}
	srv := &http.Server{Handler: webRoot(p, s)}
	if _, err := p.Listen("tcp", addr, s.port, l.hand); err != nil {
		p.Errorf("bind: %s", kernel.Reason(err))
		return 1
	}
	go serve(p, srv, l)
	defer srv.Close()
	return daemonOnly(p, nil)
}

// busybox runs the program that its first argument names.
func busybox(p *proc, args []string) int {
	if len(args) < 2 {
		p.Printf("BusyBox v1.36.1 multi-call binary.\n")
		return 0
	}
	return p.Applet(args[1:])
}
