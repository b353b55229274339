package guest

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/console"
)

// hangupSize is a size that no window has. exec.sh ends its program when the terminal gets
// it: a size is all that reaches a program on the console besides what is typed.
var hangupSize = Size{Cols: 7, Rows: 1}

// process opens one more channel on the console, or takes the whole console if t is not
// nil.
func (w *consoleTransport) process(ctx context.Context, s *shell, t *TTY, text string) (*stream, error) {
	if t != nil {
		return w.terminal(ctx, s, text)
	}
	m, err := w.console(ctx)
	if err != nil {
		return nil, err
	}
	ch, err := m.Dial()
	if err == nil {
		if err = ch.StartPlain(); err != nil {
			ch.Close()
		}
	}
	if err != nil {
		return nil, w.fail(Dropped, "cannot start the command over the console", err)
	}
	return &stream{session: consoleSession{ch}, in: channelInput{ch}, out: ch.Stdout(), err: ch.Stderr()}, nil
}

// channelInput is a channel's input, which ends when it is closed.
type channelInput struct{ *console.Channel }

func (c channelInput) Close() error { return c.CloseWrite() }

// terminal puts the text into a file, because a terminal takes no long lines, and has the
// console itself run it.
func (w *consoleTransport) terminal(ctx context.Context, s *shell, text string) (*stream, error) {
	nonce, program, _ := strings.Cut(text, "\n")
	program = strings.TrimSuffix(program, nonce+"\n")
	program = fmt.Sprintf("rm -f -- \"$0\"\nih_n=%s ih_s=\n", Quote(nonce)) +
		strings.Replace(program, "ih_hangup=\n", fmt.Sprintf("ih_hangup='%d %d'\n", hangupSize.Rows, hangupSize.Cols), 1)
	var path tail
	status, err := s.Run(ctx, Cmd{
		Label:  "prepare the console",
		Script: "umask 077; for d in /run /dev/shm /tmp; do f=$(mktemp $d/infrahaus-exec-XXXXXX 2>/dev/null) && break; done; cat >\"$f\" && echo \"$f\"",
		Stdin:  strings.NewReader(program), Size: int64(len(program)), Stdout: &path,
	})
	if err != nil {
		return nil, err
	}
	if status != 0 || path.String() == "" {
		return nil, w.fail(Failed, "cannot use the console as a terminal: the guest has no room for a file", nil)
	}
	m, err := w.console(ctx)
	if err != nil {
		return nil, err
	}
	term, err := m.Terminal(path.String())
	if err != nil {
		return nil, w.fail(Dropped, "cannot use the console as a terminal", err)
	}
	st := &stream{session: terminalSession{w, term}, in: typed{term}, out: term, sent: true}
	st.resize = func(s Size) error { return term.Resize(s.Cols, s.Rows) }
	st.hangup = func(ctx context.Context) { w.hangup(ctx, term) }
	return st, nil
}

// hangup ends what runs on the console. Where the connection has broken, another one says
// so.
func (w *consoleTransport) hangup(ctx context.Context, term *console.Terminal) {
	if term.Resize(hangupSize.Cols, hangupSize.Rows) == nil && w.mux.Err() == nil {
		return
	}
	conn, err := w.o.Console(ctx, w.target.Node, w.target.CTID)
	if err != nil {
		return
	}
	defer conn.Close()
	if r, ok := conn.(console.Resizer); ok && r.Resize(hangupSize.Cols, hangupSize.Rows) == nil {
		_ = pause(ctx, 3*time.Second) // what runs there looks once a second
	}
}

// typed is the input of a terminal, which has no end but what is typed.
type typed struct{ *console.Terminal }

func (typed) Close() error { return nil }

// hangupPatience is how long a program on the console may take to end, and how long opening
// another connection may take.
const hangupPatience = 6 * time.Second

// terminalSession is the console as a session.
type terminalSession struct {
	w *consoleTransport
	t *console.Terminal
}

func (terminalSession) Terminate() {}

// Close ends the program if it still runs, so that no root shell stays open on the console.
func (s terminalSession) Close() error {
	select {
	case <-s.t.Ended():
		return nil
	default:
	}
	s.t.Discard()
	ctx, cancel := context.WithTimeout(context.Background(), hangupPatience)
	defer cancel()
	s.w.hangup(ctx, s.t)
	select {
	case <-s.t.Ended():
	case <-ctx.Done():
	}
	return nil
}
