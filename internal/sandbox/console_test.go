package sandbox

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// apiUser is somebody with a login at the sandbox's API.
type apiUser struct {
	t    *testing.T
	e    Endpoint
	auth http.Header
	http *http.Client
}

func userOf(t *testing.T, s *Sandbox) *apiUser {
	t.Helper()
	tr := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	t.Cleanup(tr.CloseIdleConnections)
	return &apiUser{t, s.Endpoint(), http.Header{"Authorization": {"PVEAPIToken=" + s.Endpoint().Token}}, &http.Client{Transport: tr}}
}

// call returns the status, the reason and the data of an answer.
func (u *apiUser) call(method, path string, form url.Values) (int, string, json.RawMessage) {
	u.t.Helper()
	req, err := http.NewRequestWithContext(u.t.Context(), method, u.e.URL+"/api2/json"+path, strings.NewReader(form.Encode()))
	if err != nil {
		u.t.Fatal(err)
	}
	req.Header = u.auth.Clone()
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := u.http.Do(req)
	if err != nil {
		u.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	var m struct{ Data json.RawMessage }
	_ = json.Unmarshal(b, &m) // a 401 has no body
	return resp.StatusCode, resp.Status, m.Data
}

// must is call that succeeds; where a task begins it waits for its end.
func (u *apiUser) must(method, path string, form url.Values) json.RawMessage {
	u.t.Helper()
	status, reason, data := u.call(method, path, form)
	if status != 200 {
		u.t.Fatalf("%s %s: %s", method, path, reason)
	}
	var upid string
	if json.Unmarshal(data, &upid) == nil && strings.HasPrefix(upid, "UPID:") {
		if exit := u.exit(upid); exit != "OK" {
			u.t.Fatalf("%s %s: task %s", method, path, exit)
		}
	}
	return data
}

// exit waits for the end of a task.
func (u *apiUser) exit(upid string) string {
	u.t.Helper()
	for {
		_, _, data := u.call("GET", "/nodes/pve1/tasks/"+url.PathEscape(upid)+"/status", nil)
		var st struct{ Status, ExitStatus string }
		if err := json.Unmarshal(data, &st); err != nil {
			u.t.Fatal(err)
		}
		if st.Status == "stopped" {
			return st.ExitStatus
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// running is a container with a root password of "correct horse".
func (u *apiUser) running(vmid string, more url.Values) {
	u.t.Helper()
	form := url.Values{"vmid": {vmid}, "ostemplate": {"local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst"}, "rootfs": {"local-lvm:4"}, "hostname": {"web"},
		"net0": {"name=eth0,bridge=vmbr0,ip=dhcp"}, "password": {"correct horse"}, "features": {"nesting=1"}, "unprivileged": {"1"}}
	for k, v := range more {
		if form[k] = v; v == nil {
			delete(form, k)
		}
	}
	u.must("POST", "/nodes/pve1/lxc", form)
	u.must("POST", "/nodes/pve1/lxc/"+vmid+"/status/start", nil)
}

type termproxyReply struct{ Port, Ticket, User, UPID string }

func (u *apiUser) termproxy(vmid string) termproxyReply {
	u.t.Helper()
	status, reason, data := u.call("POST", "/nodes/pve1/lxc/"+vmid+"/termproxy", nil)
	if status != 200 {
		u.t.Fatalf("termproxy: %s", reason)
	}
	var r termproxyReply
	if err := json.Unmarshal(data, &r); err != nil {
		u.t.Fatal(err)
	}
	return r
}

func (u *apiUser) dial(vmid string, r termproxyReply) (*websocket.Conn, *http.Response, error) {
	// A message beyond the write buffer would go in fragments, which pveproxy refuses.
	d := websocket.Dialer{WriteBufferSize: 256 << 10, Subprotocols: []string{"binary"}, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, HandshakeTimeout: 20 * time.Second}
	q := url.Values{"port": {r.Port}, "vncticket": {r.Ticket}}
	return d.Dial("wss"+strings.TrimPrefix(u.e.URL, "https")+"/api2/json/nodes/pve1/lxc/"+vmid+"/vncwebsocket?"+q.Encode(), u.auth)
}

// screen is one websocket and all that came over it.
type screen struct {
	t    *testing.T
	c    *websocket.Conn
	upid string

	mu   sync.Mutex
	seen bytes.Buffer
	err  error
	news chan struct{}
	from int // what expect has gone past
}

func (u *apiUser) console(vmid string) *screen {
	u.t.Helper()
	r := u.termproxy(vmid)
	c, _, err := u.dial(vmid, r)
	if err != nil {
		u.t.Fatal(err)
	}
	if err := c.WriteMessage(websocket.BinaryMessage, []byte(r.User+":"+r.Ticket+"\n")); err != nil {
		u.t.Fatal(err)
	}
	s := &screen{t: u.t, c: c, upid: r.UPID, news: make(chan struct{}, 1)}
	u.t.Cleanup(func() { c.Close() })
	go s.read()
	s.expect("OK")
	return s
}

func (s *screen) read() {
	for {
		kind, b, err := s.c.ReadMessage()
		s.mu.Lock()
		if err == nil && kind != websocket.BinaryMessage {
			err = fmt.Errorf("message of type %d", kind)
		}
		s.seen.Write(b)
		s.err = err
		s.mu.Unlock()
		select {
		case s.news <- struct{}{}:
		default:
		}
		if err != nil {
			return
		}
	}
}

// expect waits for text beyond what was expected before, and returns what stood
// in front of it.
func (s *screen) expect(text string) string {
	s.t.Helper()
	late := time.After(5 * time.Minute)
	for looked := 0; ; { // at that much, in vain
		s.mu.Lock()
		rest, err := s.seen.Bytes()[s.from:], s.err
		i := bytes.Index(rest[looked:], []byte(text))
		if i >= 0 {
			found := string(rest[:looked+i])
			s.from += looked + i + len(text)
			s.mu.Unlock()
			return found
		}
		looked = max(0, len(rest)-len(text)+1)
		last := string(rest[max(0, len(rest)-2000):])
		s.mu.Unlock()
		if err != nil {
			s.t.Fatalf("no %q but %v after %q", text, err, last)
		}
		select {
		case <-s.news:
		case <-late:
			s.t.Fatalf("no %q in %q", text, last)
		}
	}
}

func tail(s string) string { return s[max(0, len(s)-2000):] }

// ended waits for the end and returns what stood in front of it.
func (s *screen) ended() string {
	s.t.Helper()
	late := time.After(5 * time.Minute)
	for {
		s.mu.Lock()
		rest, err := s.seen.String()[s.from:], s.err
		s.mu.Unlock()
		if err != nil {
			return rest
		}
		select {
		case <-s.news:
		case <-late:
			s.t.Fatalf("it goes on: %q", tail(rest))
		}
	}
}

// frame is what a client types.
func frame(text string) []byte { return fmt.Appendf(nil, "0:%d:%s", len(text), text) }

func (s *screen) typ(text string) {
	s.t.Helper()
	if err := s.c.WriteMessage(websocket.BinaryMessage, frame(text)); err != nil {
		s.t.Fatal(err)
	}
}

// login gets to a root prompt.
func (s *screen) login(password string) {
	s.t.Helper()
	s.expect("web login: ")
	s.typ("root\r")
	s.expect("Password: ")
	s.typ(password + "\r")
	s.expect("root@web:~# ")
}

func deadline() time.Time { return time.Now().Add(5 * time.Minute) }

// run types a command into a bash without an echo and returns what it printed.
func (s *screen) run(command string) string {
	s.t.Helper()
	s.typ(command + "; echo \"<$?>\"\r")
	return s.expect("root@web:")
}

func TestConsoleLogin(t *testing.T) {
	for _, kind := range drivers() {
		t.Run(kind, func(t *testing.T) { consoleLogin(t, userOf(t, open(t, Options{Dir: t.TempDir(), Driver: kind}))) })
	}
}

func consoleLogin(t *testing.T, u *apiUser) {
	u.running("100", nil)
	s := u.console("100")
	s.login("correct horse")
	s.typ("stty -echo\r")
	s.expect("\x1b[?2004l\r")
	s.expect("root@web:~# ")
	if got := s.run("tty; test -t 0 && echo $-; (exit 7)"); !strings.Contains(got, "/dev/tty1\r\r\nhimBHs\r\r\n<7>\r\r\n") {
		t.Errorf("%q", got)
	}
	s.typ("exit\r")
	s.expect("logout\r\r\n")
	s.expect("web login: ")
	if err := s.c.Close(); err != nil {
		t.Fatal(err)
	}
	if exit := u.exit(s.upid); exit != "OK" {
		t.Errorf("vncproxy: %s", exit)
	}
}

func TestConsoleShell(t *testing.T) {
	for _, kind := range drivers() {
		t.Run(kind, func(t *testing.T) { consoleShell(t, userOf(t, open(t, Options{Dir: t.TempDir(), Driver: kind}))) })
	}
}

func consoleShell(t *testing.T, u *apiUser) {
	u.running("100", url.Values{"cmode": {"shell"}})
	s := u.console("100")
	if got := s.expect("root@web:/# "); got != "\x1b[H\x1b[J\x1b[?2004h" {
		t.Errorf("%q", got)
	}
	s.typ("echo a-$((1+1))\r")
	if got := s.expect("root@web:/# "); got != "echo a-$((1+1))\r\r\n\x1b[?2004l\ra-2\r\r\n\x1b[?2004h" {
		t.Errorf("%q", got)
	}
	s.typ("exit\r")
	if got := s.ended(); !strings.Contains(got, "exit\r\r\n\x1b[999H\r\n[EOF - dtach terminating]\r\n") {
		t.Errorf("%q", got)
	}
	if !websocket.IsCloseError(s.err, websocket.CloseAbnormalClosure) { // pveproxy sends no close message
		t.Error(s.err)
	}
	again := u.console("100") // another session
	again.expect("root@web:/# ")
}
