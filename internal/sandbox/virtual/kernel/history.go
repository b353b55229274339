package kernel

import (
	"fmt"
	"os"
	"path"
	"strings"

	"mvdan.cc/sh/v3/interp"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/tty"
)

// option takes the options of set that only an interactive shell knows.
func (x *interaction) option(args []string) {
	if x == nil || len(args[0]) < 2 {
		return
	}
	on := args[0][0] == '-'
	switch a := args[0][1:]; {
	case a == "o" && len(args) > 1:
		switch args[1] {
		case "history":
			x.noHistory = !on
		case "histexpand":
			x.histexpand = on
		}
	case strings.Contains(a, "H"):
		x.histexpand = on
	}
}

// history is the builtin: a list, or -c.
func (sh *shell) history(hc interp.HandlerContext, args []string) int {
	if sh.prompt == nil {
		return 0
	}
	if len(args) > 0 && args[0] == "-c" {
		sh.prompt.lines = nil
		return 0
	}
	for i, l := range sh.prompt.lines {
		fmt.Fprintf(hc.Stdout, "%5d  %s\n", i+1, l)
	}
	return 0
}

// remember takes a line into the history and carries out bash's ! in it.
func (sh *shell) remember(t *tty.TTY, line string) (string, error) {
	x := sh.prompt
	if event := bang(line); x.histexpand && event != "" {
		fmt.Fprintf(t, "%s: !%s: event not found\n", path.Base(sh.name), event)
		return "\n", nil
	}
	text := strings.TrimSuffix(line, "\n")
	control := sh.variable("HISTCONTROL")
	space := strings.Contains(control, "ignorespace") || strings.Contains(control, "ignoreboth")
	if text != "" && !x.noHistory && !(space && text[0] == ' ') {
		x.lines = append(x.lines, text)
	}
	return line, nil
}

// bang returns the event that a line asks for: the word after a ! outside of quotes.
func bang(line string) string {
	single, double := false, false
	for i := 0; i < len(line)-1; i++ {
		switch c := line[i]; {
		case c == '\\' && !single:
			i++
		case c == '\'' && !double:
			single = !single
		case c == '"' && !single:
			double = !double
		case c == '!' && !single && !strings.ContainsRune(" \t\r\n=(", rune(line[i+1])) && !(double && line[i+1] == '"') && (i == 0 || line[i-1] != '[' && line[i-1] != '$' && line[i-1] != '{'):
			return strings.TrimRight(strings.FieldsFunc(line[i+1:]+" ", func(r rune) bool { return strings.ContainsRune(" \t\n;", r) })[0], "\n")
		}
	}
	return ""
}

func (sh *shell) saveHistory() {
	file := sh.variable("HISTFILE")
	if file == "" || len(sh.prompt.lines) == 0 || sh.variable("HISTSIZE") == "0" || sh.kind != "bash" && sh.kind != "ash" {
		return
	}
	f, err := sh.p.View().Open(file, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return // as bash: without a word
	}
	defer f.Close()
	fmt.Fprintln(f, strings.Join(sh.prompt.lines, "\n"))
}
