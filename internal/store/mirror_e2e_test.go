//go:build e2e

package store

import (
	"context"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// realRedis starts a redis-server of its own on loopback and waits for it.
func realRedis(t *testing.T, args ...string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	l.Close()
	cmd := exec.Command("redis-server", append([]string{"--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", t.TempDir()}, args...)...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	address := "127.0.0.1:" + port
	for deadline := time.Now().Add(5 * time.Minute); ; time.Sleep(10 * time.Millisecond) {
		c, err := net.Dial("tcp", address)
		if err == nil {
			c.Close()
			return address
		}
		if time.Now().After(deadline) {
			t.Fatal("redis-server does not listen")
		}
	}
}

func TestMirrorToRealRedis(t *testing.T) {
	address := realRedis(t, "--requirepass", "s3cret-pass")
	m := mirror(t, "redis://:s3cret-pass@"+address)
	feed(m, 1, 5000)
	if r := m.Close(); r.Sent != 5000 || r.Warning() != "" {
		t.Fatalf("%+v", r)
	}
	client := redis.NewClient(&redis.Options{Addr: address, Password: "s3cret-pass"})
	defer client.Close()
	ctx := context.Background()
	if n := client.LLen(ctx, "container:C:logs").Val(); n != 2000 {
		t.Errorf("ring of %d", n)
	}
	if n := client.XLen(ctx, "infrahaus:events").Val(); n != 5000 {
		t.Errorf("stream of %d", n)
	}
	if ttl := client.TTL(ctx, "container:C:logs").Val(); ttl < 47*time.Hour || ttl > 48*time.Hour {
		t.Errorf("ring lives %v", ttl)
	}
}

func TestMirrorToFullRedis(t *testing.T) {
	m := mirror(t, realRedis(t, "--maxmemory", "1", "--maxmemory-policy", "noeviction"))
	feed(m, 1, 3)
	if r := m.Close(); r.Lost != 3 || !strings.Contains(r.Warning(), "redis says") {
		t.Errorf("%+v %s", r, r.Warning())
	}
}

func TestMirrorToRedisThatWantsAPassword(t *testing.T) {
	address := realRedis(t, "--requirepass", "s3cret-pass")
	for _, url := range []string{address, "redis://:wrong-one@" + address} {
		m := mirror(t, url)
		feed(m, 1, 3)
		if r := m.Close(); r.Lost != 3 || !strings.Contains(r.Warning(), "redis says") || strings.Contains(r.Warning(), "wrong-one") {
			t.Errorf("%+v %s", r, r.Warning())
		} else {
			t.Log(r.Warning())
		}
	}
}
