package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/event"
)

// measure is one create by this tool.
type measure struct {
	wall      time.Duration
	first     time.Duration // until the first event was on stdout
	own       time.Duration // see ownTime
	deploying time.Duration // ship and install
	commands  int
	shells    int
	links     int
	pct       int
}

// create runs one create with a given address, measures its parts by its events, and
// destroys the container.
func (b *bench) create(ctx context.Context, transport, template string, more ...string) (measure, error) {
	name := fmt.Sprintf("b%d", b.nextHost)
	address, gateway, err := b.address(ctx)
	if err != nil {
		return measure{}, err
	}
	pct := b.sandbox.Stats().PctStarts
	args := append([]string{"create", name, "--template", template, "--ip", address + "/24," + gateway, "--json", "--verbose"}, more...)
	cmd := exec.CommandContext(ctx, b.bin, args...)
	cmd.Env = append(slices.Clone(b.env), "INFRAHAUS_SSH_TRANSPORT="+transport)
	if transport == "api" { // nothing but a token
		cmd.Env = slices.DeleteFunc(cmd.Env, func(kv string) bool { return strings.HasPrefix(kv, "INFRAHAUS_SSH_") && !strings.HasSuffix(kv, "=api") })
	}
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return measure{}, err
	}
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		return measure{}, err
	}
	var m measure
	var events []event.Event
	for dec := json.NewDecoder(out); ; {
		var e event.Event
		if err := dec.Decode(&e); err != nil {
			break
		}
		if len(events) == 0 {
			m.first = time.Since(begin)
		}
		events = append(events, e)
	}
	if err := cmd.Wait(); err != nil {
		return m, fmt.Errorf("create %s by %s: %w", template, transport, err)
	}
	m.wall = time.Since(begin)
	m.pct = b.sandbox.Stats().PctStarts - pct
	m.takeApart(events)
	return m, b.destroy(ctx, name)
}

// takeApart computes the counts and the parts of the time from the events.
func (m *measure) takeApart(events []event.Event) {
	at := func(match func(event.Event) bool) time.Duration {
		for _, e := range events {
			if match(e) {
				return time.Duration(e.ElapsedMs) * time.Millisecond
			}
		}
		return 0
	}
	percent := func(p int) time.Duration {
		return at(func(e event.Event) bool { return e.Percent != nil && *e.Percent == p })
	}
	inside := at(func(e event.Event) bool { return strings.HasPrefix(e.Message, "Inside ") })
	m.deploying = percent(60) - percent(50)
	for _, e := range events {
		if _, counts, ok := strings.Cut(e.Message, ": "); ok && strings.Contains(counts, " shells") {
			_, _ = fmt.Sscanf(counts, "%d commands, %d shells, %d connections", &m.commands, &m.shells, &m.links)
		}
	}
	// Our own time is the rest without the tasks of Proxmox (12 to 20, 25 to 35), the
	// guest's boot (40 until inside), and its packages and scripts (65 to 90).
	tasks := percent(20) - percent(12) + percent(35) - percent(25)
	boot := inside - percent(40)
	work := percent(90) - percent(65)
	m.own = m.wall - tasks - boot - work
}

func (b *bench) destroy(ctx context.Context, name string) error {
	return b.quietly(ctx, "destroy", name, "--yes", "--quiet")
}

// quietly runs a command of the tool that must succeed.
func (b *bench) quietly(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, b.bin, args...)
	cmd.Env = b.env
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return nil
}

// prepare sets the environment of the tool and gives the node the expert's
// files.
func (b *bench) prepare(ctx context.Context) error {
	e := b.sandbox.Endpoint()
	templates, err := filepath.Abs("testdata/templates")
	if err != nil {
		return err
	}
	b.env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + b.dir, "XDG_CONFIG_HOME=" + filepath.Join(b.dir, "config"),
		"INFRAHAUS_STATE_DIR=" + filepath.Join(b.dir, "state"), "TEMPLATES_ROOT=" + templates,
		"INFRAHAUS_URL=" + e.URL, "INFRAHAUS_TOKEN=" + e.Token, "INFRAHAUS_FINGERPRINT=" + e.Fingerprint,
		"INFRAHAUS_SSH_NODE=" + e.SSHNode, "INFRAHAUS_SSH_IDENTITY=" + e.SSHIdentity, "INFRAHAUS_SSH_KNOWN_HOSTS=" + e.SSHKnownHosts,
	}
	if err := b.nodeLogin(); err != nil {
		return err
	}
	_, err = b.create(ctx, "node", "reference-job") // the OS template's cache is warm from here on
	return err
}

// address is a free address of the sandbox's bridge, with its gateway.
func (b *bench) address(ctx context.Context) (address, gateway string, err error) {
	var list struct {
		Data []struct{ CIDR string }
	}
	if err := b.api(ctx, "/nodes/pve1/network?type=any_bridge", &list); err != nil {
		return "", "", err
	}
	if len(list.Data) == 0 {
		return "", "", errors.New("the sandbox has no bridge")
	}
	gateway, _, _ = strings.Cut(list.Data[0].CIDR, "/")
	prefix := gateway[:strings.LastIndex(gateway, ".")+1]
	b.nextHost++
	return fmt.Sprintf("%s%d", prefix, 200+b.nextHost%50), gateway, nil
}
