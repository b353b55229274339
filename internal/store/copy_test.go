package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/lxc"
)

// filled makes a catalogue with rows in every table, and a log.
func filled(t *testing.T, p Place) *Store {
	t.Helper()
	ctx := t.Context()
	s, err := OpenAt(ctx, p)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	for i := range 3 {
		c := create(t, s, lxc.Container{HostID: host(t, s, "h"), Hostname: fmt.Sprint("web", i), CTID: 100 + i, Error: "a NUL \x00 in a text"})
		r := begin(t, s, c.RecordID, "create")
		sink := s.Sink()
		for seq := 1; seq <= 700; seq++ {
			e := event.Event{Timestamp: time.Now(), Seq: seq, Type: event.Log, ContainerID: c.RecordID, RunID: r.ID, Message: strings.Repeat("x\x00y ", 200)}
			if seq%100 == 0 {
				e.Type = event.Step
			}
			if err := sink.Event(e); err != nil {
				t.Fatal(err)
			}
		}
		if err := errors.Join(sink.Close(), s.EndRun(ctx, r.ID, 0),
			s.SaveServices(ctx, c.RecordID, []lxc.Service{{Name: "nginx"}}, time.Now()),
			s.SaveSealed(ctx, c.RecordID, "db", []string{"USER"}, "e"),
			s.SetStep(ctx, Step{RecordID: c.RecordID, RunID: r.ID, Phase: "p", Item: "i", State: Done}),
			s.Pin(ctx, c.RecordID, "ssh-ed25519", "SHA256:x"), s.SaveJob(ctx, c.RecordID, []byte(`{"a":"\u0000"}`))); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.tx(ctx, func(tx *Tx) error {
		return errors.Join(keepArchive(ctx, tx, "a", []byte{0, 0xff, '\n'}), keepArchive(ctx, tx, "b", []byte("b")))
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.KeepShared(ctx, Shared{Name: "ssh-key", Envelope: "e", Public: "p"}); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestCopy(t *testing.T) {
	url := urlOf(t, t.TempDir())
	back := t.TempDir()
	for _, way := range []struct {
		name     string
		from, to Place
	}{
		{"to PostgreSQL", Place{Dir: t.TempDir()}, Place{Dir: t.TempDir(), URL: url, ForCopy: true}},
		{"to SQLite", Place{Dir: t.TempDir(), URL: urlOf(t, back)}, Place{Dir: back, ForCopy: true}},
	} {
		t.Run(way.name, func(t *testing.T) {
			from := filled(t, way.from)
			to, err := OpenAt(t.Context(), way.to)
			if err != nil {
				t.Fatal(err)
			}
			defer to.Close()

			// Interrupted after some tables, it goes on.
			ctx, cancel := context.WithCancel(t.Context())
			if _, err := Copy(ctx, from, to, func(part string, _ int) {
				if part == "runs" {
					cancel()
				}
			}); err == nil {
				t.Fatal("an interrupted copy says that it is done")
			}
			half := way.to
			half.ForCopy = false
			var unfinished *Error
			if _, err := OpenAt(t.Context(), half); !errors.As(err, &unfinished) || unfinished.Kind != Unfinished {
				t.Errorf("half a copy can be opened: %v", err)
			}
			sum, err := Copy(t.Context(), from, to, nil)
			if err != nil || !sum.Resumed || sum.Tables["containers"] != 3 || sum.Tables["events"] != 21 || sum.Logs != 3 || sum.Tables["shared"] != 1 {
				t.Fatalf("%+v %v", sum, err)
			}
			again, err := OpenAt(t.Context(), half)
			if err != nil {
				t.Fatal(err)
			}
			defer again.Close()
			for _, c := range []string{"web0", "web2"} {
				one, err := again.Find(t.Context(), host(t, again, "h"), c)
				if err != nil {
					t.Fatal(err)
				}
				if a, b := seqs(t, from, EventQuery{RecordID: one.RecordID}), seqs(t, again, EventQuery{RecordID: one.RecordID}); a != b || !strings.HasSuffix(b, " 699 700") {
					t.Errorf("events of %s differ: %d and %d bytes", c, len(a), len(b))
				}
			}
			if due, err := again.upgradeDue(t.Context()); due || err != nil {
				t.Errorf("an upgrade is due: %v", err)
			}

			// A catalogue with records of its own is left alone.
			var full *NotEmpty
			if _, err := Copy(t.Context(), from, again, nil); !errors.As(err, &full) {
				t.Errorf("into a full one: %v", err)
			}
			r := begin(t, from, create(t, from, lxc.Container{HostID: host(t, from, "h"), Hostname: "busy"}).RecordID, "create")
			var busy *AtWork
			if _, err := Copy(t.Context(), from, to, nil); !errors.As(err, &busy) || busy.Run.ID != r.ID {
				t.Errorf("while a run is in progress: %v", err)
			}
		})
	}
}
