package console

import (
	"bytes"
	"context"
	"math/rand/v2"
	"strings"
	"time"
)

// contention is what a login knows of other runs on the same console.
//
// A pump that another run owns is waited for. Two runs that log in at the same moment are
// separated by chance: each waits for a random time before it types. A run that then sees
// the other's name, password prompt, shell or bootstrap waits. If both have typed, the
// bootstrap of one reads the line of the other as noise and says so first. On a console
// that is never quiet a run sees the other too late; there the run that claims the login
// first goes first (see claim).
//
// Three cases are not covered. A run that has only just come may press Enter at another's
// password prompt: that login is refused and tried again, but the password that was on its
// way is then read as a name. If the answers of two runs to the login prompt cross within
// the console's delay, both type the password, and the shell of the first shows the second
// one. And a run whose connection stands still for longer than ownerSilence, but is not
// cut, counts as dead.
type contention struct {
	ended   string          // the tag of a pump that this run has ended
	endedAt time.Time       // when
	past    map[string]bool // the tags of pumps that have said that they end
	until   time.Time       // the limit for waiting for other runs

	stage   state     // of another run's login, as far as it was seen
	stageAt time.Time // when that was first seen
	backTo  time.Time // nothing is typed until then

	claimedAt time.Time // when this run claimed the login last
	claims    int       // how often it has
}

const (
	// ownerSilence is how long a pump may be silent before it counts as left over. Its
	// owner pings it every second (see Mux.watch), and on a busy node two pings or answers
	// may be late.
	ownerSilence = 3500 * time.Millisecond
	// bootstrapSilence is the same for a bootstrap, which ends by itself after 10 s.
	bootstrapSilence = 12 * time.Second
	// stagePatience is how long each stage of another run's login may take.
	stagePatience = 2 * time.Second
	// claimTime is how long a busy node takes at most to show what is typed at a login
	// prompt, and maxClaims is how often it is typed.
	claimTime = 3 * time.Second
	maxClaims = 2
	// maxBackOff is much longer than a console's delay, so that one of two runs that have
	// typed at once sees that the other goes on.
	maxBackOff = 1500 * time.Millisecond
)

// mayBeAt reports whether another run may be at that stage of its login.
func (o *contention) mayBeAt(stage state) bool {
	if o.stage != stage {
		o.stage, o.stageAt = stage, time.Now()
	}
	return time.Since(o.stageAt) < stagePatience
}

// seen reports whether another run's login was seen.
func (o *contention) seen() bool { return o.stage != "" }

func (o *contention) backOff()       { o.backTo = time.Now().Add(rand.N(maxBackOff)) }
func (o *contention) backsOff() bool { return time.Now().Before(o.backTo) }

// loggingIn reports whether our Enter would disturb another run's login.
func (o *contention) loggingIn() bool {
	return o.backsOff() || time.Since(o.stageAt) < stagePatience+time.Second
}

func (o *contention) resetClaims() { o.claimedAt, o.claims = time.Time{}, 0 }

// markPast notes that a pump has said that it ends.
func (o *contention) markPast(tag string) {
	if o.past == nil {
		o.past = map[string]bool{}
	}
	o.past[tag] = true
}

// firstClaim is the tag of the run that was first to claim the login; "" if none did. All
// runs see the same.
func (d *login) firstClaim() string {
	if m := claimWord().FindSubmatch(d.text); m != nil {
		return string(m[1])
	}
	return ""
}

// deferToOther lets the run log in that was first to claim it.
func (d *login) deferToOther() {
	d.others.resetClaims()
	d.others.backTo = time.Now().Add(claimTime + rand.N(maxBackOff))
	d.text = nil
}

// claim reports whether this run may log in, on a console that is never quiet. It types its
// tag at the prompt and clears the line again; the run whose tag shows first logs in.
func (d *login) claim() (bool, error) {
	o := &d.others
	switch {
	case d.firstClaim() == d.tag:
		return true, nil
	case time.Since(o.claimedAt) < claimTime:
		return false, nil
	case o.claims == maxClaims: // the prompt does not show what is typed
		return true, nil
	}
	o.claimedAt = time.Now()
	o.claims++
	return false, d.put(clearLine + "~" + d.tag + "?" + clearLine)
}

// foreignTag is the tag of another run's pump or bootstrap on the console; "" if there is
// none.
func (d *login) foreignTag() string {
	if !bytes.Contains(d.text, []byte("~")) {
		return ""
	}
	tag := ""
	for _, m := range pumpWord().FindAllStringSubmatch(readable(d.text), -1) {
		switch {
		case m[1] == d.tag, m[1] == d.ownTag && d.adoptOwn, isBlock(m[2]):
		case m[2] == "b":
			d.others.markPast(m[1])
			if tag == m[1] {
				tag = ""
			}
		case d.others.past[m[1]], m[1] == d.others.ended && time.Since(d.others.endedAt) < ownerSilence:
			// It was printed before the pump ended.
		default:
			tag = m[1]
		}
	}
	return tag
}

// isBlock reports whether a word belongs to a block. A pump may print such words after its
// owner, or the pump itself, is gone.
func isBlock(word string) bool { return word == "d" || word == "e" }

// waitForOwner waits until another run's pump has ended, and ends a pump that nobody owns.
// Only answers to commands show that there is an owner: y and n answer our own Enters too.
// Nothing is typed meanwhile.
func (d *login) waitForOwner(ctx context.Context, tag string) error {
	o := &d.others
	if o.until.IsZero() {
		o.until = time.Now().Add(d.limits.Others)
	}
	heard, silence, told := time.Now(), ownerSilence, false
	for {
		words, rest := d.wordsOf(tag)
		d.text = rest
		for _, word := range words {
			switch word {
			case "b":
				o.markPast(tag)
				d.restart()
				return nil
			case "g", "r":
				silence = bootstrapSilence
			case "y", "n":
				continue
			default:
				if isBlock(word) {
					continue
				}
				silence = ownerSilence
			}
			heard = time.Now()
			if !told {
				told = true
				d.waiting("another run of infrahaus uses this console: waiting until it has ended")
			}
		}
		if time.Since(heard) > silence {
			return d.endPump(tag)
		}
		if time.Now().After(o.until) {
			return d.fail(InUse, "another run of infrahaus uses this console")
		}
		quiet, err := d.listen(ctx)
		if err != nil {
			return err
		}
		// A login prompt means that the pump was killed.
		if last := d.text[bytes.LastIndexByte(d.text, '\n')+1:]; quiet && loginPrompt().Match(last) && !lastLogin().Match(last) {
			d.restart()
			return nil
		}
	}
}

// wordsOf are the first letters of that pump's words in the text, up to b, its last, and
// the text after them.
func (d *login) wordsOf(tag string) (words []string, rest []byte) {
	text, end := readable(d.text), 0
	for _, m := range pumpWord().FindAllStringSubmatchIndex(text, -1) {
		if text[m[2]:m[3]] != tag {
			continue
		}
		word := text[m[4]:m[5]]
		words, end = append(words, word), m[1]
		if word == "b" {
			return words, []byte(text[end:])
		}
	}
	return words, []byte(text[max(end, len(text)-maxWord):]) // perhaps the beginning of a word
}

// listen waits a moment for more text; quiet: nothing came.
func (d *login) listen(ctx context.Context) (quiet bool, err error) {
	t := time.NewTimer(250 * time.Millisecond)
	defer t.Stop()
	select {
	case b, open := <-d.chunks:
		if !open {
			return false, d.closed()
		}
		d.hear(b)
		return false, nil
	case <-ctx.Done():
		return false, ctx.Err()
	case <-t.C:
		return true, nil
	}
}

// endPump ends a pump that nobody owns.
func (d *login) endPump(tag string) error {
	if d.others.ended != tag {
		d.note("what an earlier run left on the console is ended")
	}
	d.others.ended, d.others.endedAt = tag, time.Now()
	d.text = nil
	d.restart()
	return d.put(clearLine + "\n" + pumpLine(tag, "q"))
}

// restart waits for a prompt again, as at the beginning.
func (d *login) restart() {
	d.enter(awaitPrompt)
	d.total, d.retyped = 0, 0
	d.others.stage, d.others.stageAt, d.others.backTo = "", time.Time{}, time.Time{}
	d.others.resetClaims()
}

// hasForeignKeys reports whether text, which begins with our name at a login prompt,
// contains more than that name and the login's own words: most likely keys that somebody
// else pressed.
func hasForeignKeys(text string) bool {
	text = strings.Replace(text, rootName, "", 1)
	text = strings.ReplaceAll(text, "^E", "") // clearLine, as a terminal shows it
	text = secretLine().ReplaceAllString(text, "")
	return strings.TrimSpace(text) != ""
}
