package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/store"
	"github.com/infrahaus/infrahaus/internal/ui"
)

type pruneOptions struct {
	app       *app
	olderThan string
	yes       bool
}

// pruning is what may go of one container.
type pruning struct {
	RecordID string `json:"id"`
	Hostname string `json:"hostname"`
	CTID     int    `json:"ctid"`
	store.Pruned
	runs []store.Run
}

// run is `events --prune [<container>]`.
func (o *pruneOptions) run(ctx context.Context, args []string) error {
	before, err := since(o.olderThan, time.Now())
	if err != nil {
		return err
	}
	containers, err := o.chosen(ctx, args)
	if err != nil {
		return err
	}
	work := []pruning{}
	var sum store.Pruned
	for _, c := range containers {
		if c.Lifecycle != lxc.Destroyed && before.IsZero() {
			continue
		}
		p := pruning{RecordID: c.RecordID, Hostname: c.Hostname, CTID: c.CTID}
		if p.runs, p.Pruned, err = o.app.store.Prunable(ctx, c.RecordID, before); err != nil {
			return err
		}
		if p.Runs > 0 {
			work = append(work, p)
			sum.Add(p.Pruned)
		}
	}
	if len(work) > 0 {
		question := fmt.Sprintf("Remove the events and logs (%s) of %s of %s?", sizeText(sum.Bytes), counted(sum.Runs, "run"), counted(len(work), "container"))
		if err := o.app.confirm(ctx, o.yes, question); err != nil {
			return err
		}
	}
	for i := range work {
		if work[i].Pruned, err = o.app.store.Prune(ctx, work[i].runs); err != nil {
			return err
		}
	}
	return o.print(work)
}

// chosen is one container, or all of the selected host or of every host.
func (o *pruneOptions) chosen(ctx context.Context, args []string) ([]lxc.Container, error) {
	if len(args) == 0 {
		return o.app.recorded(ctx, true)
	}
	c, err := o.app.find(ctx, args[0])
	if err != nil {
		return nil, err
	}
	if c.Lifecycle != lxc.Destroyed && o.olderThan == "" {
		return nil, usagef("%s is not destroyed: only what is older than some time can be removed", c.Hostname).
			hint("%s", o.app.command("events", c.Hostname, "--prune", "--older-than", "30d"))
	}
	return []lxc.Container{c}, nil
}

func (o *pruneOptions) print(done []pruning) error {
	if o.app.global.json {
		return ui.WriteJSON(o.app.streams, done)
	}
	if o.app.global.quiet {
		return nil
	}
	t := ui.Table{
		Columns: []ui.Column{
			{Title: "NAME", Keep: true}, {Title: "CTID", Right: true}, {Title: "RUNS", Right: true},
			{Title: "EVENTS", Right: true}, {Title: "LOGS", Right: true},
		},
		Empty: "nothing to remove",
	}
	for _, p := range done {
		t.Rows = append(t.Rows, []string{p.Hostname, ctidText(p.CTID), strconv.Itoa(p.Runs), strconv.Itoa(p.Events), sizeText(p.Bytes)})
	}
	return ui.WriteTable(o.app.streams, t)
}

// since reads --older-than: a duration (days too, as 30d) before now, or a date or
// time. "" is the zero time.
func since(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return t, nil
		}
	}
	d, err := time.ParseDuration(text)
	if days, ok := strings.CutSuffix(text, "d"); ok {
		var n int
		n, err = strconv.Atoi(days)
		d = time.Duration(n) * 24 * time.Hour
		if n > 36500 { // a hundred years; far more than that is no duration any more
			err = strconv.ErrRange
		}
	}
	if err != nil || d < 0 {
		return time.Time{}, usagef("--older-than takes a duration such as 720h or 30d, or a date such as 2026-01-31, not %q", text)
	}
	return now.Add(-d), nil
}

// sizeText is a number of bytes for people.
func sizeText(n int64) string {
	for _, unit := range []string{"B", "KiB", "MiB"} {
		if n < 1024 {
			return fmt.Sprintf("%d %s", n, unit)
		}
		n /= 1024
	}
	return fmt.Sprintf("%d GiB", n)
}
