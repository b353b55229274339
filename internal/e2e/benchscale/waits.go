package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// The waits of a genuine node and guest: the task that creates, the task that starts, the time
// until the address is there, and the packages. They are waits and not work, so that this
// machine's own processors do not decide.
var genuine = []string{"--fault", "create-slow=3s", "--fault", "start-slow=3s", "--address-delay", "2s"}

const (
	packages   = 6 * time.Second
	fleetAt    = 16  // --parallel of the part parallel
	fleetLimit = 1.2 // times the sum of the single durations / fleetAt
)

// slowFleet writes a fleet whose containers wait for their packages.
func (c *cluster) slowFleet(name string, count int) (string, error) {
	dir := filepath.Join(c.dir, "wait")
	for path, text := range map[string]string{
		filepath.Join(dir, "template.yaml"):         "name: wait\nos: debian-12\ndescription: Waits as long as packages take\n",
		filepath.Join(dir, "scripts", "10-wait.sh"): fmt.Sprintf("#!/bin/sh\nsleep %d\n", int(packages.Seconds())),
		filepath.Join(c.dir, name+".yaml"):          fmt.Sprintf("name: %s\ndefaults: {template: ./wait}\ncontainers:\n  '%s-%%03d': {count: %d}\n", name, name, count),
	} {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return "", err
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return "", err
		}
	}
	return filepath.Join(c.dir, name+".yaml"), nil
}

// fleetOf creates a fleet and returns how long it took.
func (c *cluster) fleetOf(ctx context.Context, name string, count int, flags ...string) (time.Duration, error) {
	file, err := c.slowFleet(name, count)
	if err != nil {
		return 0, err
	}
	begin := time.Now()
	_, err = c.b.output(ctx, c.env, append([]string{"create", "-f", file, "--quiet"}, flags...)...)
	return time.Since(begin), err
}

// parallel compares a fleet with the sum of its single durations.
func (b *bench) parallel(ctx context.Context) error {
	c, err := b.open(ctx, "parallel", b.nodes, genuine...)
	if err != nil {
		return err
	}
	defer c.close()
	var single []time.Duration
	for i := range 3 {
		took, err := c.fleetOf(ctx, fmt.Sprintf("one%d", i), 1)
		if err != nil {
			return err
		}
		single = append(single, took)
	}
	wall, err := c.fleetOf(ctx, "many", b.fleet, "--parallel", fmt.Sprint(fleetAt))
	if err != nil {
		return err
	}
	best := median(single) * time.Duration(b.fleet) / fleetAt
	rounds := (b.fleet + fleetAt - 1) / fleetAt
	ratio := wall.Seconds() / best.Seconds()
	row("parallel: one container alone", fmt.Sprintf("%.1f s", median(single).Seconds()))
	row(fmt.Sprintf("parallel: %d containers, --parallel %d", b.fleet, fleetAt), fmt.Sprintf("%.1f s; %d whole rounds are %.1f s", wall.Seconds(), rounds, (median(single)*time.Duration(rounds)).Seconds()))
	b.limit("parallel: against the sum of the single durations / "+fmt.Sprint(fleetAt), fmt.Sprintf("%.2f", ratio), fmt.Sprint(fleetLimit), ratio <= fleetLimit)
	return nil
}

// perNode prints what --per-node is good for on nodes whose disk is the bottleneck.
func (b *bench) perNode(ctx context.Context) error {
	const nodes, count = 2, 12
	for _, n := range []int{1, 2, 3, 4, 6} {
		name := fmt.Sprintf("node%d", n)
		c, err := b.open(ctx, name, nodes, genuine...)
		if err != nil {
			return err
		}
		wall, err := c.fleetOf(ctx, name, count, "--parallel", fmt.Sprint(count), "--per-node", fmt.Sprint(n))
		if err == nil {
			err = c.perNodeRow(ctx, n, count, wall)
		}
		c.close()
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *cluster) perNodeRow(ctx context.Context, n, count int, wall time.Duration) error {
	names, err := c.b.output(ctx, c.env, "list", "-o", "name")
	if err != nil {
		return err
	}
	out, err := c.b.output(ctx, c.env, append([]string{"show", "--json"}, strings.Fields(string(names))...)...)
	if err != nil {
		return err
	}
	var all []struct {
		Runs []struct{ StartedAt, EndedAt time.Time }
	}
	if err := json.Unmarshal(out, &all); err != nil {
		return err
	}
	var took []time.Duration
	first, begun := time.Time{}, time.Time{}
	for _, s := range all {
		r := s.Runs[0]
		took = append(took, r.EndedAt.Sub(r.StartedAt))
		if first.IsZero() || r.EndedAt.Before(first) {
			first = r.EndedAt
		}
		if begun.IsZero() || r.StartedAt.Before(begun) {
			begun = r.StartedAt
		}
	}
	row(fmt.Sprintf("pernode: %d containers on 2 nodes, --per-node %d", count, n),
		fmt.Sprintf("all %.1f s, the first after %.1f s, one takes %.1f s", wall.Seconds(), first.Sub(begun).Seconds(), median(took).Seconds()))
	return nil
}
