package console

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// maxLogins is how often a password may be tried: pam_faillock locks an account after
// three refusals, root's too where it is told to.
const maxLogins = 3

// refuse is a login that was not let in. Somebody's keys may have been in the
// password, which nobody sees: so once more, and yet once more where there were
// keys.
func (d *login) refuse(text, last string) error {
	if locked.MatchString(text) {
		return d.fail(AccountLocked, "root is not let in")
	}
	head := text[:len(text)-len(last)]
	if said := refused.FindStringIndex(head); said != nil {
		head = head[:said[0]]
	}
	prompt := loginPrompt.MatchString(last) && !lastLogin.MatchString(last)
	d.unsure = d.unsure || strange(head) || prompt && !strings.HasSuffix(strings.TrimRight(last, " "), ":")
	if d.again++; d.again < 2 || d.again < maxLogins && d.unsure {
		d.state, d.text = anyPrompt, nil
		if prompt {
			d.text = []byte(last)
		}
		if d.unsure {
			d.others.backOff()
		}
		return nil
	}
	return d.fail(PasswordRefused, "root's password is refused: it was changed in the guest, or root is locked")
}

// flooded is a console that is never quiet.
func (d *login) flooded() error {
	d.leave()
	return d.fail(NeverQuiet, "something prints there without end")
}

// restless is a console that kept printing of itself: far more than what answers
// our Enters, and to the end. One pause in it does not make it quiet.
func (d *login) restless() bool {
	return d.pieces > 20+4*d.pokes && time.Since(d.heard) < 2*time.Second
}

// leave types what makes the console what it was, where it is given up: no line stays
// half-typed, no login half done, and no shell open that was opened for this run.
func (d *login) leave() {
	switch d.state {
	case asksSecret:
		_ = d.put("\n") // a login without a password ends
	case asksLoader:
		_ = d.put("\x03" + clearLine)
	}
	if d.logged && (d.state == asksShell || d.state == asksLoader) {
		_ = d.put(clearLine + " exit\n")
	}
}

// late is a deadline that passed; nothing stays half-typed.
func (d *login) late() error {
	if d.state == anyPrompt && d.restless() {
		return d.flooded()
	}
	d.leave()
	switch d.state {
	case anyPrompt:
		return d.fail(NoPrompt, fmt.Sprintf("neither a login prompt nor a shell shows there within %s", d.limits.Prompt))
	case asksLoader:
		return d.fail(NoShell, fmt.Sprintf("what is there does not answer as a shell of root's within %s", d.limits.Shell))
	}
	return d.fail(LoginStuck, fmt.Sprintf("%s does not show within %s", d.state, d.limits.Login))
}

func (d *login) hungUp() error {
	err := d.ended()
	if err == nil || errors.Is(err, io.EOF) {
		err = nil
	}
	reason := Closed
	switch {
	case strings.Contains(string(d.all), "not running"):
		reason = NotRunning
	case strings.Contains(string(d.all), "Denied access to tty"):
		return d.fail(NoTerminal, "the container has no terminal for it")
	}
	e := d.fail(reason, "it was closed while "+string(d.state)+" was waited for")
	e.Err = err // not nil: it was there, and the connection to it broke
	return e
}

// fail is an error that shows what the console said last, without the password.
func (d *login) fail(reason Reason, why string) *Error {
	text := visible(readable(d.all))
	if d.secret != "" {
		text = strings.ReplaceAll(text, d.secret, "***")
	}
	var lines []string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line != "" && (len(lines) == 0 || lines[len(lines)-1] != line) {
			lines = append(lines, line)
		}
	}
	return &Error{Reason: reason, Message: why, Screen: strings.Join(lines[max(0, len(lines)-2):], "\n")}
}
