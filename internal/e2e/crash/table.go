package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"text/tabwriter"
)

// table collects the results, one row for each group of cases.
type table struct {
	mu       sync.Mutex
	rows     []*tableRow
	recorded int // boundaries, of all scenarios
	killed   int // points that were tried at one
	journal  *journal
}

type tableRow struct {
	name       string
	boundaries int
	points     int
	counts     map[string]int // problems by kind
	notes      []string
}

func (t *table) row(name string) *tableRow {
	for _, r := range t.rows {
		if r.name == name {
			return r
		}
	}
	r := &tableRow{name: name, counts: map[string]int{}}
	t.rows = append(t.rows, r)
	return r
}

// expect fixes the order of the rows, whichever case ends first.
func (t *table) expect(cases []kase) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, c := range cases {
		t.row(c.row)
	}
}

// boundaries records how many boundaries a run without a kill has.
func (t *table) boundaries(name string, n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.row(name).boundaries = n
	t.recorded += n
}

// add counts a case and prints its problems at once.
func (t *table) add(c kase, tried *trial) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.row(c.row)
	r.points++
	if r.boundaries > 0 {
		t.killed++
	}
	for _, p := range tried.problems {
		r.counts[p.kind]++
		fmt.Fprintf(os.Stderr, "%s: %s, on %s: %s\n", p.kind, c.name, c.version(), p.text)
	}
	if tried.note != "" {
		r.notes = append(r.notes, tried.note)
	}
	if err := t.journal.add(c, tried); err != nil {
		fmt.Fprintln(os.Stderr, "cannot keep a result:", err)
	}
}

// points is how many were tried, the runs without a kill included.
func (t *table) points() (n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, r := range t.rows {
		n += r.points
	}
	return n
}

// complete reports whether each boundary was tried.
func (t *table) complete() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.killed < t.recorded {
		fmt.Fprintf(os.Stderr, "%d boundaries were recorded, and only %d tried\n", t.recorded, t.killed)
		return false
	}
	return true
}

// problems is how many there are of any kind.
func (t *table) problems() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := 0
	for _, r := range t.rows {
		for _, c := range r.counts {
			n += c
		}
	}
	return n
}

const docHead = `# Every way to die

Written by "make crash-all": the tool is killed with SIGKILL at each entry of its
work that is on record (right after it and, where the entry tells of something that
was done, right before it), and struck by each fault in each phase; by every
transport, half of the points on Proxmox VE 9.2 and half on 8.4; then resumed,
resumed with a second kill on the way, or destroyed; or its id is given to somebody
else, whose container must be as it was after all that. Lost is what list does not
know, has no way on, is missing in the logs, or was done to somebody else's; twice is
a script that ran again after it had ended well, or an attempt that began twice;
secrets is one found on a screen or in the state directory.

`

// write writes the table as a page of the docs, with how far the run is if it goes on.
func (t *table) write(path, soFar string) error {
	var b bytes.Buffer
	b.WriteString(docHead)
	if soFar != "" {
		b.WriteString(soFar + "\n\n")
	}
	b.WriteString("```text\n")
	t.print(&b)
	b.WriteString("```\n")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, b.Bytes(), 0o644)
}

// print writes the table and its last line, and reports whether there was no problem.
func (t *table) print(out io.Writer) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "WHAT\tBOUNDARIES\tPOINTS\tLOST\tTWICE\tSECRETS\tNOTE")
	points, all := 0, map[string]int{}
	for _, r := range t.rows {
		boundaries := "-"
		if r.boundaries > 0 {
			boundaries = fmt.Sprint(r.boundaries)
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\t%d\t%s\n", r.name, boundaries, r.points, r.counts["lost"], r.counts["twice"], r.counts["secrets"], strings.Join(r.notes, ", "))
		points += r.points
		for k, n := range r.counts {
			all[k] += n
		}
	}
	_ = w.Flush() // to a buffer of its own, or stdout
	fmt.Fprintf(out, "points=%d lost=%d twice=%d secrets=%d\n", points, all["lost"], all["twice"], all["secrets"])
	return all["lost"]+all["twice"]+all["secrets"] == 0
}
