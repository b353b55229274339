package api

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"math"
	"mime"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxBody is pveproxy's limit for the body of a POST or PUT.
const maxBody = 512 << 10

// maxHead limits a request's first line and headers.
const maxHead = 64 << 10

// response is one answer. Its reason may be any text, and its body may be empty.
type response struct {
	status  int
	reason  string
	body    []byte
	kind    string // content type; "": none
	proxied bool   // pveproxy passes the answer on, and then writes two Connection headers
	cut     bool   // close the connection instead of answering

	upgrade func(net.Conn, *bufio.Reader) // takes over the connection
}

// serve answers the requests of one connection, one after another.
func (s *Server) serve(c net.Conn) {
	limit := &io.LimitedReader{R: c}
	br := bufio.NewReaderSize(limit, 16<<10)
	for {
		limit.N = maxHead + maxBody + 1
		_ = c.SetReadDeadline(time.Now().Add(s.opt.Idle))
		if _, err := br.Peek(1); err != nil {
			return
		}
		_ = c.SetReadDeadline(time.Now().Add(30 * time.Second))
		req, err := http.ReadRequest(br)
		if err != nil {
			_ = s.write(c, nil, response{status: 400, reason: "bad request"})
			return
		}
		if isUpload(req) {
			limit.N = maxHead + max(req.ContentLength, 0)
		}
		resp, ok := s.handle(c, req)
		if !ok || resp.cut {
			return
		}
		if resp.upgrade != nil {
			limit.N = math.MaxInt64
			resp.upgrade(c, br)
			return
		}
		_ = c.SetWriteDeadline(time.Now().Add(30 * time.Second))
		err = s.write(c, req, resp)
		if resp.status >= 400 {
			// Unread input would reset the connection before the client has read the
			// answer.
			_ = c.SetReadDeadline(time.Now().Add(time.Second))
			limit.N = 16 * maxBody
			_, _ = io.Copy(io.Discard, req.Body)
		}
		if err != nil || resp.status >= 400 || req.Close {
			return
		}
	}
}

// handle reads the body and answers the request; false closes the connection.
func (s *Server) handle(c net.Conn, req *http.Request) (response, bool) {
	if req.ProtoMajor != 1 {
		return response{status: 505, reason: "HTTP Version not supported"}, true
	}
	if strings.EqualFold(req.Header.Get("Expect"), "100-continue") {
		if _, err := io.WriteString(c, "HTTP/1.1 100 Continue\r\n\r\n"); err != nil {
			return response{}, false
		}
	}
	if !slices.Contains([]string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete}, req.Method) {
		return response{status: 501, reason: "method '" + req.Method + "' not available"}, true
	}
	if req.ContentLength < 0 {
		return plain(501, "chunked transfer encoding not supported"), true
	}
	if isUpload(req) {
		resp := s.answer(c, req, nil)
		_ = c.SetReadDeadline(time.Time{})
		return resp, true
	}
	body, err := io.ReadAll(io.LimitReader(req.Body, maxBody+1))
	if err != nil {
		return response{}, false
	}
	_ = c.SetReadDeadline(time.Time{})
	return s.answer(c, req, body), true
}

// plain is a refusal of the web server itself: its text is the reason and the body.
func plain(status int, text string) response {
	reason, _, _ := strings.Cut(text, "\n")
	return response{status: status, reason: reason, body: []byte(text)}
}

// unfit refuses a body by its length or kind, after the login.
func unfit(req *http.Request) (response, bool) {
	if req.ContentLength == 0 {
		return response{}, false
	}
	kind, _, _ := mime.ParseMediaType(req.Header.Get("Content-Type"))
	switch {
	case req.Method != http.MethodPost && req.Method != http.MethodPut:
		return plain(501, "Unexpected content for method '"+req.Method+"'"), true
	case req.ContentLength > maxBody:
		return plain(501, "for data too large"), true
	case kind != "" && kind != "application/x-www-form-urlencoded" && kind != "application/json":
		return plain(506, "upload 'Content-Type '"+req.Header.Get("Content-Type")+"' not implemented"), true
	}
	return response{}, false
}

// write sends an answer. pveproxy closes the connection after every error.
func (s *Server) write(w io.Writer, req *http.Request, r response) error {
	var b bytes.Buffer
	body := r.body
	fmt.Fprintf(&b, "HTTP/1.1 %d %s\r\n", r.status, strings.Map(noControl, r.reason))
	switch {
	case r.status >= 400:
		b.WriteString("Connection: close\r\n")
	case r.proxied:
		b.WriteString("Connection: close\r\nConnection: Keep-Alive\r\n")
	default:
		b.WriteString("Connection: Keep-Alive\r\n")
	}
	b.WriteString("Cache-Control: max-age=0\r\nPragma: no-cache\r\nServer: pve-api-daemon/3.0\r\n")
	now := s.node.Now().UTC().Format(http.TimeFormat)
	b.WriteString("Date: " + now + "\r\nExpires: " + now + "\r\n")
	if r.kind != "" {
		b.WriteString("Content-Type: " + r.kind + "\r\n")
	}
	if len(body) > 1024 && req != nil && strings.Contains(req.Header.Get("Accept-Encoding"), "gzip") {
		body = zip(body)
		b.WriteString("Content-Encoding: gzip\r\n")
	}
	b.WriteString("Content-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n")
	if req == nil || req.Method != http.MethodHead {
		b.Write(body)
	}
	_, err := w.Write(b.Bytes())
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

func noControl(r rune) rune {
	if r < ' ' || r == 0x7f {
		return ' '
	}
	return r
}

func zip(b []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = w.Write(b) // a bytes.Buffer takes everything
	_ = w.Close()
	return out.Bytes()
}
