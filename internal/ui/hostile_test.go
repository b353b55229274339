package ui

import (
	"bytes"
	"context"
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/charmbracelet/colorprofile"

	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/lxc"
)

// nasty is a name that a guest, a Proxmox or a template may use: it clears the screen,
// sets the title and the clipboard, hides a link, reverses the direction of text,
// overwrites earlier text, and ends in an incomplete escape sequence.
const nasty = "a\x1b[2J\x1b]0;title\a\x1b]52;c;ZXZpbA==\a\x1b]8;;http://evil/\x1b\\b\x1b]8;;\x1b\\" +
	"\u009b31m\u009d8;;x\u009c\u202egnp\u2066\u200b\u00ad\ufeff\b\b\r\x00\x7f\v\f\u2028\xff\U000e0041\x1bPq\x1b[31"

// ours are the only escape sequences that may reach a terminal: colours, and in the live
// display those of the cursor.
var (
	paint  = regexp.MustCompile("\x1b\\[[0-9;]*m")
	cursor = regexp.MustCompile("\x1b\\[(\\?2026[hl]|\\?25[hl]|K|J|[0-9]+A)|\r")
)

// harmless fails the test if text contains a sequence that a terminal would obey.
func harmless(t *testing.T, what, text string, live bool) {
	t.Helper()
	if live {
		text = cursor.ReplaceAllString(text, "")
	}
	text = paint.ReplaceAllString(text, "")
	for at, r := range text {
		if r != '\n' && r != '\t' && (r < 0x20 || r >= 0x7f && r < 0xa0) || invisible(r) || r == utf8.RuneError && text[at] != 0xef {
			t.Errorf("%s: %q reaches the terminal: %.60q", what, r, text[max(0, at-20):])
			return
		}
	}
}

func nastyService() lxc.Service {
	return lxc.Service{Name: nasty, Type: nasty, Status: nasty, URL: nasty, Image: nasty, Project: nasty, Note: nasty, Log: []string{nasty}, Declared: true, CredentialKeys: []string{nasty},
		Ports: []lxc.Port{{Protocol: nasty, Address: nasty, Port: 1}}}
}

// nastyEvents are events of every type, with nasty in all their texts. A row of a
// database or a message from Redis may be like that.
func nastyEvents() []event.Event {
	percent, index, status := 250, -9, 1<<40
	var list []event.Event
	service := nastyService()
	for _, kind := range []event.Type{event.Step, event.Log, event.Service, event.Warning, nasty, event.Complete, event.Error} {
		for _, step := range []event.StepName{event.Creating, nasty, event.Syncing, ""} {
			list = append(list, event.Event{Seq: -1, Timestamp: time.Unix(0, 0), Type: kind, Step: step, Percent: &percent, Message: nasty,
				ContainerID: nasty, RunID: nasty, CTID: 1, Node: nasty, Hostname: nasty, Host: nasty, ScriptName: nasty, ScriptIndex: &index,
				ScriptTotal: 1 << 40, ScriptNames: []string{nasty}, Stream: nasty, ElapsedMs: -1, Hint: nasty, ExitStatus: &status,
				Service: &service, Address: nasty, Services: []lxc.Service{service}})
		}
		percent = -250
	}
	e := list[0]
	e.Type, e.Message = event.Service, ""
	return append(list, e)
}

func nastyResult() Result {
	return Result{Container: lxc.Container{RecordID: nasty, CTID: 1, Host: nasty, Node: nasty, Hostname: nasty, Address: nasty, Lifecycle: nasty,
		Template: nasty, Error: nasty + "\n" + nasty}, Services: []lxc.Service{nastyService()}, Story: true, LastRun: nasty, Reveal: nasty, Notes: []string{nasty}}
}

// TestNothingReachesTheTerminal gives nasty events to each renderer.
func TestNothingReachesTheTerminal(t *testing.T) {
	failed := nastyResult()
	failed.Container.Lifecycle = lxc.Failed
	table := Table{Columns: []Column{{Title: nasty}, {Title: "B", Keep: true, Paint: func(string) Shade { return Bad }}}, Rows: [][]string{{nasty, nasty}, {nasty}}}
	for name, write := range map[string]func(*Streams) error{
		"result":  func(s *Streams) error { return WriteResult(s, nastyResult()) },
		"failed":  func(s *Streams) error { return WriteResult(s, failed) },
		"table":   func(s *Streams) error { return WriteTable(s, table) },
		"empty":   func(s *Streams) error { return WriteTable(s, Table{Empty: nasty}) },
		"row":     func(s *Streams) error { return WriteRow(s, nasty, nasty+"\n"+nasty) },
		"lines":   func(s *Streams) error { return WriteLines(s, nasty, nasty+"\n"+nasty) },
		"warning": func(s *Streams) error { return WriteWarning(s, nasty+"\n"+nasty, nasty) },
		"failure": func(s *Streams) error {
			return WriteFailure(s, Failure{Message: nasty + "\n" + nasty, Tail: []string{nasty, nasty}, Hints: []string{nasty + "\n" + nasty}})
		},
		"document": func(s *Streams) error { return WriteJSON(s, nastyResult()) },
		"confirm": func(s *Streams) error {
			s.In = strings.NewReader("y\n")
			_, err := Confirm(context.Background(), s, "Destroy "+nasty+"?")
			return err
		},
		"replay":  func(s *Streams) error { return each(NewEventWriter(s, false).Event) },
		"json":    func(s *Streams) error { return each(NewDisplay(s, Options{JSON: true}).Event) },
		"verbose": func(s *Streams) error { return each(NewDisplay(s, Options{Verbose: true}).Event) },
		"quiet":   func(s *Streams) error { return each(NewDisplay(s, Options{Quiet: true}).Event) },
		"live": func(s *Streams) error {
			l := prepareLive(s, time.Now)
			close(l.gone)
			err := each(func(e event.Event) error { err := l.Event(e); l.draw(false); return err })
			l.Close()
			return err
		},
	} {
		for _, width := range []int{10, 40, 120} {
			for _, p := range []colorprofile.Profile{colorprofile.NoTTY, colorprofile.ANSI256} {
				s, out, errs := terminal(width, p)
				if err := write(s); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				if out.Len()+errs.Len() == 0 {
					t.Errorf("%s wrote nothing", name)
				}
				harmless(t, name, out.String(), false)
				harmless(t, name, errs.String(), name == "live")
			}
		}
		// stderr is clean even in a pipe; stdout keeps the bytes of its rows.
		s, out, errs := pipes()
		if err := write(s); err != nil && name != "confirm" {
			t.Fatalf("%s: %v", name, err)
		}
		harmless(t, name+" in a pipe", errs.String(), name == "live")
		want := map[string]int{"replay": 5, "table": 1, "row": 1}[name]
		for row := range strings.Lines(out.String()) {
			if n := strings.Count(row, "\t"); want > 0 && n > want || strings.Contains(row, "\r") {
				t.Errorf("%s: a row is broken: %q", name, row)
			}
		}
	}
}

func each(show func(event.Event) error) error {
	for _, e := range nastyEvents() {
		if err := show(e); err != nil {
			return err
		}
	}
	return nil
}

// A pipe gets the exact bytes in rows, and the exact values in JSON.
func TestPipesKeepTheBytes(t *testing.T) {
	s, out, _ := pipes()
	text := "\x1b[31mred\x1b[0m \u202e\u009b \x1b]52;c;eA==\a"
	WriteRow(s, text, "b")
	if out.String() != text+"\tb\n" {
		t.Errorf("%q", out)
	}
	out.Reset()
	NewEventWriter(s, true).Event(event.Event{Timestamp: time.Now(), Type: event.Log, Message: text + "\U000e0041"})
	if e, ok := event.Parse(bytes.TrimSpace(out.Bytes())); !ok || e.Message != text+"\U000e0041" {
		t.Errorf("%q from %s", e.Message, out)
	}
	out.Reset()
	WriteJSON(s, []string{text})
	var back []string
	if err := json.Unmarshal(out.Bytes(), &back); err != nil || back[0] != text {
		t.Errorf("%q from %s", back, out)
	}
}

// A hostile name cannot overwrite or hide our own words in a question.
func TestQuestionsStandWhole(t *testing.T) {
	for _, name := range []string{"web\rDestroy other, which is yours", "web\x1b]0;", "web\x1bP", "web\x1b", "web\x1b[", "web\x1b[\x1b[", "web\u009d"} {
		s, _, errs := terminal(80, colorprofile.NoTTY)
		s.In = strings.NewReader("n\n")
		Confirm(t.Context(), s, "Destroy container 5 ("+name+"), which is not on record, and its disks?")
		if got := errs.String(); !strings.HasPrefix(got, "Destroy container 5 (web") || !strings.HasSuffix(got, ", which is not on record, and its disks? [y/N] ") {
			t.Errorf("%q is asked as %q", name, got)
		}
	}
}
