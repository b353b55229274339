package configmanager

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"

	"github.com/infrahaus/infrahaus/internal/guest"
)

// StatusRefused is the exit status of NotifyScript if a check failed. The files that it
// concerns are as they were before they were written.
const StatusRefused = 3

// Notify is a unit that depends on a change. Do is restart or reload.
type Notify struct {
	Do   string `json:"do"`
	Name string `json:"name"`
}

// Cause is something other than a file that has changed.
type Cause struct {
	Kind   string // package or variable
	Name   string
	Notify []Notify
}

// Mend is a declared service that has to be started or enabled. Do is start or enable.
type Mend struct{ Do, Unit string }

//go:embed notify.sh
var notifyText string

// NotifyScript is POSIX sh that runs as an attempt, after files, packages and scripts. It
// checks those of the files that the config-manager has written, and restarts or reloads
// what depends on them and on causes, each unit once. It may run again: what was done for
// the same change is not repeated.
func NotifyScript(files []File, causes []Cause, mends []Mend) string {
	var b strings.Builder
	b.WriteString(notifyText)
	call := func(words ...string) {
		for i, w := range words {
			if i > 0 {
				w = " " + guest.Quote(w)
			}
			b.WriteString(w)
		}
		b.WriteByte('\n')
	}
	list := func(notify []Notify) (words []string) {
		for _, n := range notify {
			words = append(words, n.Do, n.Name)
		}
		return words
	}
	var checks []string
	numbers := map[string][]string{} // the files with a check
	for _, f := range files {
		if f.Check == "" {
			continue
		}
		if !slices.Contains(checks, f.Check) {
			checks = append(checks, f.Check)
		}
		numbers[f.Check] = append(numbers[f.Check], f.Target)
	}
	for i, c := range checks {
		call(append([]string{"check", fmt.Sprint(i + 1), c}, numbers[c]...)...)
	}
	for _, step := range []string{"bad", "file"} {
		for _, f := range files {
			if f.noted() {
				call(append([]string{step, f.Target, fmt.Sprint(slices.Index(checks, f.Check) + 1)}, list(f.Notify)...)...)
			}
		}
	}
	for _, c := range causes {
		call(append([]string{c.Kind, c.Name}, list(c.Notify)...)...)
	}
	call("act")
	for _, m := range mends {
		call(m.Do, m.Unit)
	}
	call("finish")
	return b.String()
}

// noted reports whether the guest has to record that the file is written.
func (f File) noted() bool { return f.Check != "" || len(f.Notify) > 0 }

// notes is the line of a manifest that names the files on which something depends. "" is
// for a template in which nothing depends on anything.
func (in Input) notes() string {
	names := "\n"
	for _, f := range in.Files {
		if f.noted() {
			names += f.Target + "\n"
		}
	}
	if names == "\n" && !in.Notifies {
		return ""
	}
	return "NOTED=" + guest.Quote(names) + "\n"
}
