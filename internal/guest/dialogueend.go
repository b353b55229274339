package guest

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

// setAgain is the hint for setting root's password on record again, one command a line.
func (d *dialogue) setAgain() string {
	text := fmt.Sprintf("to set it again, run passwd root after this on the node: pct enter %d", d.ctid)
	if d.shows != "" {
		text += "\nto see the one on record: " + d.shows
	}
	return text
}

// refuse is a login that was not let in. Somebody's keys may have been in the
// password, which nobody sees: so once more, and yet once more where there were
// keys.
func (d *dialogue) refuse(text, last string) error {
	if locked.MatchString(text) {
		return d.fail(AuthRefused, "root is not let in",
			fmt.Sprintf("the account is locked, or the guest is going down; to unlock it, run passwd -u root after this on the node: pct enter %d\nor use ssh.transport guest or node", d.ctid))
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
	return d.fail(AuthRefused, "root's password is refused: it was changed in the guest, or root is locked",
		"give its present password with --password-file to discover, resume or sync\nor "+d.setAgain())
}

// flooded is a console that is never quiet.
func (d *dialogue) flooded() error {
	d.leave()
	return d.fail(NoConsole, "something prints there without end", "stop what prints on the container's console, or use another ssh.transport")
}

// restless is a console that kept printing of itself: far more than what answers
// our Enters, and to the end. One pause in it does not make it quiet.
func (d *dialogue) restless() bool {
	return d.pieces > 20+4*d.pokes && time.Since(d.heard) < 2*time.Second
}

// leave types what makes the console what it was, where it is given up: no line stays
// half-typed, no login half done, and no shell open that was opened for this run.
func (d *dialogue) leave() {
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
func (d *dialogue) late() error {
	if d.state == anyPrompt && d.restless() {
		return d.flooded()
	}
	d.leave()
	switch d.state {
	case anyPrompt:
		return d.fail(NoConsole, fmt.Sprintf("neither a login prompt nor a shell shows there within %s", d.limits.prompt),
			"does a getty run on the guest's console (tty, console and cmode in pct config)? or is somebody's program open there?")
	case asksLoader:
		return d.fail(Protocol, fmt.Sprintf("what is there does not answer as a shell of root's within %s", d.limits.shell),
			"root's login shell in the guest must be able to run sh")
	}
	return d.fail(Protocol, fmt.Sprintf("%s does not show within %s", d.state, d.limits.login),
		"the guest answers the login with something else: look at its console in the web interface, or use ssh.transport guest or node")
}

func (d *dialogue) hungUp() error {
	err := d.ended()
	if err == nil || errors.Is(err, io.EOF) {
		err = nil
	}
	kind := NoConsole
	switch {
	case strings.Contains(string(d.all.b), "not running"):
		kind = Gone
	case strings.Contains(string(d.all.b), "Denied access to tty"):
		return d.fail(NoConsole, "the container has no terminal for it",
			fmt.Sprintf("on the node: pct set %d --tty 2 --console 1, then pct reboot %[1]d; or use ssh.transport guest or node", d.ctid))
	}
	e := d.fail(kind, "it was closed while "+string(d.state)+" was waited for",
		"is the container running, and has it a console (tty, console and cmode in pct config)?")
	if e.Err = err; err != nil { // it was there, and the connection to it broke
		e.Fix = ""
	}
	return e
}

// fail is an error that shows what the console said last, without the password.
func (d *dialogue) fail(k Kind, why, fix string) *Error {
	said := tail{b: []byte(readable(d.all.b))}
	text := said.String()
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
	return &Error{Kind: k, Transport: "api", Message: "cannot use the console of " + d.who + ": " + why,
		Tail: strings.Join(lines[max(0, len(lines)-2):], "\n"), Fix: fix}
}
