package store

import (
	"context"
	"testing"

	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/lxc"
)

func benchRun(b *testing.B) (*Store, Run) {
	ctx := context.Background()
	s, err := Open(ctx, b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	r := Run{ID: NewRecordID(), RecordID: NewRecordID(), Kind: "create"}
	if err := s.CreateContainer(ctx, lxc.Container{RecordID: r.RecordID, HostID: host(b, s, "h"), Hostname: "web", Lifecycle: lxc.Creating}); err != nil {
		b.Fatal(err)
	}
	if err := s.BeginRun(ctx, r); err != nil {
		b.Fatal(err)
	}
	return s, r
}

func BenchmarkOpen(b *testing.B) {
	s, _ := benchRun(b)
	for b.Loop() {
		again, err := Open(context.Background(), s.Dir())
		if err != nil {
			b.Fatal(err)
		}
		again.Close()
	}
}

// BenchmarkFirstOpen includes making the database.
func BenchmarkFirstOpen(b *testing.B) {
	for b.Loop() {
		s, err := Open(context.Background(), b.TempDir())
		if err != nil {
			b.Fatal(err)
		}
		s.Close()
	}
}

func benchSink(b *testing.B, kind event.Type) {
	s, r := benchRun(b)
	sink := s.Sink()
	defer sink.Close()
	e := event.Event{Type: kind, ContainerID: r.RecordID, RunID: r.ID, Step: event.Syncing, ScriptName: "10-a.sh",
		Message: "Get:1 http://deb.debian.org/debian bookworm/main amd64 nginx amd64"}
	for b.Loop() {
		e.Seq++
		if err := sink.Event(e); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSinkLog(b *testing.B)  { benchSink(b, event.Log) }
func BenchmarkSinkStep(b *testing.B) { benchSink(b, event.Step) }

func BenchmarkSetStep(b *testing.B) {
	s, r := benchRun(b)
	for b.Loop() {
		if err := s.SetStep(context.Background(), Step{RecordID: r.RecordID, RunID: r.ID, Phase: "p", Item: "i", State: Done}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMirrorEvent(b *testing.B) {
	m, err := NewMirror("127.0.0.1:1")
	if err != nil {
		b.Fatal(err)
	}
	defer m.Close()
	e := event.Event{Type: event.Log, ContainerID: "C", RunID: "R", Message: "Get:1 http://deb.debian.org/debian bookworm/main amd64 nginx amd64"}
	for b.Loop() {
		m.Event(e)
	}
}
