package guest

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/infrahaus/infrahaus/internal/console"
)

//go:embed exec.sh
var execText string

//go:embed boottty.sh
var bootTTYText string

// Process is one program for Exec, with streams of its own. Unlike a Cmd it is no shell
// program, its stdin may have any length, and it may have a terminal.
type Process struct {
	Argv  []string // the program and its arguments, as they are
	Login bool     // instead of Argv: the login shell of User
	User  string   // of Login; "": root

	Stdin  io.Reader // nil: /dev/null
	Stdout io.Writer
	Stderr io.Writer // with a terminal: nothing comes there

	TTY     *TTY          // nil: no terminal
	Signals <-chan string // signals for the program, named INT, TERM, HUP
	Started func()        // called when the program runs; nil: not
}

// TTY is the terminal that a Process gets.
type TTY struct {
	Term    string // TERM
	Size    Size
	Resized <-chan Size
}

// Size is that of a terminal's window.
type Size struct{ Cols, Rows int }

// shellOf is the shell behind a guest, whose gate lets this pass; nil if there is none.
func shellOf(ctx context.Context, g Guest) (*shell, error) {
	if gate, is := g.(gated); is {
		if err := gate.gate(ctx); err != nil {
			return nil, err
		}
		g = gate.Guest
	}
	s, _ := g.(*shell)
	return s, nil
}

// Exec runs a program in the guest and returns its exit status: 127 for a missing program,
// 126 for one that cannot be executed, 128+n for one that signal n killed. It starts the
// program at most once and never again. err says why the status is not known. When ctx
// ends, or the link breaks, the program gets SIGHUP if it has a terminal or no Stdin; else
// its stdin ends. The memory used does not depend on the length of the streams.
//
// Exec does not wait for Run of the same Guest. But a program with a terminal over the
// console needs the console alone: nothing else of the Guest works until it has ended.
func Exec(ctx context.Context, g Guest, p Process) (status int, err error) {
	s, err := shellOf(ctx, g)
	if err != nil {
		return 0, err
	}
	if s == nil {
		return 0, errors.New("cannot run a program in this guest")
	}
	nonce := newNonce()
	text := p.text(nonce)
	st, err := s.open.process(ctx, s, p.TTY, text)
	if err != nil {
		return 0, err
	}
	s.counts.commands.Add(1)
	x := &execution{s: s, p: p, st: st, out: newScanner(st.out, nonce)}
	if st.err != nil {
		x.err = newScanner(st.err, nonce)
	}
	return x.run(ctx, text)
}

// stream is a session in which boot.sh waits for its text.
type stream struct {
	session
	in     io.WriteCloser // closing it ends the program's input
	out    io.Reader
	err    io.Reader             // nil: a terminal has one output
	resize func(Size) error      // nil: no terminal
	sent   bool                  // the guest has the text already
	hangup func(context.Context) // ends what runs there, where closing does not; nil: closing does
}

// text is what boot.sh reads.
func (p Process) text(nonce string) string {
	var b strings.Builder
	b.WriteString(nonce + "\n")
	fmt.Fprintf(&b, "ih_in=%s ih_tty= ih_size= ih_hangup=\n", flag(p.Stdin != nil))
	if t := p.TTY; t != nil {
		fmt.Fprintf(&b, "ih_tty=1 ih_term=%s\n", Quote(orElse(t.Term, "dumb")))
		if t.Size.Rows > 0 && t.Size.Cols > 0 {
			fmt.Fprintf(&b, "ih_size='%d %d'\n", t.Size.Rows, t.Size.Cols)
		}
	}
	argv := p.Argv
	if p.Login {
		argv = []string{"/bin/sh", "-c", loginScript, "sh", orElse(p.User, "root")}
	}
	b.WriteString("set --")
	for _, a := range argv {
		b.WriteString(" " + Quote(a))
	}
	b.WriteString("\n" + console.StripComments(execText) + nonce + "\n")
	return b.String()
}

// loginScript becomes the login shell of the user $1. su makes the session of another user;
// root's shell needs none.
const loginScript = `ih_u=$1 ih_sh=
while IFS=: read -r a b c d e f g; do [ "$a" != "$ih_u" ] || ih_sh=${g:-/bin/sh}; done </etc/passwd
if [ -z "$ih_sh" ] && ! id "$ih_u" >/dev/null 2>&1; then
	echo "infrahaus: cannot open a shell: the guest has no user $ih_u" >&2
	exit 255
fi
if [ "$ih_u" != root ]; then exec su - "$ih_u"; fi
[ -x "$ih_sh" ] || ih_sh=/bin/sh
cd /root 2>/dev/null || cd /
SHELL=$ih_sh; export SHELL; unset a b c d e f g
exec "$ih_sh" -l`

func flag(on bool) string {
	if on {
		return "1"
	}
	return ""
}

// execution is one Exec.
type execution struct {
	s   *shell
	p   Process
	st  *stream
	out *scanner
	err *scanner

	pid  int
	once sync.Once
}

// ended is the end of an execution.
type ended struct {
	status int
	err    error
}

func (x *execution) run(ctx context.Context, text string) (int, error) {
	defer x.end()
	var noise tail
	pid, err := x.start(ctx, text, &noise)
	if err != nil {
		return 0, x.notStarted(ctx, err, &noise)
	}
	x.pid = pid
	if x.p.Started != nil {
		x.p.Started()
	}
	out, errw := &gate{w: x.p.Stdout}, &gate{w: x.p.Stderr}
	defer out.close()
	defer errw.close()
	done := make(chan ended, 1)
	own := make(chan error, 1) // an error of the caller's reader
	go func() { done <- x.collect(out, errw) }()
	go func() { own <- x.feed() }()
	for {
		select {
		case e := <-done:
			if own := (*ownError)(nil); errors.As(e.err, &own) {
				return 0, own.err
			}
			if e.err != nil {
				return 0, x.dropped(ctx, e.err)
			}
			return e.status, nil
		case err := <-own:
			if err != nil {
				return 0, err
			}
			own = nil
		case name := <-x.p.Signals:
			go x.signal(ctx, name)
		case size := <-x.resized():
			if x.st.resize != nil {
				_ = x.st.resize(size) // a broken link shows when we read
			}
		case <-ctx.Done():
			return 0, fmt.Errorf("cannot wait for the command: %w", context.Cause(ctx))
		}
	}
}

func (x *execution) resized() <-chan Size {
	if x.p.TTY == nil {
		return nil
	}
	return x.p.TTY.Resized
}

// end gives up the session.
func (x *execution) end() {
	x.once.Do(func() {
		if x.st.hangup != nil {
			x.st.Close()
			return
		}
		go x.st.Close() // may block on a dead connection until it is closed
	})
}

// start sends the text and returns the program's pid.
func (x *execution) start(ctx context.Context, text string, noise *tail) (pid int, err error) {
	result := make(chan ended, 1)
	go func() {
		if !x.st.sent {
			go func() { _, _ = io.WriteString(x.st.in, text) }() // a broken pipe shows when we read
		}
		pid, err := x.out.next(noise)
		if err == nil && x.err != nil {
			_, err = x.err.next(noise)
		}
		result <- ended{pid, err}
	}()
	t := time.NewTimer(helloDeadline)
	defer t.Stop()
	select {
	case e := <-result:
		return e.status, e.err
	case <-t.C:
		return 0, errors.New("no answer")
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
}

func (x *execution) notStarted(ctx context.Context, err error, noise *tail) error {
	if ctx.Err() != nil {
		return fmt.Errorf("cannot start the command: %w", context.Cause(ctx))
	}
	e := x.s.fail(Dropped, "cannot start the command in the guest", err)
	x.end()
	time.Sleep(50 * time.Millisecond) // for the last words
	e.Tail = noise.String()
	return e
}

// dropped is the error of a link that broke while the program ran.
func (x *execution) dropped(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("cannot wait for the command: %w", context.Cause(ctx))
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	e := x.s.fail(Dropped, "cannot wait for the command: the link to the guest dropped while it ran", err)
	if x.s.running != nil {
		if up, asked := x.s.running(ctx); asked == nil && !up {
			e = x.s.fail(Gone, "cannot wait for the command: the container has stopped", nil)
		}
	}
	return e
}

// collect copies the output up to the program's end.
func (x *execution) collect(out, errw io.Writer) ended {
	if x.err == nil {
		status, err := x.out.next(out)
		return ended{status, err}
	}
	errs := make(chan ended, 1)
	go func() {
		status, err := x.err.next(errw)
		if err != nil {
			x.end()
		}
		errs <- ended{status, err}
	}()
	status, err := x.out.next(out)
	if err != nil {
		x.end()
	}
	e := <-errs
	var own *ownError
	switch {
	case err != nil && !errors.As(e.err, &own):
		return ended{0, err}
	case e.err != nil:
		return ended{0, e.err}
	}
	return ended{status, nil}
}

// feed sends the program's input.
func (x *execution) feed() error {
	if x.p.Stdin == nil {
		return nil
	}
	src := &source{r: x.p.Stdin}
	_, err := io.CopyBuffer(struct{ io.Writer }{x.st.in}, src, make([]byte, 32<<10))
	if src.err != nil {
		return src.err
	}
	if err == nil && x.p.TTY == nil {
		_ = x.st.in.Close()
	}
	return nil // a program may end without reading its input
}

// signal sends the program a signal: by the session's stdin if that is free, or with a second shell.
func (x *execution) signal(ctx context.Context, name string) {
	switch {
	case x.p.TTY == nil && x.p.Stdin == nil:
		_, _ = fmt.Fprintln(x.st.in, name)
	case x.st.hangup != nil:
		x.st.hangup(ctx)
	default:
		g, err := againFast(ctx, x.s)
		if err != nil {
			return
		}
		defer g.Close()
		_, _ = g.Run(ctx, Cmd{Label: "send a signal", Script: fmt.Sprintf("kill -s %s -- -%d 2>/dev/null || kill -s %[1]s %[2]d", Quote(name), x.pid)})
	}
}
