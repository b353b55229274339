package admin

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// show prints rows as print_text_table does, or as JSON: the first column is that by which
// they are sorted, the others follow in alphabetical order.
func (c *call) show(first string, rows []map[string]any) error {
	slices.SortFunc(rows, func(a, b map[string]any) int { return strings.Compare(fmt.Sprint(a[first]), fmt.Sprint(b[first])) })
	if f := c.opt["output-format"]; f == "json" || f == "json-pretty" {
		e := json.NewEncoder(c.p.Stdout)
		if f == "json-pretty" {
			e.SetIndent("", "   ")
		}
		return e.Encode(rows)
	}
	if len(rows) == 0 {
		return nil
	}
	keys := map[string]bool{}
	for _, r := range rows {
		for k := range r {
			keys[k] = k != first
		}
	}
	columns := []string{first}
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		if keys[k] {
			columns = append(columns, k)
		}
	}
	lines := [][]string{columns}
	for _, r := range rows {
		var line []string
		for _, k := range columns {
			line = append(line, cell(r[k]))
		}
		lines = append(lines, line)
	}
	c.box(lines)
	return nil
}

func cell(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case []string, []any, []map[string]any, map[string]any:
		b, _ := json.Marshal(v)
		return string(b)
	}
	return fmt.Sprint(v)
}

// box draws lines, of which the first is the head.
func (c *call) box(lines [][]string) {
	wide := make([]int, len(lines[0]))
	for _, line := range lines {
		for i, text := range line {
			wide[i] = max(wide[i], utf8.RuneCountInString(text))
		}
	}
	rule := func(left, mid, right, dash string) {
		parts := make([]string, len(wide))
		for i, w := range wide {
			parts[i] = strings.Repeat(dash, w+2)
		}
		fmt.Fprintln(c.p.Stdout, left+strings.Join(parts, mid)+right)
	}
	rule("┌", "┬", "┐", "─")
	for i, line := range lines {
		switch i {
		case 0:
		case 1:
			rule("╞", "╪", "╡", "═")
		default:
			rule("├", "┼", "┤", "─")
		}
		for j, text := range line {
			fmt.Fprintf(c.p.Stdout, "│ %s%s ", text, strings.Repeat(" ", wide[j]-utf8.RuneCountInString(text)))
		}
		fmt.Fprintln(c.p.Stdout, "│")
	}
	rule("└", "┴", "┘", "─")
}
