package ui

import (
	"io"
	"os"
	"runtime"
	"strings"

	"github.com/charmbracelet/colorprofile"
	"golang.org/x/term"
)

// Streams are the three standard streams and their capabilities.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
	// OutTTY and ErrTTY report that a person looks at the stream: they are false for a
	// pipe, for TERM=dumb, without TERM and in CI. InTTY reports that a person can answer.
	InTTY, OutTTY, ErrTTY bool
	// ErrDumb reports that a person looks at stderr, on a terminal that obeys no escape
	// sequences (TERM=dumb). Questions are asked there, line by line.
	ErrDumb bool
	// Size returns the terminal's present columns and rows; nil or 0 means 80 by 24.
	Size func() (columns, rows int)
	// OutColor and ErrColor are the colours of each stream: NoTTY means none.
	OutColor, ErrColor colorprofile.Profile

	ci  string    // the system whose logs fold, "" for none
	raw io.Writer // stderr for commands to that system
}

// System returns the process's own streams, with the capabilities that its environment
// implies.
func System(in, out, err *os.File, env []string, noColor bool) *Streams {
	s := &Streams{In: in, Out: out, Err: err}
	look := lookup(env)
	name := look("TERM")
	// A terminal of no known type gets no cursor movement. Windows sets no TERM.
	mute := name == "dumb" || name == "" && runtime.GOOS != "windows" || truthy(look("CI"))
	s.InTTY = term.IsTerminal(int(in.Fd())) && !truthy(look("CI"))
	s.OutTTY = term.IsTerminal(int(out.Fd())) && !mute
	s.ErrTTY = term.IsTerminal(int(err.Fd())) && !mute
	s.ErrDumb = term.IsTerminal(int(err.Fd())) && look("TERM") == "dumb" && !truthy(look("CI"))
	s.Size = func() (int, int) {
		for _, f := range []*os.File{err, out} {
			if w, h, e := term.GetSize(int(f.Fd())); e == nil {
				return w, h
			}
		}
		return 0, 0
	}
	if s.raw = err; !s.ErrTTY {
		s.ci = ciOf(look)
	}
	if s.ci == ciGitHub {
		s.Err = &githubGuard{w: err}
	}
	s.OutColor = profile(s.OutTTY, look, noColor)
	s.ErrColor = profile(s.ErrTTY, look, noColor)
	return s
}

// profile returns the colours of a stream. NO_COLOR (any text) wins over CLICOLOR_FORCE,
// which wins over CLICOLOR=0.
func profile(tty bool, look func(string) string, noColor bool) colorprofile.Profile {
	force := look("CLICOLOR_FORCE")
	forced := force != "" && force != "0"
	switch {
	case noColor || look("NO_COLOR") != "":
		return colorprofile.NoTTY
	case !forced && (!tty || look("CLICOLOR") == "0"):
		return colorprofile.NoTTY
	}
	p := colorprofile.Env([]string{"TERM=" + look("TERM"), "COLORTERM=" + look("COLORTERM")})
	if p < colorprofile.ANSI {
		return colorprofile.ANSI
	}
	return min(p, colorprofile.ANSI256) // enough for our palette
}

// lookup reads an environment in the form of os.Environ; the last value of a name counts.
func lookup(env []string) func(string) string {
	vars := map[string]string{}
	for _, kv := range env {
		if k, v, ok := strings.Cut(kv, "="); ok {
			vars[k] = v
		}
	}
	return func(name string) string { return vars[name] }
}

func truthy(v string) bool { return v != "" && v != "0" && !strings.EqualFold(v, "false") }

// size returns the terminal's columns and rows, or the traditional defaults.
func (s *Streams) size() (columns, rows int) {
	if s.Size != nil {
		columns, rows = s.Size()
	}
	if columns <= 0 {
		columns = 80
	}
	if rows <= 0 {
		rows = 24
	}
	return columns, rows
}
