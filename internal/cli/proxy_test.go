package cli_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"

	"github.com/rogpeppe/go-internal/testscript"
)

// proxy is `proxy STATUS`: an HTTP proxy at $PROXY that answers every CONNECT with that
// status. With 200 it connects to the sandbox, whatever host is asked for.
func proxy(ts *testscript.TestScript, neg bool, args []string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Defer(func() { l.Close() })
	ts.Setenv("PROXY", "http://"+l.Addr().String())
	there, err := url.Parse(ts.Getenv("EXPORT_URL"))
	ts.Check(err)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go tunnel(c, args[0], there.Host)
		}
	}()
}

func tunnel(c net.Conn, status, to string) {
	defer c.Close()
	in := bufio.NewReader(c)
	req, err := http.ReadRequest(in)
	if err != nil || req.Method != http.MethodConnect {
		return
	}
	if status != "200" {
		fmt.Fprintf(c, "HTTP/1.1 %s\r\nContent-Length: 0\r\n\r\n", status)
		return
	}
	there, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer there.Close()
	fmt.Fprint(c, "HTTP/1.1 200 OK\r\n\r\n")
	go func() {
		io.Copy(there, in)
		there.(*net.TCPConn).CloseWrite()
	}()
	io.Copy(c, there)
}
