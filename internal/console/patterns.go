package console

import "regexp"

// The texts that are recognised on a console. The words of password prompts are those of
// the common locales.
var (
	escapes        = regexp.MustCompile("\x1b(?:\\[[0-9;?]*[ -/]*[@-~]|\\][^\x07\x1b]*(?:\x07|\x1b\\\\)|[()][A-Z0-9]|[=>78cM])|[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
	loginPrompt    = regexp.MustCompile(`(?i)\blogin:[^\n]*$`)
	lastLogin      = regexp.MustCompile(`(?i)^last (failed )?login: +\S`) // a host may be named last
	secretPrompt   = regexp.MustCompile(`(?i)(password|passwort|mot de passe|contrase|senha|wachtwoord|пароль)[^\n]{0,40}:\s*$`)
	secretLine     = regexp.MustCompile(`(?im)^[^\n:\[]{0,30}(password|passwort|mot de passe|contrase|senha|wachtwoord|пароль)[^\n:]{0,40}:(?:[ \t]+|$)`)
	secretAnswered = regexp.MustCompile(secretLine.String() + `\n`)
	changeAsked    = regexp.MustCompile(`(?i)((current|old|new|retype)[^\n]{0,20}password|password (has )?expired|required to change your password|must change your password)`)
	codeAsked      = regexp.MustCompile(`(?i)(verification code|one[- ]time|\botp\b|second factor|two[- ]factor|\b2fa\b|authenticator|pass ?code|security code|token code)[^\n]{0,40}:\s*$`)
	refused        = regexp.MustCompile(`(?im)^\W*(login incorrect|authentication failure|login failed|incorrect password|root login refused)`)
	locked         = regexp.MustCompile(`(?im)^[^\n:\[]{0,40}(account (is |has been )?(locked|expired|disabled)|system is going down|account is currently not available|login is disabled)`)
	loginAlone     = regexp.MustCompile(`(?i)^[^\n:\[]{0,64}\blogin: ?$`)
	shellPrompt    = regexp.MustCompile(`[#$%>] ?$`)
	// promptBegin is the beginning of a line that may be root's prompt, or ask for a name or a
	// password.
	promptBegin = regexp.MustCompile(`^[^\n]{0,80}?(?:\b(?i:login): ?|[#$] )|` + secretLine.String())
	pumpWord    = regexp.MustCompile(`~([0-9a-f]{16}) ([a-z])(?: [^;~\n]{1,180})?;`)
	claimWord   = regexp.MustCompile(`~([0-9a-f]{16})\?`)
	pumpAnswer  = regexp.MustCompile(`~([0-9a-f]{16}) (?:y|n|n \d+ \d+);`)
)
