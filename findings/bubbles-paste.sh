#!/bin/sh
# charm.land/bubbles/v2 2.2.1: its inputs change a pasted text and show no sign of it. A line end
# becomes a blank in a textinput and is not dropped: a password that was copied with its line ends
# in a blank that nobody sees among dots, and is refused. huh 2.0.3 hands that blank to Validate.
#
#   pasted               textinput, huh's Input     textarea
#   "secret\n"           "secret "                  "secret\n"
#   "secret\r\n"         "secret  "                 "secret\n\n"
#   "a\r\nb"             "a  b"                     "a\n\nb": an empty line between any two
#   "a:\n\tb"            "a:  b"                    "a:\n    b": a Makefile does not survive
#   12000 lines          (one line)                 9999 of them
#   7 letters of 5       5, Err is nil              5
#
# infrahaus drops the line end before the form sees it (internal/ui/form.go).
#
# Needs Go. Exit status 0: everything is as stated.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >go.mod <<'M'
module finding
go 1.25
M
cat >main.go <<'G'
package main

import (
	"fmt"
	"os"
	"strings"

	"charm.land/bubbles/v2/textarea"
	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"
	"charm.land/huh/v2"
)

func line(pasted string, limit int) (string, error) {
	t := textinput.New()
	t.EchoMode = textinput.EchoPassword
	t.CharLimit = limit
	t.Focus()
	t, _ = t.Update(tea.PasteMsg{Content: pasted})
	return t.Value(), t.Err
}

func area(pasted string, limit int) string {
	t := textarea.New()
	t.CharLimit = limit
	t.Focus()
	t, _ = t.Update(tea.PasteMsg{Content: pasted})
	return t.Value()
}

// validated returns what a form's Validate gets.
func validated(pasted string) (got string) {
	form := huh.NewForm(huh.NewGroup(huh.NewInput().EchoMode(huh.EchoModePassword).Validate(func(s string) error {
		got = s
		return nil
	})))
	form.Init()
	form.Update(tea.PasteMsg{Content: pasted})
	form.Update(tea.KeyPressMsg{Code: tea.KeyEnter})
	return got
}

func main() {
	wrong := false
	for _, row := range []struct{ pasted, line, area string }{
		{"secret", "secret", "secret"},
		{"secret\n", "secret ", "secret\n"},
		{"secret\r\n", "secret  ", "secret\n\n"},
		{"a\r\nb", "a  b", "a\n\nb"},
		{"a:\n\tb", "a:  b", "a:\n    b"},
	} {
		l, err := line(row.pasted, 0)
		a, v := area(row.pasted, 0), validated(row.pasted)
		fmt.Printf("%-14q textinput %-12q huh %-12q textarea %q\n", row.pasted, l, v, a)
		wrong = wrong || err != nil || l != row.line || v != row.line || a != row.area
	}
	n := strings.Count(area(strings.Repeat("x\n", 12000), 0), "\n")
	l, err := line("1234567", 5)
	a := area("1234567", 5)
	fmt.Printf("12000 lines: %d  seven letters where five may be: %q %v, %q\n", n, l, err, a)
	if wrong || n != 9999 || l != "12345" || err != nil || a != "12345" {
		os.Exit(1)
	}
}
G
export GOFLAGS=-mod=mod GOTOOLCHAIN=local CGO_ENABLED=0
go get charm.land/bubbles/v2@v2.2.1 charm.land/bubbletea/v2@v2.1.1 charm.land/huh/v2@v2.0.3 >/dev/null 2>&1
go run .
