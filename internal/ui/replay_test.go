package ui

import (
	"flag"
	"os"
	"strings"
	"testing"
	"time"
)

var replay = flag.String("replay", "", "play a recorded run in its own time on this terminal")

// TestReplay is for looking at a display: go test -c ./internal/ui && ./ui.test -test.run
// TestReplay -replay success
func TestReplay(t *testing.T) {
	if *replay == "" {
		t.Skip("give -replay NAME on a terminal")
	}
	s := System(os.Stdin, os.Stdout, os.Stderr, os.Environ(), false)
	d := NewDisplay(s, Options{})
	var last time.Time
	for _, e := range events(t, *replay) {
		if !last.IsZero() {
			time.Sleep(e.Timestamp.Sub(last))
		}
		last = e.Timestamp
		if err := d.Event(e); err != nil {
			t.Fatal(err)
		}
	}
	d.Close()
	if strings.HasPrefix(*replay, "fail") {
		WriteFailure(s, Failure{Message: "cannot run script 20-configure.sh: exit status 7", Hints: []string{"infrahaus logs web-01"}})
		return
	}
	WriteResult(s, result())
}
