package main

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// growth prints how the throughput grows with the number of processes. On a machine whose
// processors are all busy with one of them it cannot grow, so that it has no limit.
func (b *bench) growth(ctx context.Context) error {
	for _, by := range []struct {
		what string
		rate func(context.Context, int) (float64, error)
	}{{"processes with a fleet each", b.rate}, {"workers", b.crewRate}} {
		one := 0.0
		for _, n := range []int{1, 2, 4} {
			rate, err := by.rate(ctx, n)
			if err != nil {
				return err
			}
			if n == 1 {
				one = rate
			}
			row(fmt.Sprintf("growth: %d containers by %d %s", b.grow, n, by.what), fmt.Sprintf("%.2f a second, %.2f times that of one", rate, rate/one))
		}
	}
	return nil
}

func (b *bench) rate(ctx context.Context, n int) (float64, error) {
	c, err := b.open(ctx, fmt.Sprintf("growth%d", n), b.nodes)
	if err != nil {
		return 0, err
	}
	defer c.close()
	shares, err := c.shares(b.grow, n)
	if err != nil {
		return 0, err
	}
	begin := time.Now()
	var all []*process
	for _, s := range shares {
		p, err := c.make(ctx, "create", s)
		if err != nil {
			return 0, err
		}
		all = append(all, p)
	}
	for _, p := range all {
		if <-p.done; p.exit() != 0 {
			return 0, fmt.Errorf("exit status %d: %s", p.exit(), p.last())
		}
	}
	return float64(b.grow) / time.Since(begin).Seconds(), nil
}

func median[T int | float64 | time.Duration](all []T) T {
	all = slices.Clone(all)
	slices.Sort(all)
	return all[len(all)/2]
}
