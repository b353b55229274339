//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/infrahaus/infrahaus/internal/event"
)

// redisServer is a real redis-server for one test.
type redisServer struct {
	url    string
	client *redis.Client
}

func startRedis(t *testing.T) *redisServer {
	t.Helper()
	port := freePort(t)
	cmd := exec.Command("redis-server", "--bind", "127.0.0.1", "--port", port, "--save", "", "--appendonly", "no", "--dir", t.TempDir(), "--loglevel", "warning")
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s := &redisServer{url: "redis://127.0.0.1:" + port}
	s.client = redis.NewClient(&redis.Options{Addr: "127.0.0.1:" + port})
	t.Cleanup(func() {
		s.client.Close()
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
	})
	eventually(t, "redis answers", func() bool { return s.client.Ping(t.Context()).Err() == nil })
	return s
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// subscribe listens to every channel. The returned function stops that and returns the
// messages, one a line: channel, blank, payload.
func (s *redisServer) subscribe(t *testing.T) func() string {
	t.Helper()
	sub := s.client.PSubscribe(t.Context(), "*")
	if _, err := sub.Receive(t.Context()); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	done := make(chan struct{})
	messages := sub.Channel(redis.WithChannelSize(10000))
	go func() {
		defer close(done)
		for m := range messages {
			b.WriteString(m.Channel + " " + m.Payload + "\n")
			if m.Channel == "end-of-test" {
				return
			}
		}
	}()
	stop := sync.OnceFunc(func() { // earlier messages come before this one
		s.client.Publish(t.Context(), "end-of-test", "")
		<-done
	})
	t.Cleanup(func() { sub.Close() })
	return func() string { stop(); return b.String() }
}

// dump is every key's content as text.
func (s *redisServer) dump(t *testing.T) map[string]string {
	t.Helper()
	ctx := t.Context()
	all := map[string]string{}
	keys, err := s.client.Keys(ctx, "*").Result()
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range keys {
		switch kind := s.client.Type(ctx, k).Val(); kind {
		case "string":
			all[k] = s.client.Get(ctx, k).Val()
		case "list":
			all[k] = strings.Join(s.client.LRange(ctx, k, 0, -1).Val(), "\n")
		case "stream":
			all[k] = fmt.Sprint(s.client.XRange(ctx, k, "-", "+").Val())
		default:
			t.Errorf("%s is a %s, which the contract does not know", k, kind)
		}
	}
	return all
}

// TestRedis: --publish writes what the contract promises, and destroy removes the
// services.
func TestRedis(t *testing.T) {
	t.Parallel()
	mirror := startRedis(t)
	heard := mirror.subscribe(t)
	u := newUser(t, "INFRAHAUS_SSH_TRANSPORT=node")
	u.configure("publish: true\nredis: {url: \"" + mirror.url + "\"}\n")
	u.destroyLater("mirrored")
	r := u.run("create", "mirrored", "--template", "hello", "--json")
	if r.stderr != "" {
		t.Errorf("stderr: %s", r.stderr)
	}
	id := u.show("mirrored").ID
	want := strings.Split(strings.TrimSuffix(r.stdout, "\n"), "\n")

	var published []string
	for line := range strings.Lines(heard()) {
		if payload, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "container:"+id+":progress "); ok {
			published = append(published, payload)
		}
	}
	same(t, "published", published, want)
	ctx := t.Context()
	ring := "container:" + id + ":logs"
	same(t, ring, mirror.client.LRange(ctx, ring, 0, -1).Val(), want)
	if ttl := mirror.client.TTL(ctx, ring).Val(); ttl > 48*time.Hour || ttl < 47*time.Hour {
		t.Errorf("%s lives for %v", ring, ttl)
	}
	var streamed []string
	for _, m := range mirror.client.XRange(ctx, "infrahaus:events", "-", "+").Val() {
		var e event.Event
		text := fmt.Sprint(m.Values["event"])
		if err := json.Unmarshal([]byte(text), &e); err != nil || m.Values["containerId"] != id || m.Values["runId"] != e.RunID || e.RunID == "" {
			t.Errorf("in the stream: %v", m.Values)
		}
		streamed = append(streamed, text)
	}
	same(t, "the stream", streamed, want)

	services := "container:" + id + ":services"
	checkServices(t, mirror.client.Get(ctx, services).Val(), u.show("mirrored").Address)
	u.run("destroy", "mirrored", "--yes")
	if n := mirror.client.Exists(ctx, services).Val(); n != 0 {
		t.Error("the services are still there after destroy")
	}
	if n := mirror.client.Exists(ctx, ring).Val(); n != 1 {
		t.Error("the story went with the container")
	}
}

func checkServices(t *testing.T, text, address string) {
	t.Helper()
	var doc struct {
		Services     []map[string]any
		ContainerIP  string
		DiscoveredAt time.Time
	}
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatalf("services: %v: %q", err, text)
	}
	if doc.ContainerIP != address || address == "" || doc.DiscoveredAt.IsZero() {
		t.Errorf("services: %+v", doc)
	}
	if !slices.ContainsFunc(doc.Services, func(s map[string]any) bool { return strings.HasPrefix(fmt.Sprint(s["name"]), "hello") }) {
		t.Errorf("hello is not among %v", doc.Services)
	}
	if low := strings.ToLower(text); strings.Contains(low, "credential") || strings.Contains(low, "password") {
		t.Errorf("credentials among the services: %s", text)
	}
}

func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %d events, not the %d of stdout\n%.2000s", what, len(got), len(want), strings.Join(got, "\n"))
	}
}

// configure writes the user's config file.
func (u *user) configure(text string) {
	u.t.Helper()
	path := filepath.Join(u.state, "config", "infrahaus", "config.yaml")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		u.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		u.t.Fatal(err)
	}
}

// TestRedisTrouble: a Redis that is down, slow or not a Redis costs one warning, and the
// run is otherwise unchanged.
func TestRedisTrouble(t *testing.T) {
	t.Parallel()
	u := newUser(t, "INFRAHAUS_SSH_TRANSPORT=guest")
	trouble := map[string]string{
		"down":      "127.0.0.1:" + freePort(t),
		"not redis": listen(t, func(c net.Conn) { fmt.Fprint(c, "HTTP/1.1 400 Bad Request\r\n\r\n"); c.Close() }),
		"garbage":   listen(t, func(c net.Conn) { c.Write([]byte{0, 255, '$', '-', '9', 0, 7}) }),
		"slow":      listen(t, func(net.Conn) {}),
	}
	base := u.env
	at := func(address string) {
		u.env = append(slices.Clone(base), "INFRAHAUS_REDIS_URL=redis://:hunter2hunter2@"+address)
	}
	at(trouble["slow"])
	u.destroyLater("untroubled")
	run := u.start("create", "untroubled", "--template", plainTemplate(t), "--json", "--publish")
	oneWarning(t, "slow", run.wait())
	for what, address := range trouble {
		at(address)
		oneWarning(t, what, u.try("discover", "untroubled", "--json", "--publish"))
	}
}

// oneWarning checks that the run succeeded with one line about Redis, without a password,
// and did not wait for Redis at its end.
func oneWarning(t *testing.T, what string, r result) {
	t.Helper()
	ended := time.Now()
	var complete event.Event
	for dec := json.NewDecoder(strings.NewReader(r.stdout)); dec.More(); {
		complete = event.Event{}
		if err := dec.Decode(&complete); err != nil {
			t.Fatal(err)
		}
	}
	if complete.Type != event.Complete {
		t.Errorf("%s: stdout ends with %s", what, lastLines(r.stdout, 2))
	}
	if late := ended.Sub(complete.Timestamp); late > 5*time.Second { // 2 s for the flush, the rest for a busy machine
		t.Errorf("%s: it kept the run for %v", what, late)
	}
	if r.status != 0 || strings.Count(r.stderr, "\n") != 1 || !strings.Contains(r.stderr, "redis") || strings.Contains(r.stderr, "hunter2") {
		t.Errorf("%s: exit status %d\n%s", what, r.status, r.stderr)
	}
}

// listen serves every connection with serve, on loopback, until the test ends.
func listen(t *testing.T, serve func(net.Conn)) string {
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
			serve(c)
		}
	}()
	return l.Addr().String()
}
