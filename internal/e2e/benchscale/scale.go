package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// The limits.
const (
	memoryLimit = 150.0 // MB of each process of the tool
	riseLimit   = 20.0  // MB from the second quarter of its life to the last
	slowerLimit = 1.5   // CPU time for a container at the end, against the beginning
)

// patience is the longest time without another container that is ready.
const patience = 3 * time.Minute

// share is a process's part of the containers: a fleet of its own on the common catalogue.
type share struct {
	name  string
	file  string
	names []string
}

// shares writes the fleets of n processes, of count containers together.
func (c *cluster) shares(count, n int) ([]share, error) {
	var out []share
	for i := range n {
		s := share{name: fmt.Sprintf("w%d", i+1)}
		s.file = filepath.Join(c.dir, s.name+".yaml")
		k := count*(i+1)/n - count*i/n
		for j := range k {
			s.names = append(s.names, fmt.Sprintf("%s-%04d", s.name, j+1))
		}
		text := fmt.Sprintf("name: %s\ndefaults: {template: hello}\ncontainers:\n  '%s-%%04d': {count: %d}\n", s.name, s.name, k)
		if err := os.WriteFile(s.file, []byte(text), 0o600); err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

// make starts a process that makes a share, or finishes it.
func (c *cluster) make(ctx context.Context, verb string, s share) (*process, error) {
	return c.b.start(ctx, filepath.Base(c.dir)+"-"+s.name, c.env, verb, "-f", s.file, "--parallel", fmt.Sprint(c.b.each), "--json")
}

// scale makes many containers by several processes. At a third a node goes off, at half a
// process is killed and another one goes on with its share, and at two thirds the node is back.
func (b *bench) scale(ctx context.Context) error {
	c, err := b.open(ctx, "scale", b.nodes)
	if err != nil {
		return err
	}
	defer c.close()
	shares, err := c.shares(b.containers, b.workers)
	if err != nil {
		return err
	}
	begin := time.Now()
	all := make([]*process, len(shares))
	var gone []*process
	for i, s := range shares {
		if all[i], err = c.make(ctx, "create", s); err != nil {
			return err
		}
	}
	const node = "pve7"
	steps := []struct {
		at   int
		what string
		do   func() error
	}{
		{b.containers / 3, "the node " + node + " goes off", func() error { return c.fault("node-down=" + node) }},
		{b.containers / 2, "a process is killed", func() error {
			p := all[len(all)-1]
			p.kill()
			gone = append(gone, p)
			all[len(all)-1], err = c.make(ctx, "resume", shares[len(all)-1])
			return err
		}},
		{2 * b.containers / 3, "the node is back", func() error { return c.fault("-node-down") }},
	}
	pace := &pace{began: begin}
	for rest := steps; ; {
		n, err := c.progress(ctx, all, pace)
		if err != nil {
			return err
		}
		for len(rest) > 0 && n >= rest[0].at {
			b.say("%d are ready: %s", n, rest[0].what)
			if err := rest[0].do(); err != nil {
				return err
			}
			rest = rest[1:]
		}
		if finished(all) {
			if len(rest) > 0 {
				return fmt.Errorf("the processes have ended with %d of %d containers ready: %s", n, b.containers, all[0].last())
			}
			break
		}
	}
	// Creates fail when their node goes off. A second run of the same share finishes them.
	again := 0
	for i, s := range shares {
		if all[i].exit() == 0 {
			continue
		}
		again++
		p, err := c.make(ctx, "resume", s)
		if err != nil {
			return err
		}
		<-p.done
		if p.exit() != 0 {
			return fmt.Errorf("a share cannot be finished: %s", p.last())
		}
		gone = append(gone, all[i])
		all[i] = p
	}
	wall := time.Since(begin)
	var names []string
	for _, s := range shares {
		names = append(names, s.names...)
	}
	if err := c.judge(ctx, names); err != nil {
		return err
	}
	var used time.Duration
	for _, p := range append(gone, all...) {
		used += p.used()
	}
	row(fmt.Sprintf("scale: %d containers on %d nodes by %d processes, --parallel %d each", b.containers, b.nodes, b.workers, b.each), fmt.Sprintf("%.0f s, %.2f a second", wall.Seconds(), float64(b.containers)/wall.Seconds()))
	row("scale: shares that needed a resume after the node was off", fmt.Sprint(again))
	row("scale: CPU time for a container: the tool, the cluster", fmt.Sprintf("%d ms, %d ms", per(used, b.containers), per(c.serve.used(), b.containers)))
	most, rise := 0.0, 0.0
	for _, p := range append(gone, all...) {
		most, rise = max(most, p.most()), max(rise, p.rise())
	}
	b.limit("scale: memory of the largest process", fmt.Sprintf("%.0f MB", most), fmt.Sprintf("%.0f MB", memoryLimit), most <= memoryLimit)
	b.limit("scale: its rise from the second quarter to the last", fmt.Sprintf("%.0f MB", rise), fmt.Sprintf("%.0f MB", riseLimit), rise <= riseLimit)
	row("scale: memory of the cluster", fmt.Sprintf("%.0f MB", c.serve.most()))
	if first, last := pace.ends(); first > 0 {
		ratio := last.Seconds() / first.Seconds()
		b.limit("scale: CPU time for a container, the last quarter against the second", fmt.Sprintf("%.2f", ratio), fmt.Sprint(slowerLimit), ratio <= slowerLimit)
	}
	return nil
}

func per(d time.Duration, n int) int64 { return d.Milliseconds() / int64(max(n, 1)) }

func finished(all []*process) bool {
	for _, p := range all {
		select {
		case <-p.done:
		default:
			return false
		}
	}
	return true
}

// pace is how much CPU time the containers have cost by when.
type pace struct {
	began time.Time
	ready []int
	used  []time.Duration
	moved time.Time
}

// ends are the CPU times for a container in the second quarter and in the last one.
func (p *pace) ends() (second, last time.Duration) {
	if len(p.ready) == 0 {
		return 0, 0
	}
	total := p.ready[len(p.ready)-1]
	at := func(n int) int {
		for i, r := range p.ready {
			if r >= n {
				return i
			}
		}
		return len(p.ready) - 1
	}
	of := func(from, to int) time.Duration {
		a, b := at(from), at(to)
		if p.ready[b] == p.ready[a] {
			return 0
		}
		return (p.used[b] - p.used[a]) / time.Duration(p.ready[b]-p.ready[a])
	}
	return of(total/4, total/2), of(3*total/4, total)
}

// progress waits a moment and returns how many containers are ready. It is an error if
// nothing has moved for long.
func (c *cluster) progress(ctx context.Context, all []*process, p *pace) (int, error) {
	select {
	case <-time.After(time.Second):
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	list, err := c.b.output(ctx, c.env, "list", "--filter", "status=ready", "-o", "name")
	if err != nil {
		return 0, err
	}
	n := strings.Count(string(list), "\n")
	used := c.serve.used()
	for _, w := range all {
		used += w.used()
	}
	if len(p.ready) == 0 || n > p.ready[len(p.ready)-1] {
		p.ready, p.used, p.moved = append(p.ready, n), append(p.used, used), time.Now()
		c.b.say("%d ready, the cluster has %d MB", n, status(c.serve.cmd.Process.Pid, "VmRSS")/1000)
	}
	if time.Since(p.moved) > patience {
		return n, errors.New("no other container became ready for " + patience.String() + ": " + all[0].last())
	}
	return n, nil
}
