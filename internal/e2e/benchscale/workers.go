package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// queue puts count containers into the queue of the catalogue and returns their names.
func (c *cluster) queue(ctx context.Context, count int) ([]string, error) {
	file := filepath.Join(c.dir, "queue.yaml")
	text := fmt.Sprintf("name: q\ndefaults: {template: hello}\ncontainers:\n  'q-%%04d': {count: %d}\n", count)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return nil, err
	}
	var names []string
	for i := range count {
		names = append(names, fmt.Sprintf("q-%04d", i+1))
	}
	_, err := c.b.output(ctx, c.env, "create", "-f", file, "--enqueue", "--json")
	return names, err
}

// worker starts a worker, which ends when the queue is empty.
func (c *cluster) worker(ctx context.Context, i int) (*process, error) {
	name := fmt.Sprintf("worker%d", i+1)
	return c.b.start(ctx, filepath.Base(c.dir)+"-"+name, c.env, "worker", "--name", name, "--until-empty", "--concurrency", fmt.Sprint(c.b.each), "--quiet")
}

func (c *cluster) workers(ctx context.Context, n int) ([]*process, error) {
	var all []*process
	for i := range n {
		p, err := c.worker(ctx, i)
		if err != nil {
			return all, err
		}
		all = append(all, p)
	}
	return all, nil
}

// jobs are the jobs of the queue by their state, and how many needed more than one attempt.
func (c *cluster) jobs(ctx context.Context) (byState map[string][]string, again int, err error) {
	out, err := c.b.output(ctx, c.env, "jobs", "list", "--json")
	if err != nil {
		return nil, 0, err
	}
	var list []struct {
		ID, State string
		Attempt   int
	}
	if err := json.Unmarshal(out, &list); err != nil {
		return nil, 0, err
	}
	byState = map[string][]string{}
	for _, j := range list {
		byState[j.State] = append(byState[j.State], j.ID)
		if j.Attempt > 1 {
			again++
		}
	}
	return byState, again, nil
}

// retries is how often the jobs that have failed are put into the queue again.
const retries = 3

// retry does the jobs again that failed with their node, and returns the workers that did.
func (c *cluster) retry(ctx context.Context) (more []*process, again int, err error) {
	for range retries {
		byState, _, err := c.jobs(ctx)
		failed := byState["failed"]
		if err != nil || len(failed) == 0 {
			return more, again, err
		}
		c.b.say("%d jobs have failed", len(failed))
		again += len(failed)
		if _, err := c.b.output(ctx, c.env, append([]string{"jobs", "retry"}, failed...)...); err != nil {
			return more, again, err
		}
		p, err := c.worker(ctx, c.b.workers)
		if err != nil {
			return more, again, err
		}
		<-p.done
		more = append(more, p)
	}
	return more, again, nil
}

// crew makes many containers by workers that share one queue, with the same accidents as
// scale: the other workers have to notice that one was killed, and go on with its jobs.
func (b *bench) crew(ctx context.Context) error {
	c, err := b.open(ctx, "workers", b.nodes)
	if err != nil {
		return err
	}
	defer c.close()
	names, err := c.queue(ctx, b.containers)
	if err != nil {
		return err
	}
	all, err := c.workers(ctx, b.workers)
	if err != nil {
		return err
	}
	e := &effort{part: "workers", all: all, replace: func() (*process, error) { return c.worker(ctx, b.workers-1) }}
	if err := c.through(ctx, e); err != nil {
		return err
	}
	for _, p := range e.all {
		if p.exit() != 0 {
			return fmt.Errorf("a worker ended with exit status %d: %s", p.exit(), p.last())
		}
	}
	more, failed, err := c.retry(ctx)
	if err != nil {
		return err
	}
	e.gone = append(e.gone, more...)
	e.end()
	if err := c.judge(ctx, e.part, names); err != nil {
		return err
	}
	byState, again, err := c.jobs(ctx)
	if err != nil {
		return err
	}
	b.limit("workers: jobs that are done", fmt.Sprint(len(byState["done"])), fmt.Sprint(len(names)), len(byState["done"]) == len(names))
	row("workers: jobs that failed with their node and were retried", fmt.Sprint(failed))
	row("workers: jobs with more than one attempt", fmt.Sprint(again))
	c.report(e, fmt.Sprintf("%d workers, --concurrency %d", b.workers, b.each))
	return nil
}

// crewRate is how many containers a second n workers make.
func (b *bench) crewRate(ctx context.Context, n int) (float64, error) {
	c, err := b.open(ctx, fmt.Sprintf("crew%d", n), b.nodes)
	if err != nil {
		return 0, err
	}
	defer c.close()
	if _, err := c.queue(ctx, b.grow); err != nil {
		return 0, err
	}
	e := &effort{}
	e.begin()
	if e.all, err = c.workers(ctx, n); err != nil {
		return 0, err
	}
	for _, p := range e.all {
		if <-p.done; p.exit() != 0 {
			return 0, fmt.Errorf("exit status %d: %s", p.exit(), p.last())
		}
	}
	e.end()
	if byState, _, err := c.jobs(ctx); err != nil || len(byState["done"]) != b.grow {
		return 0, fmt.Errorf("%d of %d jobs are done: %s: %w", len(byState["done"]), b.grow, strings.TrimSpace(e.all[0].last()), err)
	}
	return float64(b.grow) / e.took.Seconds(), nil
}
