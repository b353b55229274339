package console

import (
	"regexp"
	"sync"
)

// lazily compiles an expression when it is first used. Few commands use a console, and to
// compile these at the start took a twentieth of the shortest ones.
func lazily(expression string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })
}

const secretLineText = `(?im)^[^\n:\[]{0,30}(password|passwort|mot de passe|contrase|senha|wachtwoord|пароль)[^\n:]{0,40}:(?:[ \t]+|$)`

// The texts that are recognised on a console. The words of password prompts are those of
// the common locales.
var (
	escapes        = lazily("\x1b(?:\\[[0-9;?]*[ -/]*[@-~]|\\][^\x07\x1b]*(?:\x07|\x1b\\\\)|[()][A-Z0-9]|[=>78cM])|[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
	loginPrompt    = lazily(`(?i)\blogin:[^\n]*$`)
	lastLogin      = lazily(`(?i)^last (failed )?login: +\S`) // a host may be named last
	secretPrompt   = lazily(`(?i)(password|passwort|mot de passe|contrase|senha|wachtwoord|пароль)[^\n]{0,40}:\s*$`)
	secretLine     = lazily(secretLineText)
	secretAnswered = lazily(secretLineText + `\n`)
	changeAsked    = lazily(`(?i)((current|old|new|retype)[^\n]{0,20}password|password (has )?expired|required to change your password|must change your password)`)
	codeAsked      = lazily(`(?i)(verification code|one[- ]time|\botp\b|second factor|two[- ]factor|\b2fa\b|authenticator|pass ?code|security code|token code)[^\n]{0,40}:\s*$`)
	refused        = lazily(`(?im)^\W*(login incorrect|authentication failure|login failed|incorrect password|root login refused)`)
	locked         = lazily(`(?im)^[^\n:\[]{0,40}(account (is |has been )?(locked|expired|disabled)|system is going down|account is currently not available|login is disabled)`)
	loginAlone     = lazily(`(?i)^[^\n:\[]{0,64}\blogin: ?$`)
	shellPrompt    = lazily(`[#$%>] ?$`)
	// promptBegin is the beginning of a line that may be root's prompt, or ask for a name or a
	// password.
	promptBegin = lazily(`^[^\n]{0,80}?(?:\b(?i:login): ?|[#$] )|` + secretLineText)
	pumpWord    = lazily(`~([0-9a-f]{16}) ([a-z])(?: [^;~\n]{1,180})?;`)
	claimWord   = lazily(`~([0-9a-f]{16})\?`)
	pumpAnswer  = lazily(`~([0-9a-f]{16}) (?:y|n|n \d+ \d+);`)
)
