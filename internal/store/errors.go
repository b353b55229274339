package store

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/lxc"
)

// Kind classifies an error of the state directory or its database.
type Kind string

// The kinds of error. Unwritable is about the directory, ReadOnly about the database.
const (
	Locked     Kind = "locked"
	ReadOnly   Kind = "read-only"
	Garbage    Kind = "garbage"
	Newer      Kind = "newer"
	Unwritable Kind = "unwritable"
	Full       Kind = "full"
	Broken     Kind = "broken" // any other error of the database

	// Of PostgreSQL alone.
	Away      Kind = "away"
	Slow      Kind = "slow"
	Crowded   Kind = "crowded"
	Refused   Kind = "refused"
	Missing   Kind = "missing"
	Forbidden Kind = "forbidden"
	Untrusted Kind = "untrusted"
	Pooled    Kind = "pooled"
	Older     Kind = "older"
	BadURL    Kind = "bad-url"

	Unfinished Kind = "unfinished" // a copy into it was interrupted
)

// Error is an error of the state, with the command that repairs it.
type Error struct {
	Kind Kind
	Path string // of the directory or the database
	Err  error
	Hint string // one line; may be ""
}

var says = map[Kind]string{
	Locked:     "cannot use the database %s: another process has held it for too long",
	ReadOnly:   "cannot write the database %s: it is read-only",
	Garbage:    "cannot use the database %s: it is not an infrahaus database",
	Newer:      "cannot use the database %s: a newer infrahaus wrote it",
	Unwritable: "cannot write the state directory %s",
	Full:       "cannot write the database %s: the disk is full",
	Broken:     "cannot use the database %s",
	Away:       "cannot reach the database %s",
	Slow:       "cannot use the database %s: it is too slow",
	Crowded:    "cannot use the database %s: it is out of connections or memory",
	Refused:    "cannot log in to the database %s",
	Missing:    "cannot find the database %s",
	Forbidden:  "cannot use the database %s: this login has no right to",
	Untrusted:  "cannot trust the database %s",
	Pooled:     "cannot use the database %s through a pooler",
	Older:      "cannot use the database %s: an older infrahaus made it",
	Unfinished: "cannot use the database %s: a copy into it has not finished",
	BadURL:     "cannot use the address of the database %s",
}

func (e *Error) Error() string {
	text := fmt.Sprintf(says[e.Kind], e.Path)
	if e.Err == nil {
		return text
	}
	sep := ": "
	if strings.Contains(strings.Replace(text, e.Path, "", 1), ": ") {
		sep = " ("
	}
	text += sep + e.Err.Error()
	if sep == " (" {
		text += ")"
	}
	return text
}

func (e *Error) Unwrap() error { return e.Err }

// ExitStatus is that of trouble with the state, or of a wrong setting.
func (e *Error) ExitStatus() int {
	if e.Kind == BadURL {
		return exit.Usage
	}
	return exit.Other
}

// NextSteps is the command that repairs the state, if there is one.
func (e *Error) NextSteps() []string {
	if e.Hint == "" {
		return nil
	}
	return []string{e.Hint}
}

func unwritable(dir string, err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) && pe.Path == dir {
		err = pe.Err // the message names the path already
	}
	return &Error{Kind: Unwritable, Path: dir, Err: plain(err),
		Hint: "choose a directory you may write with --state-dir or INFRAHAUS_STATE_DIR"}
}

func readOnly(path string, err error) error {
	return &Error{Kind: ReadOnly, Path: path, Err: err, Hint: "make it writable: chmod 600 " + word(path)}
}

// word quotes a path for a shell if necessary.
func word(path string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-+:@%,=", r)
	}
	if strings.IndexFunc(path, func(r rune) bool { return !plain(r) }) < 0 {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}

// wrap replaces an error of the database by one of ours, and returns any other unchanged.
func (s *Store) wrap(err error) error {
	if err == nil {
		return nil
	}
	return s.d.wrap(err)
}

func newer(path string, version int, hint string) error {
	return &Error{Kind: Newer, Path: path, Err: fmt.Errorf("its version is %d, this program knows %d", version, len(migrations)), Hint: hint}
}

func garbage(path string, err error) error {
	return &Error{Kind: Garbage, Path: path, Err: err,
		Hint: "move it away and start afresh: mv " + word(path) + " " + word(path+".broken")}
}

// NameTaken is the error for a name that a living container of the host has already.
type NameTaken struct{ Existing lxc.Container }

func (e *NameTaken) Error() string {
	c := e.Existing
	return fmt.Sprintf("the name %s is taken on host %s by %s", c.Hostname, c.Host, describe(c))
}

// ExitStatus is that of a command line that is wrong.
func (e *NameTaken) ExitStatus() int { return exit.Usage }

// NextSteps is empty: the next step is a command.
func (e *NameTaken) NextSteps() []string { return nil }

// Commands shows the container that has the name, and how to go on with it.
func (e *NameTaken) Commands(command func(words ...string) string) []string {
	name := e.Existing.Hostname
	if e.Existing.Lifecycle == lxc.Ready {
		return []string{command("show", name), "choose another NAME, or say --if-exists ok if it will do as it is"}
	}
	return []string{command("show", name), "to finish it: " + command("resume", name)}
}

// OnRecord is the error for a container to adopt that a living record has already.
type OnRecord struct{ Existing lxc.Container }

func (e *OnRecord) Error() string {
	return "the container is on record already: " + e.Existing.Hostname + ", " + describe(e.Existing)
}

// NotFound is the error for a container that the catalogue does not have on the chosen
// host.
type NotFound struct{ Ref string }

func (e *NotFound) Error() string {
	return fmt.Sprintf("cannot find container %s in the catalogue", e.Ref)
}

// Commands lists the containers that exist.
func (e *NotFound) Commands(command func(words ...string) string) []string {
	return []string{command("list")}
}

// Ambiguous is the error for a reference that matches several records.
type Ambiguous struct {
	Ref        string
	Candidates []lxc.Container
}

func (e *Ambiguous) Error() string {
	return fmt.Sprintf("cannot tell which container %s is: %d records answer to it", e.Ref, len(e.Candidates))
}

// LastLines describes the records, one a line.
func (e *Ambiguous) LastLines() (lines []string, shown bool) {
	for _, c := range e.Candidates {
		lines = append(lines, candidate(c))
	}
	return lines, false
}

// candidate describes one record that a reference may mean.
func candidate(c lxc.Container) string {
	text := c.RecordID + "  " + c.Hostname
	if c.CTID != 0 {
		text += fmt.Sprintf(", CT %d on %s", c.CTID, c.Node)
	}
	if c.DestroyedAt != nil {
		return text + ", destroyed " + c.DestroyedAt.Format(time.RFC3339)
	}
	return text + ", " + string(c.Lifecycle)
}

// ExitStatus is that of a container that is not found.
func (e *Ambiguous) ExitStatus() int { return exit.Other }

// NextSteps is empty: the next step is a command.
func (e *Ambiguous) NextSteps() []string { return nil }

// Commands shows one of the records by its id.
func (e *Ambiguous) Commands(command func(words ...string) string) []string {
	last := e.Candidates[len(e.Candidates)-1]
	return []string{"say the record id: " + command("show", last.RecordID)}
}

func describe(c lxc.Container) string {
	if c.CTID == 0 {
		return fmt.Sprintf("record %s (%s)", c.RecordID, c.Lifecycle)
	}
	return fmt.Sprintf("CT %d, record %s (%s)", c.CTID, c.RecordID, c.Lifecycle)
}

// errSlow is the error of one call that took longer than its limit.
var errSlow = errors.New("it has not answered in time")
