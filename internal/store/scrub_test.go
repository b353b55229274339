package store

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/infrahaus/infrahaus/internal/event"
)

// A secret that was printed in two parts on two lines, with a line of the other stream
// between them, is scrubbed too.
func TestScrubSeesThroughLines(t *testing.T) {
	var in bytes.Buffer
	now := time.Now()
	for _, e := range []event.Event{
		{Seq: 1, Type: event.Log, ScriptName: "10.sh", Stream: event.Stdout, Message: "is hunter2-"},
		{Seq: 2, Type: event.Log, ScriptName: "10.sh", Stream: event.Stderr, Message: "between"},
		{Seq: 3, Type: event.Log, ScriptName: "10.sh", Stream: event.Stdout, Message: "hunter3, yes"},
	} {
		e.Timestamp = now
		line, err := e.Line()
		if err != nil {
			t.Fatal(err)
		}
		in.Write(line)
	}
	var out bytes.Buffer
	if err := copyRedacted(&out, &in, event.NewSecrets("hunter2-hunter3").Redact); err != nil {
		t.Fatal(err)
	}
	text := out.String()
	if strings.Contains(text, "hunter") || !strings.Contains(text, "between") || strings.Count(text, "\n") != 3 {
		t.Errorf("the scrubbed log is\n%s", text)
	}
}
