package api_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
	"testing"
)

// reply is an answer with its raw headers, because net/http hides the Connection headers.
type reply struct {
	status int
	reason string
	header http.Header
	body   []byte
}

// exchange sends one request over a connection of its own.
func exchange(t *testing.T, req *http.Request) reply {
	t.Helper()
	c, err := tls.Dial("tcp", req.URL.Host, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2", "http/1.1"}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if p := c.ConnectionState().NegotiatedProtocol; p != "http/1.1" {
		t.Errorf("negotiated %q", p)
	}
	if err := req.Write(c); err != nil {
		t.Fatal(err)
	}
	r, err := readReply(bufio.NewReader(c))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func readReply(br *bufio.Reader) (reply, error) {
	tp := textproto.NewReader(br)
	line, err := tp.ReadLine()
	if err != nil {
		return reply{}, err
	}
	proto, rest, _ := strings.Cut(line, " ")
	status, reason, _ := strings.Cut(rest, " ")
	code, err := strconv.Atoi(status)
	if err != nil || proto != "HTTP/1.1" {
		return reply{}, fmt.Errorf("status line %q", line)
	}
	h, err := tp.ReadMIMEHeader()
	if err != nil {
		return reply{}, err
	}
	n, err := strconv.Atoi(h.Get("Content-Length"))
	if err != nil {
		return reply{}, err
	}
	body := make([]byte, n)
	_, err = io.ReadFull(br, body)
	return reply{code, reason, http.Header(h), body}, err
}
