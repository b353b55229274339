package console

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// maxLogins is how often a password is tried: pam_faillock locks an account after three
// refusals, and can be set to lock root's too.
const maxLogins = 3

// onRefusal handles a refused login. Keys that somebody pressed may have been read as part
// of the password, which nobody sees. So the password is tried a second time, and a third
// time if others did type.
func (d *login) onRefusal(text, last string) error {
	if locked().MatchString(text) {
		return d.fail(AccountLocked, "root is not let in")
	}
	head := text[:len(text)-len(last)]
	if said := refused().FindStringIndex(head); said != nil {
		head = head[:said[0]]
	}
	prompt := loginPrompt().MatchString(last) && !lastLogin().MatchString(last)
	d.unsure = d.unsure || hasForeignKeys(head) || prompt && !strings.HasSuffix(strings.TrimRight(last, " "), ":")
	if d.refusals++; d.refusals < 2 || d.refusals < maxLogins && d.unsure {
		d.state, d.text = awaitPrompt, nil
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

// flooded is the error for a console that is never quiet.
func (d *login) flooded() error {
	d.leave()
	return d.fail(NeverQuiet, "something prints there without end")
}

// neverQuiet reports whether the console has printed much more than the answers to our
// Enters, and still does. One pause does not make it quiet.
func (d *login) neverQuiet() bool {
	return d.chunksIn > 20+4*d.enters && time.Since(d.heardAt) < 2*time.Second
}

// leave puts the console back before the login is given up: no line stays half typed, no
// login half done, and no shell open that this run has opened.
func (d *login) leave() {
	switch d.state {
	case awaitPassword:
		_ = d.put("\n") // an empty password ends the login
	case awaitBootstrap:
		_ = d.put("\x03" + clearLine)
	}
	if d.loggedIn && (d.state == awaitShell || d.state == awaitBootstrap) {
		_ = d.put(clearLine + " exit\n")
	}
}

// late is the error for a limit that has passed.
func (d *login) late() error {
	if d.state == awaitPrompt && d.neverQuiet() {
		return d.flooded()
	}
	d.leave()
	switch d.state {
	case awaitPrompt:
		return d.fail(NoPrompt, fmt.Sprintf("neither a login prompt nor a shell shows there within %s", d.limits.Prompt))
	case awaitBootstrap:
		return d.fail(NoShell, fmt.Sprintf("what is there does not answer as a shell of root's within %s", d.limits.Shell))
	}
	return d.fail(LoginStuck, fmt.Sprintf("%s does not show within %s", d.state, d.limits.Login))
}

// closed is the error for a console that has ended. Its Err is set if the console was
// there and the connection to it broke.
func (d *login) closed() error {
	reason := Closed
	switch {
	case strings.Contains(string(d.screen), "not running"):
		reason = NotRunning
	case strings.Contains(string(d.screen), "Denied access to tty"):
		return d.fail(NoTerminal, "the container has no terminal for it")
	}
	e := d.fail(reason, "it was closed while "+string(d.state)+" was waited for")
	if err := d.ended(); err != nil && !errors.Is(err, io.EOF) {
		e.Err = err
	}
	return e
}

// fail is an error that shows the last two lines of the console, without the password.
func (d *login) fail(reason Reason, message string) *Error {
	text := visible(readable(d.screen))
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
	return &Error{Reason: reason, Message: message, Screen: strings.Join(lines[max(0, len(lines)-2):], "\n")}
}
