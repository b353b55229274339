package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/guest"
	"github.com/infrahaus/infrahaus/internal/pve"
)

// consoleRates prints how fast bytes go over a console that is throttled as a
// genuine one was measured: what packs well, as templates and logs do, and what does
// not pack at all.
func (b *bench) consoleRates(ctx context.Context) error {
	name := fmt.Sprintf("b%d", b.nextHost)
	if err := b.quietly(ctx, "create", name, "--template", "hello", "--quiet"); err != nil {
		return err
	}
	g, err := b.overConsole(ctx, name)
	if err != nil {
		return err
	}
	defer g.Close()
	random := make([]byte, 4<<20)
	rand.Read(random)
	text := []byte(strings.Repeat(expertScript, 1+(4<<20)/len(expertScript)))[:4<<20]
	for _, what := range []struct {
		name  string
		bytes []byte
	}{{"a script's text", text}, {"random bytes", random}} {
		up, down, err := rates(ctx, g, what.bytes)
		if err != nil {
			return err
		}
		row("console: "+what.name+" up", fmt.Sprintf("%.2f MB/s", up), "0.3 MB/s")
		row("console: "+what.name+" down", fmt.Sprintf("%.2f MB/s", down), "5 MB/s")
	}
	g.Close()
	return b.destroy(ctx, name)
}

// rates sends data into the guest, and gets it back, in MB a second.
func rates(ctx context.Context, g guest.Guest, data []byte) (up, down float64, err error) {
	run := func(cmd guest.Cmd) (float64, error) {
		begin := time.Now()
		status, err := g.Run(ctx, cmd)
		if err == nil && status != 0 {
			err = fmt.Errorf("%s: exit status %d", cmd.Label, status)
		}
		return float64(len(data)) / 1e6 / time.Since(begin).Seconds(), err
	}
	var back bytes.Buffer
	if up, err = run(guest.Cmd{Label: "send", Script: "cat >/root/sent", Stdin: bytes.NewReader(data), Size: int64(len(data))}); err != nil {
		return 0, 0, err
	}
	if down, err = run(guest.Cmd{Label: "get", Script: "cat /root/sent", Stdout: &back}); err != nil {
		return 0, 0, err
	}
	if !bytes.Equal(back.Bytes(), data) {
		return 0, 0, fmt.Errorf("%d bytes are not the %d that were sent", back.Len(), len(data))
	}
	return up, down, nil
}

// overConsole opens a container's console, as the tool does.
func (b *bench) overConsole(ctx context.Context, name string) (guest.Guest, error) {
	var shown struct {
		CTID int
		Node string
	}
	var sealed []struct{ Values map[string]string }
	for into, args := range map[any][]string{&shown: {"show", name, "--json"}, &sealed: {"credentials", name, "root", "--reveal", "--json"}} {
		cmd := exec.CommandContext(ctx, b.bin, args...)
		cmd.Env = b.env
		out, err := cmd.Output()
		if err == nil {
			err = json.Unmarshal(out, into)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", args[0], err)
		}
	}
	e := b.sandbox.Endpoint()
	client, err := pve.New(pve.Options{URL: e.URL, Token: e.Token, Fingerprint: e.Fingerprint})
	if err != nil {
		return nil, err
	}
	return guest.Open(ctx, guest.Target{CTID: shown.CTID, Node: shown.Node}, guest.Options{
		Transport: "api",
		Console: func(ctx context.Context, node string, ctid int) (io.ReadWriteCloser, error) {
			return client.Console(ctx, node, ctid)
		},
		RootPassword: func(context.Context) (string, error) { return sealed[0].Values["PASSWORD"], nil },
	})
}
