package ui

import (
	"io"
	"testing"
	"time"

	"github.com/charmbracelet/colorprofile"

	"github.com/infrahaus/infrahaus/internal/event"
)

// BenchmarkLiveLog measures the cost of one line of a script's output.
func BenchmarkLiveLog(b *testing.B) {
	s, _, _ := terminal(100, colorprofile.ANSI256)
	s.Err = io.Discard
	d := newLive(s, false)
	defer d.Close()
	zero := 0
	e := event.Event{Timestamp: time.Now(), Type: event.Log, Step: event.Syncing, ScriptName: "10-a.sh", ScriptIndex: &zero,
		ScriptTotal: 3, Message: "Get:1 http://deb.debian.org/debian bookworm/main amd64 nginx amd64"}
	for b.Loop() {
		d.Event(e)
	}
}
