package main

import (
	"context"
	"time"

	"github.com/infrahaus/infrahaus/internal/lxc"
)

// tries is how often a way on may fail: a guest that died needs a start, a node
// that rebooted a moment.
const tries = 3

// goOn does what a user would after list has told how things stand: one command
// finishes the job, or cleans it up. A second kill falls into the finishing.
func (t *trial) goOn(ctx context.Context, s scenario, destroy bool, second int) {
	t.learnMade()
	row := t.list(ctx)
	if s.gone || destroy {
		t.learnSealed(ctx)
		t.destroy(ctx, row)
		t.judge(ctx, nil, true)
		return
	}
	if second > 0 {
		if args := t.wayOn(row, s); args != nil {
			t.tool(ctx, call{args: args, after: second, watch: t.releaseFollowed})
			row = t.list(ctx)
		}
	}
	for try := 1; ; try++ {
		args := t.wayOn(row, s)
		if args == nil {
			break
		}
		e := t.tool(ctx, call{args: args, watch: t.releaseFollowed})
		if e.status != 0 && try == tries {
			t.lost("no way on: %s: %s", args[0], e.why())
			return
		}
		if e.status == 0 {
			break
		}
		time.Sleep(300 * time.Millisecond)
		row = t.list(ctx)
	}
	t.judge(ctx, s.ends, false)
}

// wayOn is the command that finishes the job; nil: it is done.
func (t *trial) wayOn(row *row, s scenario) []string {
	switch {
	case row == nil || row.Lifecycle == lxc.Destroyed: // it never came so far as to have a record, or nothing was made
		return t.create()
	case row.Lifecycle == lxc.Ready && s.again:
		return s.args(t)
	case row.Lifecycle == lxc.Ready && !row.Interrupted:
		return nil
	}
	return []string{"resume", name, "--json"}
}

// destroy is the other way: it leaves nothing.
func (t *trial) destroy(ctx context.Context, row *row) {
	for try := 1; row != nil && row.Lifecycle != lxc.Destroyed; try++ {
		e := t.tool(ctx, call{args: []string{"destroy", name, "--yes"}})
		if e.status == 0 {
			return
		}
		if try == tries {
			t.lost("no way on: destroy: %s", e.why())
			return
		}
		time.Sleep(300 * time.Millisecond)
		row = t.list(ctx)
	}
}
