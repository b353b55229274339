package ui

import (
	"io"
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
func WriteTable(s *Streams, t Table) error {
	if !s.OutTTY {
		return writeRows(s.Out, t.Rows)
	}
	if len(t.Rows) == 0 {
		if t.Empty == "" {
			return nil
		}
		_, err := io.WriteString(s.Err, Clean(t.Empty)+"\n")
		return err
	}
	width, _ := s.size()
	_, err := io.WriteString(s.Out, renderTable(t, newStyles(s.OutColor), width))
	return err
}

// WriteRows writes t to stdout as tab-separated rows without a header, on a terminal too,
// where the cells are made safe.
func WriteRows(s *Streams, t Table) error {
	rows := t.Rows
	if s.OutTTY {
		rows = cleanRows(t)
	}
	return writeRows(s.Out, rows)
}

// WriteRow writes one tab-separated row to stdout, made safe if that is a terminal.
func WriteRow(s *Streams, cells ...string) error {
	if s.OutTTY {
		for i := range cells {
			cells[i] = oneLine(cells[i])
		}
	}
	return writeRows(s.Out, [][]string{cells})
}

// writeRows writes tab-separated rows for a program. Cells stay as they are, with any
// escape sequences, because they are data. Only tabs and line breaks in a cell become
// spaces, so that each row stays one line.
func writeRows(w io.Writer, rows [][]string) error {
	var b strings.Builder
	for _, row := range rows {
		for i, cell := range row {
			if i > 0 {
				b.WriteByte('\t')
			}
			b.WriteString(strings.Map(func(r rune) rune {
				if r == '\t' || r == '\n' || r == '\r' {
					return ' '
				}
				return r
			}, cell))
		}
		b.WriteByte('\n')
	}
	_, err := io.WriteString(w, b.String())
	return err
}

const gap = 2 // spaces between columns

func renderTable(t Table, st styles, width int) string {
	t.Rows = cleanRows(t)
	t, widths := fit(t, width)
	var b strings.Builder
	header := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		header[i] = Clean(c.Title)
	}
	if strings.Join(header, "") != "" {
		writeLine(&b, header, t.Columns, widths, func(_ int, text string) string { return st.dim.Render(text) })
	}
	for _, row := range t.Rows {
		writeLine(&b, row, t.Columns, widths, func(i int, text string) string {
			if p := t.Columns[i].Paint; p != nil {
				return st.shade(p(row[i]), text)
			}
			return text
		})
	}
	return b.String()
}

// cleanRows makes every row as long as the header and every cell safe.
func cleanRows(t Table) [][]string {
	rows := make([][]string, len(t.Rows))
	for r, row := range t.Rows {
		rows[r] = make([]string, len(t.Columns))
		for i := range min(len(row), len(t.Columns)) {
			rows[r][i] = oneLine(row[i])
		}
	}
	return rows
}

const (
	comfort = 12 // a column is not made narrower than this while another can be dropped
	least   = 4  // the absolute minimum
)

// fit drops columns until the others fit comfortably, then narrows the widest cells that
// may be cut.
func fit(t Table, width int) (Table, []int) {
	for {
		widths := t.widths()
		total, droppable := gap*(len(widths)-1), -1
		for i, w := range widths {
			if c := t.Columns[i]; c.Drop > 0 {
				if droppable < 0 || c.Drop > t.Columns[droppable].Drop {
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
			t = t.without(droppable)
			continue
		}
		narrow(widths, t.Columns, width)
		return t, widths
	}
}

func (t Table) widths() []int {
	widths := make([]int, len(t.Columns))
	for i, c := range t.Columns {
		widths[i] = ansi.StringWidth(Clean(c.Title))
		for _, row := range t.Rows {
			widths[i] = max(widths[i], ansi.StringWidth(row[i]))
		}
	}
	return widths
}

func (t Table) without(column int) Table {
	t.Columns = slices.Delete(slices.Clone(t.Columns), column, column+1)
	rows := make([][]string, len(t.Rows))
	for r, row := range t.Rows {
		rows[r] = slices.Delete(slices.Clone(row), column, column+1)
	}
	t.Rows = rows
	return t
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
func writeLine(b *strings.Builder, cells []string, columns []Column, widths []int, paint func(int, string) string) {
	for i, cell := range cells {
		if i > 0 {
			b.WriteString(strings.Repeat(" ", gap))
		}
		text := cut(cell, widths[i])
		fill := strings.Repeat(" ", max(0, widths[i]-ansi.StringWidth(text)))
		switch {
		case columns[i].Right:
			b.WriteString(fill + paint(i, text))
		case i == len(cells)-1:
			b.WriteString(paint(i, text))
		default:
			b.WriteString(paint(i, text) + fill)
		}
	}
	b.WriteByte('\n')
}
