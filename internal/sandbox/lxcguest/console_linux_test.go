package lxcguest

import (
	"errors"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
)

// shown is a terminal and all its output.
type shown struct {
	driver.Terminal
	mu   sync.Mutex
	text strings.Builder
	end  bool
	from int
}

func look(t *testing.T, d *Driver, vmid int, mode string) *shown {
	t.Helper()
	term, err := d.Console(vmid, mode)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { term.Close() })
	s := &shown{Terminal: term}
	go func() {
		b := make([]byte, 4096)
		for {
			n, err := term.Read(b)
			s.mu.Lock()
			s.text.Write(b[:n])
			s.end = err != nil
			s.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return s
}

func (s *shown) now() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

func (s *shown) expect(t *testing.T, text string) string {
	t.Helper()
	for range 1200 {
		s.mu.Lock()
		rest := s.text.String()[s.from:]
		s.mu.Unlock()
		if i := strings.Index(rest, text); i >= 0 {
			s.from += i + len(text)
			return rest[:i]
		}
		time.Sleep(25 * time.Millisecond)
	}
	t.Fatalf("no %q in %q (ended: %t)", text, s.text.String()[s.from:], s.end)
	return ""
}

func (s *shown) typ(t *testing.T, text string) {
	t.Helper()
	if _, err := s.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
}

func TestConsole(t *testing.T) {
	d, archive := open(t, t.Context())
	c := driver.Config{VMID: 100, Hostname: "web", Unprivileged: true, Nesting: true, MemoryMiB: 512, OSTemplate: TemplateName, TemplatePath: archive, TTYs: 2,
		Interfaces: []driver.Interface{{Name: "eth0", MAC: "BC:24:11:00:00:09", DHCP: true, Addr: netip.PrefixFrom(host(d.net.subnet, 19), 24)}}}
	if err := d.Create(t.Context(), c, driver.Secrets{RootPassword: "correct horse"}, func(string) {}); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Console(100, ""); !errors.Is(err, driver.ErrNotRunning) {
		t.Errorf("a stopped guest's console: %v", err)
	}
	if err := d.Start(t.Context(), c, func(string) {}); err != nil {
		t.Fatal(err)
	}
	t.Run("tty", func(t *testing.T) { loginOn(t, look(t, d, 100, ""), "tty1", "\r\r\n") })
	t.Run("console", func(t *testing.T) {
		s := look(t, d, 100, "console")
		// The first prompt was printed before anyone was connected, and input before
		// lxc-console is ready is lost.
		for i := 0; i < 60 && !strings.Contains(s.now(), "login: "); i++ {
			s.typ(t, "\r")
			time.Sleep(500 * time.Millisecond)
		}
		loginOn(t, s, "console", "\r\r\r\n")
	})
	t.Run("shell", func(t *testing.T) { shellOn(t, look(t, d, 100, "shell")) })
	t.Run("stop", func(t *testing.T) {
		s := look(t, d, 100, "")
		if err := d.Stop(t.Context(), 100); err != nil {
			t.Fatal(err)
		}
		waitFor(t, "the end", func() bool {
			s.mu.Lock()
			defer s.mu.Unlock()
			return s.end
		})
	})
}

// loginOn checks that a wrong password is refused and the right one accepted; nl is a
// line end.
func loginOn(t *testing.T, s *shown, line, nl string) {
	s.expect(t, "web login: ")
	s.typ(t, "root\r")
	s.expect(t, "Password: ")
	s.typ(t, "wrong\r")
	s.expect(t, "Login incorrect"+nl+"web login: ")
	s.typ(t, "root\r")
	s.expect(t, "Password: ")
	s.typ(t, "correct horse\r")
	s.expect(t, "root@web:~# ")
	s.typ(t, "stty -echo\r")
	s.expect(t, "root@web:~# ")
	s.typ(t, "tty; stty -g; stty -opost; echo one; stty opost\r")
	// The simulated terminal copies this mode, which getty leaves.
	s.expect(t, "/dev/"+line+nl+"5500:5:4bf:a33:3:1c:7f:15:4:0:1:0:11:13:1a:0:12:f:17:16:0:")
	s.expect(t, "one"+strings.Replace(nl, "\r", "", 1))
	s.expect(t, "root@web:~# ")
	if err := s.Resize(100, 30); err != nil {
		t.Error(err)
	}
	s.typ(t, "sleep 0.3; stty size; exit\r")
	s.expect(t, map[bool]string{true: "30 100", false: "24 80"}[line == "tty1"]+nl) // LXC passes a tty's size on
	s.expect(t, "logout"+nl)
	s.expect(t, "web login: ")
}

func shellOn(t *testing.T, s *shown) {
	if got := s.expect(t, "root@web:/# "); got != "\x1b[?2004h" {
		t.Errorf("%q", got)
	}
	s.typ(t, "echo a-$((1+1))\r")
	if got := s.expect(t, "root@web:/# "); got != "echo a-$((1+1))\r\r\n\x1b[?2004l\ra-2\r\r\n\x1b[?2004h" {
		t.Errorf("%q", got)
	}
	s.typ(t, "sleep 100\r")
	s.expect(t, "\x1b[?2004l")
	time.Sleep(200 * time.Millisecond) // until bash waits for it
	s.typ(t, "\x03")
	if got := s.expect(t, "root@web:/# "); got != "\r^C\r\r\n\x1b[?2004h" {
		t.Errorf("%q", got)
	}
	s.typ(t, "TMOUT=1\r")
	s.expect(t, "\atimed out waiting for input: auto-logout\r\r\n")
}
