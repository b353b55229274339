package sandbox

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"golang.org/x/crypto/ssh"

	"github.com/infrahaus/infrahaus/internal/sandbox/node"
)

// withFaults is a sandbox with a running container and faults.
func withFaults(t *testing.T, more url.Values, faults ...string) *apiUser {
	t.Helper()
	u := userOf(t, open(t, Options{Dir: t.TempDir(), Faults: faults}))
	u.running("100", more)
	return u
}

func TestConsoleTickets(t *testing.T) {
	s := open(t, Options{Dir: t.TempDir()})
	u := userOf(t, s)
	u.running("100", nil)
	u.running("101", nil)
	good := u.termproxy("100")
	if good.User != "root@pam!infrahaus" || !strings.HasPrefix(good.Ticket, "PVEVNC:") || good.Port != "5900" || !strings.Contains(good.UPID, ":vncproxy:100:root@pam!infrahaus:") {
		t.Errorf("%+v", good)
	}
	refused := func(what, vmid string, r termproxyReply) {
		t.Helper()
		_, resp, err := u.dial(vmid, r)
		if err == nil || resp == nil || resp.StatusCode != 401 || resp.Status != "401 permission denied - invalid PVEVNC ticket" {
			t.Errorf("%s: %v, %v", what, resp, err)
		}
	}
	forged := good
	forged.Ticket = strings.Replace(good.Ticket, "::", "::x", 1)
	refused("a forged ticket", "100", forged)
	refused("another container's", "101", good)
	old := good
	old.Ticket = "PVEVNC:00000001::" + good.Ticket[strings.Index(good.Ticket, "::")+2:]
	refused("an old one", "100", old)
	// A second client of the port: the first has it.
	first, _, err := u.dial("100", good)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	if _, resp, err := u.dial("100", good); err == nil {
		t.Error(resp.Status)
	}
	// Another's ticket in the first message.
	if err := first.WriteMessage(websocket.BinaryMessage, []byte(good.User+":"+forged.Ticket+"\n")); err != nil {
		t.Fatal(err)
	}
	if _, b, err := first.ReadMessage(); err == nil {
		t.Errorf("%q", b)
	}
	if exit := u.exit(good.UPID); !strings.HasPrefix(exit, "command '/usr/bin/termproxy 5900 --path /vms/100 --perm VM.Console -- /usr/bin/dtach -A") {
		t.Error(exit)
	}
	// A plain request is answered.
	next := u.termproxy("100")
	if got := string(u.must("GET", "/nodes/pve1/lxc/100/vncwebsocket?"+url.Values{"port": {next.Port}, "vncticket": {next.Ticket}}.Encode(), nil)); got != `{"port":"5900"}` {
		t.Error(got)
	}
}

func TestConsolePermission(t *testing.T) {
	s := open(t, Options{Dir: t.TempDir()})
	u := userOf(t, s)
	u.running("100", nil)
	n := s.Node()
	secret, err := n.AddToken("root@pam!weak", true)
	if err == nil {
		err = n.SetACL("root@pam!weak", node.ACL{Path: "/", Role: "PVEAuditor", Propagate: true})
	}
	if err != nil {
		t.Fatal(err)
	}
	weak := *u
	weak.auth = http.Header{"Authorization": {"PVEAPIToken=root@pam!weak=" + secret}}
	if status, reason, _ := weak.call("POST", "/nodes/pve1/lxc/100/termproxy", nil); status != 403 || reason != "403 Permission check failed (/vms/100, VM.Console)" {
		t.Errorf("%d %s", status, reason)
	}
	r := u.termproxy("100") // its ticket is of no use to another
	if _, resp, err := weak.dial("100", r); err == nil || resp.StatusCode != 403 {
		t.Error(resp, err)
	}
	if err := n.SetACL("root@pam!weak", node.ACL{Path: "/vms/100", Role: "PVEVMUser", Propagate: true}); err != nil {
		t.Fatal(err)
	}
	weak.console("100").expect("web login: ")
}

func TestConsoleNoTokens(t *testing.T) {
	u := withFaults(t, nil, "console-no-tokens")
	try := func(u *apiUser) (string, error) {
		r := u.termproxy("100")
		c, _, err := u.dial("100", r)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if err := c.WriteMessage(websocket.BinaryMessage, []byte(r.User+":"+r.Ticket+"\n")); err != nil {
			t.Fatal(err)
		}
		_, b, err := c.ReadMessage()
		return string(b), err
	}
	if b, err := try(u); err == nil {
		t.Errorf("a token: %q", b)
	}
	form := url.Values{"username": {u.e.User}, "password": {u.e.Password}}
	data := u.must("POST", "/access/ticket", form)
	ticket, csrf := field(t, data, "ticket"), field(t, data, "CSRFPreventionToken")
	byTicket := *u
	byTicket.auth = http.Header{"Cookie": {"PVEAuthCookie=" + url.QueryEscape(ticket)}, "CSRFPreventionToken": {csrf}}
	if b, err := try(&byTicket); b != "OK" {
		t.Errorf("a ticket: %q, %v", b, err)
	}
}

func TestConsoleStopped(t *testing.T) {
	u := withFaults(t, nil)
	u.must("POST", "/nodes/pve1/lxc/100/status/stop", nil)
	if got := u.console("100").ended(); !strings.Contains(got, "lxc_console.c: main: 129 100 is not running\r\n") {
		t.Errorf("%q", got)
	}
	if status, reason, _ := u.call("POST", "/nodes/pve1/lxc/999/termproxy", nil); status != 500 || !strings.Contains(reason, "lxc/999.conf' does not exist") {
		t.Error(reason)
	}
}

// TestConsoleGuestDies: who looks sees the end.
func TestConsoleGuestDies(t *testing.T) {
	u := withFaults(t, nil)
	s := u.console("100")
	s.expect("web login: ")
	u.must("POST", "/nodes/pve1/lxc/100/status/stop", nil)
	if got := s.ended(); !strings.Contains(got, "[EOF - dtach terminating]") {
		t.Errorf("%q", got)
	}
}

func TestConsoleCut(t *testing.T) {
	u := withFaults(t, url.Values{"cmode": {"shell"}}, "console-cut=5000:1")
	s := u.console("100")
	s.expect("root@web:/# ")
	s.typ("seq 100000\r")
	got := s.ended()
	if errors.Is(s.err, io.EOF) || websocket.IsCloseError(s.err, websocket.CloseNormalClosure) || len(got) > 5000+8192 {
		t.Errorf("%d bytes, %v", len(got), s.err)
	}
	again := u.console("100") // the shell is there still
	again.typ("\recho \"still \"here\r")
	again.expect("still here")
}

func TestConsoleNoGetty(t *testing.T) {
	for name, more := range map[string]url.Values{"fault": nil, "tty=0": {"tty": {"0"}}, "console=0": {"console": {"0"}, "cmode": {"console"}}} {
		t.Run(name, func(t *testing.T) {
			var faults []string
			if more == nil {
				faults = []string{"console-no-getty"}
			}
			u := withFaults(t, more, faults...)
			s := u.console("100")
			s.expect("\x1b[H\x1b[J")
			if more != nil {
				s.expect("lxc_cmd_get_tty_fd: 1200 Bad file descriptor - Denied access to tty\r\n")
				s.expect("[EOF - dtach terminating]")
				return
			}
			s.typ("\r")
			time.Sleep(300 * time.Millisecond) // long after a prompt would be there
			s.mu.Lock()
			defer s.mu.Unlock()
			if got := s.seen.String()[s.from:]; strings.Contains(got, "login") {
				t.Errorf("%q", got)
			}
		})
	}
}

func TestConsolePassword(t *testing.T) {
	t.Run("wrong", func(t *testing.T) {
		u := withFaults(t, nil, "console-wrong-password")
		s := u.console("100")
		for range 5 {
			s.expect("web login: ")
			s.typ("root\r")
			s.expect("Password: ")
			s.typ("correct horse\r")
			s.expect("Login incorrect")
		}
		s.expect("Maximum number of tries exceeded (5)")
		s.expect("web login: ")
	})
	t.Run("expired", func(t *testing.T) {
		u := withFaults(t, nil, "console-password-expired")
		s := u.console("100")
		s.expect("web login: ")
		s.typ("root\r")
		s.expect("Password: ")
		s.typ("correct horse\r")
		s.expect("You are required to change your password immediately")
		for _, x := range [][2]string{{"Current password: ", "correct horse"}, {"New password: ", "battery staple"}, {"Retype new password: ", "battery staple"}} {
			s.expect(x[0])
			s.typ(x[1] + "\r")
		}
		s.expect("root@web:~# ")
		s.typ("exit\r")
		s.login("battery staple")
	})
	t.Run("changed in the guest", func(t *testing.T) {
		u := withFaults(t, nil)
		s := u.console("100")
		s.login("correct horse")
		s.typ("echo root:other | chpasswd; exit\r")
		s.login("other")
		s.typ("passwd -l root; exit\r")
		s.expect("web login: ")
		s.typ("root\r")
		s.expect("Password: ")
		s.typ("other\r")
		s.expect("Login incorrect")
	})
	t.Run("none was set", func(t *testing.T) {
		u := withFaults(t, url.Values{"password": nil, "ssh-public-keys": {publicKey(t)}})
		s := u.console("100")
		s.expect("web login: ")
		s.typ("root\r")
		s.expect("Password: ")
		s.typ("\r")
		s.expect("Login incorrect")
	})
}

func publicKey(t *testing.T) string {
	t.Helper()
	pub, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.NewPublicKey(pub)
	if err != nil {
		t.Fatal(err)
	}
	return string(ssh.MarshalAuthorizedKey(key))
}

func TestConsoleNoise(t *testing.T) {
	t.Run("garbage", func(t *testing.T) {
		s := withFaults(t, nil, "console-garbage=10ms:1").console("100")
		s.login("correct horse")
		s.expect("audit: type=1400")
		s.expect("Broadcast message")
	})
	t.Run("typist", func(t *testing.T) {
		u := withFaults(t, url.Values{"cmode": {"shell"}}, "console-typist=20ms@echo \"I was\" here\r:1")
		s := u.console("100")
		s.expect("I was here\r\r\n")
		s.expect("I was here\r\r\n")
	})
	t.Run("flood", func(t *testing.T) {
		s := withFaults(t, nil, "console-flood=1000000:1").console("100")
		s.expect(strings.Repeat("y\r\n", 20_000))
		s.typ("\r") // the first prompt was somewhere in between
		s.login("correct horse")
	})
}
