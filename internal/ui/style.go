package ui

import (
	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/colorprofile"
)

// The palette, as xterm 256-colour numbers. Each has a contrast of at least 3.8 on black
// and on white (streams_test.go computes it), so that the same screen is readable on dark
// and light terminals. With 16 colours each becomes the nearest of the terminal's theme.
const (
	green  = "28"
	red    = "160"
	orange = "166"
	blue   = "31"
	grey   = "244"
)

// styles paint text for one stream; without colour they return it unchanged.
type styles struct {
	plain, ok, bad, warn, accent, dim, bold lipgloss.Style
}

func newStyles(p colorprofile.Profile) styles {
	plain := lipgloss.NewStyle()
	if p <= colorprofile.ASCII {
		return styles{plain, plain, plain, plain, plain, plain, plain}
	}
	ink := func(color string) lipgloss.Style {
		if p == colorprofile.ANSI && color == grey {
			color = "8" // the nearest colour would be white, which is invisible on a light terminal
		}
		return plain.Foreground(p.Convert(lipgloss.Color(color)))
	}
	return styles{plain: plain, ok: ink(green), bad: ink(red), warn: ink(orange), accent: ink(blue), dim: ink(grey), bold: plain.Bold(true)}
}
