package store

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/lxc"
)

func say(t *testing.T, sink event.Sink, r Run, seq int, typ event.Type, text string) {
	t.Helper()
	e := event.Event{Timestamp: time.Now(), Seq: seq, Type: typ, Step: event.Syncing, ContainerID: r.RecordID, RunID: r.ID, ScriptName: "10.sh", Message: text}
	if err := sink.Event(e); err != nil {
		t.Fatal(err)
	}
}

func TestLogLimit(t *testing.T) { onBoth(t, testLogLimit) }

func testLogLimit(t *testing.T) {
	s := open(t, t.TempDir())
	s.logLimit = 64 << 10
	c := create(t, s, lxc.Container{HostID: host(t, s, "h"), Hostname: "web"})
	r := begin(t, s, c.RecordID, "create")
	sink := s.Sink()
	say(t, sink, r, 1, event.Log, strings.Repeat("x", 60<<10))
	say(t, sink, r, 2, event.Log, "fits")
	say(t, sink, r, 3, event.Log, strings.Repeat("y", 1<<20)) // does not
	say(t, sink, r, 4, event.Log, "would fit, but a hole in the middle would be no log")
	say(t, sink, r, 5, event.Step, "goes on")
	if err := sink.Scrub(c.RecordID, r.ID, func(m string) string { return strings.ReplaceAll(m, "x", "") }); err != nil {
		t.Fatal(err)
	}
	say(t, sink, r, 6, event.Log, "there is room again")
	say(t, sink, r, 7, event.Complete, "done")
	if err := sink.Close(); err != nil {
		t.Fatal(err)
	}
	s.EndRun(context.Background(), r.ID, 0)
	if size, there, err := s.logs.size(t.Context(), r); err != nil || !there || size > s.logLimit {
		t.Errorf("the log has %d bytes, %v", size, err)
	}
	var got []string
	for e, err := range s.Events(context.Background(), EventQuery{RunID: r.ID}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprint(e.Seq, e.Type))
		if LogFull(e) != (e.Seq == 3) {
			t.Errorf("event %d: LogFull = %v, %q", e.Seq, LogFull(e), e.Message)
		}
	}
	if text := strings.Join(got, " "); text != "1log 2log 3warning 5step 7complete" {
		t.Error(text)
	}
}

// A follower gets events beyond the limit when they come, not at the run's end.
func TestFollowBeyondTheLogLimit(t *testing.T) { onBoth(t, testFollowBeyondTheLogLimit) }

func testFollowBeyondTheLogLimit(t *testing.T) {
	s := open(t, t.TempDir())
	s.logLimit = 1 << 10
	c := create(t, s, lxc.Container{HostID: host(t, s, "h"), Hostname: "web"})
	r := begin(t, s, c.RecordID, "create")
	sink := s.Sink()
	say(t, sink, r, 1, event.Log, "one")
	say(t, sink, r, 2, event.Step, "two")
	var got []int
	for e, err := range s.Events(context.Background(), EventQuery{RecordID: c.RecordID, Follow: true}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, e.Seq)
		switch e.Seq {
		case 2:
			say(t, sink, r, 3, event.Log, strings.Repeat("z", 2<<10))
			say(t, sink, r, 4, event.Log, "four")
		case 3:
			sink.Scrub(c.RecordID, r.ID, func(m string) string { return m })
			say(t, sink, r, 5, event.Log, "five")
			say(t, sink, r, 6, event.Step, "six")
		case 6: // reached only while the run is alive
			say(t, sink, r, 7, event.Complete, "seven")
			sink.Close()
			s.EndRun(context.Background(), r.ID, 0)
		}
	}
	if fmt.Sprint(got) != "[1 2 3 6 7]" {
		t.Errorf("followed %v", got)
	}
}
