package guest

import (
	"bytes"
	"context"
	"io"
	"strings"
	"time"
)

// dialogue gets from whatever a console shows to a root shell that reads the
// loader. It types only at a prompt: what is typed before is lost, or read by
// somebody else.
type dialogue struct {
	conn     io.Writer
	chunks   <-chan []byte
	ended    func() error // why chunks was closed
	tag      string
	left     string // the tag of an earlier run's pump, told to end
	ours     string // the tag of a pump that this run left here; "" if none
	boots    bool   // the container was started just now
	password func() (string, error)
	waiting  func(string)
	note     func(string)
	who      string
	limits   limits

	text    []byte // what the console said since the last thing that was typed
	all     tail
	total   int
	pieces  int // in which it came, since what is waited for last changed
	state   step
	logged  bool // we logged in, so we log out
	pokes   int
	poked   time.Time // the last of them
	heard   time.Time // when something came last
	stirred bool      // something but an echo came since
	again   int       // logins refused
	lost    int       // names that were typed too early
	unsure  bool      // something else may stand in the prompt that we answered
	secret  string

	typed   time.Time // when the loader's line was typed
	retyped int
	cleared time.Time // when what may have waited in a prompt was read away
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
type limits struct{ prompt, login, shell time.Duration }

var usualLimits = limits{prompt: 60 * time.Second, login: 45 * time.Second, shell: 15 * time.Second}

const (
	settle       = 60 * time.Millisecond // of silence, before a prompt is believed
	clearing     = 500 * time.Millisecond
	patientPokes = 3
	motdPatience = 3 * time.Second
	bootPatience = 4 * time.Second // a guest that has just been started says of itself when it is ready
	floodLimit   = 4 << 20
)

// run returns when the loader is there (adopted false), or the pump that this run
// left (adopted true).
func (d *dialogue) run(ctx context.Context) (adopted bool, err error) {
	d.state = anyPrompt
	d.waiting("waiting for " + string(d.state) + " on the console")
	limit := time.Now().Add(d.limits.prompt)
	poke := time.Now().Add(300 * time.Millisecond)
	if d.boots {
		poke = time.Now().Add(bootPatience)
	}
	for {
		was := d.state
		quiet := settle
		// What answers a poke may still throw away what is typed at once; where the
		// kernel writes all the time, waiting longer would never see a prompt.
		if len(d.text) == 0 || d.pokes > 0 && d.pokes < patientPokes && time.Until(poke) > 0 {
			quiet = min(max(time.Until(poke), time.Millisecond), 250*time.Millisecond)
		}
		t := time.NewTimer(quiet)
		select {
		case b, open := <-d.chunks:
			t.Stop()
			if !open {
				return false, d.hungUp()
			}
			d.hear(b)
			if d.total > floodLimit {
				return false, d.flooded()
			}
			if d.state == asksLoader && d.loaded() {
				return false, nil
			}
			if time.Now().After(limit) { // it was never quiet
				return false, d.flooded()
			}
			continue
		case <-ctx.Done():
			t.Stop()
			return false, ctx.Err()
		case <-t.C:
		}
		adopted, err := d.look()
		if adopted || err != nil {
			return adopted, err
		}
		if d.state != was {
			d.waiting("waiting for " + string(d.state) + " on the console")
			limit, poke = time.Now().Add(d.patience()), time.Now().Add(3*time.Second)
			if d.state == asksSecret { // a poke would be read as the password
				poke = time.Now().Add(10 * time.Second)
			}
			d.pokes, d.pieces = 0, 0
			continue
		}
		if time.Now().After(limit) {
			return false, d.late()
		}
		if time.Now().After(poke) && d.state != asksLoader {
			if poke, err = d.poke(); err != nil {
				return false, err
			}
		}
	}
}

// poke presses Enter, so that a prompt that was shown before shows again, and says
// when to do so next. Where nothing but that comes back nobody reads yet, and each
// further one would wait there to be read as a name or a password.
func (d *dialogue) poke() (next time.Time, err error) {
	if d.pokes == 0 || d.stirred || time.Since(d.poked) > 10*time.Second {
		// ^U clears what somebody left half-typed.
		if err := d.put("\x15\n"); err != nil {
			return next, err
		}
		d.pokes++
		d.stirred, d.poked = false, time.Now()
		d.unsure = d.unsure || d.state == asksSecret
	}
	return time.Now().Add(min(time.Duration(d.pokes)*time.Second, 4*time.Second)), nil
}

func (d *dialogue) patience() time.Duration {
	switch d.state {
	case anyPrompt:
		return d.limits.prompt
	case asksLoader:
		return d.limits.shell
	}
	return d.limits.login
}

// hear keeps what came, without the codes that move a cursor.
func (d *dialogue) hear(b []byte) {
	d.total += len(b)
	d.pieces++
	d.heard = time.Now()
	d.stirred = d.stirred || len(bytes.TrimSpace(b)) > 0
	d.text = append(d.text, b...)
	if over := len(d.text) - 16<<10; over > 0 {
		d.text = append(d.text[:0], d.text[over:]...)
	}
	_, _ = d.all.Write(b)
}

// plain is what came, as a reader would see it.
func (d *dialogue) plain() string {
	return escapes.ReplaceAllString(strings.ReplaceAll(string(d.text), "\r", ""), "")
}

// look judges a console that has gone quiet, and types what it asks for.
func (d *dialogue) look() (adopted bool, err error) {
	text := d.plain()
	m := leftPump.FindStringSubmatch(text)
	if m != nil && strings.Contains(text, "~"+m[1]+" b;") {
		m = nil // it answered, and then it ended
	}
	if m != nil && d.state != asksLoader {
		if m[1] == d.ours {
			return true, nil
		}
		d.text = nil
		if m[1] == d.left {
			return false, nil // it is told already: what it says now it said before
		}
		d.left = m[1]
		d.note("what an earlier run left on the console is ended")
		return false, d.put("\n" + pumpLine(m[1], "q"))
	}
	last := text[strings.LastIndexByte(text, '\n')+1:]
	if (d.state == asksSecret || d.state == asksShell) && codeAsked.MatchString(last) {
		_ = d.put("\n") // none: so that the login ends
		return false, d.fail(AuthRefused, "it asks for a second factor, which a run cannot give",
			"let root log in on the console without one (PAM's rules for login), or use ssh.transport guest or node")
	}
	switch d.state {
	case anyPrompt:
		return false, d.atPrompt(last)
	case asksSecret:
		if refused.MatchString(text) || locked.MatchString(text) {
			return false, d.refuse(text)
		}
		if secretAsked.MatchString(text) {
			d.state, d.text = asksShell, nil
			return false, d.put(d.secret + "\n")
		}
		if d.pokes > 0 && d.lost < 5 && strings.HasSuffix(strings.TrimRight(last, " "), "login:") {
			d.lost++ // the name: a getty that begins anew throws away what came before
			d.state, d.text = anyPrompt, nil
		}
	case asksLoader:
		if time.Since(d.typed) < 2*time.Second {
			return false, nil
		}
		d.typed = time.Now()
		if shellPrompt.MatchString(last) && d.retyped < 3 {
			d.retyped++
			return false, d.load(d.logged)
		}
		// Its word may have been spoilt: one that reads says that it has nothing yet.
		return false, d.put("\n" + d.tag + "\n")
	case asksShell:
		switch {
		case shellPrompt.MatchString(last) && !secretAsked.MatchString(last): // whatever a motd says before it
			return false, d.load(true)
		case !secretWaits.MatchString(last) && !loginPrompt.MatchString(last) && time.Since(d.heard) < motdPatience:
			// A motd may say the same as a refusal, and be in the middle of it.
		case changeAsked.MatchString(text):
			_ = d.put("\x03") // nothing is changed in anybody's name
			return false, d.fail(AuthRefused, "root's password has expired there, and a new one is asked for",
				"set it again on the node: "+setAgain)
		case refused.MatchString(text), locked.MatchString(text):
			return false, d.refuse(text)
		case loginPrompt.MatchString(last) && !lastLogin.MatchString(last):
			return false, d.refuse("the login started over")
		}
	}
	return false, nil
}

// atPrompt answers the first prompt.
func (d *dialogue) atPrompt(last string) error {
	switch {
	case secretWaits.MatchString(last):
		// Half a login, somebody's or what a cut left of ours: an empty password ends it.
		d.text = nil
		return d.put("\x15\n")
	case loginPrompt.MatchString(last) && !lastLogin.MatchString(last):
		if d.stale() {
			d.text = nil
			return d.put("\x15\n")
		}
		if time.Since(d.cleared) < clearing {
			return nil
		}
		// Who has no password types no name: the prompt stays as it was.
		secret, err := d.password()
		if err != nil {
			return d.fail(NotConfigured, err.Error(), "say it with --password-file, or create with --console shell")
		}
		d.secret = secret
		clear := ""
		if !strings.HasSuffix(strings.TrimRight(last, " "), ":") {
			clear = "\x15" // somebody's half a name
		}
		d.unsure = clear != "" || d.pokes > 0
		d.state, d.text = asksSecret, nil
		return d.put(clear + "root\n")
	case shellPrompt.MatchString(last):
		return d.load(false)
	}
	return nil
}

// stale is true for the first login prompt after a pump of ours: a line that was
// meant for that may be waiting to be read as a name, and our name then as a
// password, and the password as a name, which a log keeps. An empty line, and what
// comes of it, is waited out first.
func (d *dialogue) stale() bool {
	if d.left == "" && d.ours == "" || !d.cleared.IsZero() {
		return false
	}
	d.cleared = time.Now()
	return true
}

// load types the line that starts the loader.
func (d *dialogue) load(logged bool) error {
	d.logged, d.typed = logged, time.Now()
	d.state, d.text = asksLoader, nil
	return d.put(loaderLine(d.tag, logged))
}

func (d *dialogue) loaded() bool {
	for _, word := range []string{" g;", " r;"} {
		if _, after, ok := strings.Cut(string(d.text), "~"+d.tag+word); ok {
			d.text = []byte(after)
			return true
		}
	}
	return false
}

func (d *dialogue) put(s string) error {
	if _, err := io.WriteString(d.conn, s); err != nil {
		return d.hungUp()
	}
	return nil
}
