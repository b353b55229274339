package driver

import (
	"errors"
	"strings"
)

// Init is the first process of a guest, if it is not the system's own init.
type Init struct {
	Cmd      string   // words quoted as for a shell; "": /sbin/init
	Env      []string // of every process that begins in the guest
	Cwd      string
	UID, GID int
	Groups   []int
	Halt     string // the signal that asks it to stop; "": the init's own
}

// ErrExited is the error of a start whose first process has ended already, or could not be
// executed at all.
var ErrExited = errors.New("the first process has ended")

// Argv is the command split into words: at blanks outside of quotes.
func (i Init) Argv() (out []string) {
	var b strings.Builder
	var quote rune
	begun, escaped := false, false
	for _, c := range i.Cmd {
		switch {
		case escaped:
			b.WriteRune(c)
			escaped = false
		case c == '\\' && quote != '\'':
			escaped, begun = true, true
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '\'' || c == '"'):
			quote, begun = c, true
		case quote == 0 && (c == ' ' || c == '\t'):
			if begun {
				out = append(out, b.String())
			}
			b.Reset()
			begun = false
		default:
			b.WriteRune(c)
			begun = true
		}
	}
	if begun {
		out = append(out, b.String())
	}
	return out
}
