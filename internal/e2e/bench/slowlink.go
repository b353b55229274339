package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// oneWay is half of the round trip of the slow link.
const oneWay = 25 * time.Millisecond

// slowLink prints by how much the reference job grows on a link with round trips of 50
// ms. Proxies that delay stand before the API and the node.
func (b *bench) slowLink(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	fast := b.env
	defer func() { b.env = fast }()
	slow, err := b.slowEnv(ctx)
	if err != nil {
		return err
	}
	var growth []time.Duration
	for range b.runs {
		b.env = fast
		near, err := b.create(ctx, "node", "reference-job")
		if err != nil {
			return err
		}
		b.env = slow
		far, err := b.create(ctx, "node", "reference-job")
		if err != nil {
			return err
		}
		growth = append(growth, far.wall-near.wall)
	}
	row("W0 by the node: growth at 50 ms round trips", ms(median(growth)), "2000 ms")
	return nil
}

// slowEnv is the tool's environment with both addresses behind slow proxies.
func (b *bench) slowEnv(ctx context.Context) ([]string, error) {
	e := b.sandbox.Endpoint()
	api, err := delayed(ctx, strings.TrimPrefix(e.URL, "https://"))
	if err != nil {
		return nil, err
	}
	user, target, _ := strings.Cut(e.SSHNode, "@")
	ssh, err := delayed(ctx, target)
	if err != nil {
		return nil, err
	}
	known, err := os.ReadFile(e.SSHKnownHosts)
	if err != nil {
		return nil, err
	}
	// The node's key is recorded under its address; behind the proxy it has another
	// address.
	_, oldPort, _ := net.SplitHostPort(target)
	_, newPort, _ := net.SplitHostPort(ssh)
	path := filepath.Join(b.dir, "known_hosts_slow")
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(string(known), ":"+oldPort, ":"+newPort)), 0o600); err != nil {
		return nil, err
	}
	return append(slices.Clone(b.env), "INFRAHAUS_URL=https://"+api, "INFRAHAUS_SSH_NODE="+user+"@"+ssh, "INFRAHAUS_SSH_KNOWN_HOSTS="+path), nil
}

// delayed is a TCP proxy on loopback that delivers every byte oneWay late.
func delayed(ctx context.Context, target string) (address string, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("cannot listen: %w", err)
	}
	context.AfterFunc(ctx, func() { l.Close() })
	go func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				time.Sleep(2 * oneWay) // the connection's own round trip
				far, err := net.Dial("tcp", target)
				if err != nil {
					near.Close()
					return
				}
				go late(far, near)
				late(near, far)
			}()
		}
	}()
	return l.Addr().String(), nil
}

// late copies from src to dst, each chunk oneWay after it arrived.
func late(dst, src net.Conn) {
	type piece struct {
		due  time.Time
		data []byte
	}
	queue := make(chan piece, 1024)
	go func() {
		defer close(queue)
		for {
			buf := make([]byte, 32<<10)
			n, err := src.Read(buf)
			if n > 0 {
				queue <- piece{time.Now().Add(oneWay), buf[:n]}
			}
			if err != nil {
				return
			}
		}
	}()
	for p := range queue {
		time.Sleep(time.Until(p.due))
		if _, err := dst.Write(p.data); err != nil {
			break
		}
	}
	dst.Close()
	_, _ = io.Copy(io.Discard, src) // until the reader above has seen the end
}
