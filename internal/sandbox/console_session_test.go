package sandbox

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/gorilla/websocket"
)

func field(t *testing.T, data json.RawMessage, key string) string {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(data, &m); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(m[key])
}

// TestConsoleShared: two see and type into the same terminal, and a login
// outlives the one who made it.
func TestConsoleShared(t *testing.T) {
	u := withFaults(t, nil)
	a := u.console("100")
	a.expect("web login: ")
	b := u.console("100")
	if got := b.expect("\x1b[H\x1b[J"); got != "" {
		t.Errorf("%q", got)
	}
	b.typ("root\r")
	a.expect("Password: ")
	a.typ("correct horse\r")
	b.expect("root@web:~# ")
	b.typ("echo $((6*7))\r")
	if got := a.expect("42\r\r\n"); !strings.Contains(got, "echo $((6*7))") {
		t.Errorf("%q", got)
	}
	for _, s := range []*screen{a, b} {
		s.c.Close()
		u.exit(s.upid)
	}
	c := u.console("100")
	c.typ("\recho $LOGNAME $((7*7))\r")
	if got := c.expect("root 49\r\r\n"); strings.Contains(got, "42") {
		t.Errorf("something old: %q", got)
	}
}

// TestConsoleFrames: in pieces, several in one message, resize and ping.
func TestConsoleFrames(t *testing.T) {
	u := withFaults(t, url.Values{"cmode": {"shell"}})
	s := u.console("100")
	s.expect("root@web:/# ")
	whole := "2" + "1:120:40:" + "2" + string(frame("stty size; ")) + string(frame("echo one$((1+1))\r"))
	for _, piece := range []string{whole[:1], whole[1:4], whole[4:15], whole[15:20], whole[20:]} {
		if err := s.c.WriteMessage(websocket.BinaryMessage, []byte(piece)); err != nil {
			t.Fatal(err)
		}
	}
	if got := s.expect("one2\r\r\n"); !strings.Contains(got, "40 120\r\r\n") {
		t.Errorf("%q", got)
	}
	if err := s.c.WriteControl(websocket.PingMessage, []byte("there?"), deadline()); err != nil {
		t.Fatal(err)
	}
	s.typ("echo again\r")
	s.expect("again\r\r\n")
	// More than pveproxy takes in one frame.
	_ = s.c.WriteMessage(websocket.BinaryMessage, frame(strings.Repeat("x", 200_000))) // it may be cut in the middle
	s.ended()
}

// TestConsoleTransfer: a file in by lines of base64, and out again.
func TestConsoleTransfer(t *testing.T) {
	u := withFaults(t, nil)
	s := u.console("100")
	s.login("correct horse")
	s.typ("stty -echo; PS2=\r")
	s.expect("root@web:~# ")
	b := make([]byte, 300_000)
	_, _ = rand.Read(b)
	text := base64.StdEncoding.EncodeToString(b)
	s.typ("base64 -d >/tmp/f <<'END'\r")
	for len(text) > 0 {
		n := min(len(text), 1000)
		s.typ(text[:n] + "\r")
		text = text[n:]
	}
	s.typ("END\r")
	s.expect("root@web:~# ")
	s.typ("sha256sum </tmp/f\r")
	s.expect(fmt.Sprintf("%x", sha256.Sum256(b)))
	s.expect("root@web:~# ")
	s.typ("echo BEGIN; gzip -c /tmp/f | base64 -w 76; echo '-- '\r")
	s.expect("BEGIN\r\r\n")
	out := strings.ReplaceAll(s.expect("-- \r\r\n"), "\r", "")
	zipped, err := base64.StdEncoding.DecodeString(out)
	if err != nil || len(zipped) < 300_000 {
		t.Errorf("%d bytes, %v", len(zipped), err)
	}
	// A program of the guest reads the terminal itself.
	s.typ("stty raw -echo; echo RE''ADY; head -c 600 | cksum; stty sane -echo\r")
	s.expect("READY")
	s.typ(strings.Repeat("\x00\x03\x04\r\n\x13", 100))
	s.expect("2998191564 600")
}

// TestConsoleLoginShell: what an interactive bash does that a script's does not.
func TestConsoleLoginShell(t *testing.T) {
	u := withFaults(t, nil)
	s := u.console("100")
	s.login("correct horse")
	s.typ("stty -echo\r")
	s.expect("root@web:~# ")
	for _, x := range [][2]string{
		{"echo !nothing", "-bash: !nothing: event not found\r\r\n"},
		{"set +H\recho !nothing", "\n!nothing\r\r\n"},
		{"x=" + strings.Repeat("z", 10_000) + "; echo ${#x}", "10000\r\r\n"}, // readline knows no limit
		{"read -r a b; echo \"[$b:$a]\"\rone two", "[two:one]"},
		{"read -t 0.1 x; echo $?", "142\r\r\n"},
		{"if true; then\recho in-$((1+2))\rfi", "> \x1b[?2004l\r\r\r\nin-3\r\r\n"},
		{"cat <<E\ra $HOME\rE", "a /root\r\r\n"},
		{"(exit 7); echo rc=$?", "rc=7\r\r\n"},
		{"fi", "yntax error"},
		{"sleep 1000\x03", "\r\r\n"},
		{"tty | cat; test -t 1 && echo yes; test -t 1 | cat", "/dev/tty1\r\r\nyes\r\r\n"},
		{"sh -c 'echo $-; read -r x </dev/tty; echo got-$x'\rabc", "\r\r\ngot-abc\r\r\n"},
		{"stty -g", "5500:5:4bf:a33:3:1c:7f:15:4:0:1:0:11:13:1a:0:12:f:17:16:0:"},
		{"stty -opost; echo a; echo b; stty opost", "a\r\nb\r\n"},
		{"head -n 1; echo next\rfirst line", "first line\r\r\nnext\r\r\n"},
	} {
		// \n, not \r: what arrives while readline has the terminal is not turned
		// into one, and would be no line's end for the program that then reads.
		s.typ(x[0] + "\n")
		s.expect(x[1])
		s.expect("root@web:~# ")
	}
	s.typ("unset HISTFILE; exit\r")
	s.login("correct horse")
	s.typ("echo kept; exit\r")
	s.login("correct horse")
	s.typ("stty -echo; TMOUT=1; cat ~/.bash_history\r")
	if got := s.expect("root@web:~# "); !strings.HasSuffix(got, "\x1b[?2004l\recho kept; exit\r\r\n\x1b[?2004h") {
		t.Errorf("%q", got)
	}
	s.expect("\atimed out waiting for input: auto-logout")
	s.expect("web login: ")
}

func TestConsoleAlpine(t *testing.T) {
	s := open(t, Options{Dir: t.TempDir()})
	u := userOf(t, s)
	u.running("100", url.Values{"ostemplate": {"local:vztmpl/alpine-3.20-default_20240908_amd64.tar.xz"}})
	c := u.console("100")
	c.expect("Welcome to Alpine Linux")
	c.expect("web login: ")
	c.typ("root\r")
	c.expect("Password: ")
	c.typ("correct horse\r")
	c.expect("web:~# ")
	c.typ("echo $0 $((2+3))\r")
	c.expect("-sh 5\r\r\n")
}
