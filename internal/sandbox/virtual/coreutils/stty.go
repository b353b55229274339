package coreutils

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/tty"
)

// sttyFlags are stty's names for the bits of a mode, by word of termios.
var sttyFlags = []struct {
	name string
	word int // 0 iflag, 1 oflag, 2 lflag
	bit  uint32
}{
	{"istrip", 0, tty.ISTRIP}, {"inlcr", 0, tty.INLCR}, {"igncr", 0, tty.IGNCR}, {"icrnl", 0, tty.ICRNL},
	{"ixon", 0, tty.IXON}, {"ixoff", 0, tty.IXOFF}, {"ixany", 0, tty.IXANY}, {"iutf8", 0, tty.IUTF8},
	{"opost", 1, tty.OPOST}, {"onlcr", 1, tty.ONLCR}, {"ocrnl", 1, tty.OCRNL},
	{"isig", 2, tty.ISIG}, {"icanon", 2, tty.ICANON}, {"iexten", 2, tty.IEXTEN}, {"echo", 2, tty.ECHO}, {"echoe", 2, tty.ECHOE},
	{"echok", 2, tty.ECHOK}, {"echonl", 2, tty.ECHONL}, {"noflsh", 2, tty.NOFLSH}, {"echoctl", 2, tty.ECHOCTL}, {"echoke", 2, tty.ECHOKE},
}

var sttyChars = []struct {
	name  string
	place int
}{
	{"intr", tty.VINTR}, {"quit", tty.VQUIT}, {"erase", tty.VERASE}, {"kill", tty.VKILL}, {"eof", tty.VEOF}, {"eol", tty.VEOL}, {"eol2", tty.VEOL2},
	{"start", tty.VSTART}, {"stop", tty.VSTOP}, {"susp", tty.VSUSP}, {"rprnt", tty.VREPRINT}, {"werase", tty.VWERASE}, {"lnext", tty.VLNEXT}, {"discard", tty.VDISCARD},
}

// stty shows and changes the mode of the terminal on its stdin.
func stty(p *proc, args []string) int {
	rest := args[1:]
	t := p.IsTerminal(0)
	for len(rest) > 0 && (strings.HasPrefix(rest[0], "-F") || strings.HasPrefix(rest[0], "--file=")) {
		file := strings.TrimPrefix(strings.TrimPrefix(rest[0], "-F"), "--file=")
		rest = rest[1:]
		if file == "" && len(rest) > 0 {
			file, rest = rest[0], rest[1:]
		}
		var err error
		if t, err = p.TerminalAt(file); err != nil {
			p.Errorf("%s: %s", file, kernel.Reason(err))
			return 1
		}
	}
	if t == nil {
		p.Errorf("'standard input': Inappropriate ioctl for device")
		return 1
	}
	mode := t.Mode()
	switch {
	case len(rest) == 0, rest[0] == "-a", rest[0] == "--all":
		p.Printf("%s", sttyShow(t, mode))
		return 0
	case rest[0] == "-g", rest[0] == "--save":
		p.Printf("%s\n", sttySave(mode))
		return 0
	case rest[0] == "size":
		cols, rows := t.Size()
		p.Printf("%d %d\n", rows, cols)
		return 0
	}
	for len(rest) > 0 {
		n, ok := sttySet(t, &mode, rest)
		if !ok {
			p.Errorf("invalid argument ‘%s’", rest[0])
			return 1
		}
		rest = rest[n:]
	}
	t.SetMode(mode)
	return 0
}

// sttySet carries out the first of args and says how many words it took.
func sttySet(t *tty.TTY, m *tty.Termios, args []string) (int, bool) {
	name, off := strings.CutPrefix(args[0], "-")
	words := []*uint32{&m.Iflag, &m.Oflag, &m.Lflag}
	for _, f := range sttyFlags {
		switch {
		case f.name != name:
		case off:
			*words[f.word] &^= f.bit
			return 1, true
		default:
			*words[f.word] |= f.bit
			return 1, true
		}
	}
	size := *m
	switch args[0] {
	case "sane":
		*m = tty.Sane()
		return 1, true
	case "raw", "-cooked":
		*m = m.Raw()
		return 1, true
	case "-raw", "cooked":
		m.Iflag |= tty.ICRNL | tty.IXON
		m.Oflag |= tty.OPOST
		m.Lflag |= tty.ISIG | tty.ICANON
		m.Cc[tty.VEOF], m.Cc[tty.VEOL] = 4, 0
		if size.Cc[tty.VMIN] == 0 {
			m.Cc[tty.VMIN] = 1
		}
		return 1, true
	case "cbreak":
		m.Lflag &^= tty.ICANON
		return 1, true
	case "-cbreak":
		m.Lflag |= tty.ICANON
		return 1, true
	case "-echo", "hup", "-hup", "hupcl", "-hupcl", "clocal", "-clocal", "cs8", "tostop", "-tostop", "ignbrk", "-ignbrk", "brkint", "-brkint", "parmrk", "-parmrk", "inpck", "-inpck", "imaxbel", "-imaxbel", "-drain", "drain":
		return 1, true
	}
	return sttyValue(t, m, name, args)
}

// sttyValue is a setting with a value behind it, or one of stty -g.
func sttyValue(t *tty.TTY, m *tty.Termios, name string, args []string) (int, bool) {
	if strings.Count(name, ":") >= 4 {
		return 1, sttyLoad(m, name)
	}
	if len(args) < 2 {
		return 0, false
	}
	n, err := strconv.Atoi(args[1])
	cols, rows := t.Size()
	switch name {
	case "min", "time":
		m.Cc[map[string]int{"min": tty.VMIN, "time": tty.VTIME}[name]] = byte(n)
		return 2, err == nil && n >= 0 && n < 256
	case "cols", "columns":
		t.SetSize(n, rows)
		return 2, err == nil
	case "rows":
		t.SetSize(cols, n)
		return 2, err == nil
	case "ispeed", "ospeed":
		return 2, err == nil
	}
	for _, c := range sttyChars {
		if c.name == name {
			v, ok := sttyChar(args[1])
			m.Cc[c.place] = v
			return 2, ok
		}
	}
	return 0, false
}

// sttyChar reads ^C, undef, a character or its number.
func sttyChar(s string) (byte, bool) {
	switch {
	case s == "undef" || s == "^-" || s == "":
		return 0, true
	case s == "^?":
		return 0x7f, true
	case len(s) == 2 && s[0] == '^':
		return s[1] & 0x1f, true
	case len(s) == 1:
		return s[0], true
	}
	n, err := strconv.ParseUint(s, 0, 8)
	return byte(n), err == nil
}

func sttySave(m tty.Termios) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%x:%x:%x:%x", m.Iflag, m.Oflag, m.Cflag, m.Lflag)
	for i := range 32 {
		c := byte(0)
		if i < len(m.Cc) {
			c = m.Cc[i]
		}
		fmt.Fprintf(&b, ":%x", c)
	}
	return b.String()
}

func sttyLoad(m *tty.Termios, s string) bool {
	words := []*uint32{&m.Iflag, &m.Oflag, &m.Cflag, &m.Lflag}
	for i, f := range strings.Split(s, ":") {
		n, err := strconv.ParseUint(f, 16, 32)
		switch {
		case err != nil:
			return false
		case i < len(words):
			*words[i] = uint32(n)
		case i-len(words) < len(m.Cc):
			m.Cc[i-len(words)] = byte(n)
		}
	}
	return true
}

func sttyShow(t *tty.TTY, m tty.Termios) string {
	cols, rows := t.Size()
	var b strings.Builder
	fmt.Fprintf(&b, "speed 38400 baud; rows %d; columns %d; line = 0;\n", rows, cols)
	for _, c := range sttyChars {
		v := "<undef>"
		switch x := m.Cc[c.place]; {
		case x == 0x7f:
			v = "^?"
		case x > 0 && x < ' ':
			v = "^" + string(x|0x40)
		case x > 0:
			v = string(x)
		}
		fmt.Fprintf(&b, "%s = %s; ", c.name, v)
	}
	fmt.Fprintf(&b, "min = %d; time = %d;\n", m.Cc[tty.VMIN], m.Cc[tty.VTIME])
	words := []uint32{m.Iflag, m.Oflag, m.Lflag}
	var names []string
	for _, f := range sttyFlags {
		if words[f.word]&f.bit == 0 {
			f.name = "-" + f.name
		}
		names = append(names, f.name)
	}
	return b.String() + strings.Join(names, " ") + "\n"
}

// ttyName is tty(1).
func ttyName(p *proc, args []string) int {
	t := p.IsTerminal(0)
	quiet := contains(args, "-s") || contains(args, "--silent") || contains(args, "--quiet")
	switch {
	case t == nil && !quiet:
		p.Printf("not a tty\n")
	case t != nil && !quiet:
		p.Printf("/dev/%s\n", t.Name())
	}
	if t == nil {
		return 1
	}
	return 0
}
