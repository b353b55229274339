//go:build linux

package console

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/infrahaus/infrahaus/internal/console/consoletest"
	"github.com/infrahaus/infrahaus/internal/needs"
)

// TestMain lets more tests run at a time than the machine has processors: they wait for a
// terminal most of the time.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "6"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// terminal is a guest's console, and how a test gets in.
type terminal struct {
	*consoletest.Terminal
	t testing.TB
}

func newTerminal(t testing.TB, script string, argv ...string) *terminal {
	t.Helper()
	return &terminal{consoletest.New(t, script, argv...), t}
}

// shells are the shells of this machine that may be a guest's sh. If one is missing, its
// test is shown as skipped.
func shells(t *testing.T) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	for name, argv := range map[string][]string{"dash": {"dash"}, "bash": {"bash"}, "busybox": {"busybox", "ash"}} {
		if path, err := exec.LookPath(argv[0]); err == nil {
			found[name] = append([]string{path}, argv[1:]...)
		} else {
			t.Run(name, func(t *testing.T) { needs.Program(t, argv[0], name) })
		}
	}
	return found
}

// session is a program on one channel that runs commands.
type session struct {
	t       testing.TB
	tty     *terminal
	console *Console
	mux     *Mux
	ch      *Channel
}

// sessionStart reads two lines, the length of a command's stdin and the command, and
// says how it ended on both streams.
const sessionStart = `while IFS= read -r b && IFS= read -r s; do ` +
	`if [ "$b" = 0 ]; then (eval "$s") </dev/null; else head -c "$b" | { (eval "$s"); r=$?; cat >/dev/null; exit $r; }; fi; ` +
	`r=$?; printf "\036ended %s\n" $r; printf "\036ended %s\n" $r >&2; done`

var sessionEnd = regexp.MustCompile("\x1eended ([0-9]+)\n$")

func (s *session) Close() { s.mux.Close() }

// attach opens the console again after a cut.
func (s *session) attach(ctx context.Context) error {
	conn, err := s.tty.Attach(ctx, "", 0)
	if err != nil {
		return err
	}
	m, err := s.console.Attach(ctx, conn)
	if err != nil {
		conn.Close()
		return err
	}
	s.mux = m
	return s.channel()
}

// channel starts the session's program on a channel of its own.
func (s *session) channel() (err error) {
	if s.ch, err = s.mux.Dial(); err != nil {
		return err
	}
	return s.ch.Start()
}

// run runs one line of shell; its error is that of the channel.
func (s *session) run(script, stdin string) (out, errs string, status int, err error) {
	var o, e bytes.Buffer
	type end struct {
		status int
		err    error
	}
	ends := make(chan end, 2)
	read := func(r io.Reader, to *bytes.Buffer) {
		p := make([]byte, 32<<10)
		for {
			n, err := r.Read(p)
			to.Write(p[:n])
			if m := sessionEnd.FindSubmatch(to.Bytes()[max(0, to.Len()-20):]); m != nil {
				to.Truncate(to.Len() - len(m[0]))
				status, _ := strconv.Atoi(string(m[1]))
				ends <- end{status, nil}
				return
			}
			if err != nil {
				ends <- end{0, err}
				return
			}
		}
	}
	go read(s.ch.Stdout(), &o)
	go read(s.ch.Stderr(), &e)
	_, err = io.WriteString(s.ch, fmt.Sprintf("%d\n%s\n%s", len(stdin), script, stdin))
	for range 2 {
		end := <-ends
		status, err = end.status, errors.Join(err, end.err)
	}
	return o.String(), e.String(), status, err
}

// do runs one line of shell, and gives what it printed.
func do(t *testing.T, s *session, script, stdin string) (out, errs string, status int) {
	t.Helper()
	out, errs, status, err := s.run(script, stdin)
	if err != nil {
		t.Fatal(err)
	}
	return out, errs, status
}

func (c *terminal) config(change func(*Config), limits []func(*Limits)) Config {
	o := Config{
		Start: sessionStart, KeepAlive: 10 * time.Second, Limits: UsualLimits, Waiting: func(string) {}, Note: func(string) {},
		RootPassword: func(context.Context) (string, error) { return c.Secret, nil },
	}
	if change != nil {
		change(&o)
	}
	for _, l := range limits {
		l(&o.Limits)
	}
	return o
}

// openWithin is open with another configuration, and other limits.
func (c *terminal) openWithin(change func(*Config), limits ...func(*Limits)) (*session, error) {
	s := &session{t: c.t, tty: c, console: New(c.config(change, limits))}
	return s, s.attach(c.t.Context())
}

func (c *terminal) open() *session {
	c.t.Helper()
	s, err := c.openWithin(nil, longLimits)
	if err != nil {
		c.t.Fatalf("%v\n%q", err, consoletest.Last(c.Output(), 2000))
	}
	c.t.Cleanup(func() { s.Close() })
	return s
}

// openUntil opens the console with a context that ends when Waiting or the console
// says what.
func (c *terminal) openUntil(what string) error {
	ctx, cancel := context.WithCancel(c.t.Context())
	defer cancel()
	see := func(said string) {
		if strings.Contains(said, what) {
			cancel()
		}
	}
	c.Hears(see)
	s := &session{t: c.t, tty: c, console: New(c.config(func(o *Config) { o.Waiting = see }, []func(*Limits){longLimits}))}
	err := s.attach(ctx)
	if err == nil {
		s.Close()
	}
	return err
}

// reasonOf is the Reason of an *Error, "" for another.
func reasonOf(err error) Reason {
	var e *Error
	if errors.As(err, &e) {
		return e.Reason
	}
	return ""
}

// longLimits are for what must not run into one, however busy the machine is.
func longLimits(l *Limits) {
	*l = Limits{Prompt: 5 * time.Minute, Login: 5 * time.Minute, Shell: 5 * time.Minute, Others: 5 * time.Minute}
}
