package event_test

import (
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/infrahaus/infrahaus/internal/event"
)

// lines collects the reported lines, each with the second at which it came.
func lines(t *testing.T, play func(w *event.Waiting)) (said []string) {
	t.Helper()
	synctest.Test(t, func(*testing.T) {
		began := time.Now()
		w := event.NewWaiting(func(_ event.Wait, line string) {
			said = append(said, fmt.Sprintf("%d: %s", time.Since(began)/time.Second, line))
		})
		play(w)
		synctest.Wait()
	})
	return said
}

func TestWaiting(t *testing.T) {
	task := event.Wait{What: "Proxmox to start container 100", Most: 90 * time.Second}
	for name, c := range map[string]struct {
		play func(w *event.Waiting)
		want []string
	}{
		"no silence is longer": {func(w *event.Waiting) {
			defer w.Begin(task)()
			time.Sleep(10 * time.Second)
		}, []string{
			"3: waiting for Proxmox to start container 100 (3 s of at most 90 s)",
			"6: waiting for Proxmox to start container 100 (6 s of at most 90 s)",
			"9: waiting for Proxmox to start container 100 (9 s of at most 90 s)",
		}},
		"what ends soon says nothing": {func(w *event.Waiting) {
			w.Begin(task)()
			time.Sleep(time.Minute)
		}, nil},
		"what is heard counts": {func(w *event.Waiting) {
			defer w.Begin(task)()
			for range 10 {
				time.Sleep(2 * time.Second)
				w.Heard("")
			}
			time.Sleep(4 * time.Second)
		}, []string{"23: waiting for Proxmox to start container 100 (23 s of at most 90 s)"}},
		"the innermost, then the one around it": {func(w *event.Waiting) {
			defer w.Begin(event.Wait{})()
			w.Heard("Starting container")
			done := w.Begin(task)
			time.Sleep(4 * time.Second)
			done()
			w.Heard("waiting for an IPv4 address by DHCP")
			time.Sleep(4 * time.Second)
		}, []string{
			"3: waiting for Proxmox to start container 100 (3 s of at most 90 s)",
			"7: waiting for an IPv4 address by DHCP (3 s)",
		}},
		"a message that gives a reason first": {func(w *event.Waiting) {
			defer w.Begin(event.Wait{What: "the container to start"})()
			time.Sleep(time.Second)
			w.Heard("another run of infrahaus uses this console: waiting until it has ended")
			time.Sleep(4 * time.Second)
		}, []string{"4: another run of infrahaus uses this console: waiting until it has ended (3 s)"}},
		"one wait after the other is one silence": {func(w *event.Waiting) {
			for _, what := range []string{"a", "b", "c"} {
				done := w.Begin(event.Wait{What: what})
				time.Sleep(1900 * time.Millisecond)
				done()
			}
			time.Sleep(time.Minute)
			w.Begin(event.Wait{What: "d"})()
			defer w.Begin(event.Wait{What: "e"})()
			time.Sleep(1500 * time.Millisecond)
		}, []string{"3: waiting for b (1 s)", "66: waiting for e (1 s)"}},
		"hours": {func(w *event.Waiting) {
			defer w.Begin(event.Wait{What: "x"})()
			time.Sleep(time.Hour)
		}, nil},
	} {
		got := lines(t, c.play)
		if name == "hours" {
			if len(got) < 75 || len(got) > 90 || got[19] != "60: waiting for x (60 s)" || got[20] != "66: waiting for x (66 s)" {
				t.Errorf("%s: %d lines in an hour", name, len(got))
			}
			continue
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s:\n%q, not\n%q", name, got, c.want)
		}
	}
}

// sideways is a sink that implements Aside.
type sideways struct{ said []string }

func (s *sideways) Event(e event.Event) error { return nil }
func (s *sideways) Aside(line string)         { s.said = append(s.said, line) }

// While the database itself is waited for, the displays show that through Aside. The
// lines that were held up are on record afterwards.
func TestBusWaitForRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var held atomic.Bool
		face := &sideways{}
		n := 0
		b := event.NewBus(event.Meta{}, event.SinkFunc(func(event.Event) error {
			if n++; held.Load() {
				time.Sleep(30 * time.Second)
			}
			return nil
		}), face)
		defer b.Wait(event.Wait{Step: event.Creating})()
		_ = b.Step(event.Creating, 5, "Creating LXC container")
		held.Store(true)
		_ = b.Step(event.Creating, 8, "Downloading")
		held.Store(false)
		if len(face.said) < 3 || face.said[0] != "waiting for the database, which another process uses (1 s)" {
			t.Errorf("%q", face.said)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if n != 3 { // two steps, and the line about the silence
			t.Errorf("%d events", n)
		}
	})
}

// The lines about a wait are ordinary step events without a percentage, and none comes
// after the last event.
func TestBusWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []event.Event
		b := event.NewBus(event.Meta{}, event.SinkFunc(func(e event.Event) error { got = append(got, e); return nil }))
		done := b.Wait(event.Wait{Step: event.Starting})
		_ = b.Step(event.Starting, 25, "Starting container")
		time.Sleep(5 * time.Second)
		_ = b.Step(event.Starting, 35, "Container started")
		_ = b.Emit(event.Event{Type: event.Complete, Message: "ready"})
		time.Sleep(time.Minute)
		done()
		done()
		synctest.Wait()
		if len(got) != 4 || got[1].Message != "still at it: Starting container (3 s)" || got[1].Percent != nil || !got[1].Waiting ||
			got[1].Step != event.Starting || got[3].Seq != 4 {
			t.Errorf("%+v", got)
		}
	})
}
