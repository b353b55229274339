package ui

import (
	"errors"
	"image/color"
	"math"
	"os"
	"testing"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/colorprofile"
)

func TestProfile(t *testing.T) {
	none, some := colorprofile.NoTTY, colorprofile.ANSI256
	const xterm = "TERM=xterm-256color"
	for _, tt := range []struct {
		name    string
		tty     bool
		env     []string
		noColor bool
		want    colorprofile.Profile
	}{
		{"terminal", true, []string{xterm}, false, some},
		{"true colour", true, []string{xterm, "COLORTERM=truecolor"}, false, some},
		{"sixteen", true, []string{"TERM=xterm"}, false, colorprofile.ANSI},
		{"pipe", false, []string{xterm}, false, none},
		{"--no-color", true, []string{xterm, "CLICOLOR_FORCE=1"}, true, none},
		{"NO_COLOR", true, []string{xterm, "NO_COLOR=1"}, false, none},
		{"NO_COLOR beats force", false, []string{xterm, "NO_COLOR=1", "CLICOLOR_FORCE=1"}, false, none},
		{"empty NO_COLOR", true, []string{xterm, "NO_COLOR="}, false, some},
		{"CLICOLOR=0", true, []string{xterm, "CLICOLOR=0"}, false, none},
		{"CLICOLOR=1 in a pipe", false, []string{xterm, "CLICOLOR=1"}, false, none},
		{"CLICOLOR_FORCE in a pipe", false, []string{xterm, "CLICOLOR_FORCE=1"}, false, some},
		{"CLICOLOR_FORCE=0", false, []string{xterm, "CLICOLOR_FORCE=0"}, false, none},
	} {
		if got := profile(tt.tty, lookup(tt.env), tt.noColor); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

// Without a terminal nothing asks and nothing moves: a file is not a terminal, and CI or
// a dumb terminal does not count as one.
func TestSystemOnAFile(t *testing.T) {
	f, err := os.Create(t.TempDir() + "/out")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s := System(f, f, f, []string{"TERM=xterm-256color"}, false)
	if s.InTTY || s.OutTTY || s.ErrTTY || s.OutColor != colorprofile.NoTTY {
		t.Errorf("%+v", s)
	}
	if w, h := s.size(); w != 80 || h != 24 {
		t.Errorf("size %d×%d", w, h)
	}
	if _, err := Confirm(t.Context(), s, "Really?"); !errors.Is(err, ErrNoTerminal) {
		t.Errorf("err = %v", err)
	}
	if info, _ := f.Stat(); info.Size() != 0 {
		t.Error("the question was written")
	}
}

// Every colour is readable on black and on white, because the display never asks the
// terminal for its background.
func TestPaletteReadsOnLightAndDark(t *testing.T) {
	for _, c := range []string{green, red, orange, blue, grey} {
		l := luminance(lipgloss.Color(c))
		onBlack, onWhite := (l+0.05)/0.05, 1.05/(l+0.05)
		if onBlack < 3.8 || onWhite < 3.8 {
			t.Errorf("colour %s: contrast %.1f on black, %.1f on white", c, onBlack, onWhite)
		}
	}
}

// luminance is defined by WCAG.
func luminance(c color.Color) float64 {
	r, g, b, _ := c.RGBA()
	linear := func(v uint32) float64 {
		x := float64(v) / 0xffff
		if x <= 0.04045 {
			return x / 12.92
		}
		return math.Pow((x+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(r) + 0.7152*linear(g) + 0.0722*linear(b)
}
