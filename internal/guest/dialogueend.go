package guest

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// setAgain gives root the password that is on record.
const setAgain = "pct enter CTID, then passwd root (infrahaus credentials CONTAINER root --reveal shows the one on record)"

// refuse is a login that was not let in. Where the prompt was not a fresh one,
// somebody's keys may have been in it: then once more.
func (d *dialogue) refuse(text string) error {
	if locked.MatchString(text) {
		return d.fail(AuthRefused, "root is not let in", "the account is locked (on the node: pct enter CTID, then passwd -u root), or the guest is going down; or use ssh.transport guest or node")
	}
	if d.again++; d.again < 2 && d.unsure {
		d.state, d.text = anyPrompt, nil
		return nil
	}
	return d.fail(AuthRefused, "root's password is refused: it was changed in the guest, or root is locked",
		"say the one that it has with --password-file, which discover, resume and sync take; or set it again on the node: "+setAgain)
}

// flooded is a console that is never quiet.
func (d *dialogue) flooded() error {
	_ = d.put("\x15")
	return d.fail(NoConsole, "something prints there without end", "stop what prints on the container's console, or use another ssh.transport")
}

// restless is a console that kept printing of itself: far more than what answers
// our Enters, and to the end. One pause in it does not make it quiet.
func (d *dialogue) restless() bool {
	return d.pieces > 20+4*d.pokes && time.Since(d.heard) < 2*time.Second
}

// late is a deadline that passed; nothing stays half-typed.
func (d *dialogue) late() error {
	if d.state == anyPrompt && d.restless() {
		return d.flooded()
	}
	_ = d.put("\x15")
	switch d.state {
	case anyPrompt:
		return d.fail(NoConsole, fmt.Sprintf("neither a login prompt nor a shell shows there within %s", d.limits.prompt),
			"does a getty run on the guest's console (tty, console and cmode in pct config)? or is somebody's program open there?")
	case asksLoader:
		_ = d.put("\x03")
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
			"on the node: pct set CTID --tty 2 --console 1, then pct reboot CTID; or use ssh.transport guest or node")
	}
	e := d.fail(kind, "it was closed while "+string(d.state)+" was waited for",
		"is the container running, and has it a console (tty, console and cmode in pct config)?")
	e.Err = err
	return e
}

// fail is an error that shows what the console said last, without the password.
func (d *dialogue) fail(k Kind, why, fix string) *Error {
	said := tail{b: []byte(escapes.ReplaceAllString(strings.ReplaceAll(string(d.all.b), "\r", ""), ""))}
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
