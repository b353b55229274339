package kernel

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/tty"
)

// The marks that bash's readline puts around the reading of a line: bracketed
// paste on and off.
const (
	pasteOn  = "\x1b[?2004h"
	pasteOff = "\x1b[?2004l\r"
)

// editor is as much of readline as a program at the other end notices: it
// takes the terminal out of canonical mode while it reads, so that a line may be
// longer than 4095 bytes, and echoes by itself. It does not complete: a tab is
// swallowed, as it would be in a line without any match.
type editor struct {
	t      *tty.TTY
	echo   bool
	prompt string
	line   []byte
	paste  bool
}

// edit reads one line and gives the terminal back as it was.
func (sh *shell) edit(ctx context.Context, t *tty.TTY, prompt string) (string, error) {
	was := t.Mode()
	mode := was
	mode.Lflag &^= tty.ICANON | tty.ECHO
	mode.Iflag &^= tty.ICRNL | tty.INLCR
	mode.Cc[tty.VMIN], mode.Cc[tty.VTIME], mode.Cc[tty.VLNEXT] = 1, 0, 0
	t.SetMode(mode)
	defer t.SetMode(was)
	e := &editor{t: t, echo: was.Lflag&tty.ECHO != 0, prompt: prompt}
	term := sh.variable("TERM")
	brackets := sh.kind == "bash" && term != "" && term != "dumb"
	if brackets {
		e.show(pasteOn)
	}
	e.show(prompt)
	err := e.read(ctx)
	if e.echo && err == nil {
		e.show("\n")
	}
	if brackets {
		e.show(pasteOff)
		if !e.echo || errors.Is(err, io.EOF) {
			e.show("\n")
		}
	}
	return string(e.line) + "\n", err
}

func (e *editor) show(s string) { _, _ = e.t.Write([]byte(s)) } // a terminal that is gone ends the read

func (e *editor) read(ctx context.Context) error {
	for {
		c, err := e.next(ctx)
		if err != nil {
			return err
		}
		switch {
		case (c == '\r' || c == '\n') && e.paste:
			e.insert('\n')
		case c == '\r' || c == '\n':
			return nil
		case c == 4 && len(e.line) == 0:
			return io.EOF
		case c == 0x1b:
			err = e.escape(ctx)
		case c == 22:
			if c, err = e.next(ctx); err == nil {
				e.insert(c)
			}
		case c == 0x7f || c == '\b':
			e.erase(len(e.line) - 1)
		case c == 21:
			e.erase(0)
		case c == 23:
			e.erase(strings.LastIndexByte(strings.TrimRight(string(e.line), " "), ' ') + 1)
		case c == 12 && e.echo:
			e.show("\x1b[H\x1b[2J" + e.prompt + string(e.line))
		case c == '\t' && !e.paste:
			e.show("\a")
		case c >= ' ' || e.paste:
			e.insert(c)
		}
		if err != nil {
			return err
		}
	}
}

func (e *editor) next(ctx context.Context) (byte, error) {
	var b [1]byte
	for {
		if n, err := e.t.ReadContext(ctx, b[:]); n > 0 || err != nil {
			return b[0], err
		}
	}
}

func (e *editor) insert(c byte) {
	e.line = append(e.line, c)
	if e.echo {
		e.show(string([]byte{c}))
	}
}

func (e *editor) erase(to int) {
	if to < 0 {
		return
	}
	if n := len(e.line) - to; e.echo && n > 0 {
		e.show(strings.Repeat("\b", n) + "\x1b[K")
	}
	e.line = e.line[:to]
}

// escape swallows a key's sequence; two of them are the ends of a paste.
func (e *editor) escape(ctx context.Context) error {
	c, err := e.next(ctx)
	if err != nil || c != '[' && c != 'O' {
		return err
	}
	var seq []byte
	for len(seq) < 16 {
		if c, err = e.next(ctx); err != nil {
			return err
		}
		seq = append(seq, c)
		if c >= 0x40 && c <= 0x7e {
			break
		}
	}
	switch string(seq) {
	case "200~":
		e.paste = true
	case "201~":
		e.paste = false
	}
	return nil
}
