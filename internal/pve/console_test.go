package pve_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/infrahaus/infrahaus/internal/pve"
)

// terminal plays termproxy and vncwebsocket on the routes of a fake; talk runs after the
// handshake.
func terminal(t *testing.T, o pve.Options, talk func(*websocket.Conn, *http.Request)) (*pve.Client, *fake) {
	t.Helper()
	up := websocket.Upgrader{Subprotocols: []string{"binary"}}
	return behind(t, o, func(w http.ResponseWriter, r *http.Request) {
		if q := r.URL.Query(); q.Get("port") != "5900" || q.Get("vncticket") != "PVEVNC:A+B/C==" {
			t.Errorf("%v", q)
		}
		conn, err := up.Upgrade(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		if conn.Subprotocol() != "binary" {
			t.Error("no subprotocol")
		}
		if _, b, err := conn.ReadMessage(); err != nil || string(b) != "root@pam!cli:PVEVNC:A+B/C==\n" {
			t.Errorf("%v %q", err, b)
		}
		talk(conn, r)
	})
}

// behind is a fake whose vncwebsocket is answered by somebody, such as a proxy.
func behind(t *testing.T, o pve.Options, somebody http.HandlerFunc) (*pve.Client, *fake) {
	t.Helper()
	f := newFake(t)
	f.on("POST /nodes/pve1/lxc/100/termproxy", ok(`{"port":"5900","ticket":"PVEVNC:A+B/C==","user":"root@pam!cli","upid":"U"}`))
	f.on("POST /access/ticket", ok(`{"ticket":"PVE:root@pam:X","CSRFPreventionToken":"Y"}`))
	both := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/nodes/pve1/lxc/100/vncwebsocket") {
			somebody(w, r)
			return
		}
		f.serve(w, r)
	}))
	both.TLS = &tls.Config{Certificates: f.TLS.Certificates}
	both.StartTLS()
	t.Cleanup(both.Close)
	o.URL, o.Fingerprint = both.URL, f.fingerprint()
	c, err := pve.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c, f
}

var token = pve.Options{Token: "root@pam!cli=secret"}

// frames reads what a client types, without termproxy's framing.
func frames(t *testing.T, conn *websocket.Conn, n int) []byte {
	var got []byte
	for len(got) < n {
		_, b, err := conn.ReadMessage()
		if err != nil {
			t.Error(err)
			return got
		}
		switch b[0] {
		case '0':
			size, rest, _ := bytes.Cut(b[2:], []byte(":"))
			if m, err := strconv.Atoi(string(size)); err != nil || m != len(rest) || len(b) > 1<<16 {
				t.Errorf("%q with %d bytes", size, len(rest))
			}
			got = append(got, rest...)
		case '1':
			if string(b) != "1:250:50:" {
				t.Errorf("%q", b)
			}
		}
	}
	return got
}

func TestConsole(t *testing.T) {
	sent := bytes.Repeat([]byte("0:1:\xff\x00"), 20000)
	for name, o := range map[string]pve.Options{"token": token, "ticket": {User: "root@pam", Password: "p"}} {
		c, _ := terminal(t, o, func(conn *websocket.Conn, r *http.Request) {
			want, got := "PVEAPIToken=root@pam!cli=secret", r.Header.Get("Authorization")
			if name == "ticket" {
				want, got = "PVEAuthCookie=PVE:root@pam:X", r.Header.Get("Cookie")
			}
			if got != want {
				t.Errorf("%s: %q", name, got)
			}
			conn.WriteMessage(websocket.BinaryMessage, []byte("OKhello "))
			if got := frames(t, conn, len(sent)); !bytes.Equal(got, sent) {
				t.Errorf("%s: %d bytes", name, len(got))
			}
			conn.WriteMessage(websocket.BinaryMessage, []byte("login: "))
			conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(1000, ""), time.Now().Add(time.Second))
		})
		con, err := c.Console(t.Context(), "pve1", 100)
		if err != nil {
			t.Fatal(name, err)
		}
		if n, err := con.Write(sent); err != nil || n != len(sent) {
			t.Error(n, err)
		}
		if b, err := io.ReadAll(con); err != nil || string(b) != "hello login: " {
			t.Errorf("%s: %q %v", name, b, err)
		}
		con.Close()
	}
}

// Proxmox closes the connection without a websocket's close message, both when the
// program has ended and when the link was cut. The last output shows which it was, and
// the error does not mention websockets.
func TestConsoleEnds(t *testing.T) {
	const dtach = "\x1b[999H\r\n[EOF - dtach terminating]\r\n"
	for name, c := range map[string]struct {
		shows []string
		cut   bool
	}{
		"program ended":            {[]string{"OK", "bye" + dtach}, false},
		"in two pieces":            {[]string{"OK", "bye" + dtach[:12], dtach[12:]}, false},
		"right behind the OK":      {[]string{"OK" + dtach}, false},
		"link cut":                 {[]string{"OK", "login: "}, true},
		"a guest shows those once": {[]string{"OK", dtach, strings.Repeat("more\r\n", 50)}, true},
	} {
		client, _ := terminal(t, token, func(conn *websocket.Conn, _ *http.Request) {
			for _, text := range c.shows {
				conn.WriteMessage(websocket.BinaryMessage, []byte(text))
			}
			conn.ReadMessage() // the window's size; closing before it is read would reset the connection
			conn.NetConn().Close()
		})
		con, err := client.Console(t.Context(), "pve1", 100)
		if err != nil {
			t.Fatal(name, err)
		}
		_, err = io.ReadAll(con)
		con.Close()
		switch {
		case c.cut && (err == nil || strings.Contains(err.Error(), "1006") || strings.Contains(err.Error(), "websocket")):
			t.Errorf("%s: %v", name, err)
		case !c.cut && err != nil:
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestConsoleRefused(t *testing.T) {
	slam := func(conn *websocket.Conn, _ *http.Request) {}
	for _, c := range []struct {
		name string
		o    pve.Options
		talk func(*websocket.Conn, *http.Request)
		term answer
		kind pve.Kind
		says string
		hint string
	}{
		{"an older server and a token", token, slam, answer{}, pve.Unauthorized, "does not take API tokens for consoles", "pve-container"},
		{"a ticket that is not taken", pve.Options{User: "root@pam", Password: "p"}, slam, answer{}, pve.Unauthorized, "closed instead of taking its ticket", "40 s"},
		{"another answer", token, func(conn *websocket.Conn, _ *http.Request) { conn.WriteMessage(websocket.BinaryMessage, []byte("NO")) }, answer{}, pve.Refused, `answers "NO"`, ""},
		{"no privilege", token, slam, answer{403, "Permission check failed (/vms/100, VM.Console)", `{"data":null}`}, pve.Forbidden, "VM.Console", "pveum acl modify /vms --roles infrahaus"},
		{"no privilege, the role is there", token, slam, answer{403, "Permission check failed (/vms/100, VM.Console)", `{"data":null}`}, pve.Forbidden, "VM.Console", "role modify infrahaus --append 1 --privs VM.Console"},
		{"another node's", token, slam, fail(500, "Configuration file 'nodes/pve1/lxc/100.conf' does not exist"), pve.NotFound, "does not exist", "list --check"},
		{"its node is down", token, slam, answer{595, "No route to host", ""}, pve.Unreachable, `the proxy there says "No route to host" (595)`, "list --check"},
		{"its node is slow", token, slam, answer{596, "Connection timed out", ""}, pve.Unreachable, `(596)`, ""},
	} {
		client, f := terminal(t, c.o, c.talk)
		if c.term.status != 0 {
			f.on("POST /nodes/pve1/lxc/100/termproxy", c.term)
		}
		_, err := client.Console(t.Context(), "pve1", 100)
		var e *pve.Error
		if !pve.IsKind(err, c.kind) || !strings.Contains(err.Error(), c.says) || !strings.HasPrefix(err.Error(), "cannot open the console of container 100: ") {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if !errors.As(err, &e) || !strings.Contains(fmt.Sprint(e.Hints), c.hint) || f.count("POST", "/nodes/pve1/lxc/100/termproxy") != 1 {
			t.Errorf("%s: %q", c.name, e.Hints)
		}
	}
}

// If a login has opened a console before, a console that is cut later is not blamed on
// the login. A slow console is blamed on nothing.
func TestConsoleCutAfterOne(t *testing.T) {
	shown := false
	c, _ := terminal(t, token, func(conn *websocket.Conn, _ *http.Request) {
		if !shown {
			shown = true
			conn.WriteMessage(websocket.BinaryMessage, []byte("OK"))
		}
		conn.NetConn().Close()
	})
	con, err := c.Console(t.Context(), "pve1", 100)
	if err != nil {
		t.Fatal(err)
	}
	con.Close()
	if _, err := c.Console(t.Context(), "pve1", 100); !pve.IsKind(err, pve.Unreachable) || !strings.Contains(err.Error(), "was cut before it answered") {
		t.Error(err)
	}
	c, _ = terminal(t, token, func(conn *websocket.Conn, _ *http.Request) { conn.ReadMessage(); conn.ReadMessage() })
	if _, err := c.Console(t.Context(), "pve1", 100); !pve.IsKind(err, pve.Timeout) || !strings.Contains(err.Error(), "says nothing for 10s") {
		t.Error(err)
	}
}

// An error distinguishes a proxy without websockets from Proxmox, even if the proxy
// replaces Proxmox's name in the headers by its own.
func TestConsoleProxies(t *testing.T) {
	says := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Server", "nginx")
			w.WriteHeader(status)
			fmt.Fprint(w, body)
		}
	}
	hang := func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		conn.Close()
	}
	stale := func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		fmt.Fprint(conn, "HTTP/1.1 401 permission denied - invalid PVEVNC ticket\r\nContent-Length: 0\r\n\r\n")
		conn.Close()
	}
	for _, c := range []struct {
		name string
		web  http.HandlerFunc
		kind pve.Kind
		says string
		hint string
	}{
		{"a page", says(200, "<html>"), pve.Unreachable, "does not pass websockets on (it says 200 OK)", "Upgrade"},
		{"a redirect", says(302, ""), pve.Unreachable, "does not pass websockets on", "Upgrade"},
		{"400", says(400, "<html>"), pve.Unreachable, "does not pass websockets on (it says 400 Bad Request)", "Upgrade"},
		{"404", says(404, "<html>"), pve.Unreachable, "does not pass websockets on", "Upgrade"},
		{"426", says(426, ""), pve.Unreachable, "does not pass websockets on", "Upgrade"},
		{"502", says(502, "<html>"), pve.Unreachable, "does not pass websockets on (it says 502 Bad Gateway)", "Upgrade"},
		{"504", says(504, "<html>"), pve.Unreachable, "does not pass websockets on", "Upgrade"},
		{"closed", hang, pve.Unreachable, "closed where it should have become a websocket", "several nodes"},
		{"Proxmox's old ticket", stale, pve.Unauthorized, "invalid PVEVNC ticket", "clocks"},
		{"Proxmox's 595", says(595, ""), pve.Unreachable, "595", ""},
		{"Proxmox's 403", says(403, `{"data":null}`), pve.Forbidden, "cannot open", ""},
		{"Proxmox's parameters", says(400, `{"errors":{"port":"value must have a minimum value of 5900"},"data":null}`), pve.Refused, "port: value must", ""},
	} {
		client, _ := behind(t, token, c.web)
		_, err := client.Console(t.Context(), "pve1", 100)
		var e *pve.Error
		if !errors.As(err, &e) || e.Kind != c.kind || !strings.Contains(err.Error(), c.says) || !strings.HasPrefix(err.Error(), "cannot open the console of container 100: ") {
			t.Errorf("%s: %v", c.name, err)
		} else if !strings.Contains(fmt.Sprint(e.Hints), c.hint) {
			t.Errorf("%s: %q", c.name, e.Hints)
		}
	}
}

// Pings come often enough for a proxy that cuts connections after a minute without data.
func TestConsolePings(t *testing.T) {
	pinged := make(chan struct{})
	c, _ := terminal(t, token, func(conn *websocket.Conn, _ *http.Request) {
		conn.WriteMessage(websocket.BinaryMessage, []byte("OK"))
		for n := 0; n < 3; {
			_, b, err := conn.ReadMessage()
			if err != nil {
				t.Error(err)
				break
			}
			if string(b) == "2" {
				n++
			}
		}
		close(pinged)
	})
	c.PingEvery(20 * time.Millisecond)
	con, err := c.Console(t.Context(), "pve1", 100)
	if err != nil {
		t.Fatal(err)
	}
	defer con.Close()
	<-pinged
}

// A wrong certificate is refused before it gets a ticket. Opening ends when the caller's
// context does.
func TestConsoleTrustAndEnd(t *testing.T) {
	stuck := make(chan struct{})
	c, _ := terminal(t, token, func(conn *websocket.Conn, _ *http.Request) { <-stuck })
	defer close(stuck)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, cancel)
	if _, err := c.Console(ctx, "pve1", 100); !pve.IsKind(err, pve.Interrupted) {
		t.Error(err)
	}
}
