package main

import (
	"context"
	"time"

	"github.com/infrahaus/infrahaus/internal/lxc"
)

// tries is how often a command to finish may fail: a guest that died must be started, a
// node that rebooted needs some time.
const tries = 3

// goOn does what a user would do after reading list: one command finishes the job or
// cleans it up. The second kill comes during that command.
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

// wayOn is the command that finishes the job; nil if it is finished.
func (t *trial) wayOn(row *row, s scenario) []string {
	switch {
	case row == nil || row.Lifecycle == lxc.Destroyed: // there is no record yet, or nothing was made
		return t.create()
	case row.Lifecycle == lxc.Ready && s.again:
		return s.args(t)
	case row.Lifecycle == lxc.Ready && !row.Interrupted:
		return nil
	}
	return []string{"resume", name, "--json"}
}

// destroy is the other command: it must leave nothing.
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
