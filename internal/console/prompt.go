package console

import (
	"math/rand/v2"
	"strings"
	"time"
)

// look judges a console that has gone quiet, or never does, and types what it asks
// for.
func (d *login) look(quiet bool) (adopted bool, err error) {
	began := time.Now()
	defer func() { // much text takes long to look at, and what comes is to be read meanwhile
		d.next = time.Now().Add(max(glance, 8*time.Since(began)))
	}()
	text := readable(d.text)
	if d.state != asksLoader && d.adopts(text) {
		return true, nil
	}
	last := text[strings.LastIndexByte(text, '\n')+1:]
	prompt := shellPrompt.MatchString(last) || loginPrompt.MatchString(last) || secretWaits.MatchString(last)
	if d.hidden = d.drowned() && !(quiet && prompt); d.hidden {
		last = d.amid(text)
	}
	if (d.state == asksSecret || d.state == asksShell) && codeAsked.MatchString(last) {
		_ = d.put("\n") // none: so that the login ends
		d.logged = false
		return false, d.fail(SecondFactor, "it asks for a second factor, which a run cannot give")
	}
	switch d.state {
	case anyPrompt:
		return false, d.atPrompt(last)
	case asksSecret:
		return false, d.atSecret(text, last)
	case asksShell:
		return false, d.atShell(text, last)
	case asksLoader:
		return false, d.atLoader(last)
	}
	return false, nil
}

// drowned is a console that prints of itself all the time, so that a prompt is never
// the last that it says for long.
func (d *login) drowned() bool { return d.noisy && time.Since(d.heard) < drownIn }

// amid is the prompt that is waiting although something was printed after it; "" if
// none is seen. Our Enters are answered with it, so it is there more than once, and
// hardly more often than they were pressed: that tells it from what looks like one. A
// password prompt is not shown again, so it is there once, after what asked for the
// name.
func (d *login) amid(text string) (prompt string) {
	times := map[string]int{}
	var seen []string
	for line := range strings.Lines(text) {
		if !strings.ContainsAny(line, "#$:") {
			continue
		}
		if p := promptBegin.FindString(line); p != "" {
			times[p]++
			seen = append(seen, p)
		}
	}
	for _, p := range seen {
		switch n := times[p]; {
		case secretWaits.MatchString(p), n > 1 && n <= 3+4*d.pokes:
			prompt = p
		}
	}
	return prompt
}

// adopts reports whether the pump that this run left here answers.
func (d *login) adopts(text string) bool {
	if !d.whole || strings.Contains(text, "~"+d.ours+" b;") { // it answered, and then it ended
		return false
	}
	for _, m := range leftPump.FindAllStringSubmatch(text, -1) {
		if m[1] == d.ours {
			return true
		}
	}
	return false
}

// atPrompt answers the first prompt, unless somebody else does just now.
func (d *login) atPrompt(last string) error {
	if d.others.backsOff() {
		return nil
	}
	switch first := d.first(); {
	case first != "" && first != d.tag:
		d.giveWay()
	case secretWaits.MatchString(last):
		if d.others.given(asksSecret) {
			return nil
		}
		// Half a login, somebody's or what a cut left of ours: an empty password ends it.
		d.text = nil
		return d.put(clearLine + "\n")
	case loginPrompt.MatchString(last) && !lastLogin.MatchString(last):
		return d.typeName(last)
	case shellPrompt.MatchString(last):
		if d.others.seen() && d.others.given(asksShell) {
			return nil
		}
		return d.load(d.logged)
	}
	return nil
}

// typeName answers the login prompt.
func (d *login) typeName(last string) error {
	d.logged = false
	if d.stale() {
		d.text = nil
		return d.put(clearLine + "\n")
	}
	if time.Since(d.cleared) < clearing {
		return nil
	}
	if d.hidden { // whoever else logs in now is not heard in time
		if turn, err := d.turn(); !turn || err != nil {
			return err
		}
	}
	clear := ""
	if !strings.HasSuffix(strings.TrimRight(last, " "), ":") {
		if d.others.given(anyPrompt) {
			return nil
		}
		clear = clearLine // somebody's half a name
	}
	if d.again > 0 { // keys that came while the last one was refused do not show after the prompt
		clear = clearLine
	}
	// Who has no password types no name: the prompt stays as it was.
	secret, err := d.password()
	if err != nil {
		return d.fail(NoPassword, err.Error())
	}
	d.secret = secret
	d.others.unclaim()
	d.unsure = d.hidden
	d.state, d.text = asksSecret, nil
	return d.put(clear + rootName + "\n")
}

const rootName = "root"

// atSecret answers the password prompt.
func (d *login) atSecret(text, last string) error {
	if refused.MatchString(text) || locked.MatchString(text) {
		return d.refuse(text, last)
	}
	head := text[:len(text)-len(last)]
	at := secretLine.FindStringIndex(text) // something may have been printed after it
	if at != nil {
		head = text[:at[0]]
	}
	switch {
	case at != nil && (secretDone.MatchString(text) || shellPrompt.MatchString(last) && !secretWaits.MatchString(last)):
		// Somebody else has answered it: what is typed now is read by a shell.
		d.others.given(asksSecret)
		d.state = anyPrompt
	case at != nil, secretWaits.MatchString(last):
		if strange(head) && !d.unsure {
			d.unsure = true
			d.others.backOff()
		}
		if d.others.backsOff() {
			return nil
		}
		clear := ""
		if d.unsure || d.again > 0 { // not at first: who reads it byte by byte would take this for a part of it
			clear = clearLine
		}
		d.state, d.text, d.logged = asksShell, nil, true
		return d.put(clear + d.secret + "\n")
	case d.pokes > 0 && d.lost < 5 && strings.HasSuffix(strings.TrimRight(last, " "), "login:"):
		d.lost++ // the name: a getty that begins anew throws away what came before
		d.state, d.text = anyPrompt, nil
	}
	return nil
}

// atShell judges what answers the password.
func (d *login) atShell(text, last string) error {
	switch {
	case shellPrompt.MatchString(last) && !secretWaits.MatchString(last): // whatever a motd says before it
		return d.load(true)
	case !secretWaits.MatchString(last) && !loginPrompt.MatchString(last) && time.Since(d.heard) < motdPatience:
		// A motd may say the same as a refusal, and be in the middle of it.
	case changeAsked.MatchString(text):
		_ = d.put("\x03") // nothing is changed in anybody's name
		d.logged = false
		return d.fail(PasswordExpired, "root's password has expired there, and a new one is asked for")
	case refused.MatchString(text), locked.MatchString(text),
		loginPrompt.MatchString(last) && !lastLogin.MatchString(last): // the login started over
		return d.refuse(text, last)
	}
	return nil
}

// atLoader types once more what may have been spoilt.
func (d *login) atLoader(last string) error {
	if time.Since(d.typed) < d.patient {
		return nil
	}
	d.typed = time.Now()
	switch {
	case strings.TrimSpace(last) == ">": // the shell waits for the end of a line that was torn
		return d.put("\x03")
	case shellPrompt.MatchString(last) && d.retyped < 3:
		d.retyped++
		return d.load(d.logged)
	}
	// Its word may have been spoilt: one that reads says that it has nothing yet.
	return d.put(clearLine + "\n" + d.tag + "\n")
}

// stale is true for the first login prompt after a pump of ours: a line that was
// meant for that may be waiting to be read as a name, and our name then as a
// password, and the password as a name, which a log keeps. An empty line, and what
// comes of it, is waited out first.
func (d *login) stale() bool {
	if d.others.left == "" && d.ours == "" || !d.cleared.IsZero() {
		return false
	}
	d.cleared = time.Now()
	return true
}

// load types the line that starts the loader, in place of what somebody may have
// typed there and has not sent.
func (d *login) load(logged bool) error {
	d.logged, d.typed = logged, time.Now()
	d.patient = 2*time.Second + rand.N(1500*time.Millisecond) // two that type at once tear both their lines, once
	d.state, d.text = asksLoader, nil
	return d.put(clearLine + loaderLine(d.tag, d.program, logged))
}

func (d *login) loaded() bool {
	for _, word := range []string{" g;", " r;"} {
		if _, after, ok := strings.Cut(string(d.text), "~"+d.tag+word); ok {
			d.text = []byte(after)
			return true
		}
	}
	return false
}
