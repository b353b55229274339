package provision

import "github.com/infrahaus/infrahaus/internal/event"

// tailLines is how much of a failing script's output an error carries.
const tailLines = 12

// tail remembers the last lines that were logged, redacted as they are, for the
// error of what failed. It is a sink like any other.
type tail struct{ last []string }

// Event keeps a log line.
func (t *tail) Event(e event.Event) error {
	if e.Type != event.Log {
		return nil
	}
	t.last = append(t.last, e.Message)
	if len(t.last) > tailLines {
		t.last = append(t.last[:0], t.last[len(t.last)-tailLines:]...)
	}
	return nil
}

func (t *tail) reset()          { t.last = nil }
func (t *tail) lines() []string { return append([]string(nil), t.last...) }
