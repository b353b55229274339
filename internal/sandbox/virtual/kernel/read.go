package kernel

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"
)

type readOpts struct {
	raw     bool
	timeout time.Duration
	timed   bool
	n       int
	delim   byte
	fd      int
	array   string
	names   []string
}

// read leaves the plain form to the library and does the rest here.
func (sh *shell) read(hc interp.HandlerContext, args []string) ([]string, error) {
	o := readOpts{delim: '\n', n: -1}
	rest := args[1:]
	special := false
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
			if a[i] == 's' || a[i] == 'e' {
				continue
			}
			val := a[i+1:]
			if val == "" && len(rest) > 0 {
				val, rest = rest[0], rest[1:]
			}
			special = true
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
				special = special && o.timed || special
			default:
				fmt.Fprintf(hc.Stderr, "%s: 1: read: Illegal option -%c\n", sh.name, a[i])
				return []string{callPrefix + "status", "2"}, nil
			}
			break
		}
	}
	if !special {
		return args, nil
	}
	o.names = rest
	return sh.readNow(hc, o)
}

func (sh *shell) readNow(hc interp.HandlerContext, o readOpts) ([]string, error) {
	in := inOf(hc)
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
	cfg := &expand.Config{Env: hc.Env}
	var b strings.Builder
	names := o.names
	switch {
	case o.array != "":
		b.WriteString(o.array + "=(")
		for _, f := range expand.ReadFields(cfg, line, -1, o.raw) {
			b.WriteString(quote(f) + " ")
		}
		b.WriteString(")")
	case len(names) == 0:
		b.WriteString("REPLY=" + quote(line))
	default:
		fields := expand.ReadFields(cfg, line, len(names), o.raw)
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
	f, pollable := in.(*os.File)
	if o.timed && pollable {
		if f.SetReadDeadline(time.Now().Add(o.timeout)) == nil {
			defer func() { _ = f.SetReadDeadline(time.Time{}) }()
		}
	} else {
		in = &reader{sh.p, in}
	}
	var line bytes.Buffer
	buf := make([]byte, 1)
	for o.n < 0 || line.Len() < o.n {
		n, err := in.Read(buf)
		if n > 0 {
			if buf[0] == o.delim {
				return line.String(), nil
			}
			line.WriteByte(buf[0])
		}
		if err != nil {
			return line.String(), err
		}
	}
	return line.String(), nil
}

func seconds(s string) (time.Duration, bool) {
	f, err := strconv.ParseFloat(s, 64)
	return time.Duration(f * float64(time.Second)), err == nil
}
