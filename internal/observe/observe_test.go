package observe

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/infrahaus/infrahaus/internal/event"
)

var noon = time.Date(2026, time.November, 30, 12, 0, 0, 0, time.UTC)

// run is a run that ends with a status: five phases, a script, and a wait within it. Each event
// comes a second after the one before.
func run(status int) []event.Event {
	events := []event.Event{
		{Type: event.Step, Step: event.Creating, Message: "Creating LXC container", User: "ann", Machine: "desk"},
		{Type: event.Log, Step: event.Creating, Message: "extracting"},
		{Type: event.Step, Step: event.Starting, Message: "Starting container"},
		{Type: event.Step, Step: event.Deploying, Message: "Connecting to the container"},
		{Type: event.Step, Step: event.Syncing, Message: "Running config-manager initial sync"},
		{Type: event.Step, Step: event.Syncing, Message: "Running 10-web.sh", ScriptName: "10-web.sh"},
		{Type: event.Step, Step: event.Syncing, Message: "waiting for 10-web.sh (3 s)", Waiting: true},
		{Type: event.Step, Step: event.Syncing, Message: "waiting for 10-web.sh (6 s)", Waiting: true},
		{Type: event.Log, Step: event.Syncing, Message: "nginx is up", ScriptName: "10-web.sh"},
		{Type: event.Warning, Step: event.Syncing, Message: "the disk is nearly full"},
	}
	end := event.Event{Type: event.Complete, Step: event.Finalizing, Message: "Container ready!", ExitStatus: &status}
	if status == 0 {
		events = append(events, event.Event{Type: event.Step, Step: event.Finalizing, Message: "Discovering services"})
	} else {
		end.Type, end.Step, end.Message = event.Error, event.Syncing, "10-web.sh failed: ***"
	}
	events = append(events, end)
	for i := range events {
		e := &events[i]
		e.Seq, e.Timestamp, e.ElapsedMs = i+1, noon.Add(time.Duration(i)*time.Second), int64(500+1000*i)
		e.RunID, e.ContainerID, e.Hostname, e.CTID, e.Node, e.Host = "R1", "C1", "web", 101, "pve1", "homelab"
	}
	return events
}

func pass(t *testing.T, to event.Sink, events []event.Event) {
	t.Helper()
	for _, e := range events {
		if err := to.Event(e); err != nil {
			t.Fatal(err)
		}
	}
}

// receiver is a collector that keeps what it gets.
type receiver struct {
	*httptest.Server
	got  []otlpTraces
	head http.Header
}

func receive(t *testing.T) *receiver {
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		var body io.Reader = req.Body
		if req.Header.Get("Content-Encoding") == "gzip" {
			body, _ = gzip.NewReader(req.Body)
		}
		var one otlpTraces
		if err := json.NewDecoder(body).Decode(&one); err != nil || req.URL.Path != "/v1/traces" || req.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %v", req.URL, err)
		}
		r.got, r.head = append(r.got, one), req.Header
		fmt.Fprint(w, "{}")
	}))
	t.Cleanup(r.Close)
	return r
}

func environment(pairs ...string) func(string) string {
	return func(name string) string {
		for _, p := range pairs {
			if key, value, _ := strings.Cut(p, "="); key == name {
				return value
			}
		}
		return ""
	}
}

func attributes(pairs []otlpPair) string {
	var out []string
	for _, p := range pairs {
		for _, v := range p.Value {
			out = append(out, fmt.Sprintf("%s=%v", strings.TrimPrefix(p.Key, "infrahaus."), v))
		}
	}
	return strings.Join(out, " ")
}

// tree is the spans as an outline, each with its begin and end in seconds since noon.
func tree(spans []otlpSpan, parent string, depth int) string {
	var b strings.Builder
	at := func(text string) float64 {
		var n int64
		_, _ = fmt.Sscan(text, &n)
		return time.Unix(0, n).Sub(noon).Seconds()
	}
	for _, s := range spans {
		if s.ParentSpanID != parent {
			continue
		}
		fmt.Fprintf(&b, "%s%s %g-%g", strings.Repeat("  ", depth), s.Name, at(s.Start), at(s.End))
		if text := attributes(s.Attributes); text != "" {
			b.WriteString(" [" + text + "]")
		}
		for _, e := range s.Events {
			fmt.Fprintf(&b, " %g:%s", at(e.At), e.Name)
		}
		if s.Status.Code != 0 {
			fmt.Fprintf(&b, " status %d %s", s.Status.Code, s.Status.Message)
		}
		b.WriteString("\n" + tree(spans, s.SpanID, depth+1))
	}
	return b.String()
}

func TestTraces(t *testing.T) {
	for _, c := range []struct {
		name   string
		status int
		more   []string
		parent string
		want   string
	}{
		{"a run that ends well", 0, nil, "", `create -0.5-11 [verb=create run.id=R1 container.id=C1 container.name=web host=homelab enduser.id=ann host.name=desk exit_status=0 ctid=101 node=pve1]
  creating 0-2 0:step
  starting 2-3 2:step
  deploying 3-4 3:step
  syncing 4-10 4:step
    script 5-10 [script=10-web.sh] 5:step 9:warning
      wait 5-8 [wait=waiting for 10-web.sh (3 s)]
  finalizing 10-11 10:step
`},
		{"a run that fails, below another span", 5, []string{"TRACEPARENT=00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "OTEL_EXPORTER_OTLP_COMPRESSION=gzip"}, "b7ad6b7169203331", `create -0.5-10 [verb=create run.id=R1 container.id=C1 container.name=web host=homelab enduser.id=ann host.name=desk exit_status=5 ctid=101 node=pve1] status 2 10-web.sh failed: ***
  creating 0-2 0:step
  starting 2-3 2:step
  deploying 3-4 3:step
  syncing 4-10 4:step status 2 10-web.sh failed: ***
    script 5-10 [script=10-web.sh] 5:step 9:warning status 2 10-web.sh failed: ***
      wait 5-8 [wait=waiting for 10-web.sh (3 s)]
`},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := receive(t)
			traces, err := OpenTraces("1.2.3", environment(append(c.more, "OTEL_EXPORTER_OTLP_ENDPOINT="+r.URL, "OTEL_EXPORTER_OTLP_HEADERS=api-key=s3cret%20key")...))
			if err != nil {
				t.Fatal(err)
			}
			pass(t, traces.Run("create"), run(c.status))
			if warning := traces.Close(); warning != "" {
				t.Error(warning)
			}
			if len(r.got) != 1 || r.head.Get("api-key") != "s3cret key" {
				t.Fatalf("%d requests, headers %v", len(r.got), r.head)
			}
			res := r.got[0].ResourceSpans[0]
			spans := res.ScopeSpans[0].Spans
			if got := tree(spans, c.parent, 0); got != c.want {
				t.Errorf("got\n%swant\n%s", got, c.want)
			}
			if about := attributes(res.Resource.Attributes); !strings.Contains(about, "service.name=infrahaus") || !strings.Contains(about, "service.version=1.2.3") {
				t.Errorf("resource: %s", about)
			}
			if id := spans[0].TraceID; len(id) != 32 || c.parent != "" && id != "0af7651916cd43dd8448eb211c80319c" {
				t.Errorf("trace %s", id)
			}
		})
	}
}

func TestNothingAsksForTraces(t *testing.T) {
	for _, env := range [][]string{
		nil,
		{"OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1", "OTEL_SDK_DISABLED=true"},
		{"OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1", "OTEL_TRACES_EXPORTER=none"},
	} {
		if traces, err := OpenTraces("", environment(env...)); traces != nil || err != nil {
			t.Errorf("%v: %v, %v", env, traces, err)
		}
	}
}

func TestSettings(t *testing.T) {
	const at = "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318"
	for _, c := range []struct {
		env  []string
		want string
	}{
		{[]string{at}, "http://127.0.0.1:4318/v1/traces 10s"},
		{[]string{at + "/otel/", "OTEL_EXPORTER_OTLP_TIMEOUT=500"}, "http://127.0.0.1:4318/otel/v1/traces 500ms"},
		{[]string{at, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=https://c.example.org/own", "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"}, "https://c.example.org/own 10s"},
		{[]string{at, "OTEL_EXPORTER_OTLP_PROTOCOL=grpc"}, "OTEL_EXPORTER_OTLP_PROTOCOL is grpc, and only http/json is known"},
		{[]string{at, "OTEL_TRACES_EXPORTER=zipkin"}, `OTEL_TRACES_EXPORTER is "zipkin", and only otlp is known`},
		{[]string{"OTEL_EXPORTER_OTLP_ENDPOINT=127.0.0.1:4318"}, "OTEL_EXPORTER_OTLP_ENDPOINT is no address such as http://127.0.0.1:4318"},
		{[]string{at, "OTEL_EXPORTER_OTLP_HEADERS=s3cret"}, "OTEL_EXPORTER_OTLP_HEADERS is no list such as name=value,name=value"},
		{[]string{at, "OTEL_EXPORTER_OTLP_TIMEOUT=10s"}, `OTEL_EXPORTER_OTLP_TIMEOUT is "10s", and no number of milliseconds`},
		{[]string{at, "OTEL_EXPORTER_OTLP_COMPRESSION=zstd"}, `OTEL_EXPORTER_OTLP_COMPRESSION is "zstd", and only gzip and none are known`},
		{[]string{at, "OTEL_EXPORTER_OTLP_CERTIFICATE=/nowhere/ca.pem"}, "OTEL_EXPORTER_OTLP_CERTIFICATE: open /nowhere/ca.pem: no such file or directory"},
	} {
		to, err := read(environment(c.env...))
		got := to.address + " " + to.limit.String()
		if err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%v:\ngot  %s\nwant %s", c.env, got, c.want)
		}
	}
}

// A collector that is away, refuses, or never answers costs a warning, without the secrets of
// its address, and little time.
func TestCollectorInTrouble(t *testing.T) {
	hang := make(chan struct{})
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-hang:
		case <-r.Context().Done():
		}
	}))
	defer silent.Close()
	defer close(hang)
	refuses := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }))
	defer refuses.Close()
	for address, want := range map[string]string{
		"http://ann:s3cret@127.0.0.1:1": "connection refused",
		silent.URL:                      "deadline exceeded",
		refuses.URL:                     "answers 401 Unauthorized",
	} {
		traces, err := OpenTraces("", environment("OTEL_EXPORTER_OTLP_ENDPOINT="+address))
		if err != nil {
			t.Fatal(err)
		}
		pass(t, traces.Run("create"), run(0))
		began := time.Now()
		warning := traces.Close()
		if !strings.HasPrefix(warning, "cannot send traces: ") || !strings.Contains(warning, want) || strings.Contains(warning, "s3cret") {
			t.Errorf("%s: %q", address, warning)
		}
		if took := time.Since(began); took > 30*time.Second { // flushLimit, on any machine
			t.Errorf("%s: it took %s", address, took)
		}
	}
}

// More runs than the queue holds do not wait for a collector.
func TestQueueIsBounded(t *testing.T) {
	if os.Getenv("OTEL_BSP_MAX_QUEUE_SIZE") != "" {
		t.Skip("the environment says how long the queue is")
	}
	traces, err := OpenTraces("", environment("OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1"))
	if err != nil {
		t.Fatal(err)
	}
	for range 1000 {
		pass(t, traces.Run("create"), run(0))
	}
	if traces.Close() == "" {
		t.Error("nothing was lost")
	}
}
