package ui

import (
	"fmt"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"
)

// The layout of the live display.
const (
	maxWidth   = 100 // on a wider line, times would be too far from their names
	nameWidth  = 11  // "finalizing" and a space
	liveTail   = 5   // lines of the running script
	barWidth   = 20
	barFrom    = 60 // minimum columns for the bar
	detailFrom = 32 // minimum columns for a phase's detail
)

var spinner = []string{"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"}

// lines draws the model: a head, one line for each phase, and below the running or failed
// one the last lines of its script. Every line is narrower than the window, so that none
// wraps, and together they are lower than it.
func (m *model) lines(columns, rows int, now time.Time, st styles, last bool) []string {
	width := max(1, min(columns-1, maxWidth))
	if !m.over.IsZero() {
		now = m.over
	}
	var out []string
	room := rows - 2 - (len(m.phases) - m.first) // lines for the tail, without the head and the cursor's line
	out = append(out, m.head(width, now, st))
	for i := m.first; i < len(m.phases); i++ {
		p := &m.phases[i]
		out = append(out, p.line(width, now, st, m.failed))
		if i == m.current && (p.state == running && !last || p.state == failed) {
			out = append(out, m.tailLines(width, room, p.state, st)...)
		}
	}
	if most := max(1, rows-1); len(out) > most {
		out = out[len(out)-most:]
	}
	return out
}

// head shows the container, the bar, the percentage and the time.
func (m *model) head(width int, now time.Time, st styles) string {
	title := st.bold.Render(Clean(m.name))
	if m.ctid != 0 && width >= detailFrom {
		title += st.dim.Render(fmt.Sprintf("  CT %d on %s", m.ctid, Clean(m.node)))
	}
	right := fmt.Sprintf("%3d%%  %s", m.percent, clockTime(now.Sub(m.start)))
	if width >= barFrom {
		full := min(max(m.percent, 0), 100) * barWidth / 100
		right = st.accent.Render(strings.Repeat("━", full)) + st.dim.Render(strings.Repeat("─", barWidth-full)) + " " + right
	}
	return spread(title, right, width)
}

func (p *phase) line(width int, now time.Time, st styles, over bool) string {
	mark, ink, took := "·", st.dim, ""
	switch p.state {
	case running:
		frame := int(now.Sub(p.began)/frameEvery) % len(spinner)
		mark, ink = st.accent.Render(spinner[max(0, frame)]), st.bold
		took = clockTime(now.Sub(p.began))
	case done:
		mark, ink, took = st.ok.Render("✓"), st.plain, shortTime(p.took)
	case warned:
		mark, ink, took = st.warn.Render("!"), st.warn, shortTime(p.took)
	case failed:
		mark, ink, took = st.bad.Render("✗"), st.bad, shortTime(p.took)
	default:
		mark = st.dim.Render(mark)
		if over && width >= detailFrom {
			took = "not run"
		}
	}
	left := mark + " " + ink.Render(string(p.name))
	if detail := p.detail(); detail != "" && width >= detailFrom {
		if p.state != running && p.state != failed {
			detail = st.dim.Render(detail)
		}
		left += strings.Repeat(" ", nameWidth-len(p.name)+1) + detail
	}
	return spread(left, st.dim.Render(took), width)
}

// detail is the running script and its number, or the phase's last message.
func (p *phase) detail() string {
	if p.scriptName == "" || p.state == done || p.state == warned {
		return oneLine(p.message)
	}
	name := Clean(p.scriptName)
	if p.scriptNo > 0 && p.scripts > 0 {
		return fmt.Sprintf("script %d/%d %s", p.scriptNo, p.scripts, name)
	}
	return name
}

func (m *model) tailLines(width, room int, s state, st styles) []string {
	n, bar := liveTail, st.dim
	if s == failed {
		n, bar = tailLines, st.bad
	}
	n = max(0, min(n, room, len(m.tail)))
	var out []string
	for _, line := range m.tail[len(m.tail)-n:] {
		out = append(out, cut("  "+bar.Render("│")+" "+st.dim.Render(cut(CleanOutput(line), width-4)), width))
	}
	return out
}

// spread puts left and right at the ends of a line. If both do not fit, left is cut
// first, then right.
func spread(left, right string, width int) string {
	space := width - ansi.StringWidth(right)
	if space < 2 {
		return cut(left, width)
	}
	if right == "" {
		return cut(left, width)
	}
	return pad(cut(left, space-1), space) + right
}

// clockTime formats a running time; it changes once a second.
func clockTime(d time.Duration) string {
	s := int(d / time.Second)
	if s >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}

// shortTime formats a time that has passed.
func shortTime(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return fmt.Sprintf("%.1fs", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	}
	return clockTime(d)
}
