package cli_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/tls"
	"encoding/base32"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/rogpeppe/go-internal/testscript"
)

// prompts is `prompts COLUMNS STATUS FILE COMMAND...`: a person at a terminal that wide
// answers the command's questions. Each line of the file is `PATTERN => ANSWER`: the
// answer, and Enter, are typed once the pattern is on the screen, below everything that was
// answered before. <up>, <down> and <ctrl-c> are keys, <code> is the present code of the
// command totp, and <none> types nothing. What was
// shown, without escape sequences, is in the file said, and with them in shown.
func prompts(ts *testscript.TestScript, neg bool, args []string) {
	columns := 0
	_, err := fmt.Sscan(args[0], &columns)
	ts.Check(err)
	master, slave := pty(ts, columns)
	cmd := background(ts, args[3:]...)
	for _, k := range []string{"ACCESSIBLE", "NO_COLOR", "INFRAHAUS_USER", "INFRAHAUS_PASSWORD"} {
		if v := ts.Getenv(k); v != "" {
			cmd.Env = append(cmd.Env, k+"="+v)
		}
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	ts.Check(cmd.Start())
	record := recordRun(ts, cmd)
	slave.Close()
	screen := &screenReader{more: make(chan []byte)}
	go screen.read(master)
	for line := range strings.Lines(ts.ReadFile(args[2])) {
		pattern, answer, ok := strings.Cut(strings.TrimRight(line, "\n"), " => ")
		if !ok {
			continue
		}
		if !screen.waitFor(regexp.MustCompile(pattern)) {
			ts.Logf("%s", ansi.Strip(screen.all.String()))
			_ = cmd.Process.Kill()
			ts.Fatalf("%q was never asked", pattern)
		}
		keys := answer + "\r"
		if answer == "<ctrl-c>" || answer == "<none>" {
			keys = answer
		}
		keys = strings.NewReplacer("<up>", "\x1b[A", "<down>", "\x1b[B", "<ctrl-c>", "\x03", "<none>", "", "<code>", totpCode(time.Now())).Replace(os.Expand(keys, ts.Getenv))
		for _, key := range keys {
			_, err := master.WriteString(string(key))
			ts.Check(err)
		}
	}
	screen.waitFor(nil)
	err = cmd.Wait()
	record(nil, nil) // how often a form is drawn depends on time
	text := strings.ReplaceAll(ansi.Strip(screen.all.String()), "\r\n", "\n")
	ts.Check(os.WriteFile(ts.MkAbs("said"), []byte(text), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs("shown"), screen.all.Bytes(), 0o600))
	ts.Logf("%s", text)
	wantStatus(ts, err, args[1])
}

// screenReader collects what a terminal shows.
type screenReader struct {
	more chan []byte
	all  bytes.Buffer
	from int // what lies before it was answered
}

func (s *screenReader) read(f *os.File) {
	defer close(s.more)
	for {
		buf := make([]byte, 4096)
		n, err := f.Read(buf)
		if n > 0 {
			s.more <- buf[:n]
		}
		if err != nil { // EIO when the last process has closed the terminal
			return
		}
	}
}

// waitFor waits until the pattern is shown, or with nil until nothing more comes.
func (s *screenReader) waitFor(pattern *regexp.Regexp) bool {
	expired := time.After(deadline)
	for {
		if pattern != nil && pattern.MatchString(ansi.Strip(s.all.String()[s.from:])) {
			s.from = s.all.Len()
			return true
		}
		select {
		case b, ok := <-s.more:
			if !ok {
				return false
			}
			s.all.Write(b)
		case <-expired:
			return false
		}
	}
}

// totpSecret is the key of every second factor here.
const totpSecret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"

// totpCommand is `totp USER PASSWORD`: the user gets a second factor, as at the web interface.
// `totp FILE` writes the present code to a file.
func totpCommand(ts *testscript.TestScript, neg bool, args []string) {
	code := totpCode(time.Now())
	if len(args) == 1 {
		ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(code+"\n"), 0o600))
		return
	}
	login := url.Values{"username": {args[0]}, "password": {args[1]}}
	var ticket struct{ Ticket, CSRFPreventionToken string }
	ts.Check(json.Unmarshal(byTicket(ts, "/access/ticket", login, "", ""), &ticket))
	byTicket(ts, "/access/tfa/"+args[0], url.Values{
		"type": {"totp"}, "description": {"phone"}, "totp": {"otpauth://totp/x?secret=" + totpSecret}, "value": {code}, "password": {args[1]},
	}, ticket.Ticket, ticket.CSRFPreventionToken)
}

func byTicket(ts *testscript.TestScript, path string, form url.Values, ticket, csrf string) json.RawMessage {
	req, err := http.NewRequest("POST", ts.Getenv("EXPORT_URL")+"/api2/json"+path, strings.NewReader(form.Encode()))
	ts.Check(err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if ticket != "" {
		req.Header.Set("Cookie", "PVEAuthCookie="+ticket)
		req.Header.Set("CSRFPreventionToken", csrf)
	}
	client := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}, Timeout: deadline}
	res, err := client.Do(req)
	ts.Check(err)
	defer res.Body.Close()
	var answer struct{ Data json.RawMessage }
	ts.Check(json.NewDecoder(res.Body).Decode(&answer))
	if res.StatusCode != http.StatusOK {
		ts.Fatalf("%s", res.Status)
	}
	return answer.Data
}

// totpCode is RFC 6238 with six digits, 30 s and SHA-1.
func totpCode(at time.Time) string {
	key, _ := base32.StdEncoding.DecodeString(totpSecret)
	m := hmac.New(sha1.New, key)
	_ = binary.Write(m, binary.BigEndian, at.Unix()/30)
	sum := m.Sum(nil)
	o := sum[19] & 15
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[o:o+4])&0x7fffffff%1000000)
}

// paste is `paste`: an administrator pastes the pveum lines of the last command's hints on
// the node. The token that they make is in the file pasted.
func paste(ts *testscript.TestScript, neg bool, args []string) {
	for line := range strings.Lines(ts.ReadFile("stderr")) {
		hint, ok := strings.CutPrefix(strings.TrimSpace(line), "hint: ")
		hint = strings.TrimPrefix(hint, "as root on the node: ")
		if !ok || !strings.HasPrefix(hint, "pveum ") {
			continue
		}
		if strings.HasPrefix(hint, "pveum user token add") {
			hint += " --output-format json"
		}
		out, said, status := runOnNode(ts, hint)
		ts.Logf("%s\n%s%s", hint, out, said)
		if status != 0 {
			ts.Fatalf("exit status %d", status)
		}
		var made struct {
			ID    string `json:"full-tokenid"`
			Value string `json:"value"`
		}
		if json.Unmarshal([]byte(out), &made) == nil && made.Value != "" {
			ts.Check(os.WriteFile(ts.MkAbs("pasted"), []byte(made.ID+"="+made.Value+"\n"), 0o600))
		}
	}
}
