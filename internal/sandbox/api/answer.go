package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
	"github.com/infrahaus/infrahaus/internal/sandbox/node"
	"github.com/infrahaus/infrahaus/internal/sandbox/schema"
)

const (
	base     = "/api2"
	prefix   = base + "/json"
	jsonKind = "application/json;charset=UTF-8"
)

// apiPath is the format of an answer, and the path of the API.
var apiPath = regexp.MustCompile(`^/api2/+([a-z][a-z0-9]+)(/.*)?$`)

// answer returns the response of the fault that applies, or the real one.
func (s *Server) answer(conn net.Conn, req *http.Request, body []byte) response {
	what := req.Method + " " + strings.TrimPrefix(req.URL.Path, prefix)
	f := s.node.Faults()
	matches := func(pattern string) bool {
		re, err := regexp.Compile(pattern)
		return err == nil && re.MatchString(what)
	}
	hit := func(name string) bool { _, ok := f.TakeIf(name, matches); return ok }
	switch {
	case hit(driver.FaultAPI595):
		return response{status: 595, reason: "No route to host"}
	case hit(driver.FaultAPI596):
		return response{status: 596, reason: "Connection timed out"}
	case hit(driver.FaultAPIGarbage):
		return response{status: 200, reason: "OK", kind: "text/html", body: []byte("<html><body>Welcome to nginx!</body></html>\n")}
	case hit(driver.FaultAPI500):
		return s.failure(&node.Error{Status: 500, Message: "got unexpected error - Input/output error"})
	case hit(driver.FaultAPIHang):
		<-s.ctx.Done()
		return response{cut: true}
	}
	slow, ok := f.TakeIf(driver.FaultAPISlow, func(v string) bool {
		_, pattern, _ := strings.Cut(v, "@")
		return matches(pattern)
	})
	if ok {
		d, _, _ := strings.Cut(slow, "@")
		wait, _ := time.ParseDuration(d)
		s.pause(wait)
	}
	r := s.route(conn, req, body)
	r.cut = hit(driver.FaultAPIDrop)
	return r
}

func (s *Server) pause(d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-s.ctx.Done():
	}
}

// route takes a request through pveproxy's checks in their order: the login (401), the
// method (501), the permission (403), the node, the syntax of the parameters (400); then
// the handler.
func (s *Server) route(conn net.Conn, req *http.Request, body []byte) response {
	m := apiPath.FindStringSubmatch(req.URL.Path)
	if m == nil && strings.HasPrefix(req.URL.Path, base) {
		return plain(501, "no such uri")
	}
	if m == nil {
		return plain(404, "no such file '"+req.URL.Path+"'")
	}
	format, path := m[1], m[2]
	if path == "" {
		path = "/"
	}
	c := &call{srv: s, ctx: s.ctx, params: node.Params{}, head: req.Header}
	if !open(req.Method, path) {
		var why string
		if c.auth, why = s.login(req); why != "" {
			s.pause(s.opt.AuthDelay)
			return response{status: 401, reason: why}
		}
	}
	if isUpload(req) {
		form, file, refused := s.upload(conn, req)
		if refused != nil {
			return *refused
		}
		for k := range form {
			c.params[k] = form.Get(k)
		}
		c.file = file
	} else if r, bad := unfit(req); bad {
		return r
	}
	if format != "json" && format != "extjs" {
		return plain(501, "no formatter for uri "+path+", "+format)
	}
	r := s.handleAPI(c, req, body, path)
	if format == "extjs" && r.kind == jsonKind {
		return extjs(r)
	}
	return r
}

// open reports whether a request needs no login.
func open(method, path string) bool {
	return path == "/access/ticket" && (method == http.MethodGet || method == http.MethodPost) ||
		path == "/access/domains" && method == http.MethodGet
}

// extjs turns an answer into that of the other format, which the web interface uses: the
// status is always 200.
func extjs(r response) response {
	var m map[string]any
	d := json.NewDecoder(bytes.NewReader(r.body))
	d.UseNumber()
	if d.Decode(&m) != nil {
		return r
	}
	m["success"] = 1
	if r.status >= 400 {
		m["success"], m["status"] = 0, r.status
		if m["message"] == nil {
			m["message"] = r.reason + "\n"
		}
	}
	r.status, r.reason, r.body = 200, "OK", encode(m)
	return r
}

// handleAPI is what comes after the login.
func (s *Server) handleAPI(c *call, req *http.Request, body []byte, path string) response {
	r, vars := s.find(req.Method, path)
	if r == nil {
		text := fmt.Sprintf("Method '%s %s' not implemented", req.Method, path)
		return s.failure(&node.Error{Status: 501, Message: text})
	}
	err := c.read(req, body, vars)
	s.requests.add(req.Method, path, c.params)
	if err == nil {
		err = c.permitted(r.perm)
	}
	if c.at = s.node; err == nil && vars["node"] != "" && vars["node"] != "localhost" {
		if c.at = s.node.Peer(vars["node"]); c.at == nil {
			text := "hostname lookup '%s' failed - failed to get address info for: %s: %s"
			err = &node.Error{Status: 500, Message: fmt.Sprintf(text, vars["node"], vars["node"], s.node.Profile().Lookup)}
		}
	}
	if err == nil && !c.at.Up() && !r.index() {
		return response{status: 595, reason: "No route to host"} // of the proxied request
	}
	if err == nil {
		if bad := schema.Table(s.node.Profile().Major)[r.method+" "+r.path].Check(c.params); bad != nil {
			err = node.BadParams(bad)
		}
	}
	var data any
	switch {
	case err == nil:
		data, err = r.do(c)
	case c.file != "":
		_ = os.Remove(c.file)
	}
	var own plainError
	if errors.As(err, &own) {
		return plain(own.status, own.text)
	}
	if err != nil {
		return s.failure(err)
	}
	if c.upgrade != nil {
		return response{upgrade: c.upgrade}
	}
	m := map[string]any{"data": data}
	if c.total != nil && *c.total > 0 { // Perl leaves out what is false
		m["total"] = *c.total
	}
	return response{status: 200, reason: "OK", kind: jsonKind, body: encode(m), proxied: r.proxied}
}

// find matches a path against the table.
func (s *Server) find(method, path string) (*route, map[string]string) {
	// empty parts count for nothing: //nodes is /nodes
	got := append([]string{""}, strings.FieldsFunc(path, func(r rune) bool { return r == '/' })...)
	if len(got) == 1 {
		got = append(got, "")
	}
	known := schema.Table(s.node.Profile().Major)
next:
	for i := range s.routes {
		r := &s.routes[i]
		want := strings.Split(r.path, "/")
		if r.method != method || len(want) > len(got) || len(want) < len(got) && !strings.HasSuffix(r.path, "/{volume}") {
			continue
		}
		if _, ok := known[r.method+" "+r.path]; !ok {
			continue // of another version
		}
		vars := map[string]string{}
		for j, w := range want {
			switch {
			case w == "{volume}": // the rest, which has slashes
				vars["volume"] = strings.Join(got[j:], "/")
			case strings.HasPrefix(w, "{"):
				vars[strings.Trim(w, "{}")] = got[j]
			case w != got[j]:
				continue next
			}
		}
		return r, vars
	}
	return nil, nil
}

// failure is the body of every refusal after the login.
func (s *Server) failure(err error) response {
	var e *node.Error
	if !errors.As(err, &e) {
		e = &node.Error{Status: 500, Message: err.Error()}
	}
	m := map[string]any{"data": nil}
	if s.node.Profile().JSONMessage {
		m["message"] = e.Message
		if e.Status != 501 {
			m["message"] = e.Message + "\n"
		}
	}
	if e.Params != nil {
		m["errors"] = e.Params
	}
	return response{status: e.Status, reason: e.Reason(), kind: jsonKind, body: encode(m)}
}

// encode writes JSON as Perl does, without escaping for HTML.
func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return []byte(`{"data":null}`)
	}
	return bytes.TrimSpace(b.Bytes())
}
