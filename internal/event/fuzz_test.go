package event

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"
)

// Every kind of event, every known form of one, and rows that another program wrote into
// the database, the log file or Redis.
var lines = []string{
	`{"seq":12,"timestamp":"2026-11-23T10:00:00.123Z","type":"step","step":"syncing","percent":65,"message":"m","containerId":"c","runId":"r","ctid":101,"node":"pve","hostname":"web-01","host":"homelab","elapsedMs":1234}`,
	`{"seq":13,"timestamp":"2026-11-23T11:00:00.1+01:00","type":"log","message":"\u001b[31m<&>","scriptName":"10-a.sh","scriptIndex":0,"scriptTotal":3,"scriptNames":["10-a.sh"],"stream":"stderr"}`,
	`{"timestamp":"2026-11-23T10:00:00Z","type":"complete","message":"","exitStatus":6,"address":"192.0.2.1","services":[{"name":"nginx","type":"systemd","status":"running","ports":[{"protocol":"tcp","address":"::","port":80}]}],"service":{"name":"x"},"hint":"h"}`,
	`{"seq":-1,"timestamp":"0001-01-01T00:00:00.001Z","type":"error","percent":-9000000000,"scriptIndex":-1,"scriptTotal":-1,"ctid":-5,"elapsedMs":-1,"message":"\ud800"}`,
	`{"seq":1e99,"timestamp":"2026-11-23T10:00:00Z","type":"step"}`, `{"timestamp":"9999-12-31T23:59:59.9999-23:00","type":"x","percent":250}`,
	`{"timestamp":"0000-01-01T00:00:00Z","type":"x"}`, `{"TYPE":"a","type":"b","Timestamp":"2026-11-23T10:00:00Z","message":null,"services":null}`,
	`[]`, `null`, `"x"`, ``, `{`, `{"type":"step"}`, `{"timestamp":5,"type":"step"}`, `{"timestamp":"2026-11-23T10:00:00Z","type":"step","service":[]}`,
}

// FuzzEvent checks that an event that was read is written as one line, which reads as the
// same event, and that its numbers are within their ranges.
func FuzzEvent(f *testing.F) {
	for _, line := range lines {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		e, ok := Parse(in)
		if !ok {
			if !reflect.DeepEqual(e, Event{}) {
				t.Fatalf("what is no event is %+v", e)
			}
			return
		}
		if e.Percent != nil && (*e.Percent < 0 || *e.Percent > 100) || e.Seq < 0 || e.ScriptIndex != nil && *e.ScriptIndex < 0 || e.ScriptTotal < 0 || e.CTID < 0 {
			t.Fatalf("numbers of no event: %+v", e)
		}
		line, err := e.Line()
		if err != nil || bytes.Count(line, []byte("\n")) != 1 || line[len(line)-1] != '\n' {
			t.Fatalf("%q, %v", line, err)
		}
		again, ok := Parse(line)
		second, err := again.Line()
		if !ok || err != nil || !bytes.Equal(line, second) {
			t.Fatalf("%q became %q", line, second)
		}
		n := 0
		stream := bytes.Join([][]byte{[]byte("torn {\n"), line, in, []byte("\n"), line}, nil)
		if err := Decode(bytes.NewReader(stream), func(Event) error { n++; return nil }); err != nil || n < 2 {
			t.Fatalf("%d events of %q, %v", n, stream, err)
		}
	})
}

// A row from another program is brought within bounds or refused.
func TestHostileRows(t *testing.T) {
	e, ok := Parse([]byte(`{"seq":-1,"timestamp":"2026-11-23T10:00:00Z","type":"step","percent":250,"scriptIndex":-7,"scriptTotal":-1,"ctid":-5}`))
	if !ok || e.Seq != 0 || *e.Percent != 100 || *e.ScriptIndex != 0 || e.ScriptTotal != 0 || e.CTID != 0 {
		t.Errorf("%+v", e)
	}
	huge := `{"timestamp":"2026-11-23T10:00:00Z","type":"log","message":"` + strings.Repeat("x", maxEvent) + `"}`
	if _, ok := Parse([]byte(huge)); ok {
		t.Error("a line larger than any event passes for one")
	}
	if _, ok := Parse([]byte(`{"timestamp":"9999-12-31T23:59:59-23:00","type":"x"}`)); ok {
		t.Error("a time that cannot be written is read")
	}
	n := 0
	err := Decode(strings.NewReader(lines[0]+"\n"+huge+huge+"\n"+lines[1]+"\n"+lines[0]), func(Event) error { n++; return nil })
	if err != nil || n != 3 {
		t.Errorf("%d events, %v", n, err)
	}
	long := Event{Timestamp: time.Now(), Type: Log, Message: strings.Repeat("\x01", maxLine)} // the longest that Lines makes
	line, _ := long.Line()
	if again, ok := Parse(line); !ok || again.Message != long.Message {
		t.Errorf("our own longest line, %d bytes, is not read", len(line))
	}
}
