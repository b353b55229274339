// Command picture draws the screen of a terminal as an SVG with a dark window, for the
// README. It reads a screen with its colours in the form of `tmux capture-pane -pe`, and
// knows only the escape sequences of our displays.
package main

import (
	"bufio"
	"fmt"
	"html"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Sizes in pixels. A cell is as wide as in most monospaced fonts. Every run of text has
// its length in the SVG, so that another font cannot shift the columns.
const (
	cellWidth, lineHeight = 8.4, 17.0
	fontSize              = 14
	margin, titleBar      = 18.0, 34.0
)

// The window's colours, which look well on a light and on a dark page.
const (
	background, frame, ink = "#11151c", "#3a4150", "#d8dee9"
	fonts                  = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
)

func main() {
	if err := draw(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "picture:", err)
		os.Exit(1)
	}
}

// run is text with one style on one line.
type run struct {
	column int
	text   string
	color  string
	bold   bool
}

func draw(in io.Reader, out io.Writer) error {
	text, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	var lines [][]run
	columns := 0
	var look run // a style continues over the end of a line
	for line := range strings.Lines(strings.TrimRight(string(text), "\n ")) {
		runs := parse(strings.TrimRight(line, "\n"), &look)
		for _, r := range runs {
			columns = max(columns, r.column+utf8.RuneCountInString(r.text))
		}
		lines = append(lines, runs)
	}
	width := float64(columns)*cellWidth + 2*margin
	height := titleBar + float64(len(lines))*lineHeight + margin
	w := bufio.NewWriter(out)
	fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" width="%.0f" height="%.0f" viewBox="0 0 %.0f %.0f" font-family="%s" font-size="%d">`+"\n",
		width, height, width, height, fonts, fontSize)
	fmt.Fprintf(w, `<rect x="0.5" y="0.5" width="%.0f" height="%.0f" rx="9" fill="%s" stroke="%s"/>`+"\n", width-1, height-1, background, frame)
	for i, c := range []string{"#ff5f57", "#febc2e", "#28c840"} {
		fmt.Fprintf(w, `<circle cx="%d" cy="17" r="5.5" fill="%s"/>`+"\n", 20+18*i, c)
	}
	for i, runs := range lines {
		y := titleBar + float64(i)*lineHeight + 14
		for _, r := range runs {
			writeRun(w, r, y)
		}
	}
	fmt.Fprintln(w, "</svg>")
	return w.Flush()
}

func writeRun(w io.Writer, r run, y float64) {
	color, weight := r.color, ""
	if color == "" {
		color = ink
	}
	if r.bold {
		weight = ` font-weight="bold"`
	}
	fmt.Fprintf(w, `<text x="%.1f" y="%.0f" textLength="%.1f" lengthAdjust="spacingAndGlyphs" fill="%s"%s xml:space="preserve">%s</text>`+"\n",
		margin+float64(r.column)*cellWidth, y, float64(utf8.RuneCountInString(r.text))*cellWidth, color, weight, html.EscapeString(r.text))
}

// parse cuts a line into runs, and leaves look in the style at the line's end. Blank runs
// are not drawn.
func parse(line string, look *run) []run {
	var runs []run
	column := 0
	add := func(text string) {
		if trimmed := strings.TrimRight(text, " "); trimmed != "" {
			lead := len(trimmed) - len(strings.TrimLeft(trimmed, " "))
			runs = append(runs, run{column + lead, trimmed[lead:], look.color, look.bold})
		}
		column += utf8.RuneCountInString(text)
	}
	for {
		text, rest, found := strings.Cut(line, "\x1b[")
		add(text)
		if !found {
			return runs
		}
		codes, after, _ := strings.Cut(rest, "m")
		look.restyle(strings.Split(codes, ";"))
		line = after
	}
}

// restyle applies one "select graphic rendition" sequence.
func (r *run) restyle(codes []string) {
	for i := 0; i < len(codes); i++ {
		switch n, _ := strconv.Atoi(codes[i]); n {
		case 0:
			r.color, r.bold = "", false
		case 1:
			r.bold = true
		case 22:
			r.bold = false
		case 39:
			r.color = ""
		case 38:
			if i+2 < len(codes) && codes[i+1] == "5" {
				c, _ := strconv.Atoi(codes[i+2])
				r.color = xterm(c)
			}
			i += 2
		}
	}
}

// xterm returns a colour of the cube (16 to 231) or of the greys (232 to 255).
func xterm(n int) string {
	if n >= 232 {
		g := 8 + 10*(n-232)
		return fmt.Sprintf("#%02x%02x%02x", g, g, g)
	}
	level := func(v int) int {
		if v == 0 {
			return 0
		}
		return 55 + 40*v
	}
	n = max(0, n-16)
	return fmt.Sprintf("#%02x%02x%02x", level(n/36%6), level(n/6%6), level(n%6))
}
