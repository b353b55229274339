package system

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

func networkCommands() map[string]kernel.Command {
	return map[string]kernel.Command{"ss": ss, "netstat": ss, "ip": ip, "curl": curl, "wget": wget, "nc": nc, "getent": getent, "ping": ping,
		"ifup": nothing, "ifdown": nothing, "dhclient": nothing, "iptables": nothing, "ldconfig": nothing, "locale-gen": nothing, "update-ca-certificates": nothing}
}

func nothing(*proc, []string) int { return 0 }

func ss(p *proc, args []string) int {
	flags := ""
	for _, a := range args[1:] {
		switch {
		case strings.HasPrefix(a, "--"):
			flags += map[string]string{"--tcp": "t", "--udp": "u", "--listening": "l", "--numeric": "n", "--processes": "p", "--no-header": "H"}[a]
		case strings.HasPrefix(a, "-"):
			flags += a[1:]
		}
	}
	t, u := strings.Contains(flags, "t"), strings.Contains(flags, "u")
	if !t && !u {
		t, u = true, true
	}
	if path.Base(args[0]) == "netstat" {
		return netstat(p, t, u)
	}
	netid := t && u
	if !strings.Contains(flags, "H") {
		if netid {
			p.Printf("Netid ")
		}
		p.Printf("State  Recv-Q Send-Q Local Address:Port Peer Address:PortProcess\n")
	}
	for _, proto := range []string{"udp", "tcp"} {
		for _, s := range p.M.Sockets() {
			if s.Proto != proto || proto == "tcp" && !t || proto == "udp" && !u {
				continue
			}
			state, queue := "LISTEN", 4096
			if proto == "udp" {
				state, queue = "UNCONN", 0
			}
			if netid {
				p.Printf("%-5s ", proto)
			}
			peer := "0.0.0.0:*"
			if s.Addr.Is6() {
				peer = "[::]:*"
			}
			local := netip.AddrPortFrom(s.Addr, uint16(s.Port)).String()
			if s.Addr == netip.IPv6Unspecified() && !s.Only6 {
				local, peer = fmt.Sprintf("*:%d", s.Port), "*:*"
			}
			users := ""
			if q := p.M.Proc(s.Pid); q != nil && strings.Contains(flags, "p") {
				users = fmt.Sprintf(" users:((%q,pid=%d,fd=%d))", q.Comm(), q.Pid, 6)
			}
			p.Printf("%-6s 0      %-6d %s      %s%s\n", state, queue, local, peer, users)
		}
	}
	return 0
}

func netstat(p *proc, t, u bool) int {
	p.Printf("Active Internet connections (only servers)\nProto Recv-Q Send-Q Local Address           Foreign Address         State       PID/Program name    \n")
	for _, s := range p.M.Sockets() {
		if s.Proto == "tcp" && !t || s.Proto == "udp" && !u {
			continue
		}
		name := "-"
		if q := p.M.Proc(s.Pid); q != nil {
			name = fmt.Sprintf("%d/%s", q.Pid, q.Comm())
		}
		p.Printf("%-5s      0      0 %-23s %-23s %-11s %s\n", s.Proto, fmt.Sprintf("%s:%d", s.Addr, s.Port), "0.0.0.0:*", "LISTEN", name)
	}
	return 0
}

func prefixOf(p *proc) (netip.Prefix, bool) {
	a := p.M.Address()
	s := of(p)
	if !a.IsValid() || s == nil {
		return netip.Prefix{}, false
	}
	return s.o.Addr, true
}

func ip(p *proc, args []string) int {
	var words []string
	opts := map[string]bool{}
	for _, a := range args[1:] {
		if strings.HasPrefix(a, "-") {
			opts[strings.TrimLeft(a, "-")] = true
		} else {
			words = append(words, a)
		}
	}
	if len(words) == 0 {
		p.Errorf("sandbox: ip without an object is not supported by the virtual guest")
		return 255
	}
	pre, up := prefixOf(p)
	switch {
	case strings.HasPrefix("address", words[0]) && opts["json"] || opts["j"]:
		out := `[{"ifindex":1,"ifname":"lo","operstate":"UNKNOWN","address":"00:00:00:00:00:00","addr_info":[{"family":"inet","local":"127.0.0.1","prefixlen":8,"scope":"host"}]},{"ifindex":2,"ifname":"eth0","operstate":"UP","addr_info":[`
		if up {
			out += fmt.Sprintf(`{"family":"inet","local":"%s","prefixlen":%d,"scope":"global"}`, pre.Addr(), pre.Bits())
		}
		p.Printf("%s]}]\n", out+"")
	case strings.HasPrefix("address", words[0]):
		global := strings.Contains(strings.Join(words, " "), "scope global")
		if opts["o"] || opts["oneline"] || opts["br"] {
			if !global && !opts["6"] {
				p.Printf("1: lo    inet 127.0.0.1/8 scope host lo\\       valid_lft forever preferred_lft forever\n")
			}
			if up && !opts["6"] {
				p.Printf("2: eth0    inet %s brd %s scope global eth0\\       valid_lft forever preferred_lft forever\n", pre, broadcast(pre))
			}
			return 0
		}
		if !global {
			p.Printf("1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN group default qlen 1000\n    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00\n    inet 127.0.0.1/8 scope host lo\n       valid_lft forever preferred_lft forever\n")
		}
		p.Printf("2: eth0@if7: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP group default qlen 1000\n")
		if up {
			p.Printf("    inet %s brd %s scope global eth0\n       valid_lft forever preferred_lft forever\n", pre, broadcast(pre))
		}
	case strings.HasPrefix("route", words[0]):
		if up {
			if len(words) > 1 && words[1] == "get" {
				p.Printf("%s via %s dev eth0 src %s uid 0\n", words[2], pre.Masked().Addr().Next(), pre.Addr())
				return 0
			}
			p.Printf("default via %s dev eth0\n", pre.Masked().Addr().Next())
			if len(words) < 3 || words[2] != "default" {
				p.Printf("%s dev eth0 proto kernel scope link src %s\n", pre.Masked(), pre.Addr())
			}
		}
	case strings.HasPrefix("link", words[0]):
		p.Printf("1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 state UNKNOWN\n2: eth0@if7: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 state UP\n")
	default:
		p.Errorf("sandbox: ip %s is not supported by the virtual guest", words[0])
		return 255
	}
	return 0
}

func broadcast(p netip.Prefix) netip.Addr {
	if !p.Addr().Is4() {
		return p.Addr()
	}
	b := p.Masked().Addr().As4()
	for i := p.Bits(); i < 32; i++ {
		b[i/8] |= 1 << (7 - i%8)
	}
	return netip.AddrFrom4(b)
}

var errNoName = errors.New("no such host")

// resolve finds a name as the guest would: literals and /etc/hosts. There is no
// DNS. Names that an OS template's mirrors have are known to the package manager.
func resolve(p *proc, name string) (netip.Addr, error) {
	if a, err := netip.ParseAddr(strings.Trim(name, "[]")); err == nil {
		return a.Unmap(), nil
	}
	b, _ := p.View().ReadFile("/etc/hosts")
	for _, l := range strings.Split(string(b), "\n") {
		l, _, _ = strings.Cut(l, "#")
		f := strings.Fields(l)
		if len(f) < 2 {
			continue
		}
		for _, n := range f[1:] {
			if a, err := netip.ParseAddr(f[0]); err == nil && n == name {
				return a, nil
			}
		}
	}
	if name == "localhost" || name == p.M.Hostname() {
		return netip.MustParseAddr("127.0.0.1"), nil
	}
	return netip.Addr{}, errNoName
}

var mirrors = map[string]bool{"deb.debian.org": true, "security.debian.org": true, "archive.ubuntu.com": true, "dl-cdn.alpinelinux.org": true}

func getent(p *proc, args []string) int {
	if len(args) < 2 {
		return 1
	}
	st := 0
	file := map[string]string{"passwd": "/etc/passwd", "group": "/etc/group", "shadow": "/etc/shadow"}[args[1]]
	if file != "" {
		b, _ := p.View().ReadFile(file)
		for _, l := range strings.Split(strings.TrimSpace(string(b)), "\n") {
			if len(args) < 3 {
				p.Printf("%s\n", l)
			}
		}
		for _, k := range args[min(2, len(args)):] {
			hit := false
			for _, l := range strings.Split(string(b), "\n") {
				f := strings.Split(l, ":")
				if len(f) > 2 && (f[0] == k || f[2] == k) && !hit {
					p.Printf("%s\n", l)
					hit = true
				}
			}
			if !hit {
				st = 2
			}
		}
		return st
	}
	if strings.Contains(args[1], "hosts") {
		for _, h := range args[2:] {
			a, err := resolve(p, h)
			if err != nil && mirrors[h] {
				a, err = netip.MustParseAddr("192.0.2.1"), nil
			}
			if err != nil {
				st = 2
				continue
			}
			p.Printf("%-15s %s\n", a, h)
		}
		return st
	}
	return 2
}

func ping(p *proc, args []string) int {
	a, err := resolve(p, args[len(args)-1])
	if err != nil {
		p.Errorf("%s: Name or service not known", args[len(args)-1])
		return 2
	}
	if _, err := p.M.Dial(p.Context(), a, 1); errors.Is(err, syscall.ECONNREFUSED) {
		p.Printf("1 packets transmitted, 1 received, 0%% packet loss\n")
		return 0
	}
	return 1
}

// client is an HTTP client inside the simulated network.
func client(p *proc, limit time.Duration, follow bool) *http.Client {
	c := &http.Client{Timeout: limit, Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
		DialContext: func(ctx context.Context, _, addr string) (net.Conn, error) {
			host, port, err := net.SplitHostPort(addr)
			if err != nil {
				return nil, err
			}
			n, _ := strconv.Atoi(port)
			a, err := resolve(p, host)
			if err != nil {
				return nil, err
			}
			return p.M.Dial(ctx, a, n)
		}}}
	if !follow {
		c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	}
	return c
}

func curl(p *proc, args []string) int {
	o := map[string]string{}
	var urls, headers, data []string
	valued := "oHXdumwAeFTxbcYyrKEKD"
	long := map[string]string{"output": "o", "header": "H", "request": "X", "data": "d", "data-raw": "d", "user": "u", "max-time": "m", "write-out": "w", "user-agent": "A", "connect-timeout": "", "retry": "", "retry-delay": "", "fail": "f", "silent": "s", "show-error": "S", "location": "L", "head": "I", "insecure": "k", "globoff": "g", "include": "i", "remote-name": "O", "proto": "", "tlsv1.2": "1", "compressed": "1", "retry-connrefused": "1", "retry-all-errors": "1", "fail-with-body": "f", "noproxy": "", "cacert": "", "unix-socket": ""}
	for i := 1; i < len(args); i++ {
		a := args[i]
		next := func() string {
			if i+1 < len(args) {
				i++
				return args[i]
			}
			return ""
		}
		set := func(k, v string) {
			o[k] = v
			switch k {
			case "H":
				headers = append(headers, v)
			case "d":
				data = append(data, v)
			}
		}
		switch {
		case strings.HasPrefix(a, "--"):
			k, ok := long[a[2:]]
			if !ok {
				p.Errorf("option %s: is unknown", a)
				return 2
			}
			if k == "" || strings.Contains(valued, k) {
				set(k, next())
			} else {
				set(k, "1")
			}
		case len(a) > 1 && a[0] == '-':
			for k := 1; k < len(a); k++ {
				if strings.IndexByte(valued, a[k]) >= 0 {
					v := a[k+1:]
					if v == "" {
						v = next()
					}
					set(string(a[k]), v)
					break
				}
				set(string(a[k]), "1")
			}
		default:
			urls = append(urls, a)
		}
	}
	st := 0
	for _, u := range urls {
		if s := curlOne(p, u, o, headers, data); s != 0 {
			st = s
		}
	}
	return st
}

func curlOne(p *proc, u string, o map[string]string, headers, data []string) int {
	if !strings.Contains(u, "://") {
		u = "http://" + u
	}
	method := o["X"]
	var body io.Reader
	if len(data) > 0 {
		body = strings.NewReader(strings.Join(data, "&"))
		if method == "" {
			method = "POST"
		}
	}
	if method == "" {
		method = "GET"
		if o["I"] != "" {
			method = "HEAD"
		}
	}
	say := func(code int, format string, a ...any) int {
		if o["s"] == "" || o["S"] != "" {
			fmt.Fprintf(p.Stderr, "curl: (%d) %s\n", code, fmt.Sprintf(format, a...))
		}
		if w := o["w"]; w != "" {
			p.Printf("%s", writeOut(w, nil))
		}
		return code
	}
	req, err := http.NewRequestWithContext(p.Context(), method, u, body)
	if err != nil || !strings.HasPrefix(req.URL.Scheme, "http") {
		return say(3, "URL rejected: Malformed input to a URL function")
	}
	req.Header.Set("User-Agent", "curl/7.88.1")
	for _, h := range headers {
		k, v, _ := strings.Cut(h, ":")
		req.Header.Set(strings.TrimSpace(k), strings.TrimSpace(v))
		if strings.EqualFold(k, "host") {
			req.Host = strings.TrimSpace(v)
		}
	}
	if name, pass, ok := strings.Cut(o["u"], ":"); ok {
		req.SetBasicAuth(name, pass)
	}
	limit, _ := strconv.ParseFloat(o["m"], 64)
	res, err := client(p, time.Duration(limit*float64(time.Second)), o["L"] != "").Do(req)
	switch {
	case errors.Is(err, errNoName):
		return say(6, "Could not resolve host: %s", req.URL.Hostname())
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ENETUNREACH):
		port := req.URL.Port()
		if port == "" {
			port = map[string]string{"http": "80", "https": "443"}[req.URL.Scheme]
		}
		return say(7, "Failed to connect to %s port %s after 0 ms: Couldn't connect to server", req.URL.Hostname(), port)
	case err != nil && os.IsTimeout(err):
		return say(28, "Operation timed out after %d milliseconds with 0 bytes received", int(limit*1000))
	case err != nil:
		return say(52, "Empty reply from server")
	}
	defer res.Body.Close()
	if o["f"] != "" && res.StatusCode >= 400 {
		return say(22, "The requested URL returned error: %d", res.StatusCode)
	}
	out := p.Stdout
	name := o["o"]
	if o["O"] != "" {
		name = path.Base(req.URL.Path)
	}
	if name != "" && name != "-" {
		f, err := p.View().Open(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o666)
		if err != nil {
			return say(23, "Failure writing output to destination")
		}
		defer f.Close()
		out = f
	}
	if o["I"] != "" || o["i"] != "" {
		var b bytes.Buffer
		fmt.Fprintf(&b, "HTTP/1.1 %s\r\n", res.Status)
		res.Header.Write(&b)
		out.Write(append(b.Bytes(), "\r\n"...))
	}
	if _, err := io.Copy(out, res.Body); err != nil {
		return say(18, "transfer closed with outstanding read data remaining")
	}
	if w := o["w"]; w != "" {
		p.Printf("%s", writeOut(w, res))
	}
	return 0
}

func writeOut(w string, res *http.Response) string {
	code := "000"
	if res != nil {
		code = strconv.Itoa(res.StatusCode)
	}
	return strings.NewReplacer("%{http_code}", code, "%{response_code}", code, `\n`, "\n", "%{size_download}", "0", "%{time_total}", "0.001").Replace(w)
}

func wget(p *proc, args []string) int {
	out, server, quiet, url := "", false, false, ""
	for i := 1; i < len(args); i++ {
		a := args[i]
		switch {
		case a == "-O" || a == "-T" || a == "-t" || a == "-P":
			if i++; a == "-O" && i < len(args) {
				out = args[i]
			}
		case strings.HasPrefix(a, "-O"):
			out = a[2:]
		case strings.HasPrefix(a, "-") && !strings.HasPrefix(a, "--"):
			server = server || strings.Contains(a, "S")
			quiet = quiet || strings.Contains(a, "q")
			if strings.HasSuffix(a, "O") && i+1 < len(args) {
				i++
				out = args[i]
			}
		case a == "--quiet":
			quiet = true
		case strings.HasPrefix(a, "--"):
		default:
			url = a
		}
	}
	if !strings.Contains(url, "://") {
		url = "http://" + url
	}
	req, err := http.NewRequestWithContext(p.Context(), "GET", url, nil)
	if err != nil {
		return 1
	}
	res, err := client(p, 10*time.Second, true).Do(req)
	if err != nil {
		if !quiet {
			fmt.Fprintf(p.Stderr, "wget: unable to resolve or connect to host address ‘%s’\n", req.URL.Hostname())
		}
		return 4
	}
	defer res.Body.Close()
	if server {
		fmt.Fprintf(p.Stderr, "  HTTP/1.1 %s\n", res.Status)
	}
	if res.StatusCode >= 400 {
		if !quiet {
			fmt.Fprintf(p.Stderr, "ERROR %s.\n", res.Status)
		}
		return 8
	}
	w := p.Stdout
	if out == "" {
		out = path.Base(req.URL.Path)
		if out == "/" || out == "." {
			out = "index.html"
		}
	}
	if out != "-" {
		f, err := p.View().Open(out, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o666)
		if err != nil {
			p.Errorf("%s: %s", out, kernel.Reason(err))
			return 3
		}
		defer f.Close()
		w = f
	}
	io.Copy(w, res.Body)
	return 0
}

func nc(p *proc, args []string) int {
	var rest []string
	scan := false
	for i := 1; i < len(args); i++ {
		switch a := args[i]; {
		case a == "-w" || a == "-p" || a == "-q" || a == "-i":
			i++
		case strings.HasPrefix(a, "-"):
			scan = scan || strings.Contains(a, "z")
			if strings.Contains(a, "l") {
				p.Errorf("sandbox: nc -l is not supported by the virtual guest")
				return 1
			}
		default:
			rest = append(rest, a)
		}
	}
	if len(rest) < 2 {
		return 1
	}
	a, err := resolve(p, rest[0])
	port, _ := strconv.Atoi(rest[1])
	var c net.Conn
	if err == nil {
		c, err = p.M.Dial(p.Context(), a, port)
	}
	if err != nil {
		p.Errorf("%s (%s): %s", rest[0], rest[1], kernel.Reason(err))
		return 1
	}
	defer c.Close()
	if scan {
		return 0
	}
	go io.Copy(c, p.Stdin)
	stop := context.AfterFunc(p.Context(), func() { c.Close() })
	defer stop()
	io.Copy(p.Stdout, c)
	return 0
}
