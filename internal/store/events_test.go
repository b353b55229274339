package store

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/lxc"
)

// logRun writes a whole run of n events. Every third is a row.
func logRun(t *testing.T, s *Store, recordID, kind string, n int) Run {
	t.Helper()
	r := begin(t, s, recordID, kind)
	sink := s.Sink()
	for seq := 1; seq <= n; seq++ {
		emit(t, sink, r, seq)
	}
	if err := sink.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.EndRun(context.Background(), r.ID, 0); err != nil {
		t.Fatal(err)
	}
	return r
}

func begin(t *testing.T, s *Store, recordID, kind string) Run {
	t.Helper()
	r := Run{ID: NewRecordID(), RecordID: recordID, Kind: kind}
	if err := s.BeginRun(context.Background(), r); err != nil {
		t.Fatal(err)
	}
	return r
}

func logPath(s *Store, r Run) string { return logFiles{s.dir}.path(r.RecordID, r.ID) }

func emit(t *testing.T, sink event.Sink, r Run, seq int) {
	t.Helper()
	e := event.Event{Timestamp: time.Now(), Seq: seq, Type: event.Log, ContainerID: r.RecordID, RunID: r.ID, Message: fmt.Sprint("line ", seq)}
	if seq%3 == 0 {
		e.Type = event.Step
	}
	if err := sink.Event(e); err != nil {
		t.Fatal(err)
	}
}

func seqs(t *testing.T, s *Store, q EventQuery) string {
	t.Helper()
	var got []string
	for e, err := range s.Events(context.Background(), q) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprint(e.Seq))
	}
	return strings.Join(got, " ")
}

func TestEventsAreWhole(t *testing.T) { onBoth(t, testEventsAreWhole) }

func testEventsAreWhole(t *testing.T) {
	s := open(t, t.TempDir())
	c := create(t, s, lxc.Container{HostID: host(t, s, "h"), Hostname: "web"})
	first := logRun(t, s, c.RecordID, "create", 7)
	logRun(t, s, c.RecordID, "resume", 4)
	for _, tt := range []struct {
		query EventQuery
		want  string
	}{
		{EventQuery{RecordID: c.RecordID}, "1 2 3 4 5 6 7 1 2 3 4"},
		{EventQuery{RecordID: c.RecordID, Follow: true}, "1 2 3 4 5 6 7 1 2 3 4"},
		{EventQuery{RunID: first.ID}, "1 2 3 4 5 6 7"},
		{EventQuery{RunID: first.ID, AfterSeq: 4}, "5 6 7"},
		{EventQuery{RecordID: c.RecordID, NoLogs: true}, "3 6 3"},
		{EventQuery{RecordID: "nobody"}, ""},
	} {
		if got := seqs(t, s, tt.query); got != tt.want {
			t.Errorf("%+v: %s, want %s", tt.query, got, tt.want)
		}
	}
	if n := strings.Count(string(dump(t, s)), "line 1"); n != 0 {
		t.Errorf("%d log events are rows in the database", n)
	}
}

// dump returns every byte of the database.
func dump(t *testing.T, s *Store) []byte {
	t.Helper()
	var all []byte
	for _, suffix := range []string{"", "-wal"} {
		b, _ := os.ReadFile(s.path + suffix)
		all = append(all, b...)
	}
	return all
}

func TestEventsStopEarly(t *testing.T) { onBoth(t, testEventsStopEarly) }

func testEventsStopEarly(t *testing.T) {
	s := open(t, t.TempDir())
	c := create(t, s, lxc.Container{HostID: host(t, s, "h"), Hostname: "web"})
	logRun(t, s, c.RecordID, "create", 7)
	n := 0
	for range s.Events(context.Background(), EventQuery{RecordID: c.RecordID, Follow: true}) {
		if n++; n == 2 {
			break
		}
	}
	if n != 2 {
		t.Errorf("yielded %d after the consumer left", n)
	}
}

func TestTornLastLine(t *testing.T) {
	s := open(t, t.TempDir())
	c := create(t, s, lxc.Container{HostID: host(t, s, "h"), Hostname: "web"})
	r := logRun(t, s, c.RecordID, "create", 5)
	f, err := os.OpenFile(logPath(s, r), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.WriteString("not an event\n" + `{"seq":6,"type":"log","mess`)
	f.Close()
	if got := seqs(t, s, EventQuery{RunID: r.ID}); got != "1 2 3 4 5" {
		t.Error(got)
	}
}

// A killed process must not leave a row without the log lines before it.
func TestLogIsOnDiskBeforeTheRow(t *testing.T) {
	s := open(t, t.TempDir())
	c := create(t, s, lxc.Container{HostID: host(t, s, "h"), Hostname: "web"})
	r := begin(t, s, c.RecordID, "create")
	sink := s.Sink() // never closed, as after a kill
	for seq := 1; seq <= 3; seq++ {
		emit(t, sink, r, seq)
	}
	data, err := os.ReadFile(logPath(s, r))
	if err != nil || bytes.Count(data, []byte("\n")) != 2 {
		t.Errorf("log holds %q, %v", data, err)
	}
}

func TestMergeHoldsBackWhatMayBeMissing(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "log")
	var text []byte
	for _, seq := range []int{1, 2, 4, 5} {
		line, _ := json.Marshal(event.Event{Timestamp: time.Now(), Seq: seq, Type: event.Log})
		text = append(append(text, line...), '\n')
	}
	os.WriteFile(path, text, 0o600)
	m := &merger{next: 1, logs: &logReader{path: path}}
	defer m.logs.close()
	var got []int
	take := func(e event.Event) bool { got = append(got, e.Seq); return true }
	check := func(rows []event.Event, over bool, want string) {
		t.Helper()
		if err := m.merge(rows, over, take); err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(got) != want {
			t.Errorf("got %v, want %s", got, want)
		}
	}
	check(nil, false, "[1 2]")                            // 3 may be a row that comes later
	check([]event.Event{{Seq: 3}}, false, "[1 2 3 4 5]")  // 3 was a row
	check([]event.Event{{Seq: 8}}, true, "[1 2 3 4 5 8]") // the run is over: nothing more can come
	m2 := &merger{next: 1, logs: &logReader{path: path}}  // a gap in a run that is over
	m, got = m2, nil                                      //
	check(nil, true, "[1 2 4 5]")
}

func TestFollowALivingRun(t *testing.T) { onBoth(t, testFollowALivingRun) }

func testFollowALivingRun(t *testing.T) {
	s := open(t, t.TempDir())
	c := create(t, s, lxc.Container{HostID: host(t, s, "h"), Hostname: "web"})
	r := begin(t, s, c.RecordID, "create")
	sink := s.Sink()
	emit(t, sink, r, 1)
	emit(t, sink, r, 2)
	emit(t, sink, r, 3)
	var got []int
	// Each event that arrives causes the next one, so no clock is needed.
	for e, err := range s.Events(context.Background(), EventQuery{RecordID: c.RecordID, Follow: true}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, e.Seq)
		switch e.Seq {
		case 3:
			emit(t, sink, r, 4) // flushed only because time passed
		case 4:
			if err := sink.Scrub(c.RecordID, r.ID, func(m string) string { return strings.ReplaceAll(m, "line", "LINE") }); err != nil {
				t.Fatal(err)
			}
			emit(t, sink, r, 5) // written into the file that replaced the one being read
			emit(t, sink, r, 6)
		case 6:
			sink.Close()
			s.EndRun(context.Background(), r.ID, 0)
		}
	}
	if fmt.Sprint(got) != "[1 2 3 4 5 6]" {
		t.Errorf("got %v", got)
	}
}

func TestFollowEndsWithItsContext(t *testing.T) { onBoth(t, testFollowEndsWithItsContext) }

func testFollowEndsWithItsContext(t *testing.T) {
	s := open(t, t.TempDir())
	c := create(t, s, lxc.Container{HostID: host(t, s, "h"), Hostname: "web"})
	r := begin(t, s, c.RecordID, "create")
	emit(t, s.Sink(), r, 3)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var last error
	for e, err := range s.Events(ctx, EventQuery{RecordID: c.RecordID, Follow: true}) {
		if e.Seq == 3 {
			cancel()
		}
		last = err
	}
	if !errors.Is(last, context.Canceled) {
		t.Errorf("last error is %v", last)
	}
}

// A run whose process was killed has no end. A follower must not wait for it.
func TestKilledRun(t *testing.T) { onBoth(t, testKilledRun) }

func testKilledRun(t *testing.T) {
	dir := t.TempDir()
	s, killed := open(t, dir), open(t, dir)
	c := create(t, s, lxc.Container{HostID: host(t, s, "h"), Hostname: "web"})
	r := begin(t, killed, c.RecordID, "create")
	emit(t, killed.Sink(), r, 3)
	killed.Close()
	if got := seqs(t, s, EventQuery{RecordID: c.RecordID, Follow: true}); got != "3" {
		t.Errorf("followed %q", got)
	}
	begin(t, s, c.RecordID, "resume") // *Busy would be fatal
	runs, err := s.Runs(context.Background(), c.RecordID)
	if err != nil || len(runs) != 2 || runs[0].EndedAt != nil {
		t.Errorf("%+v %v", runs, err)
	}
}

func TestScrub(t *testing.T) {
	s := open(t, t.TempDir())
	c := create(t, s, lxc.Container{HostID: host(t, s, "h"), Hostname: "web"})
	r := begin(t, s, c.RecordID, "create")
	sink := s.Sink()
	sink.Event(event.Event{Timestamp: time.Now(), Seq: 1, Type: event.Log, ContainerID: c.RecordID, RunID: r.ID, Message: "the password is hunter22"})
	f, _ := os.OpenFile(logPath(s, r), os.O_APPEND|os.O_WRONLY, 0)
	f.WriteString("garbage hunter22\n")
	f.Close()
	redact := func(m string) string { return strings.ReplaceAll(m, "hunter22", "***") }
	if err := sink.Scrub(c.RecordID, r.ID, redact); err != nil {
		t.Fatal(err)
	}
	emit(t, sink, r, 2)
	sink.Close()
	data, err := os.ReadFile(logPath(s, r))
	if err != nil || bytes.Contains(data, []byte("hunter22")) || !bytes.Contains(data, []byte("the password is ***")) || !bytes.Contains(data, []byte("line 2")) {
		t.Errorf("log is %q, %v", data, err)
	}
	if info, _ := os.Stat(logPath(s, r)); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	if left, _ := filepath.Glob(filepath.Dir(logPath(s, r)) + "/*.scrub"); left != nil {
		t.Errorf("left behind: %v", left)
	}
	if err := sink.Scrub(c.RecordID, NewRecordID(), redact); err != nil {
		t.Errorf("a run without a log: %v", err)
	}
	if err := sink.Scrub("..", "x", redact); err == nil {
		t.Error("a path was taken for an id")
	}
}

func TestRuns(t *testing.T) { onBoth(t, testRuns) }

func testRuns(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	s, other := open(t, dir), open(t, dir)
	c := create(t, s, lxc.Container{HostID: host(t, s, "h"), Hostname: "web"})
	first := begin(t, s, c.RecordID, "create")
	var busy *Busy
	if err := other.BeginRun(ctx, Run{ID: NewRecordID(), RecordID: c.RecordID, Kind: "resume"}); !errors.As(err, &busy) || busy.Run.ID != first.ID {
		t.Errorf("err = %v, want *Busy", err)
	}
	for _, kind := range []string{Discover, "stop"} {
		if err := other.BeginRun(ctx, Run{ID: NewRecordID(), RecordID: c.RecordID, Kind: kind}); !errors.As(err, &busy) {
			t.Errorf("%s beside it: %v", kind, err)
		}
	}
	if err := s.EndRun(ctx, first.ID, 5); err != nil {
		t.Fatal(err)
	}
	s.EndRun(ctx, first.ID, 0)
	if err := other.BeginRun(ctx, Run{ID: NewRecordID(), RecordID: c.RecordID, Kind: Discover}); err != nil {
		t.Errorf("after its end: %v", err)
	}
	last := Run{ID: NewRecordID(), RecordID: c.RecordID, Kind: "resume", PID: 4711, Machine: "box", Command: "infrahaus resume web"}
	if err := other.BeginRun(ctx, last); err != nil {
		t.Errorf("beside a discovery: %v", err)
	}
	err := s.BeginRun(ctx, Run{ID: NewRecordID(), RecordID: c.RecordID, Kind: "start"})
	if err == nil || !strings.Contains(err.Error(), "process 4711 on box: infrahaus resume web") {
		t.Errorf("who is at work: %v", err)
	}
	runs, err := s.Runs(ctx, c.RecordID)
	if err != nil || len(runs) != 3 || runs[0].ExitStatus == nil || *runs[0].ExitStatus != 5 || runs[0].EndedAt == nil || runs[2].EndedAt != nil {
		t.Errorf("%+v %v", runs, err)
	}
}
