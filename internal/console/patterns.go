package console

import "github.com/infrahaus/infrahaus/internal/lazy"

const secretLineText = `(?im)^[^\n:\[]{0,30}(password|passwort|mot de passe|contrase|senha|wachtwoord|пароль)[^\n:]{0,40}:(?:[ \t]+|$)`

// The texts that are recognised on a console. The words of password prompts are those of
// the common locales.
var (
	escapes        = lazy.Regexp("\x1b(?:\\[[0-9;?]*[ -/]*[@-~]|\\][^\x07\x1b]*(?:\x07|\x1b\\\\)|[()][A-Z0-9]|[=>78cM])|[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
	loginPrompt    = lazy.Regexp(`(?i)\blogin:[^\n]*$`)
	lastLogin      = lazy.Regexp(`(?i)^last (failed )?login: +\S`) // a host may be named last
	secretPrompt   = lazy.Regexp(`(?i)(password|passwort|mot de passe|contrase|senha|wachtwoord|пароль)[^\n]{0,40}:\s*$`)
	secretLine     = lazy.Regexp(secretLineText)
	secretAnswered = lazy.Regexp(secretLineText + `\n`)
	changeAsked    = lazy.Regexp(`(?i)((current|old|new|retype)[^\n]{0,20}password|password (has )?expired|required to change your password|must change your password)`)
	codeAsked      = lazy.Regexp(`(?i)(verification code|one[- ]time|\botp\b|second factor|two[- ]factor|\b2fa\b|authenticator|pass ?code|security code|token code)[^\n]{0,40}:\s*$`)
	refused        = lazy.Regexp(`(?im)^\W*(login incorrect|authentication failure|login failed|incorrect password|root login refused)`)
	locked         = lazy.Regexp(`(?im)^[^\n:\[]{0,40}(account (is |has been )?(locked|expired|disabled)|system is going down|account is currently not available|login is disabled)`)
	loginAlone     = lazy.Regexp(`(?i)^[^\n:\[]{0,64}\blogin: ?$`)
	shellPrompt    = lazy.Regexp(`[#$%>] ?$`)
	// promptBegin is the beginning of a line that may be root's prompt, or ask for a name or a
	// password.
	promptBegin = lazy.Regexp(`^[^\n]{0,80}?(?:\b(?i:login): ?|[#$] )|` + secretLineText)
	pumpWord    = lazy.Regexp(`~([0-9a-f]{16}) ([a-z])(?: [^;~\n]{1,180})?;`)
	claimWord   = lazy.Regexp(`~([0-9a-f]{16})\?`)
	pumpAnswer  = lazy.Regexp(`~([0-9a-f]{16}) (?:y|n|n \d+ \d+);`)
)
