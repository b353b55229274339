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
	"os"
	"path"
	"strconv"
	"strings"
	"syscall"
	"time"
)

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
	if name, ok := strings.CutPrefix(u, "file://"); ok {
		return curlFile(p, name, o, say)
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
		_ = res.Header.Write(&b) // into memory
		if _, err := out.Write(append(b.Bytes(), "\r\n"...)); err != nil {
			return say(23, "Failure writing output to destination")
		}
	}
	if _, err := io.Copy(out, res.Body); err != nil {
		return say(18, "transfer closed with outstanding read data remaining")
	}
	if w := o["w"]; w != "" {
		p.Printf("%s", writeOut(w, res))
	}
	return 0
}

// curlFile fetches a file of the guest.
func curlFile(p *proc, name string, o map[string]string, say func(int, string, ...any) int) int {
	b, err := p.View().ReadFile(name)
	if err != nil {
		return say(37, "Couldn't open file %s", name)
	}
	out := p.Stdout
	to := o["o"]
	if o["O"] != "" {
		to = path.Base(name)
	}
	if to != "" && to != "-" {
		f, err := p.View().Open(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o666)
		if err != nil {
			return say(23, "Failure writing output to destination")
		}
		defer f.Close()
		out = f
	}
	if _, err := out.Write(b); err != nil {
		return say(23, "Failure writing output to destination")
	}
	if w := o["w"]; w != "" {
		p.Printf("%s", writeOut(w, nil))
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
