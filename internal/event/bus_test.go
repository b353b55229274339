package event

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/infrahaus/infrahaus/internal/lxc"
)

func TestBusNumbersWithoutHoles(t *testing.T) {
	var required, other, broken []int
	failing := false
	keep := func(to *[]int) Sink {
		return SinkFunc(func(e Event) error { *to = append(*to, e.Seq); return nil })
	}
	b := NewBus(Meta{}, SinkFunc(func(e Event) error {
		if failing {
			return errors.New("locked")
		}
		required = append(required, e.Seq)
		return nil
	}), SinkFunc(func(e Event) error {
		broken = append(broken, e.Seq)
		if e.Seq == 2 {
			return errors.New("redis is gone")
		}
		return nil
	}), keep(&other))
	for range 4 {
		b.Emit(Event{Type: Log})
	}
	failing = true
	if err := b.Emit(Event{Type: Log}); err == nil {
		t.Error("the required sink's error is lost")
	}
	failing = false
	b.Emit(Event{Type: Error})
	if got := fmt.Sprint(required, other, broken); got != "[1 2 3 4 5 6] [1 2 3 4 5 6] [1 2]" {
		t.Errorf("got %s", got)
	}
}

func TestBrokenSinkWarnsOnce(t *testing.T) {
	var got []Event
	fail := SinkFunc(func(Event) error { return errors.New("cannot mirror to Redis: gone") })
	b := NewBus(Meta{}, SinkFunc(func(e Event) error { got = append(got, e); return nil }), fail)
	for range 3 {
		b.Emit(Event{Type: Log, Step: Syncing, Message: "x"})
	}
	if len(got) != 4 || got[1].Type != Warning || got[1].Step != Syncing || got[1].Message != "cannot mirror to Redis: gone" {
		t.Errorf("got %+v", got)
	}
}

func TestPercentNeverFalls(t *testing.T) {
	b, got := recorder()
	for _, p := range []int{5, 20, 10, 65, 120, -1} {
		b.Step(Creating, p, "")
	}
	var ps []int
	for _, e := range *got {
		ps = append(ps, *e.Percent)
	}
	if fmt.Sprint(ps) != "[5 20 20 65 100 100]" {
		t.Errorf("got %v", ps)
	}
}

func TestBusIsSafeForConcurrentUse(t *testing.T) {
	b, got := recorder("hunter22")
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			l := b.Lines(Event{})
			for n := range 50 {
				fmt.Fprintf(l.Writer(Stdout), "%d hunter22 %d\n", i, n)
				b.Secrets().Add(fmt.Sprintf("secret-%d-%d", i, n))
			}
			l.Flush()
		})
	}
	wg.Wait()
	for i, e := range *got {
		if e.Seq != i+1 || strings.Contains(e.Message, "hunter22") {
			t.Fatalf("event %d is %+v", i, e)
		}
	}
	if len(*got) != 400 {
		t.Errorf("%d events", len(*got))
	}
}

func TestEveryTextIsRedacted(t *testing.T) {
	const secret = "hunter22-secret"
	b, got := recorder(secret)
	service := lxc.Service{Name: secret, URL: "http://u:" + secret + "@h", Note: secret, Image: secret, Project: secret, Log: []string{"a", "b " + secret, secret[:8], secret[8:]}}
	b.Emit(Event{Type: Complete, Message: secret, Hint: secret, ScriptName: secret, ScriptNames: []string{secret}, Address: secret,
		Service: &service, Services: []lxc.Service{service}})
	doc, err := json.Marshal((*got)[0])
	if err != nil || strings.Contains(string(doc), secret) {
		t.Errorf("got %s, %v", doc, err)
	}
	if l := (*got)[0].Service.Log; len(l) != 4 || l[0] != "a" || strings.Contains(strings.Join(l, ""), secret) {
		t.Errorf("log %q", l)
	}
	if service.Name != secret || service.Log[1] != "b "+secret {
		t.Error("the caller's own value was changed")
	}
}

func TestWireForm(t *testing.T) {
	percent, zero := 0, 0
	e := Event{Seq: 1, Timestamp: time.Date(2026, 11, 23, 10, 0, 0, 120e6, time.FixedZone("", 3600)), Type: Step, Step: Creating,
		Percent: &percent, Message: "a < b", ScriptIndex: &zero, ScriptTotal: 3}
	line, err := e.Line()
	want := `{"seq":1,"timestamp":"2026-11-23T09:00:00.120Z","type":"step","step":"creating","percent":0,"message":"a < b","scriptIndex":0,"scriptTotal":3}` + "\n"
	if err != nil || string(line) != want {
		t.Errorf("got %s", line)
	}
	back, ok := Parse(line)
	if again, _ := back.Line(); !ok || string(again) != want {
		t.Errorf("read back as %s", again)
	}
	doc, err := json.Marshal(map[string]any{"event": &e})
	if err != nil || !strings.Contains(string(doc), `"2026-11-23T09:00:00.120Z"`) {
		t.Errorf("got %s, %v", doc, err)
	}
}

func TestDecodePassesGarbageOver(t *testing.T) {
	in := `{"seq":1,"timestamp":"2026-11-23T09:00:00.120Z","type":"log","message":"a"}
garbage
[1,2]
{}
{"seq":"x","timestamp":1,"type":"log"}

{"seq":2,"timestamp":"2026-11-23T09:00:00Z","type":"log","message":"` + strings.Repeat("x", 200000) + `","new":"field"}
{"seq":3,"timestamp":"2026-11-23T09:00:01Z","type":"lo`
	var seqs []int
	err := Decode(strings.NewReader(in), func(e Event) error { seqs = append(seqs, e.Seq); return nil })
	if err != nil || fmt.Sprint(seqs) != "[1 2]" {
		t.Errorf("got %v, %v", seqs, err)
	}
	stop := errors.New("stop")
	if err := Decode(strings.NewReader(in), func(Event) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("got %v", err)
	}
}

func TestSecretKeys(t *testing.T) {
	for _, key := range []string{"PASSWORD", "password", "DB_PASSWORD", "dbPassword", "API_KEY", "token", "POSTGRES_PASSWORD", "ROOT", "PGPASS", "", "SECRET2"} {
		if !IsSecretKey(key) {
			t.Errorf("%q names a secret", key)
		}
	}
	for _, key := range []string{"USER", "username", "POSTGRES_USER", "dbName", "REDIS_PORT", "URL", "DATABASE_URL", "HOST", "DB", "DB_HOST1", "PUBLIC_KEY", "admin-email"} {
		if IsSecretKey(key) {
			t.Errorf("%q names none", key)
		}
	}
	if got := SecretsIn("DATABASE_URL", "postgres://app:s3cret-pw@db/x"); fmt.Sprint(got) != "[s3cret-pw]" {
		t.Errorf("got %v", got)
	}
	if got := SecretsIn("URL", "http://10.0.0.5/"); got != nil {
		t.Errorf("got %v", got)
	}
}

// A service name that comes from the guest is redacted in the record and in Redis, as it
// is in events. A declared service keeps the name that the template gave it.
func TestRedactServices(t *testing.T) {
	b := NewBus(Meta{}, nil)
	b.Secrets().Add("s3cret-name")
	services := []lxc.Service{
		{Name: "s3cret-name", Image: "registry/s3cret-name:1", Note: "s3cret-name", URL: "http://u:pw@h/", CredentialKeys: []string{"s3cret-name"}},
		{Name: "s3cret-name", Declared: true},
	}
	got := b.RedactServices(services)
	if s := got[0]; s.Name != "***" || s.Image != "registry/***:1" || s.Note != "***" || s.URL != "http://u:***@h/" || s.CredentialKeys[0] != "***" {
		t.Errorf("%+v", s)
	}
	if got[1].Name != "s3cret-name" || services[0].Name != "s3cret-name" {
		t.Errorf("%+v of %+v", got[1], services[0])
	}
}
