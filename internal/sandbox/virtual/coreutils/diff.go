package coreutils

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// diff compares two files line by line. It prints the normal form, or the unified one with
// three lines of context.
func diff(p *proc, args []string) int {
	o, ok := parse(p, args, "uqa", "brief unified text")
	if !ok {
		return 2
	}
	if len(o.args) != 2 {
		refuse(p, strconv.Itoa(len(o.args))+" operands")
		return 2
	}
	names := slices.Clone(o.args)
	for i, other := range []int{1, 0} {
		if at, err := p.View().Stat(names[i]); err != nil || !at.IsDir() {
			continue
		}
		if at, err := p.View().Stat(names[other]); err != nil || at.IsDir() || names[other] == "-" {
			refuse(p, "to compare folders")
			return 2
		}
		names[i] = strings.TrimSuffix(names[i], "/") + "/" + names[other][strings.LastIndexByte(names[other], '/')+1:]
	}
	a, b, ok := twoFiles(p, names)
	if !ok {
		return 2
	}
	switch {
	case bytes.Equal(a, b):
		return 0
	case o.has("q", "brief"):
		p.Printf("Files %s and %s differ\n", names[0], names[1])
		return 1
	case bytes.IndexByte(append(slices.Clone(a), b...), 0) >= 0 && !o.has("a", "text"):
		kind := "Binary files"
		if onBusybox(p) {
			kind = "Files"
		}
		p.Printf("%s %s and %s differ\n", kind, names[0], names[1])
		return 1 // diffutils 3.8; other versions return 2
	}
	x, y := endedLines(a), endedLines(b)
	if len(x)*len(y) > 4<<20 {
		refuse(p, "to compare texts of so many lines")
		return 2
	}
	changes := changesOf(x, y)
	if onBusybox(p) { // it knows the unified form alone, and tells no times
		p.Printf("--- %s\n+++ %s\n", names[0], names[1])
		put(p, unifiedDiff(x, y, changes), 0)
		return 1
	}
	if !o.has("u", "unified") {
		put(p, normalDiff(x, y, changes), 0)
		return 1
	}
	for i, mark := range []string{"---", "+++"} {
		when := p.M.Now()
		if at, err := p.View().Stat(names[i]); err == nil {
			when = at.ModTime()
		}
		p.Printf("%s %s\t%s\n", mark, names[i], when.UTC().Format("2006-01-02 15:04:05.000000000 -0700"))
	}
	put(p, unifiedDiff(x, y, changes), 0)
	return 1
}

// endedLines cuts a text into lines with their ends. A last line without an end differs
// from the same line with one.
func endedLines(b []byte) []string {
	if len(b) == 0 {
		return nil
	}
	return slices.DeleteFunc(strings.SplitAfter(string(b), "\n"), func(s string) bool { return s == "" })
}

// change says that lines a0 to a1 of one text became lines b0 to b1 of the other.
type change struct{ a0, a1, b0, b1 int }

// changesOf finds the changes with the longest common subsequence.
func changesOf(x, y []string) []change {
	common := make([][]int32, len(x)+1)
	for i := range common {
		common[i] = make([]int32, len(y)+1)
	}
	for i := len(x) - 1; i >= 0; i-- {
		for j := len(y) - 1; j >= 0; j-- {
			if x[i] == y[j] {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	var out []change
	for i, j := 0, 0; i < len(x) || j < len(y); {
		if i < len(x) && j < len(y) && x[i] == y[j] {
			i, j = i+1, j+1
			continue
		}
		c := change{a0: i, b0: j}
		for (i < len(x) || j < len(y)) && !(i < len(x) && j < len(y) && x[i] == y[j]) {
			if i < len(x) && (j == len(y) || common[i+1][j] >= common[i][j+1]) {
				i++
			} else {
				j++
			}
		}
		c.a1, c.b1 = i, j
		out = append(out, c)
	}
	return out
}

func marked(out *bytes.Buffer, mark string, list []string) {
	for _, s := range list {
		out.WriteString(mark + s)
		if !strings.HasSuffix(s, "\n") {
			out.WriteString("\n\\ No newline at end of file\n")
		}
	}
}

func normalDiff(x, y []string, changes []change) []byte {
	var out bytes.Buffer
	lineRange := func(from, to int) string {
		if to-from < 2 {
			return strconv.Itoa(to)
		}
		return fmt.Sprintf("%d,%d", from+1, to)
	}
	for _, c := range changes {
		verb := "c"
		if c.a0 == c.a1 {
			verb = "a"
		} else if c.b0 == c.b1 {
			verb = "d"
		}
		fmt.Fprintf(&out, "%s%s%s\n", lineRange(c.a0, c.a1), verb, lineRange(c.b0, c.b1))
		marked(&out, "< ", x[c.a0:c.a1])
		if verb == "c" {
			out.WriteString("---\n")
		}
		marked(&out, "> ", y[c.b0:c.b1])
	}
	return out.Bytes()
}

func unifiedDiff(x, y []string, changes []change) []byte {
	const context = 3
	var out bytes.Buffer
	lineRange := func(from, to int) string {
		if to-from == 1 {
			return strconv.Itoa(to)
		}
		if to > from {
			from++
			return fmt.Sprintf("%d,%d", from, to-from+1)
		}
		return fmt.Sprintf("%d,0", from)
	}
	for len(changes) > 0 {
		n := 1
		for n < len(changes) && changes[n].a0-changes[n-1].a1 <= 2*context {
			n++
		}
		group := changes[:n]
		changes = changes[n:]
		last := group[n-1]
		before := min(context, group[0].a0)
		after := min(context, len(x)-last.a1)
		at := group[0].a0 - before
		fmt.Fprintf(&out, "@@ -%s +%s @@\n", lineRange(at, last.a1+after), lineRange(group[0].b0-before, last.b1+after))
		for _, c := range group {
			marked(&out, " ", x[at:c.a0])
			marked(&out, "-", x[c.a0:c.a1])
			marked(&out, "+", y[c.b0:c.b1])
			at = c.a1
		}
		marked(&out, " ", x[at:last.a1+after])
	}
	return out.Bytes()
}
