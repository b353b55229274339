package guest

import (
	"errors"
	"fmt"

	"github.com/infrahaus/infrahaus/internal/console"
	"github.com/infrahaus/infrahaus/internal/transports"
)

// consoleError explains why a console of container ctid gave no shell: which kind of
// failure it is, and what to do next. showPassword is the command that shows root's
// password on record, "" if there is none.
func consoleError(ctid int, showPassword string, err error) *Error {
	message := fmt.Sprintf("cannot use the console of container %d", ctid)
	var seen *console.Error
	if !errors.As(err, &seen) {
		return &Error{Kind: Dropped, Transport: transports.API, Message: message, Err: err}
	}
	remedy := remedies[seen.Reason]
	e := &Error{Kind: remedy.kind, Transport: transports.API, Message: message + ": " + seen.Message, Tail: seen.Screen, Fix: remedy.fix, Err: seen.Err}
	switch seen.Reason {
	case console.Closed, console.NotRunning:
		if seen.Err != nil { // it was there, and the connection to it broke
			e.Fix = ""
		}
	case console.PasswordRefused, console.PasswordExpired:
		e.Fix += fmt.Sprintf("to set it again, run passwd root after this on the node: pct enter %d", ctid)
		if showPassword != "" {
			e.Fix += "\nto see the one on record: " + showPassword
		}
	case console.AccountLocked, console.NoTerminal:
		e.Fix = fmt.Sprintf(remedy.fix, ctid)
	}
	return e
}

const (
	isThereAConsole = "is the container running, and has it a console (tty, console and cmode in pct config)?"
	otherTransport  = "use ssh.transport guest or node"
)

// remedies tell for each reason of the console what it means here, and what to do next.
var remedies = map[console.Reason]struct {
	kind Kind
	fix  string
}{
	console.Closed:     {NoConsole, isThereAConsole},
	console.NotRunning: {Gone, isThereAConsole},
	console.NoTerminal: {NoConsole, "on the node: pct set %d --tty 2 --console 1, then pct reboot %[1]d; or " + otherTransport},
	console.NoPrompt: {NoConsole,
		"does a getty run on the guest's console (tty, console and cmode in pct config)? or is somebody's program open there?"},
	console.NeverQuiet:      {NoConsole, "stop what prints on the container's console, or use another ssh.transport"},
	console.InUse:           {NoConsole, "wait until that has ended, or " + otherTransport},
	console.NoPassword:      {NotConfigured, "say it with --password-file, or create with --console shell"},
	console.PasswordRefused: {AuthRefused, "give its present password with --password-file to discover, resume or sync\nor "},
	console.PasswordExpired: {AuthRefused, ""},
	console.AccountLocked: {AuthRefused,
		"the account is locked, or the guest is going down; to unlock it, run passwd -u root after this on the node: pct enter %d\nor " + otherTransport},
	console.SecondFactor: {AuthRefused, "let root log in on the console without one (PAM's rules for login), or " + otherTransport},
	console.LoginStuck: {Protocol,
		"the guest answers the login with something else: look at its console in the web interface, or " + otherTransport},
	console.NoShell:       {Protocol, "root's login shell in the guest must be able to run sh"},
	console.OtherShell:    {AuthRefused, "log out of it on the container's console in the web interface, then try again"},
	console.Garbled:       {Protocol, "does somebody else type in it? close the web console and try again"},
	console.LacksPrograms: {Protocol, otherTransport},
}
