package console

import "strings"

// Reason says what kept Attach from getting a root shell.
type Reason string

// The reasons of an Error. Retrying helps with Closed if Err is set, and with InUse.
const (
	Closed          Reason = "closed"           // the console was closed, or the connection to it broke (Err)
	NotRunning      Reason = "not-running"      // the console says that the guest does not run
	NoTerminal      Reason = "no-terminal"      // the guest has no terminal for a console
	NoPrompt        Reason = "no-prompt"        // neither a login prompt nor a shell shows
	NeverQuiet      Reason = "never-quiet"      // something prints without end
	InUse           Reason = "in-use"           // another run has the console
	NoPassword      Reason = "no-password"      // it asks for a login, and no password can be typed
	PasswordRefused Reason = "password-refused" // the password is wrong, or root may not log in
	PasswordExpired Reason = "password-expired" // a new password is asked for
	AccountLocked   Reason = "account-locked"   // root is locked, or the guest shuts down
	SecondFactor    Reason = "second-factor"    // a code is asked for
	LoginStuck      Reason = "login-stuck"      // the login does not go on
	NoShell         Reason = "no-shell"         // the shell there does not run sh
	OtherShell      Reason = "other-shell"      // the shell there is another user's, or another machine's
	Garbled         Reason = "garbled"          // the shell there does not get what is sent
	LacksPrograms   Reason = "lacks-programs"   // the guest lacks programs that the pump needs
)

// Error is why Attach failed, unless ctx ended or writing to the console failed.
type Error struct {
	Reason  Reason
	Message string // what was seen on the console
	Screen  string // the last two lines that the console showed, without the password
	Err     error  // why the connection broke, if it did
}

func (e *Error) Error() string {
	if e.Err != nil {
		return "cannot use the console: " + e.Message + ": " + e.Err.Error()
	}
	return "cannot use the console: " + e.Message
}

func (e *Error) Unwrap() error { return e.Err }

// visible trims text from outside and makes its control bytes visible.
func visible(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r == 0x7f {
			return '\uFFFD'
		}
		return r
	}, strings.ToValidUTF8(strings.TrimSpace(text), "\uFFFD"))
}

// keepLast appends p to b and drops all but the last n bytes.
func keepLast(b, p []byte, n int) []byte {
	b = append(b, p...)
	if over := len(b) - n; over > 0 {
		b = append(b[:0], b[over:]...)
	}
	return b
}
