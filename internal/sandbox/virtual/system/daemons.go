package system

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"path"
	"strconv"
	"strings"
	"sync"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

func daemonCommands() map[string]kernel.Command {
	return map[string]kernel.Command{
		"nginx": nginx, "httpd": httpd, "busybox": busybox, "sshd": sshd, "redis-server": listener("tcp", 6379, "127.0.0.1", redisConn), "postgres": postgres,
		"dockerd": daemonOnly, "cron": daemonOnly, "agetty": daemonOnly, "dbus-daemon": daemonOnly, "systemd-journald": daemonOnly, "systemd-logind": daemonOnly,
		"pg_isready": func(p *proc, _ []string) int {
			p.Printf("/var/run/postgresql:5432 - accepting connections\n")
			return 0
		},
		"psql": psql, "createuser": pgCreate("role"), "createdb": pgCreate("database"),
	}
}

// daemonOnly runs until it is killed.
func daemonOnly(p *proc, _ []string) int {
	p.SetReady()
	<-p.Context().Done()
	return 0
}

func listener(proto string, port int, addr string, serve func(net.Conn)) kernel.Command {
	return func(p *proc, _ []string) int {
		a := netip.MustParseAddr(addr)
		p.Stops(2, 15)
		if _, err := p.Listen(proto, a, port, serve); err != nil {
			p.Errorf("bind: %s", kernel.Reason(err))
			return 1
		}
		return daemonOnly(p, nil)
	}
}

func redisConn(c net.Conn) {
	defer c.Close()
	b := make([]byte, 4096)
	for {
		if _, err := c.Read(b); err != nil {
			return
		}
		if _, err := c.Write([]byte("+PONG\r\n")); err != nil {
			return
		}
	}
}

func postgres(p *proc, _ []string) int {
	p.Stops(2, 3, 15)
	addr := netip.MustParseAddr("127.0.0.1")
	b, _ := p.View().ReadFile("/etc/postgresql/15/main/conf.d/infrahaus.conf")
	if strings.Contains(string(b), "'*'") {
		addr = netip.IPv4Unspecified()
	}
	if _, err := p.Listen("tcp", addr, 5432, func(c net.Conn) { _, _ = io.Copy(io.Discard, c); c.Close() }); err != nil {
		p.Errorf("could not bind: %s", kernel.Reason(err))
		return 1
	}
	return daemonOnly(p, nil)
}

func nginx(p *proc, args []string) int {
	for i, a := range args {
		switch {
		case a == "-v" || a == "-V":
			fmt.Fprint(p.Stderr, "nginx version: nginx/1.22.1\n")
			return 0
		case a == "-t":
			if why := badSite(p); why != "" {
				fmt.Fprint(p.Stderr, why+"nginx: configuration file /etc/nginx/nginx.conf test failed\n")
				return 1
			}
			if !strings.Contains(strings.Join(args, " "), "-q") {
				fmt.Fprint(p.Stderr, "nginx: the configuration file /etc/nginx/nginx.conf syntax is ok\nnginx: configuration file /etc/nginx/nginx.conf test is successful\n")
			}
			return 0
		case a == "-s" && i+1 < len(args):
			for _, q := range p.M.Procs() {
				if q.Comm() == "nginx" && q != p {
					q.Signal(map[bool]int{true: 1, false: 15}[args[i+1] == "reload"])
				}
			}
			return 0
		}
	}
	if why := badSite(p); why != "" {
		fmt.Fprint(p.Stderr, why)
		return 1
	}
	p.Handle(func(sig int) bool { return sig == 1 })
	p.Stops(2, 3, 15)
	var done []*kernel.Socket
	seen := map[string]bool{}
	for _, s := range sites(p) {
		a, proto := netip.IPv4Unspecified(), "tcp"
		if s.six {
			a, proto = netip.IPv6Unspecified(), "tcp6"
		}
		key := a.String() + strconv.Itoa(s.port)
		if seen[key] {
			continue
		}
		seen[key] = true
		l := &connListener{c: make(chan net.Conn), done: make(chan struct{})}
		srv := &http.Server{Handler: webRoot(p, s)}
		sock, err := p.Listen(proto, a, s.port, l.hand)
		if err != nil {
			p.Errorf("[emerg] bind() to 0.0.0.0:%d failed (98: Address already in use)", s.port)
			for _, x := range done {
				x.Close()
			}
			return 1
		}
		done = append(done, sock)
		go serve(p, srv, l)
		defer srv.Close()
	}
	if err := p.View().WriteFile("/run/nginx.pid", []byte(strconv.Itoa(p.Pid)+"\n"), 0o644); err != nil {
		p.Errorf("[emerg] open() \"/run/nginx.pid\" failed (%s)", kernel.Reason(err))
		return 1
	}
	defer func() { _ = p.View().Remove("/run/nginx.pid") }()
	return daemonOnly(p, nil)
}

func webRoot(p *proc, s site) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Server", "nginx/1.22.1")
		if n, err := strconv.Atoi(s.ret); err == nil && n >= 200 {
			w.WriteHeader(n)
			_, _ = io.WriteString(w, s.text) // a client that left
			return
		}
		name := path.Join(s.root, path.Clean("/"+r.URL.Path))
		v := p.View()
		v.UID, v.GID = s.uid, s.uid
		if i, err := v.Stat(name); err == nil && i.IsDir() {
			for _, x := range []string{"index.html", "index.htm", "index.nginx-debian.html"} {
				if _, err := v.Stat(name + "/" + x); err == nil {
					name += "/" + x
					break
				}
			}
		}
		b, err := v.ReadFile(name)
		if err != nil {
			code := 404
			if kernel.Reason(err) != "No such file or directory" {
				code = 403
			}
			http.Error(w, "<html><head><title>"+strconv.Itoa(code)+" "+http.StatusText(code)+"</title></head></html>", code)
			return
		}
		if t := mime.TypeByExtension(path.Ext(name)); t != "" {
			w.Header().Set("Content-Type", t)
		}
		_, _ = w.Write(b) // a client that left
	})
}

// connListener hands connections of the simulated network to an http.Server.
type connListener struct {
	c    chan net.Conn
	done chan struct{}
	once sync.Once
}

func (l *connListener) hand(c net.Conn) {
	select {
	case l.c <- c:
	case <-l.done:
		c.Close()
	}
}

func (l *connListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.c:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *connListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (l *connListener) Addr() net.Addr { return &net.TCPAddr{} }

// serve answers on l until it is closed.
func serve(p *proc, srv *http.Server, l net.Listener) {
	if err := srv.Serve(l); err != nil && !errors.Is(err, net.ErrClosed) && !errors.Is(err, http.ErrServerClosed) {
		p.M.Logf("%s: %v", p.Comm(), err)
	}
}
