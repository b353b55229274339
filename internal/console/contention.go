package console

import (
	"bytes"
	"context"
	"math/rand/v2"
	"strings"
	"time"
)

// others is what a dialogue knows of those who share its console. A pump that
// another run owns is waited for. Two runs that log in at the same moment are told
// apart by chance: each waits a little longer or shorter before it types, and who
// then hears the other one's name, password prompt, shell or loader gives way;
// where both have typed, one loader reads the other's line as noise and is the
// first to say so. Where a prompt is never the last word nobody hears that in time:
// there it is who said first that he logs in next.
//
// What this does not cover: the Enter of one that has only just come (he has heard
// nothing yet) may fall into another's password prompt, which refuses that login (it
// is tried again), and the password that was on its way is then read as a name; two
// whose answers to the prompt cross within the console's delay both type the
// password, and the second one is read, and shown, by the shell of the first; and an
// owner whose connection is stopped for longer than othersSilence, but not cut, is
// taken for dead.
type others struct {
	left string          // the tag of a pump that was told to end
	told time.Time       // when
	past map[string]bool // the tags of those that have said farewell
	till time.Time       // until when the console is waited for

	stage step      // of somebody else's login, as far as it was seen
	since time.Time // when it was first seen
	back  time.Time // until when nothing is typed, since others typed too

	claimed time.Time // when this run typed last that it logs in next, see turn
	claims  int       // how often it has
}

const (
	// othersSilence is how long a pump is listened to before it is taken for what a
	// dead run left: its owner pings it once a second (see Mux.watch), and two
	// pings, or their answers, may be late on a busy node.
	othersSilence = 3500 * time.Millisecond
	// loaderSilence is the same for a loader, which ends by itself after 10 s.
	loaderSilence = 12 * time.Second
	// othersPatience is given to each stage of somebody else's login.
	othersPatience = 2 * time.Second
	// claimSilence is how long what is typed at a login prompt takes to be shown on a
	// busy node, at most, and maxClaims how often it is typed.
	claimSilence = 3 * time.Second
	maxClaims    = 2
	// maxBackOff is far more than a console's delay: one of two that typed at once
	// hears the other go on.
	maxBackOff = 1500 * time.Millisecond
)

// given is true while somebody else may be at that stage of a login.
func (o *others) given(stage step) bool {
	if o.stage != stage {
		o.stage, o.since = stage, time.Now()
	}
	return time.Since(o.since) < othersPatience
}

// seen reports whether a login of somebody else's was seen.
func (o *others) seen() bool { return o.stage != "" }

func (o *others) backOff()       { o.back = time.Now().Add(rand.N(maxBackOff)) }
func (o *others) backsOff() bool { return time.Now().Before(o.back) }

// busy is true while an Enter would fall into what somebody else does.
func (o *others) busy() bool { return o.backsOff() || time.Since(o.since) < othersPatience+time.Second }

// unclaim begins anew with the question who logs in next.
func (o *others) unclaim() { o.claimed, o.claims = time.Time{}, 0 }

// first is the tag of the run that said first that it logs in next; "" if none did.
// All that are there see the same.
func (d *login) first() string {
	if m := claimWord.FindSubmatch(d.text); m != nil {
		return string(m[1])
	}
	return ""
}

// giveWay lets another run log in that was first.
func (d *login) giveWay() {
	d.others.unclaim()
	d.others.back = time.Now().Add(claimSilence + rand.N(maxBackOff))
	d.text = nil
}

// turn reports whether this run logs in next, where all is noise and nobody hears in
// time that another one types. It says so at the prompt, and clears the line again.
func (d *login) turn() (bool, error) {
	o := &d.others
	switch {
	case d.first() == d.tag:
		return true, nil
	case time.Since(o.claimed) < claimSilence:
		return false, nil
	case o.claims == maxClaims: // what is typed there is not shown
		return true, nil
	}
	o.claimed = time.Now()
	o.claims++
	return false, d.put(clearLine + "~" + d.tag + "?" + clearLine)
}

// foreign is the tag of a pump, or a loader, that is there and not this run's; "" if
// there is none.
func (d *login) foreign() string {
	if !bytes.Contains(d.text, []byte("~")) {
		return ""
	}
	tag := ""
	for _, m := range pumpWord.FindAllStringSubmatch(readable(d.text), -1) {
		switch {
		case m[1] == d.tag, m[1] == d.ours && d.whole, isBlock(m[2]):
		case m[2] == "b":
			d.others.farewell(m[1])
			if tag == m[1] {
				tag = ""
			}
		case d.others.past[m[1]], m[1] == d.others.left && time.Since(d.others.told) < othersSilence:
			// What it says now it said before.
		default:
			tag = m[1]
		}
	}
	return tag
}

func (o *others) farewell(tag string) {
	if o.past == nil {
		o.past = map[string]bool{}
	}
	o.past[tag] = true
}

// isBlock says that a word belongs to a block: some of them come even from a pump
// whose owner is gone, or that is gone itself.
func isBlock(word string) bool { return word == "d" || word == "e" }

// yield waits until a pump that another run owns has ended, and ends one that
// nobody owns. Only answers to commands tell that there is an owner: y and n answer
// our own Enters too. Nothing is typed meanwhile.
func (d *login) yield(ctx context.Context, tag string) error {
	o := &d.others
	if o.till.IsZero() {
		o.till = time.Now().Add(d.limits.Others)
	}
	heard, silence, owned := time.Now(), othersSilence, false
	for {
		words, rest := d.wordsOf(tag)
		d.text = rest
		for _, word := range words {
			switch word {
			case "b":
				o.farewell(tag)
				d.restart()
				return nil
			case "g", "r":
				silence = loaderSilence
			case "y", "n":
				continue
			default:
				if isBlock(word) {
					continue
				}
				silence = othersSilence
			}
			heard = time.Now()
			if !owned {
				owned = true
				d.waiting("another run of infrahaus uses this console: waiting until it has ended")
			}
		}
		if time.Since(heard) > silence {
			return d.dismiss(tag)
		}
		if time.Now().After(o.till) {
			return d.inUse()
		}
		quiet, err := d.listen(ctx)
		if err != nil {
			return err
		}
		if last := d.text[bytes.LastIndexByte(d.text, '\n')+1:]; quiet && loginPrompt.Match(last) && !lastLogin.Match(last) { // it was killed
			d.restart()
			return nil
		}
	}
}

// wordsOf are the first letters of that pump's words in what came, its farewell the
// last of them, and what comes after them.
func (d *login) wordsOf(tag string) (words []string, rest []byte) {
	text, end := readable(d.text), 0
	for _, m := range pumpWord.FindAllStringSubmatchIndex(text, -1) {
		if text[m[2]:m[3]] != tag {
			continue
		}
		word := text[m[4]:m[5]]
		words, end = append(words, word), m[1]
		if word == "b" {
			return words, []byte(text[end:])
		}
	}
	return words, []byte(text[max(end, len(text)-maxWord):]) // the begin of one, perhaps
}

// listen waits a moment for more; quiet: nothing came.
func (d *login) listen(ctx context.Context) (quiet bool, err error) {
	t := time.NewTimer(250 * time.Millisecond)
	defer t.Stop()
	select {
	case b, open := <-d.chunks:
		if !open {
			return false, d.hungUp()
		}
		d.hear(b)
		return false, nil
	case <-ctx.Done():
		return false, ctx.Err()
	case <-t.C:
		return true, nil
	}
}

// dismiss ends a pump that nobody owns.
func (d *login) dismiss(tag string) error {
	if d.others.left != tag {
		d.note("what an earlier run left on the console is ended")
	}
	d.others.left, d.others.told = tag, time.Now()
	d.text = nil
	d.restart()
	return d.put(clearLine + "\n" + pumpLine(tag, "q"))
}

// restart begins anew with whatever comes next.
func (d *login) restart() {
	d.await(anyPrompt)
	d.total, d.retyped = 0, 0
	d.others.stage, d.others.since, d.others.back = "", time.Time{}, time.Time{}
	d.others.unclaim()
}

func (d *login) inUse() error {
	return d.fail(InUse, "another run of infrahaus uses this console")
}

// strange reports whether text, of a login from our name on, has more in it than
// that name and what a login says of itself: keys of somebody else's, most likely.
func strange(text string) bool {
	text = strings.Replace(text, rootName, "", 1)
	text = strings.ReplaceAll(text, "^E", "") // clearLine, as a terminal shows it
	text = secretLine.ReplaceAllString(text, "")
	return strings.TrimSpace(text) != ""
}
