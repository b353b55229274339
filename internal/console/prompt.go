package console

import (
	"math/rand/v2"
	"strings"
	"time"
)

// judge looks at a console that has gone quiet, or that never does, and types what it asks
// for.
func (d *login) judge(quiet bool) (adopted bool, err error) {
	began := time.Now()
	defer func() { // judging much text takes long, and the console must be read meanwhile
		d.next = time.Now().Add(max(glance, 8*time.Since(began)))
	}()
	text := readable(d.text)
	if d.state != awaitBootstrap && d.ownPumpAnswers(text) {
		return true, nil
	}
	last := text[strings.LastIndexByte(text, '\n')+1:]
	prompt := shellPrompt().MatchString(last) || loginPrompt().MatchString(last) || secretPrompt().MatchString(last)
	if d.hidden = d.busy() && !(quiet && prompt); d.hidden {
		last = d.hiddenPrompt(text)
	}
	if (d.state == awaitPassword || d.state == awaitShell) && codeAsked().MatchString(last) {
		_ = d.put("\n") // an empty code ends the login
		d.loggedIn = false
		return false, d.fail(SecondFactor, "it asks for a second factor, which a run cannot give")
	}
	switch d.state {
	case awaitPrompt:
		return false, d.atPrompt(last)
	case awaitPassword:
		return false, d.atPassword(text, last)
	case awaitShell:
		return false, d.atShell(text, last)
	case awaitBootstrap:
		return false, d.atBootstrap(last)
	}
	return false, nil
}

// busy reports whether the console prints all the time, so that a prompt does not stay its
// last line for long.
func (d *login) busy() bool { return d.busyTTY && time.Since(d.heardAt) < busyInterval }

// hiddenPrompt is the prompt that waits although something was printed after it; "" if
// there is none. A prompt answers each of our Enters, so it occurs more than once, but
// hardly more often than Enter was pressed; that distinguishes it from other lines that
// look like one. A password prompt occurs once, after the name.
func (d *login) hiddenPrompt(text string) (prompt string) {
	times := map[string]int{}
	var seen []string
	for line := range strings.Lines(text) {
		if !strings.ContainsAny(line, "#$:") {
			continue
		}
		if p := promptBegin().FindString(line); p != "" {
			times[p]++
			seen = append(seen, p)
		}
	}
	for _, p := range seen {
		switch n := times[p]; {
		case secretPrompt().MatchString(p), n > 1 && n <= 3+4*d.enters:
			prompt = p
		}
	}
	return prompt
}

// ownPumpAnswers reports whether the pump answers that an earlier connection left here.
func (d *login) ownPumpAnswers(text string) bool {
	if !d.adoptOwn || strings.Contains(text, "~"+d.ownTag+" b;") { // it answered, and then it ended
		return false
	}
	for _, m := range pumpAnswer().FindAllStringSubmatch(text, -1) {
		if m[1] == d.ownTag {
			return true
		}
	}
	return false
}

// atPrompt answers the first prompt, unless another run is about to.
func (d *login) atPrompt(last string) error {
	if d.others.backsOff() {
		return nil
	}
	switch first := d.firstClaim(); {
	case first != "" && first != d.tag:
		d.deferToOther()
	case secretPrompt().MatchString(last):
		if d.others.mayBeAt(awaitPassword) {
			return nil
		}
		// Somebody left half a login, or a cut did: an empty password ends it.
		d.text = nil
		return d.put(clearLine + "\n")
	case loginPrompt().MatchString(last) && !lastLogin().MatchString(last):
		return d.typeName(last)
	case shellPrompt().MatchString(last):
		if d.others.seen() && d.others.mayBeAt(awaitShell) {
			return nil
		}
		return d.typeBootstrap(d.loggedIn)
	}
	return nil
}

const rootName = "root"

// typeName answers the login prompt.
func (d *login) typeName(last string) error {
	d.loggedIn = false
	if d.mustFlush() {
		d.text = nil
		return d.put(clearLine + "\n")
	}
	if time.Since(d.flushedAt) < flushTime {
		return nil
	}
	if d.hidden { // another run that logs in now would be seen too late
		if claimed, err := d.claim(); !claimed || err != nil {
			return err
		}
	}
	clear := ""
	if !strings.HasSuffix(strings.TrimRight(last, " "), ":") {
		if d.others.mayBeAt(awaitPrompt) {
			return nil
		}
		clear = clearLine // somebody has typed half a name
	}
	if d.refusals > 0 { // keys that were pressed during the refusal do not show after the prompt
		clear = clearLine
	}
	// Without a password no name is typed, so that the prompt stays as it was.
	secret, err := d.password()
	if err != nil {
		return d.fail(NoPassword, err.Error())
	}
	d.secret = secret
	d.others.resetClaims()
	d.unsure = d.hidden
	d.state, d.text = awaitPassword, nil
	return d.put(clear + rootName + "\n")
}

// atPassword answers the password prompt.
func (d *login) atPassword(text, last string) error {
	if refused().MatchString(text) || locked().MatchString(text) {
		return d.onRefusal(text, last)
	}
	head := text[:len(text)-len(last)]
	at := secretLine().FindStringIndex(text) // something may have been printed after it
	if at != nil {
		head = text[:at[0]]
	}
	switch {
	case at != nil && (secretAnswered().MatchString(text) || shellPrompt().MatchString(last) && !secretPrompt().MatchString(last)):
		// Another run has answered it: a shell would read our password.
		d.others.mayBeAt(awaitPassword)
		d.state = awaitPrompt
	case at != nil, secretPrompt().MatchString(last):
		if hasForeignKeys(head) && !d.unsure {
			d.unsure = true
			d.others.backOff()
		}
		if d.others.backsOff() {
			return nil
		}
		clear := ""
		if d.unsure || d.refusals > 0 { // not at the first try: a login that reads single bytes would take it as part of the password
			clear = clearLine
		}
		d.state, d.text, d.loggedIn = awaitShell, nil, true
		return d.put(clear + d.secret + "\n")
	case d.enters > 0 && d.lostNames < 5 && strings.HasSuffix(strings.TrimRight(last, " "), "login:"):
		d.lostNames++ // a getty that starts anew drops what was typed before
		d.state, d.text = awaitPrompt, nil
	}
	return nil
}

// atShell judges the answer to the password.
func (d *login) atShell(text, last string) error {
	switch {
	case shellPrompt().MatchString(last) && !secretPrompt().MatchString(last): // whatever a motd has said before it
		return d.typeBootstrap(true)
	case !secretPrompt().MatchString(last) && !loginPrompt().MatchString(last) && time.Since(d.heardAt) < motdPatience:
		// A motd may use the words of a refusal, and still be printing.
	case changeAsked().MatchString(text):
		_ = d.put("\x03") // do not set a new password
		d.loggedIn = false
		return d.fail(PasswordExpired, "root's password has expired there, and a new one is asked for")
	case refused().MatchString(text), locked().MatchString(text),
		loginPrompt().MatchString(last) && !lastLogin().MatchString(last): // the login started anew
		return d.onRefusal(text, last)
	}
	return nil
}

// atBootstrap types again what may have been spoiled.
func (d *login) atBootstrap(last string) error {
	if time.Since(d.typedAt) < d.patience {
		return nil
	}
	d.typedAt = time.Now()
	switch {
	case strings.TrimSpace(last) == ">": // the shell waits for the end of a line that lost its quote
		return d.put("\x03")
	case shellPrompt().MatchString(last) && d.retyped < 3:
		d.retyped++
		return d.typeBootstrap(d.loggedIn)
	}
	// Its answer may have been spoiled: one that is there says again that it has no text yet.
	return d.put(clearLine + "\n" + d.tag + "\n")
}

// mustFlush reports once, at the first login prompt after a pump of ours, that the
// terminal's input must be emptied with an empty line. A line for that pump may still wait
// there. The getty would read it as a name, our name as a password, and our password as a
// name, which a log keeps.
func (d *login) mustFlush() bool {
	if d.others.ended == "" && d.ownTag == "" || !d.flushedAt.IsZero() {
		return false
	}
	d.flushedAt = time.Now()
	return true
}

// typeBootstrap types the line that starts the bootstrap, in place of what somebody may
// have typed there and not sent.
func (d *login) typeBootstrap(loggedIn bool) error {
	d.loggedIn, d.typedAt = loggedIn, time.Now()
	d.patience = 2*time.Second + rand.N(1500*time.Millisecond) // random, so that two runs spoil each other's lines only once
	d.state, d.text = awaitBootstrap, nil
	return d.put(clearLine + bootstrapLine(d.tag, d.program, loggedIn))
}

// bootstrapReady reports whether the bootstrap has asked for the pump's text.
func (d *login) bootstrapReady() bool {
	for _, word := range []string{" g;", " r;"} {
		if _, after, ok := strings.Cut(string(d.text), "~"+d.tag+word); ok {
			d.text = []byte(after)
			return true
		}
	}
	return false
}
