package console

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"strings"
	"time"
)

// dialogue gets from whatever a console shows to a root shell that reads the
// loader. It types only at a prompt: what is typed before is lost, or read by
// somebody else.
type login struct {
	conn     io.Writer
	chunks   <-chan []byte
	ended    func() error // why chunks was closed
	tag      string
	ours     string // the tag of a pump that this run left here; "" if none
	whole    bool   // it had begun to work
	boots    bool   // the container was started just now
	password func() (string, error)
	waiting  func(string)
	note     func(string)
	limits   Limits
	program  string // the pump's text for this tag

	text    []byte // what the console said since the last thing that was typed
	all     []byte // the last that the console said, for errors
	total   int
	state   step
	pieces  int       // that came since that is waited for
	next    time.Time // when it is looked at next, if it is never quiet
	since   time.Time // from when on lines are counted
	lines   int
	noisy   bool // there were many until then
	hidden  bool // something was printed after what is looked at
	logged  bool // the shell that is there is of our login, so we log out
	pokes   int
	poked   time.Time // the last of them
	heard   time.Time // when something came last
	stirred bool      // something but an echo came since
	again   int       // logins refused
	lost    int       // names that were typed too early
	unsure  bool      // since the name was typed, others may have typed too, or we pressed Enter
	secret  string

	typed   time.Time     // when the loader's line was typed
	patient time.Duration // how long an answer to it is waited for
	retyped int
	cleared time.Time // when what may have waited in a prompt was read away

	others others
}

// step is what the dialogue waits for.
type step string

const (
	anyPrompt  step = "a login prompt or a shell"
	asksSecret step = "the password prompt"
	asksShell  step = "root's shell"
	asksLoader step = "an answer from root's shell"
)

// The deadlines of the dialogue. A guest that boots shows its prompt in seconds;
// a slow login (a name service that does not answer, a motd that looks things
// up) takes most of half a minute.
type Limits struct{ Prompt, Login, Shell, Others time.Duration }

// UsualLimits are the limits of a Config that has none.
var UsualLimits = Limits{Prompt: 60 * time.Second, Login: 45 * time.Second, Shell: 15 * time.Second, Others: 60 * time.Second}

const (
	settle       = 60 * time.Millisecond // of silence, before a prompt is believed; up to twice that, see others
	clearing     = 500 * time.Millisecond
	patientPokes = 3
	glance       = 250 * time.Millisecond // between two looks at what is never quiet
	drownIn      = 2 * time.Second
	drownLines   = 8         // in that time: more than what answers our Enters
	screenSize   = 2 << 10   // bytes of what the console said last that are kept for errors
	maxText      = 128 << 10 // of which telling keeps half at most
	motdPatience = 3 * time.Second
	bootPatience = 4 * time.Second // a guest that has just been started says of itself when it is ready
	floodLimit   = 4 << 20
)

// run returns when the loader is there (adopted false), or the pump that this run
// left (adopted true).
func (d *login) run(ctx context.Context) (adopted bool, err error) {
	d.await(anyPrompt)
	d.waiting("waiting for " + string(d.state) + " on the console")
	limit := time.Now().Add(d.limits.Prompt)
	poke := time.Now().Add(300 * time.Millisecond)
	if d.boots {
		poke = time.Now().Add(bootPatience)
	}
	for {
		was, quiet := d.state, false
		t := time.NewTimer(d.quiet(poke))
		select {
		case b, open := <-d.chunks:
			t.Stop()
			if !open {
				return false, d.hungUp()
			}
			d.hear(b)
			if d.state == asksLoader && d.loaded() {
				return false, nil
			}
			if tag := d.foreign(); tag != "" {
				if err := d.yield(ctx, tag); err != nil {
					return false, err
				}
				// What follows a pump shows its prompt by itself.
				limit, poke = time.Now().Add(d.limits.Prompt), time.Now().Add(time.Second+rand.N(time.Second))
				d.waiting("waiting for " + string(d.state) + " on the console")
				continue
			}
			if d.total > floodLimit || time.Now().After(limit) && d.restless() { // it was never quiet
				return false, d.flooded()
			}
			if !d.drowned() || time.Now().Before(d.next) {
				continue
			}
		case <-ctx.Done():
			t.Stop()
			d.leave()
			return false, ctx.Err()
		case <-t.C:
			quiet = true
		}
		adopted, err := d.look(quiet)
		if adopted || err != nil {
			return adopted, err
		}
		if d.state != was {
			d.waiting("waiting for " + string(d.state) + " on the console")
			limit, poke = time.Now().Add(d.patience()), time.Now().Add(3*time.Second)
			if d.state == asksSecret { // a poke would be read as the password
				poke = time.Now().Add(10 * time.Second)
			}
			d.await(d.state)
			continue
		}
		if time.Now().After(limit) {
			return false, d.late()
		}
		if time.Now().After(poke) && d.state != asksLoader && !d.others.busy() {
			if poke, err = d.poke(); err != nil {
				return false, err
			}
		}
	}
}

// quiet is how long nothing must come before what is there is judged.
func (d *login) quiet(poke time.Time) time.Duration {
	// What answers a poke may still throw away what is typed at once; where the
	// kernel writes all the time, waiting longer would never see a prompt.
	if len(d.text) == 0 || d.pokes > 0 && d.pokes < patientPokes && time.Until(poke) > 0 {
		return min(max(time.Until(poke), time.Millisecond), 250*time.Millisecond-rand.N(settle))
	}
	return settle + rand.N(settle)
}

// poke presses Enter, so that a prompt that was shown before shows again, and says
// when to do so next. Where nothing but that comes back nobody reads yet, and each
// further one would wait there to be read as a name or a password.
func (d *login) poke() (next time.Time, err error) {
	if d.pokes == 0 || d.stirred || time.Since(d.poked) > 10*time.Second {
		if err := d.put(clearLine + "\n"); err != nil {
			return next, err
		}
		d.pokes++
		d.stirred, d.poked = false, time.Now()
		d.total = 0 // what comes now may answer it
		d.unsure = d.unsure || d.state == asksSecret
	}
	if d.drowned() { // by what answers our Enters, it may be: let it end
		return time.Now().Add(min(time.Second<<d.pokes, 30*time.Second)), nil
	}
	return time.Now().Add(min(time.Duration(d.pokes)*time.Second, 4*time.Second)), nil
}

// await begins to wait for what is to come.
func (d *login) await(what step) { d.state, d.pieces, d.pokes = what, 0, 0 }

func (d *login) patience() time.Duration {
	switch d.state {
	case anyPrompt:
		return d.limits.Prompt
	case asksLoader:
		return d.limits.Shell
	}
	return d.limits.Login
}

// hear keeps what came, without the codes that move a cursor.
func (d *login) hear(b []byte) {
	d.total += len(b)
	d.pieces++
	d.heard = time.Now()
	d.stirred = d.stirred || len(bytes.TrimSpace(b)) > 0
	d.lines += bytes.Count(b, []byte("\n"))
	if time.Since(d.since) > drownIn {
		d.since, d.noisy, d.lines = time.Now(), d.lines > drownLines, 0
	}
	if d.text = append(d.text, b...); len(d.text) > maxText {
		d.text = telling(d.text)
	}
	d.all = keepLast(d.all, b, screenSize)
}

// telling leaves out the lines that tell nothing of what waits there. So two answers
// to our Enters are both seen however much was printed between them.
func telling(text []byte) []byte {
	begin := bytes.LastIndexByte(text, '\n') + 1
	var kept []byte
	for line := range bytes.Lines(text[:begin]) {
		if !bytes.ContainsAny(line, "#$:~") && !speaks(line) { // what floods us is to be looked at fast
			continue
		}
		p := readable(line)
		if promptBegin.MatchString(p) || refused.MatchString(p) || locked.MatchString(p) || changeAsked.MatchString(p) || strings.Contains(p, "~") {
			kept = append(kept, line...)
		}
	}
	kept = append(kept, text[begin:]...)
	return kept[max(0, len(kept)-maxText/2):]
}

// speaks reports whether a line may be of a login: each of refused, locked and
// changeAsked has one of these words.
func speaks(line []byte) bool {
	line = bytes.ToLower(line)
	for _, word := range []string{"login", "password", "account", "authentication", "going down"} {
		if bytes.Contains(line, []byte(word)) {
			return true
		}
	}
	return false
}

// readable is what came, as a reader would see it.
func readable(text []byte) string {
	return escapes.ReplaceAllString(strings.ReplaceAll(string(text), "\r", ""), "")
}

// clearLine clears what somebody left half-typed, wherever his cursor stands in it:
// alone, ^U would leave what follows that, and Enter run it.
const clearLine = "\x05\x15"

func (d *login) put(s string) error {
	if _, err := io.WriteString(d.conn, s); err != nil {
		return d.hungUp()
	}
	return nil
}
