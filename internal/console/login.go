package console

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"strings"
	"time"
)

// login gets from whatever a console shows to a root shell that runs the bootstrap. It
// types only at a prompt: anything typed earlier is lost, or is read by another program.
type login struct {
	conn     io.Writer
	chunks   <-chan []byte
	ended    func() error // why chunks was closed
	tag      string
	program  string // the pump's text for tag
	ownTag   string // the tag of the pump that an earlier connection left here; "": none
	adoptOwn bool   // that pump had started to work, so it can be used again
	booting  bool   // the guest was started just now
	password func() (string, error)
	waiting  func(string)
	note     func(string)
	limits   Limits

	text     []byte // what the console printed since we typed last
	screen   []byte // the last that it printed at all, for errors
	total    int    // bytes since we typed last
	state    state
	chunksIn int       // chunks since state began
	next     time.Time // when a console that is never quiet is looked at again
	lines    int       // lines since linesAt
	linesAt  time.Time
	busyTTY  bool // there were many lines in the interval before linesAt
	hidden   bool // something was printed after the prompt that is being judged
	loggedIn bool // we logged in to the shell that is there, so we log out of it

	enters  int       // how often Enter was pressed in this state
	enterAt time.Time // when it was pressed last
	heardAt time.Time // when the console printed something last
	stirred bool      // more than an echo came since the last Enter

	refusals  int  // refused logins
	lostNames int  // names that were typed too early
	unsure    bool // others may have typed since we typed the name, or we pressed Enter
	secret    string

	typedAt   time.Time     // when the bootstrap's line was typed
	patience  time.Duration // how long to wait for its answer
	retyped   int
	flushedAt time.Time // when input that may have been left for an earlier pump was flushed

	others contention
}

// state is what the login waits for. Its text is part of messages.
type state string

const (
	awaitPrompt    state = "a login prompt or a shell"
	awaitPassword  state = "the password prompt"
	awaitShell     state = "root's shell"
	awaitBootstrap state = "an answer from root's shell"
)

// Limits say how long Attach waits in each state. A guest that boots shows its prompt in
// seconds; a slow login (a name service that does not answer, a motd that looks things up)
// takes most of half a minute.
type Limits struct {
	Prompt time.Duration // until a login prompt or a shell shows
	Login  time.Duration // for the password prompt, and again for the shell
	Shell  time.Duration // until the shell answers the bootstrap
	Others time.Duration // until another run has left the console
}

// UsualLimits are the limits of a Config that has none.
var UsualLimits = Limits{Prompt: 60 * time.Second, Login: 45 * time.Second, Shell: 15 * time.Second, Others: 60 * time.Second}

const (
	settle         = 60 * time.Millisecond  // a prompt counts after a silence of one to two times this, see contention
	flushTime      = 500 * time.Millisecond // to see the effect of an empty line
	patientEnters  = 3
	glance         = 250 * time.Millisecond // between two looks at a console that is never quiet
	busyInterval   = 2 * time.Second
	busyLines      = 8         // more lines in busyInterval than that are not answers to our Enters
	screenSize     = 2 << 10   // bytes that are kept for errors
	maxText        = 128 << 10 // bytes of text that are kept; relevantLines keeps half at most
	motdPatience   = 3 * time.Second
	bootPatience   = 4 * time.Second // a guest that boots shows its prompt by itself
	maxUnsolicited = 4 << 20         // bytes without a prompt: the console is flooded
)

// run returns when the bootstrap is ready for the pump's text (adopted false), or when the
// pump answers that an earlier connection left (adopted true).
func (d *login) run(ctx context.Context) (adopted bool, err error) {
	d.enter(awaitPrompt)
	d.waitFor()
	limit := time.Now().Add(d.limits.Prompt)
	enter := time.Now().Add(300 * time.Millisecond)
	if d.booting {
		enter = time.Now().Add(bootPatience)
	}
	for {
		was, quiet := d.state, false
		t := time.NewTimer(d.quietTime(enter))
		select {
		case b, open := <-d.chunks:
			t.Stop()
			if !open {
				return false, d.closed()
			}
			d.hear(b)
			if d.state == awaitBootstrap && d.bootstrapReady() {
				return false, nil
			}
			if tag := d.foreignTag(); tag != "" {
				if err := d.waitForOwner(ctx, tag); err != nil {
					return false, err
				}
				// The program that follows a pump shows its prompt by itself.
				limit, enter = time.Now().Add(d.limits.Prompt), time.Now().Add(time.Second+rand.N(time.Second))
				d.waitFor()
				continue
			}
			if d.total > maxUnsolicited || time.Now().After(limit) && d.neverQuiet() {
				return false, d.flooded()
			}
			if !d.busy() || time.Now().Before(d.next) {
				continue
			}
		case <-ctx.Done():
			t.Stop()
			d.leave()
			return false, ctx.Err()
		case <-t.C:
			quiet = true
		}
		adopted, err := d.judge(quiet)
		if adopted || err != nil {
			return adopted, err
		}
		if d.state != was {
			d.waitFor()
			limit, enter = time.Now().Add(d.stateLimit()), time.Now().Add(3*time.Second)
			if d.state == awaitPassword { // Enter would be read as the password
				enter = time.Now().Add(10 * time.Second)
			}
			d.enter(d.state)
			continue
		}
		if time.Now().After(limit) {
			return false, d.late()
		}
		if time.Now().After(enter) && d.state != awaitBootstrap && !d.others.loggingIn() {
			if enter, err = d.pressEnter(); err != nil {
				return false, err
			}
		}
	}
}

func (d *login) waitFor() { d.waiting("waiting for " + string(d.state) + " on the console") }

// quietTime is how long the console must be silent before its text is judged.
func (d *login) quietTime(enter time.Time) time.Duration {
	// A program that answers our first Enters may still drop what is typed at once. Where
	// the kernel prints all the time, a longer wait would never see a prompt.
	if len(d.text) == 0 || d.enters > 0 && d.enters < patientEnters && time.Until(enter) > 0 {
		return min(max(time.Until(enter), time.Millisecond), 250*time.Millisecond-rand.N(settle))
	}
	return settle + rand.N(settle)
}

// pressEnter presses Enter, so that a prompt that was printed before is printed again, and
// returns when to do so next. If only the echo of the last Enter came back, nobody reads
// yet, and another Enter would wait there to be read as a name or a password.
func (d *login) pressEnter() (next time.Time, err error) {
	if d.enters == 0 || d.stirred || time.Since(d.enterAt) > 10*time.Second {
		if err := d.put(clearLine + "\n"); err != nil {
			return next, err
		}
		d.enters++
		d.stirred, d.enterAt = false, time.Now()
		d.total = 0 // what comes now may be the answer
		d.unsure = d.unsure || d.state == awaitPassword
	}
	if d.busy() { // perhaps with answers to our Enters: let them end
		return time.Now().Add(min(time.Second<<d.enters, 30*time.Second)), nil
	}
	return time.Now().Add(min(time.Duration(d.enters)*time.Second, 4*time.Second)), nil
}

// enter begins to wait for s.
func (d *login) enter(s state) { d.state, d.chunksIn, d.enters = s, 0, 0 }

func (d *login) stateLimit() time.Duration {
	switch d.state {
	case awaitPrompt:
		return d.limits.Prompt
	case awaitBootstrap:
		return d.limits.Shell
	}
	return d.limits.Login
}

// hear keeps what the console printed.
func (d *login) hear(b []byte) {
	d.total += len(b)
	d.chunksIn++
	d.heardAt = time.Now()
	d.stirred = d.stirred || len(bytes.TrimSpace(b)) > 0
	d.lines += bytes.Count(b, []byte("\n"))
	if time.Since(d.linesAt) > busyInterval {
		d.linesAt, d.busyTTY, d.lines = time.Now(), d.lines > busyLines, 0
	}
	if d.text = append(d.text, b...); len(d.text) > maxText {
		d.text = relevantLines(d.text)
	}
	d.screen = keepLast(d.screen, b, screenSize)
}

// relevantLines drops the lines that say nothing about a login or a shell. So two answers to
// our Enters are both seen, however much was printed between them.
func relevantLines(text []byte) []byte {
	begin := bytes.LastIndexByte(text, '\n') + 1
	var kept []byte
	for line := range bytes.Lines(text[:begin]) {
		if !bytes.ContainsAny(line, "#$:~") && !mentionsLogin(line) { // a flood needs a fast test first
			continue
		}
		p := readable(line)
		if promptBegin().MatchString(p) || refused().MatchString(p) || locked().MatchString(p) || changeAsked().MatchString(p) || strings.Contains(p, "~") {
			kept = append(kept, line...)
		}
	}
	kept = append(kept, text[begin:]...)
	return kept[max(0, len(kept)-maxText/2):]
}

// mentionsLogin reports whether a line may match refused, locked or changeAsked: each match
// has one of these words.
func mentionsLogin(line []byte) bool {
	line = bytes.ToLower(line)
	for _, word := range []string{"login", "password", "account", "authentication", "going down"} {
		if bytes.Contains(line, []byte(word)) {
			return true
		}
	}
	return false
}

// readable drops carriage returns and the codes that move a cursor.
func readable(text []byte) string {
	return escapes().ReplaceAllString(strings.ReplaceAll(string(text), "\r", ""), "")
}

// clearLine clears what somebody has typed and not sent, wherever the cursor stands in it.
// ^U alone would leave the part after the cursor, and our Enter would run it.
const clearLine = "\x05\x15"

func (d *login) put(s string) error {
	if _, err := io.WriteString(d.conn, s); err != nil {
		return d.closed()
	}
	return nil
}
