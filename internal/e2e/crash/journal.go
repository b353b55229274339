package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"time"
)

// journal keeps the result of each point in a file beside the -doc file, because a run with
// -all takes hours. A run of the same build goes on after the points that are in it. The
// zero value keeps nothing.
type journal struct {
	path  string
	file  *os.File
	found map[string]result // of an interrupted run, by key
}

// result is a line of the journal. The first line has only the build.
type result struct {
	Build    string      `json:"build,omitempty"`
	Row      string      `json:"row,omitempty"`
	Name     string      `json:"name,omitempty"`
	Problems [][2]string `json:"problems,omitempty"` // kind and text
	Note     string      `json:"note,omitempty"`
}

func (r result) key() string { return r.Row + "\x00" + r.Name }

// trial is the result as the table takes it.
func (r result) trial() *trial {
	t := &trial{note: r.Note}
	for _, p := range r.Problems {
		t.problems = append(t.problems, problem{p[0], p[1]})
	}
	return t
}

// openJournal reads the journal beside doc. If it was made by the same build, its results
// count. Otherwise it starts anew.
func openJournal(doc, build string) (*journal, error) {
	j := &journal{path: doc + ".points", found: map[string]result{}}
	if !j.read(build) {
		clear(j.found)
		if err := os.WriteFile(j.path, nil, 0o644); err != nil {
			return nil, err
		}
	}
	var err error
	if j.file, err = os.OpenFile(j.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644); err != nil {
		return nil, err
	}
	return j, j.write(result{Build: build})
}

// read reports whether the journal is of this build. A line that was cut off by a kill is
// skipped, and its point is tried again.
func (j *journal) read(build string) bool {
	f, err := os.Open(j.path)
	if err != nil {
		return false
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20) // a problem quotes output
	same := false
	for lines.Scan() {
		var r result
		if json.Unmarshal(lines.Bytes(), &r) != nil {
			continue
		}
		if r.Build != "" {
			same = r.Build == build
		} else if same {
			j.found[r.key()] = r
		}
	}
	return same && lines.Err() == nil
}

// write begins a line of its own, because a kill may have cut the last one off.
func (j *journal) write(r result) error {
	if j == nil {
		return nil
	}
	raw, err := json.Marshal(r)
	if err == nil {
		_, err = fmt.Fprintf(j.file, "\n%s", raw)
	}
	return err
}

// add writes the result of a point.
func (j *journal) add(c kase, t *trial) error {
	r := result{Row: c.row, Name: c.name, Note: t.note}
	for _, p := range t.problems {
		r.Problems = append(r.Problems, [2]string{p.kind, p.text})
	}
	return j.write(r)
}

// rest counts the points that an interrupted run has tried, and returns the others.
func (h *harness) rest(cases []kase) []kase {
	h.table.expect(cases)
	h.planned = len(cases)
	if h.journal == nil {
		return cases
	}
	var out []kase
	for _, c := range cases {
		r, ok := h.journal.found[result{Row: c.row, Name: c.name}.key()]
		if !ok {
			out = append(out, c)
			continue
		}
		h.table.add(c, r.trial())
	}
	if n := len(cases) - len(out); n > 0 {
		fmt.Fprintf(os.Stderr, "%d of %d points are in %s\n", n, len(cases), h.journal.path)
	}
	return out
}

// keep performs the cases, and writes the table as it stands beside the -doc file, every
// minute and at the end.
func (h *harness) keep(ctx context.Context, cases []kase) error {
	cases = h.rest(cases)
	if h.journal == nil {
		h.perform(ctx, cases)
		return nil
	}
	h.table.journal = h.journal
	began := time.Now()
	done := make(chan struct{})
	go func() {
		defer close(done)
		h.perform(ctx, cases)
	}()
	for tick := time.NewTicker(time.Minute); ; {
		var ended bool
		select {
		case <-done:
			ended = true
		case <-tick.C:
		}
		if ended && ctx.Err() != nil {
			fmt.Fprintf(os.Stderr, "the table so far is in %s; the same command goes on from there\n", h.part())
		}
		if err := h.table.write(h.part(), fmt.Sprintf("%d of %d points, after %s. The same command goes on from here.",
			h.table.points()-h.recorded, h.planned, time.Since(began).Round(time.Second))); err != nil || ended {
			tick.Stop()
			<-done
			return err
		}
	}
}

// part is the table of an unfinished run.
func (h *harness) part() string { return h.doc + ".part" }

// finish writes the -doc file and removes what was kept beside it.
func (h *harness) finish() error {
	if h.doc == "" {
		return nil
	}
	if err := h.table.write(h.doc, ""); err != nil {
		return err
	}
	h.journal.file.Close()
	for _, path := range []string{h.journal.path, h.part()} {
		if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
			return err
		}
	}
	return nil
}

// buildID identifies the tool and this program, with the flags that change what a point does.
func (h *harness) buildID() (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	for _, path := range []string{self, h.bin} {
		raw, err := os.ReadFile(path)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(sum, "%x\n", sha256.Sum256(raw))
	}
	fmt.Fprintln(sum, h.all, h.transports)
	return fmt.Sprintf("%x", sum.Sum(nil)), nil
}
