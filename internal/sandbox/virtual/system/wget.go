package system

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

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
			flags, file, named := strings.Cut(a, "O") // -qO FILE, or -qOFILE
			server = server || strings.Contains(flags, "S")
			quiet = quiet || strings.Contains(flags, "q")
			if named && file == "" && i+1 < len(args) {
				i++
				file = args[i]
			}
			if named {
				out = file
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
	if _, err := io.Copy(w, res.Body); err != nil {
		p.Errorf("%s: %s", out, kernel.Reason(err))
		return 3
	}
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
				p.Errorf("sandbox: nc -l" + kernel.NotHere)
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
	go func() { _, _ = io.Copy(c, p.Stdin) }()
	stop := context.AfterFunc(p.Context(), func() { c.Close() })
	defer stop()
	if _, err := io.Copy(p.Stdout, c); err != nil {
		return 1
	}
	return 0
}
