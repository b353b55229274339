package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/infrahaus/infrahaus/internal/guest"
	"github.com/infrahaus/infrahaus/internal/pve"
)

// console prints the cost of the console beside that of the guest's own sshd, with
// agetty's second before its prompt as a smaller part or none, and the speed at which
// bytes go over it.
func (b *bench) console(ctx context.Context) error {
	for _, j := range []struct{ name, template, console string }{
		{"W", "reference-job-w", "tty"}, {"W0, console shell", "reference-job", "shell"},
	} {
		var ratios []float64
		var walls, guests []time.Duration
		for range b.runs {
			g, err := b.create(ctx, "guest", j.template)
			if err != nil {
				return err
			}
			c, err := b.create(ctx, "api", j.template, "--console", j.console)
			if err != nil {
				return err
			}
			walls, guests = append(walls, c.wall), append(guests, g.wall)
			ratios = append(ratios, c.wall.Seconds()/g.wall.Seconds())
		}
		slices.Sort(ratios)
		row(j.name+" by the api: wall / the guest's", fmt.Sprintf("%.2f (min %.2f, max %.2f; %s / %s)", ratios[len(ratios)/2], ratios[0], ratios[len(ratios)-1],
			ms(median(walls)), ms(median(guests))), "1.30")
	}
	return b.consoleRates(ctx)
}

// consoleRates prints the speed of a console that is throttled to the measured speed of a
// genuine one, and of lxc-console, which takes input byte by byte. It sends data that
// compresses well, as templates and logs do, and data that does not compress. The number
// of typed characters for each byte does not depend on the machine.
func (b *bench) consoleRates(ctx context.Context) error {
	name := fmt.Sprintf("b%d", b.nextHost)
	if err := b.quietly(ctx, "create", name, "--template", "hello", "--quiet"); err != nil {
		return err
	}
	var typed atomic.Int64
	g, err := b.overConsole(ctx, name, &typed)
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
		before := typed.Load()
		up, down, err := rates(ctx, g, what.bytes)
		if err != nil {
			return err
		}
		each := float64(typed.Load()-before) / float64(len(what.bytes))
		row("console: "+what.name+" up", fmt.Sprintf("%.2f MB/s, %.2f bytes typed for one: %.2f MB/s", up, each, up*each), "0.3 MB/s")
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

// keyboard counts what is typed.
type keyboard struct {
	io.ReadWriteCloser
	typed *atomic.Int64
}

func (k keyboard) Write(p []byte) (int, error) {
	k.typed.Add(int64(len(p)))
	return k.ReadWriteCloser.Write(p)
}

// overConsole opens a container's console, as the tool does.
func (b *bench) overConsole(ctx context.Context, name string, typed *atomic.Int64) (guest.Guest, error) {
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
			c, err := client.Console(ctx, node, ctid)
			return keyboard{c, typed}, err
		},
		RootPassword: func(context.Context) (string, error) { return sealed[0].Values["PASSWORD"], nil },
	})
}
