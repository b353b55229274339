package ui

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/colorprofile"

	"github.com/infrahaus/infrahaus/internal/event"
)

var update = flag.Bool("update", false, "write the golden files")

const recorded, screens = "../../testdata/events", "../../testdata/screens"

// events reads one recorded run.
func events(t *testing.T, name string) []event.Event {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(recorded, name+".ndjson"))
	if err != nil {
		t.Fatal(err)
	}
	var list []event.Event
	for line := range strings.Lines(string(data)) {
		var e event.Event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		list = append(list, e)
	}
	return list
}

// golden compares got with a file, byte for byte. The files show an escape character as
// ␛.
func golden(t *testing.T, name, got string) {
	t.Helper()
	got = strings.ReplaceAll(got, "\x1b", "␛")
	path := filepath.Join(screens, name)
	if *update {
		if err := os.MkdirAll(screens, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs:\n%s\nwant:\n%s", name, got, want)
	}
}

// terminal makes Streams for a person, without colour for NO_COLOR.
func terminal(width int, p colorprofile.Profile) (*Streams, *bytes.Buffer, *bytes.Buffer) {
	out, err := new(bytes.Buffer), new(bytes.Buffer)
	return &Streams{Out: out, Err: err, OutTTY: true, ErrTTY: true, InTTY: true, OutColor: p, ErrColor: p,
		Size: func() (int, int) { return width, 30 }}, out, err
}

func pipes() (*Streams, *bytes.Buffer, *bytes.Buffer) {
	out, err := new(bytes.Buffer), new(bytes.Buffer)
	return &Streams{Out: out, Err: err, OutColor: colorprofile.NoTTY, ErrColor: colorprofile.NoTTY}, out, err
}

var runs = []string{"success", "failure", "warning"}

// moments are the seq of events after which the live display is looked at.
var moments = map[int]bool{1: true, 8: true, 13: true, 25: true}

func TestLiveScreens(t *testing.T) {
	for _, name := range runs {
		for _, width := range []int{20, 60, 120} {
			for _, p := range []colorprofile.Profile{colorprofile.NoTTY, colorprofile.ANSI256} {
				t.Run(fmt.Sprint(name, width, p), func(t *testing.T) {
					var b strings.Builder
					s, _, _ := terminal(width, p)
					var now time.Time
					l := prepareLive(s, func() time.Time { return now })
					show := func(title string, last bool) {
						fmt.Fprintf(&b, "--- %s\n", title)
						for _, line := range l.model.lines(width, 30, now, l.style, last) {
							b.WriteString(line + "\n")
						}
					}
					for _, e := range events(t, name) {
						now = e.Timestamp
						l.Event(e)
						if moments[e.Seq] {
							show(fmt.Sprintf("after event %d", e.Seq), false)
						}
					}
					show("at the end", true)
					color := map[bool]string{true: "-nocolor"}[p == colorprofile.NoTTY]
					golden(t, fmt.Sprintf("live-%s-%d%s.txt", name, width, color), b.String())
				})
			}
		}
	}
}

// TestLiveBytes checks every byte that goes to the terminal, with a frame for each event.
func TestLiveBytes(t *testing.T) {
	s, _, errs := terminal(60, colorprofile.ANSI256)
	var now time.Time
	l := prepareLive(s, func() time.Time { return now })
	close(l.gone) // the display draws only when the test says so
	for _, e := range events(t, "warning") {
		now = e.Timestamp
		l.Event(e)
		l.draw(false)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	golden(t, "live-bytes.txt", strings.ReplaceAll(errs.String(), "\r", "␍"))
	n := errs.Len()
	l.Close()
	if errs.Len() != n {
		t.Error("the second Close wrote something")
	}
}

func TestPlainFace(t *testing.T) {
	for _, name := range runs {
		s, out, errs := pipes()
		d := NewDisplay(s, Options{})
		for _, e := range events(t, name) {
			if err := d.Event(e); err != nil {
				t.Fatal(err)
			}
		}
		d.Close()
		golden(t, "plain-"+name+".txt", errs.String())
		if out.Len() != 0 {
			t.Errorf("stdout got %q", out)
		}
		if strings.Contains(errs.String(), "\x1b") {
			t.Error("an escape sequence reached the pipe")
		}
		want := 0 // the error is shown once, at the end
		for _, e := range events(t, name) {
			if e.Type != event.Error {
				want++
			}
		}
		if n := strings.Count(errs.String(), "\n"); n != want {
			t.Errorf("%d lines for %d events", n, want)
		}
	}
}

func TestQuiet(t *testing.T) {
	s, _, errs := terminal(80, colorprofile.NoTTY)
	d := NewDisplay(s, Options{Quiet: true})
	for _, e := range events(t, "warning") {
		d.Event(e)
	}
	if got := errs.String(); strings.Count(got, "\n") != 2 || strings.Count(got, "warning:") != 2 {
		t.Errorf("quiet shows %q", got)
	}
}

func TestJSONFace(t *testing.T) {
	for _, name := range runs {
		s, out, errs := terminal(80, colorprofile.ANSI256)
		d := NewDisplay(s, Options{JSON: true})
		list := events(t, name)
		for _, e := range list {
			if err := d.Event(e); err != nil {
				t.Fatal(err)
			}
		}
		d.Close()
		var n int
		for line := range strings.Lines(out.String()) {
			var e event.Event
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				t.Fatal(err)
			}
			want, _ := json.Marshal(list[n])
			if got, _ := json.Marshal(e); !bytes.Equal(got, want) {
				t.Errorf("got %s, want %s", got, want)
			}
			n++
		}
		if n != len(list) || errs.Len() != 0 {
			t.Errorf("%d lines for %d events, stderr %q", n, len(list), errs)
		}
	}
}
