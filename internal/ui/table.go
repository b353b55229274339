package ui

import (
	"bufio"
	"io"
	"iter"
	"slices"
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// Table is rows of text. On a terminal it has a header, is aligned and fits the width. In
// a pipe it is tab-separated without a header.
type Table struct {
	Columns []Column
	Rows    [][]string
	Empty   string // printed on stderr if there are no rows and a person looks
}

// Column is a column's header, and its behaviour in a narrow window.
type Column struct {
	Title string
	Right bool // for numbers
	Keep  bool // never shortened: shown whole, or left out
	Wrap  bool // goes on in the next line instead of being shortened
	Drop  int  // order in which columns are left out in a narrow window, the highest first; 0: never
	// Paint styles a cell on a terminal; nil leaves it plain.
	Paint Tone
}

// Tone chooses a style by a cell's text.
type Tone func(cell string) Shade

// Shade names a style.
type Shade int

// The shades of a cell.
const (
	Plain Shade = iota
	Good
	Bad
	Caution
	Dim
	Strong
)

func (st styles) shade(s Shade, text string) string {
	switch s {
	case Good:
		return st.ok.Render(text)
	case Bad:
		return st.bad.Render(text)
	case Caution:
		return st.warn.Render(text)
	case Dim:
		return st.dim.Render(text)
	case Strong:
		return st.bold.Render(text)
	}
	return text
}

// WriteTable writes t to stdout.
func WriteTable(s *Streams, t Table) error { return WriteTableOf(s, t, oneByOne(t.Rows)) }

// WriteTableOf is WriteTable for rows that are made one after the other. In a pipe each is
// written as it comes; a terminal needs all for the widths. It does not keep the slice of a
// row. After an error of rows it writes the rows before it.
func WriteTableOf(s *Streams, t Table, rows iter.Seq2[[]string, error]) error {
	if !s.OutTTY {
		return writeRowsOf(s.Out, rows)
	}
	var failed error
	t.Rows = nil
	for row, err := range rows {
		if failed = err; err != nil {
			break
		}
		t.Rows = append(t.Rows, cleanRow(row, len(t.Columns)))
	}
	if len(t.Rows) == 0 {
		if t.Empty == "" || failed != nil {
			return failed
		}
		_, err := io.WriteString(s.Err, Clean(t.Empty)+"\n")
		return err
	}
	width, _ := s.size()
	if err := renderTable(s.Out, t, newStyles(s.OutColor), width); err != nil {
		return err
	}
	return failed
}

// WriteRows writes t to stdout as tab-separated rows without a header, on a terminal too,
// where the cells are made safe.
func WriteRows(s *Streams, t Table) error { return WriteRowsOf(s, oneByOne(t.Rows)) }

// WriteRowsOf is WriteRows for rows that are made one after the other.
func WriteRowsOf(s *Streams, rows iter.Seq2[[]string, error]) error {
	if !s.OutTTY {
		return writeRowsOf(s.Out, rows)
	}
	return writeRowsOf(s.Out, func(yield func([]string, error) bool) {
		for row, err := range rows {
			if !yield(cleanRow(row, len(row)), err) {
				return
			}
		}
	})
}

// WriteRow writes one tab-separated row to stdout, made safe if that is a terminal.
func WriteRow(s *Streams, cells ...string) error { return WriteRows(s, Table{Rows: [][]string{cells}}) }

func oneByOne(rows [][]string) iter.Seq2[[]string, error] {
	return func(yield func([]string, error) bool) {
		for _, row := range rows {
			if !yield(row, nil) {
				return
			}
		}
	}
}

func writeRows(w io.Writer, rows [][]string) error { return writeRowsOf(w, oneByOne(rows)) }

// writeRowsOf writes tab-separated rows for a program. Cells stay as they are, with any
// escape sequences, because they are data. Only tabs and line breaks in a cell become
// spaces, so that each row stays one line.
func writeRowsOf(w io.Writer, rows iter.Seq2[[]string, error]) error {
	out := bufio.NewWriterSize(w, 64<<10)
	var line []byte
	for row, err := range rows {
		if err != nil {
			_ = out.Flush()
			return err
		}
		line = line[:0]
		for i, cell := range row {
			if i > 0 {
				line = append(line, '\t')
			}
			for _, b := range []byte(cell) {
				if b == '\t' || b == '\n' || b == '\r' {
					b = ' '
				}
				line = append(line, b)
			}
		}
		if _, err := out.Write(append(line, '\n')); err != nil {
			return err
		}
	}
	return out.Flush()
}

const gap = 2 // spaces between columns

// renderTable writes a table whose cells are clean.
func renderTable(w io.Writer, t Table, st styles, width int) error {
	kept, widths := fit(t, width)
	columns := pick(t.Columns, kept)
	out := bufio.NewWriterSize(w, 64<<10)
	header := make([]string, len(columns))
	for i, c := range columns {
		header[i] = Clean(c.Title)
	}
	if strings.Join(header, "") != "" {
		writeLine(out, header, columns, widths, func(_ int, text string) string { return st.dim.Render(text) })
	}
	type ink struct {
		shade Shade
		text  string
	}
	painted := map[ink]string{} // the words of a column are few, and painting one takes as long as the row
	for _, row := range t.Rows {
		row := pick(row, kept)
		for _, line := range wrapRow(row, columns, widths) {
			writeLine(out, line, columns, widths, func(i int, text string) string {
				p := columns[i].Paint
				if p == nil {
					return text
				}
				of := ink{p(row[i]), text}
				if _, done := painted[of]; !done {
					painted[of] = st.shade(of.shade, text)
				}
				return painted[of]
			})
		}
	}
	return out.Flush() // a bufio.Writer keeps its first error
}

func pick[T any](all []T, kept []int) []T {
	out := make([]T, len(kept))
	for i, k := range kept {
		out[i] = all[k]
	}
	return out
}

// wrapRow makes several lines of a row whose cells go on in the next line.
func wrapRow(row []string, columns []Column, widths []int) [][]string {
	lines := [][]string{row}
	for i, c := range columns {
		if !c.Wrap || columnsOf(row[i]) <= widths[i] {
			continue
		}
		if len(lines) == 1 {
			lines[0] = slices.Clone(row)
		}
		for n, text := range strings.Split(ansi.Wrap(row[i], widths[i], "/,"), "\n") {
			if n == len(lines) {
				lines = append(lines, make([]string, len(row)))
			}
			lines[n][i] = text
		}
	}
	for n, line := range lines[1:] {
		for len(line) > 1 && line[len(line)-1] == "" {
			line = line[:len(line)-1] // no spaces up to a cell that is empty
		}
		lines[n+1] = line
	}
	return lines
}

// cleanRow makes a row of n cells, each safe. They share one text, so that a row of a long
// list keeps nothing else alive that its cells were cut from.
func cleanRow(row []string, n int) []string {
	cells := make([]string, n)
	for i := range min(len(row), n) {
		cells[i] = oneLine(row[i])
	}
	all := strings.Join(cells, "")
	for i, c := range cells {
		cells[i], all = all[:len(c)], all[len(c):]
	}
	return cells
}

const (
	comfort = 12 // a column is not made narrower than this while another can be dropped
	least   = 4  // the absolute minimum
)

// fit drops columns until the others fit comfortably, then narrows the widest cells that
// may be cut. It returns the columns that are kept, with their widths.
func fit(t Table, width int) (kept, widths []int) {
	for i := range t.Columns {
		kept = append(kept, i)
	}
	for widths = t.widths(); ; {
		total, droppable := gap*(len(widths)-1), -1
		for i, w := range widths {
			if c := t.Columns[kept[i]]; c.Drop > 0 {
				if droppable < 0 || c.Drop > t.Columns[kept[droppable]].Drop {
					droppable = i
				}
				total += w
			} else if c.Keep {
				total += w
			} else {
				total += min(w, comfort)
			}
		}
		if total > width && droppable >= 0 {
			kept = slices.Delete(kept, droppable, droppable+1)
			widths = slices.Delete(widths, droppable, droppable+1)
			continue
		}
		narrow(widths, pick(t.Columns, kept), width)
		return kept, widths
	}
}

func (t Table) widths() []int {
	widths := make([]int, len(t.Columns))
	for i, c := range t.Columns {
		widths[i] = columnsOf(Clean(c.Title))
	}
	for _, row := range t.Rows {
		for i, cell := range row {
			widths[i] = max(widths[i], columnsOf(cell))
		}
	}
	return widths
}

// columnsOf is how many columns a text takes on a screen.
func columnsOf(text string) int {
	if isPlain(text) {
		return len(text)
	}
	return ansi.StringWidth(text)
}

func narrow(widths []int, columns []Column, width int) {
	for {
		total, widest := gap*(len(widths)-1), -1
		for i, w := range widths {
			total += w
			if !columns[i].Keep && w > least && (widest < 0 || w > widths[widest]) {
				widest = i
			}
		}
		if total <= width || widest < 0 {
			return
		}
		widths[widest]--
	}
}

// writeLine writes one row. Cells that must stay whole may be wider than the window; the
// terminal wraps them, because a cut value is of no use.
func writeLine(w *bufio.Writer, cells []string, columns []Column, widths []int, paint func(int, string) string) {
	put := func(text string) { _, _ = w.WriteString(text) }
	for i, cell := range cells {
		if i > 0 {
			put(spaces(gap))
		}
		text, wide := cell, columnsOf(cell)
		if wide > widths[i] {
			text = cut(cell, widths[i])
			wide = columnsOf(text)
		}
		fill := spaces(widths[i] - wide)
		switch {
		case columns[i].Right:
			put(fill)
			put(paint(i, text))
		case i == len(cells)-1:
			put(paint(i, text))
		default:
			put(paint(i, text))
			put(fill)
		}
	}
	put("\n")
}

const blank = "                                                                "

func spaces(n int) string {
	if n <= len(blank) {
		return blank[:max(0, n)]
	}
	return strings.Repeat(" ", n)
}
