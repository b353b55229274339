package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/lxc"
)

func mirror(t *testing.T, address string) *Mirror {
	t.Helper()
	m, err := NewMirror(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

func feed(m *Mirror, from, to int) {
	for seq := from; seq <= to; seq++ {
		m.Event(event.Event{Seq: seq, Type: event.Step, ContainerID: "C", RunID: "R", Message: fmt.Sprint("m", seq)})
	}
}

func TestMirror(t *testing.T) {
	server := miniredis.RunT(t)
	server.RequireAuth("s3cret-pass")
	client := redis.NewClient(&redis.Options{Addr: server.Addr(), Password: "s3cret-pass"})
	defer client.Close()
	ctx := context.Background()
	sub := client.Subscribe(ctx, "container:C:progress")
	defer sub.Close()
	if _, err := sub.Receive(ctx); err != nil {
		t.Fatal(err)
	}

	m := mirror(t, "redis://:s3cret-pass@"+server.Addr())
	const n = 2100 // more than the ring holds
	feed(m, 1, n)
	m.PublishServices("C", []lxc.Service{{Name: "nginx", Type: lxc.Systemd, Status: lxc.Running, System: true,
		Ports: []lxc.Port{{Protocol: "tcp", Port: 80}}, CredentialKeys: []string{"PASSWORD"}}}, "192.0.2.5", time.Unix(0, 0))
	if r := m.Close(); r.Sent != n || r.Lost != 0 || r.Err != nil || r.Warning() != "" {
		t.Fatalf("%+v %q", r, r.Warning())
	}

	for seq := 1; seq <= n; seq++ {
		msg, err := sub.ReceiveMessage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		var e event.Event
		if err := json.Unmarshal([]byte(msg.Payload), &e); err != nil || e.Seq != seq {
			t.Fatalf("message %d is %s, %v", seq, msg.Payload, err)
		}
	}
	ring := client.LRange(ctx, "container:C:logs", 0, -1).Val()
	if len(ring) != 2000 || !strings.Contains(ring[1999], `"seq":2100`) || !strings.Contains(ring[0], `"seq":101`) {
		t.Errorf("ring of %d", len(ring))
	}
	if ttl := server.TTL("container:C:logs"); ttl != 48*time.Hour {
		t.Errorf("ring lives %v", ttl)
	}
	stream := client.XRange(ctx, "infrahaus:events", "-", "+").Val()
	if len(stream) != n || stream[0].Values["containerId"] != "C" || stream[0].Values["runId"] != "R" ||
		!strings.Contains(stream[n-1].Values["event"].(string), `"seq":2100`) {
		t.Errorf("stream of %d: %v", len(stream), stream[0])
	}
	want := `{"services":[{"name":"nginx","type":"systemd","status":"running","ports":[{"protocol":"tcp","address":"","port":80}],` +
		`"system":true,"port":80,"isSystem":true}],"containerIp":"192.0.2.5","discoveredAt":"1970-01-01T00:00:00.000Z"}`
	if got := client.Get(ctx, "container:C:services").Val(); got != want {
		t.Errorf("services are %s", got)
	}
	if server.TTL("container:C:services") != 0 {
		t.Error("the services expire")
	}

	gone := mirror(t, "redis://:s3cret-pass@"+server.Addr())
	gone.DeleteServices("C")
	if r := gone.Close(); r.Warning() != "" || server.Exists("container:C:services") {
		t.Errorf("%q; services still there: %v", r.Warning(), server.Exists("container:C:services"))
	}
}

// troubleServer is a TCP server that treats each connection as serve says.
func troubleServer(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { c.Close() })
			go serve(c)
		}
	}()
	return l.Addr().String()
}

func TestMirrorInTrouble(t *testing.T) {
	locked := miniredis.RunT(t)
	locked.RequireAuth("right-password")
	full := miniredis.RunT(t)
	full.SetError("OOM command not allowed when used memory > 'maxmemory'.")
	closed := troubleServer(t, func(c net.Conn) { c.Close() })
	for _, tt := range []struct{ name, address, want string }{
		{"down", "redis://127.0.0.1:1", "connection refused"},
		{"wrong password", "redis://:wrong-password@" + locked.Addr(), "redis says"},
		{"no password", "redis://" + locked.Addr(), "redis says NOAUTH"},
		{"full", full.Addr(), "redis says OOM"},
		{"web server", troubleServer(t, func(c net.Conn) { io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n") }), "not redis"},
		{"hangs up", closed, "it closed the connection"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := mirror(t, tt.address)
			feed(m, 1, 3)
			r := m.Close()
			w := r.Warning()
			if r.Lost != 3 || r.Sent != 0 || !strings.Contains(w, "3 of 3") || !strings.Contains(w, tt.want) {
				t.Errorf("%+v: %s", r, w)
			}
			if strings.Contains(w, "password@") || strings.Contains(w, "wrong-password") || strings.Contains(w, "\n") {
				t.Errorf("warning is %q", w)
			}
		})
	}
}

// A server that never answers must not delay the run's end for longer than the flush may
// take, nor delay any event.
func TestMirrorDoesNotWaitForASilentServer(t *testing.T) {
	m := mirror(t, troubleServer(t, func(c net.Conn) { io.Copy(io.Discard, c) }))
	feed(m, 1, 1000)
	ctx, cancel := context.WithTimeout(context.Background(), 2*FlushTimeout)
	defer cancel()
	closed := make(chan Report, 1)
	go func() { closed <- m.Close() }()
	select {
	case r := <-closed:
		if r.Lost != 1000 {
			t.Errorf("%+v", r)
		}
	case <-ctx.Done():
		t.Error("still waiting")
	}
}

func TestMirrorComesBack(t *testing.T) {
	server := miniredis.RunT(t)
	server.SetError("LOADING Redis is loading the dataset in memory")
	m := mirror(t, server.Addr())
	feed(m, 1, 10)
	for tried := false; !tried; time.Sleep(time.Millisecond) { // and was refused
		m.mu.Lock()
		tried = m.report.Err != nil
		m.mu.Unlock()
	}
	server.SetError("")
	feed(m, 11, 20)
	if r := m.Close(); r.Sent != 20 || r.Warning() != "" {
		t.Fatalf("%+v %s", r, r.Warning())
	}
	ring, err := server.List("container:C:logs")
	if err != nil || len(ring) != 20 || !strings.Contains(ring[0], `"seq":1,`) || !strings.Contains(ring[19], `"seq":20,`) {
		t.Errorf("%v %v", ring, err)
	}
}

func TestMirrorQueueIsBounded(t *testing.T) {
	m := mirror(t, "redis://127.0.0.1:1")
	big := strings.Repeat("x", 1<<20)
	for seq := range 40 {
		m.Event(event.Event{Seq: seq + 1, Type: event.Log, Message: big})
	}
	m.mu.Lock()
	held := m.bytes
	m.mu.Unlock()
	if held > queueBytes/4*3 {
		t.Errorf("holds %d bytes of log events", held)
	}
	m.Event(event.Event{Seq: 41, Type: event.Complete, Message: big}) // the queue still has space for this
	m.mu.Lock()
	room := m.bytes > held || len(m.queue) == 0
	m.mu.Unlock()
	if !room {
		t.Error("a complete event found no room")
	}
	if r := m.Close(); r.Lost != 41 {
		t.Errorf("lost %d of 41", r.Lost)
	}
}

// The batch being sent counts against the limit, because it may be put back.
func TestMirrorFlightIsBounded(t *testing.T) {
	m := &Mirror{wake: make(chan struct{}, 1), closing: make(chan struct{})} // no goroutine sends
	fill := func() {
		for seq := range 40 {
			m.Event(event.Event{Seq: seq + 1, Type: event.Log, Message: strings.Repeat("x", 1<<20)})
		}
	}
	fill()
	batch := m.take()
	fill()
	m.settle(batch, errors.New("no answer"), true)
	if m.bytes > queueBytes/4*3 {
		t.Errorf("holds %d bytes of log events", m.bytes)
	}
	m.settle(m.take(), nil, false)
	if m.bytes != 0 || m.report.Sent != len(batch) {
		t.Errorf("holds %d bytes, sent %d of %d", m.bytes, m.report.Sent, len(batch))
	}
}

func TestMirrorAddresses(t *testing.T) {
	for _, bad := range []string{"http://user:hunter22@host", "redis://:hunter22@host:port:x/%zz", "redis://:hunter22@host/notanumber"} {
		if m, err := NewMirror(bad); err == nil {
			m.Close()
			t.Errorf("%s was taken", bad)
		} else if strings.Contains(err.Error(), "hunter22") {
			t.Errorf("the error shows the password: %v", err)
		}
	}
	for _, good := range []string{"localhost:6379", "redis://h", "rediss://u:p@h:1/3", "unix:///run/redis.sock"} {
		if _, err := redisOptions(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
}
