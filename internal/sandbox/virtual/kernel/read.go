package kernel

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/tty"
)

type readOpts struct {
	raw     bool
	silent  bool // -s
	timeout time.Duration
	timed   bool
	n       int
	delim   byte
	fd      int
	array   string
	names   []string
}

// read replaces the library's, which joins empty fields and keeps NUL bytes.
func (sh *shell) read(hc interp.HandlerContext, args []string) ([]string, error) {
	o := readOpts{delim: '\n', n: -1}
	rest := args[1:]
	for len(rest) > 0 && len(rest[0]) > 1 && rest[0][0] == '-' {
		a := rest[0]
		rest = rest[1:]
		if a == "--" {
			break
		}
		for i := 1; i < len(a); i++ {
			if a[i] == 'r' {
				o.raw = true
				continue
			}
			if sh.posix() && a[i] != 'p' {
				fmt.Fprintf(hc.Stderr, "%s: 1: read: Illegal option -%c\n", sh.name, a[i])
				return []string{callPrefix + "status", "2"}, nil
			}
			if a[i] == 's' || a[i] == 'e' {
				o.silent = o.silent || a[i] == 's'
				continue
			}
			val := a[i+1:]
			if val == "" && len(rest) > 0 {
				val, rest = rest[0], rest[1:]
			}
			switch a[i] {
			case 't':
				d, ok := seconds(val)
				if !ok {
					return []string{callPrefix + "status", "2"}, nil
				}
				o.timed, o.timeout = true, d
			case 'n', 'N':
				o.n, _ = strconv.Atoi(val)
			case 'd':
				if o.delim = 0; val != "" {
					o.delim = val[0]
				}
			case 'u':
				o.fd, _ = strconv.Atoi(val)
			case 'a':
				o.array = val
			case 'p':
			default:
				fmt.Fprintf(hc.Stderr, "%s: 1: read: Illegal option -%c\n", sh.name, a[i])
				return []string{callPrefix + "status", "2"}, nil
			}
			break
		}
	}
	terminal := terminalOf(raw(sh.inOf(hc)))
	if s := hc.Env.Get("TMOUT").String(); sh.kind == "bash" && terminal != nil && !o.timed && s != "" {
		o.timeout, o.timed = seconds(s)
	}
	o.names = rest
	return sh.readNow(hc, o)
}

func (sh *shell) readNow(hc interp.HandlerContext, o readOpts) ([]string, error) {
	in := sh.inOf(hc)
	if o.fd > 2 {
		sh.p.mu.Lock()
		f, ok := sh.p.fds[o.fd].(io.Reader)
		sh.p.mu.Unlock()
		if !ok {
			return []string{callPrefix + "status", "1"}, nil
		}
		in = f
	}
	line, err := sh.readBytes(raw(in), o)
	if !o.raw && err == nil && o.delim == '\n' && o.n < 0 {
		for err == nil && strings.HasSuffix(line, "\\") && (len(line)-len(strings.TrimRight(line, "\\")))%2 == 1 {
			var more string // a line that a backslash continues
			more, err = sh.readBytes(raw(in), o)
			line = line[:len(line)-1] + more
		}
	}
	seps, runes := separatorsOf(hc.Env), lineRunes(line, o.raw)
	var b strings.Builder
	names := o.names
	switch {
	case o.array != "":
		b.WriteString(o.array + "=(")
		for _, f := range seps.fields(runes, -1) {
			b.WriteString(quote(f) + " ")
		}
		b.WriteString(")")
	case len(names) == 0:
		b.WriteString("REPLY=" + quote(textOf(runes)))
	default:
		fields := seps.fields(runes, len(names))
		for i, n := range names {
			if !syntax.ValidName(n) {
				return []string{callPrefix + "status", "2"}, nil
			}
			val := ""
			if i < len(fields) {
				val = fields[i]
			}
			b.WriteString(n + "=" + quote(val) + "\n")
		}
	}
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		b.WriteString("\n" + callPrefix + "status 142")
	case err != nil:
		b.WriteString("\nfalse")
	}
	return []string{"eval", b.String()}, nil
}

func (sh *shell) readBytes(in io.Reader, o readOpts) (string, error) {
	if t := terminalOf(in); t != nil {
		return sh.readTerminal(t, o)
	}
	f, pollable := in.(*os.File)
	next := (&reader{sh.p, in}).Read
	switch {
	case o.timed && pollable:
		if f.SetReadDeadline(time.Now().Add(o.timeout)) == nil {
			defer func() { _ = f.SetReadDeadline(time.Time{}) }()
		}
		next = f.Read
	case pollable:
		// To prepare the wait for each byte again took twice as long as to read it.
		defer sh.p.wakes(f)()
		if o.n < 0 {
			if line, pipe, err := sh.takeLine(f, o.delim); pipe {
				return line, err
			}
		}
		next = func(b []byte) (int, error) { return sh.p.readFile(f, b) }
	}
	// A byte at a time, because what follows the line belongs to the next command.
	var line bytes.Buffer
	buf := make([]byte, 1)
	for o.n < 0 || line.Len() < o.n {
		n, err := next(buf)
		if n > 0 {
			if buf[0] == o.delim {
				return line.String(), nil
			}
			if buf[0] != 0 {
				line.WriteByte(buf[0])
			}
		}
		if err != nil {
			return line.String(), err
		}
	}
	return line.String(), nil
}

// takeLine reads from a pipe up to a delimiter, which it drops, as it does NUL bytes. It
// looks ahead for the delimiter, so that it takes a line in three system calls and nothing of
// what follows. pipe is false for any other file, of which nothing was read.
func (sh *shell) takeLine(f *os.File, delim byte) (line string, pipe bool, err error) {
	var text []byte
	buf := make([]byte, 256)
	for {
		n, pipe, err := sh.peek.see(sh.p, f, buf)
		switch {
		case !pipe:
			return "", false, nil
		case errors.Is(err, os.ErrDeadlineExceeded) && sh.p.ctx.Err() == nil:
			time.Sleep(time.Millisecond) // another process's deadline, see readFile
			continue
		case errors.Is(err, os.ErrDeadlineExceeded):
			return string(text), true, context.Cause(sh.p.ctx)
		case err == nil && n == 0, errors.Is(err, os.ErrClosed):
			return string(text), true, io.EOF
		case err != nil:
			return string(text), true, err
		}
		end := bytes.IndexByte(buf[:n], delim)
		if end >= 0 {
			n = end + 1
		}
		for got := 0; got < n; {
			m, err := sh.p.readFile(f, buf[got:n])
			if err != nil {
				return string(text), true, err
			}
			got += m
		}
		if end >= 0 {
			n = end
		}
		text = append(text, bytes.ReplaceAll(buf[:n], []byte{0}, nil)...)
		if end >= 0 {
			return string(text), true, nil
		}
	}
}

// readTerminal is read from a terminal, where -n and -d change its mode, as -s
// does.
func (sh *shell) readTerminal(t *tty.TTY, o readOpts) (string, error) {
	ctx := sh.context()
	if o.timed {
		c, cancel := context.WithTimeoutCause(ctx, o.timeout, os.ErrDeadlineExceeded)
		defer cancel()
		ctx = c
	}
	was := t.Mode()
	if mode := was; o.silent || o.n >= 0 || o.delim != '\n' {
		if o.silent {
			mode.Lflag &^= tty.ECHO
		}
		if o.n >= 0 || o.delim != '\n' {
			mode.Lflag &^= tty.ICANON
		}
		t.SetMode(mode)
		defer t.SetMode(was)
	}
	var text bytes.Buffer
	buf := make([]byte, 1)
	for o.n < 0 || text.Len() < o.n {
		n, err := t.ReadContext(ctx, buf)
		switch {
		case err != nil:
			return text.String(), err
		case n > 0 && buf[0] == o.delim:
			return text.String(), nil
		case n > 0 && buf[0] != 0:
			text.WriteByte(buf[0])
		}
	}
	return text.String(), nil
}

func seconds(s string) (time.Duration, bool) {
	f, err := strconv.ParseFloat(s, 64)
	return time.Duration(f * float64(time.Second)), err == nil
}
