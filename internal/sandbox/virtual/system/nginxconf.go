package system

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/infrahaus/infrahaus/internal/lazy"
)

type site struct {
	port int
	six  bool
	root string
	ret  string // the status of a return, with its text
	text string
	uid  int // of the process that reads the files
}

var (
	listenRe = lazy.Regexp(`^\s*listen\s+([^;\s]+)`)
	rootRe   = lazy.Regexp(`^\s*root\s+([^;\s]+)`)
	returnRe = lazy.Regexp(`^\s*return\s+(\d+)\s*([^;]*);`)
)

// siteFiles are the files of the enabled configuration.
func siteFiles(p *proc) (files []string) {
	for _, dir := range []string{"/etc/nginx/conf.d", "/etc/nginx/sites-enabled"} {
		list, _ := p.View().ReadDir(dir)
		for _, f := range list {
			if dir != "/etc/nginx/conf.d" || strings.HasSuffix(f.Name(), ".conf") {
				files = append(files, dir+"/"+f.Name())
			}
		}
	}
	return files
}

// badSite is nginx's message about the first file with a block that is not closed or closed
// twice, or a directive without its semicolon; "" if there is none.
func badSite(p *proc) string {
	for _, file := range siteFiles(p) {
		if b, err := p.View().ReadFile(file); err == nil {
			if why, line := badConf(string(b)); why != "" {
				return fmt.Sprintf("nginx: [emerg] %s in %s:%d\n", why, file, line)
			}
		}
	}
	return ""
}

func badConf(text string) (why string, line int) {
	depth, directive := 0, ""
	for l := range strings.Lines(text) {
		line++
		l, _, _ = strings.Cut(l, "#")
		for _, c := range l {
			switch {
			case c == '}' && strings.TrimSpace(directive) != "":
				return fmt.Sprintf("directive %q is not terminated by \";\"", strings.Fields(directive)[0]), line
			case c == '}' && depth == 0:
				return `unexpected "}"`, line
			case c == '}':
				depth--
			case c == '{':
				depth, directive = depth+1, ""
			case c == ';':
				if bad := badListen(strings.Fields(directive)); bad != "" {
					return fmt.Sprintf("invalid parameter %q", bad), line
				}
				directive = ""
			default:
				directive += string(c)
			}
		}
	}
	if depth > 0 || strings.TrimSpace(directive) != "" {
		return `unexpected end of file, expecting "}"`, line + 1
	}
	return "", 0
}

// badListen is the first parameter of a listen directive that nginx does not know: mostly the
// next directive, because the semicolon between them is missing.
func badListen(words []string) string {
	if len(words) < 3 || words[0] != "listen" {
		return ""
	}
	for _, w := range words[2:] {
		switch name, _, _ := strings.Cut(w, "="); name {
		case "default_server", "default", "ssl", "http2", "quic", "proxy_protocol", "deferred", "bind", "ipv6only", "reuseport", "backlog", "setfib", "fastopen", "rcvbuf", "sndbuf", "accept_filter", "so_keepalive":
		default:
			return w
		}
	}
	return ""
}

// sites reads the server blocks of the enabled configuration.
func sites(p *proc) []site {
	var out []site
	for _, file := range siteFiles(p) {
		b, err := p.View().ReadFile(file)
		if err != nil {
			continue
		}
		for _, block := range strings.Split(string(b), "server {")[1:] {
			out = append(out, sitesOf(block)...)
		}
	}
	return out
}

// sitesOf reads one server block: one site for each listen.
func sitesOf(block string) (out []site) {
	s := site{port: 80, root: "/usr/share/nginx/html"}
	for _, l := range strings.Split(block, "\n") {
		if m := listenRe().FindStringSubmatch(l); m != nil {
			n, err := strconv.Atoi(m[1][strings.LastIndexByte(m[1], ':')+1:])
			if err == nil {
				out = append(out, site{port: n, six: strings.HasPrefix(m[1], "[")})
			}
		}
		if m := rootRe().FindStringSubmatch(l); m != nil {
			s.root = m[1]
		}
		if m := returnRe().FindStringSubmatch(l); m != nil {
			s.ret, s.text = m[1], strings.Trim(strings.TrimSpace(m[2]), `"'`)
		}
	}
	for i := range out {
		out[i].root, out[i].ret, out[i].text, out[i].uid = s.root, s.ret, s.text, 33
	}
	return out
}
