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

// effort is the work of several processes on one cluster.
type effort struct {
	part    string // of the measurement
	all     []*process
	gone    []*process               // that were killed or replaced
	replace func() (*process, error) // of the last process, after it was killed
	pace    pace
	took    time.Duration
}

func (e *effort) begin() { e.pace.began = time.Now() }

func (e *effort) end() { e.took = time.Since(e.pace.began) }

// scale makes many containers by several processes, each with a fleet of its own.
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
	e := &effort{part: "scale", replace: func() (*process, error) { return c.make(ctx, "resume", shares[len(shares)-1]) }}
	var names []string
	for _, s := range shares {
		p, err := c.make(ctx, "create", s)
		if err != nil {
			return err
		}
		e.all, names = append(e.all, p), append(names, s.names...)
	}
	if err := c.through(ctx, e); err != nil {
		return err
	}
	// Creates fail when their node goes off. A second run of the same share finishes them.
	again := 0
	for i, s := range shares {
		if e.all[i].exit() == 0 {
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
		e.gone = append(e.gone, e.all[i])
		e.all[i] = p
	}
	e.end()
	if err := c.judge(ctx, e.part, names); err != nil {
		return err
	}
	row("scale: shares that needed a resume after the node was off", fmt.Sprint(again))
	c.report(e, fmt.Sprintf("%d processes, --parallel %d each", b.workers, b.each))
	return nil
}

// through waits until all processes have ended. At a third of the containers a node goes off,
// at half the last process is killed and another one takes its place, and at two thirds the
// node is back.
func (c *cluster) through(ctx context.Context, e *effort) error {
	const node = "pve7"
	b := c.b
	rest := []struct {
		at   int
		what string
		do   func() error
	}{
		{b.containers / 3, "the node " + node + " goes off", func() error { return c.fault("node-down=" + node) }},
		{b.containers / 2, "a process is killed", func() (err error) {
			last := &e.all[len(e.all)-1]
			(*last).kill()
			e.gone = append(e.gone, *last)
			*last, err = e.replace()
			return err
		}},
		{2 * b.containers / 3, "the node is back", func() error { return c.fault("-node-down") }},
	}
	for e.begin(); ; {
		n, err := c.progress(ctx, e.all, &e.pace)
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
		if finished(e.all) {
			if len(rest) > 0 {
				return fmt.Errorf("the processes have ended with %d of %d containers ready: %s", n, b.containers, e.all[0].last())
			}
			return nil
		}
	}
}

// report prints the throughput and what the processes took.
func (c *cluster) report(e *effort, by string) {
	b := c.b
	processes := append(e.gone, e.all...)
	var used time.Duration
	most, rise := 0.0, 0.0
	var each []string
	for _, p := range processes {
		used += p.used()
		most, rise = max(most, p.most()), max(rise, p.rise())
		each = append(each, fmt.Sprintf("%.0f", p.most()))
	}
	row(fmt.Sprintf("%s: %d containers on %d nodes by %s", e.part, b.containers, b.nodes, by), fmt.Sprintf("%.0f s, %.2f a second", e.took.Seconds(), float64(b.containers)/e.took.Seconds()))
	row(e.part+": CPU time for a container: the tool, the cluster", fmt.Sprintf("%d ms, %d ms", per(used, b.containers), per(c.serve.used(), b.containers)))
	row(e.part+": memory of each process", strings.Join(each, ", ")+" MB")
	b.limit(e.part+": memory of the largest process", fmt.Sprintf("%.0f MB", most), fmt.Sprintf("%.0f MB", memoryLimit), most <= memoryLimit)
	b.limit(e.part+": its rise from the second quarter to the last", fmt.Sprintf("%.0f MB", rise), fmt.Sprintf("%.0f MB", riseLimit), rise <= riseLimit)
	row(e.part+": memory of the cluster", fmt.Sprintf("%.0f MB", c.serve.most()))
	if first, last := e.pace.ends(); first > 0 {
		ratio := last.Seconds() / first.Seconds()
		b.limit(e.part+": CPU time for a container, the last quarter against the second", fmt.Sprintf("%.2f", ratio), fmt.Sprint(slowerLimit), ratio <= slowerLimit)
	}
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
