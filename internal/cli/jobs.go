package cli

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/jobs"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/store"
	"github.com/infrahaus/infrahaus/internal/ui"
)

func newJobsCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "jobs",
		Short: "The jobs that workers do",
		Long: `The jobs that --enqueue has put into the queue of the catalogue, for infrahaus worker.` +
			exitStatuses(0, 2),
		Args: noArgs,
		RunE: helpOnly,
	}
	cmd.AddCommand(newJobsListCmd(a), newJobsShowCmd(a), newJobsCancelCmd(a), newJobsRetryCmd(a))
	return cmd
}

// jobStates are the states of jobs, for --state.
var jobStates = []string{string(store.JobQueued), string(store.JobRunning), string(store.JobDone), string(store.JobFailed), string(store.JobCancelled)}

func newJobsListCmd(a *app) *cobra.Command {
	var states []string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the jobs, oldest first",
		Long: `List the jobs of all hosts, oldest first. Of those that have ended well, only the last hour's
are shown unless --state asks for them. With --json it prints an array.` + exitStatuses(0, 1, 2),
		Example: "  infrahaus jobs list\n  infrahaus jobs list --state failed,cancelled",
		Args:    noArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.listJobs(cmd.Context(), states) },
	}
	cmd.Flags().StringSliceVar(&states, "state", nil, "only jobs in this `state`: "+strings.Join(jobStates, ", ")+"; several with commas")
	_ = cmd.RegisterFlagCompletionFunc("state", cobra.FixedCompletions(jobStates, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// doneShown is how long a job that ended well is listed without --state.
const doneShown = time.Hour

func (a *app) listJobs(ctx context.Context, states []string) error {
	q := store.JobQuery{}
	for _, s := range states {
		if !slices.Contains(jobStates, s) {
			return usagef("--state %s: it is one of %s", s, strings.Join(jobStates, ", "))
		}
		q.States = append(q.States, store.JobState(s))
	}
	there, err := a.lookInto(ctx)
	if err != nil {
		return err
	}
	list := []store.QueuedJob{}
	if there {
		if list, err = a.store.QueuedJobs(ctx, q); err != nil {
			return err
		}
	}
	if states == nil {
		list = slices.DeleteFunc(list, func(j store.QueuedJob) bool {
			return j.State == store.JobDone && j.EndedAt != nil && time.Since(j.EndedAt.Time) > doneShown
		})
	}
	if a.global.json {
		return ui.WriteJSON(a.streams, append([]store.QueuedJob{}, list...))
	}
	if len(list) == 0 {
		a.say("no jobs")
		return nil
	}
	workers, err := a.workerNames(ctx)
	if err != nil {
		return err
	}
	t := ui.Table{Columns: []ui.Column{
		{Title: "JOB", Keep: true}, {Title: "VERB", Keep: true, Drop: 1}, {Title: "NAME", Keep: true}, {Title: "HOST", Drop: 3},
		{Title: "STATE", Keep: true, Paint: jobShade}, {Title: "PRIO", Right: true, Keep: true, Drop: 6},
		{Title: "TRY", Right: true, Keep: true, Drop: 5}, {Title: "WORKER", Drop: 4}, {Title: "QUEUED", Keep: true, Drop: 2}, {Title: "WHY"},
	}}
	for _, j := range list {
		t.Rows = append(t.Rows, []string{j.ID, j.Verb, j.Hostname, j.Host, string(j.State), strconv.Itoa(j.Priority), strconv.Itoa(j.Attempt),
			workers[j.Worker], a.when(j.CreatedAt), firstLine(j.Error)})
	}
	return ui.WriteTable(a.streams, t)
}

// when is a time for people, or for other programs.
func (a *app) when(t lxc.Time) string {
	if !a.streams.OutTTY {
		return t.Format(time.RFC3339)
	}
	switch ago := max(0, time.Since(t.Time)); {
	case ago < time.Minute:
		return fmt.Sprintf("%d s ago", int(ago.Seconds()))
	case ago < time.Hour:
		return fmt.Sprintf("%d min ago", int(ago.Minutes()))
	case ago < 48*time.Hour:
		return fmt.Sprintf("%d h ago", int(ago.Hours()))
	default:
		return fmt.Sprintf("%d days ago", int(ago.Hours()/24))
	}
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

func jobShade(cell string) ui.Shade {
	switch store.JobState(cell) {
	case store.JobDone:
		return ui.Good
	case store.JobFailed:
		return ui.Bad
	case store.JobRunning, store.JobCancelled:
		return ui.Caution
	}
	return ui.Dim
}

// workerNames are the names of workers by their ids.
func (a *app) workerNames(ctx context.Context) (map[string]string, error) {
	workers, err := a.store.Workers(ctx)
	names := map[string]string{}
	for _, w := range workers {
		names[w.ID] = w.Name
	}
	return names, err
}

func newJobsShowCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:               "show ID",
		Short:             "Show a job",
		Long:              `Show a job: its state, its container, who asked for it, its worker and how it ended.` + exitStatuses(0, 1, 2),
		Args:              exactArgs("the ID of a job"),
		RunE:              func(cmd *cobra.Command, args []string) error { return a.showJob(cmd.Context(), args[0]) },
		ValidArgsFunction: a.completeJobs(),
	}
}

// findJob reads a job. Without a catalogue there is none.
func (a *app) findJob(ctx context.Context, id string) (store.QueuedJob, error) {
	there, err := a.lookInto(ctx)
	if err == nil && !there {
		err = &store.NoJob{Ref: id}
	}
	if err != nil {
		return store.QueuedJob{}, err
	}
	return a.store.QueuedJob(ctx, id)
}

func (a *app) showJob(ctx context.Context, id string) error {
	j, err := a.findJob(ctx, id)
	if err != nil {
		return err
	}
	if a.global.json {
		return ui.WriteJSON(a.streams, j)
	}
	workers, err := a.workerNames(ctx)
	if err != nil {
		return err
	}
	rows := [][2]string{{"job", j.ID}, {"does", j.Verb + " " + j.Hostname}, {"host", j.Host}, {"state", string(j.State)}}
	add := func(title, text string) {
		if text != "" {
			rows = append(rows, [2]string{title, text})
		}
	}
	add("record", j.RecordID)
	add("priority", strconv.Itoa(j.Priority))
	add("attempt", strconv.Itoa(j.Attempt))
	add("after", strings.Join(j.After, ", "))
	add("worker", orElse(workers[j.Worker], j.Worker))
	add("run", j.RunID)
	add("command", j.Command)
	add("by", strings.Trim(j.User+"@"+j.Machine, "@"))
	add("queued", a.when(j.CreatedAt))
	if j.StartedAt != nil {
		add("started", a.when(*j.StartedAt))
	}
	if j.EndedAt != nil {
		add("ended", a.when(*j.EndedAt))
	}
	if j.ExitStatus != nil {
		add("status", strconv.Itoa(*j.ExitStatus))
	}
	add("stopped by", j.Stop)
	add("error", j.Error)
	for _, h := range j.Hints {
		add("hint", h)
	}
	t := ui.Table{Columns: make([]ui.Column, 2)}
	for _, r := range rows {
		t.Rows = append(t.Rows, r[:])
	}
	return ui.WriteTable(a.streams, t)
}

func newJobsCancelCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "cancel ID...",
		Short: "Cancel jobs",
		Long: `Cancel jobs. One that waits is cancelled at once, and a container that it would have made
is never made. The run of one that is running is stopped within seconds, as Ctrl-C would stop
it: what it has made stays, and resume or jobs retry goes on with it.` + exitStatuses(0, 1, 2),
		Args:              rangeArgs(1, 1<<20, "the ID of a job"),
		RunE:              func(cmd *cobra.Command, args []string) error { return a.cancelJobs(cmd.Context(), args) },
		ValidArgsFunction: a.completeJobs(store.JobQueued, store.JobRunning),
	}
}

func (a *app) cancelJobs(ctx context.Context, ids []string) error {
	for _, id := range ids { // all are there before the first is touched
		j, err := a.findJob(ctx, id)
		if err != nil {
			return err
		}
		if j.State.Ended() {
			return usagef("cannot cancel job %s: it is %s", j.ID, j.State)
		}
	}
	who, machine := whoAndWhere()
	for _, id := range ids {
		j, err := a.store.CancelJob(ctx, id, strings.Trim(who+"@"+machine, "@"))
		if err != nil {
			return err
		}
		if err := a.tellJob(j); err != nil {
			return err
		}
	}
	return nil
}

// tellJob shows what a job has become.
func (a *app) tellJob(j store.QueuedJob) error {
	if a.global.json {
		return ui.WriteJSON(a.streams, j)
	}
	state := string(j.State)
	if j.State == store.JobRunning && j.Stop != "" {
		state = "stopping"
	}
	return ui.WriteRow(a.streams, j.ID, j.Verb, j.Hostname, state)
}

func newJobsRetryCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "retry ID...",
		Short: "Let workers try jobs again",
		Long: `Let workers try jobs again that have failed or were cancelled. The next attempt goes on from
the first thing that is not done, as resume does.` + exitStatuses(0, 1, 2),
		Args:              rangeArgs(1, 1<<20, "the ID of a job"),
		RunE:              func(cmd *cobra.Command, args []string) error { return a.retryJobs(cmd.Context(), args) },
		ValidArgsFunction: a.completeJobs(store.JobFailed, store.JobCancelled),
	}
}

func (a *app) retryJobs(ctx context.Context, ids []string) error {
	for _, id := range ids {
		if _, err := a.findJob(ctx, id); err != nil {
			return err
		}
	}
	queue, err := jobs.Open(ctx, a.store)
	if err != nil {
		return err
	}
	defer queue.Close()
	for _, id := range ids {
		j, err := a.store.RetryJob(ctx, id, queue.Offer, mayRetry)
		if err != nil {
			return err
		}
		if err := a.tellJob(j); err != nil {
			return err
		}
	}
	return nil
}

// mayRetry refuses to try a job again that cannot go on.
func mayRetry(j store.QueuedJob, c lxc.Container) error {
	switch {
	case j.State == store.JobDone || !j.State.Ended():
		return usagef("cannot retry job %s: it is %s", j.ID, j.State)
	case c.Lifecycle == lxc.Destroyed:
		return failf(exit.Other, "cannot retry job %s: container %s was destroyed", j.ID, c.Hostname)
	}
	return nil
}

// completeJobs completes the ids of jobs in these states; nil: in any.
func (a *app) completeJobs(states ...store.JobState) cobra.CompletionFunc {
	return func(*cobra.Command, []string, string) (ids []string, _ cobra.ShellCompDirective) {
		a.peek(func(ctx context.Context, p *peeker) {
			if p.store == nil {
				return
			}
			list, err := p.store.QueuedJobs(ctx, store.JobQuery{States: states})
			if err != nil {
				return
			}
			for _, j := range slices.Backward(list) {
				ids = append(ids, cobra.CompletionWithDesc(j.ID, fmt.Sprintf("%s %s, %s", j.Verb, j.Hostname, j.State)))
			}
		})
		return ids, cobra.ShellCompDirectiveNoFileComp
	}
}

func newWorkerStatusCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Show the workers of the catalogue, and what they do",
		Long: `Show the workers of the catalogue: those that run, and those that were seen within the last
week. One that was not heard of for 30 s counts as gone, and its jobs are given to others.
With --json it prints an array.` + exitStatuses(0, 1, 2),
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.workerStatus(cmd.Context()) },
	}
}

func (a *app) workerStatus(ctx context.Context) error {
	there, err := a.lookInto(ctx)
	if err != nil {
		return err
	}
	list := []store.Worker{}
	if there {
		if list, err = a.store.Workers(ctx); err != nil {
			return err
		}
	}
	if a.global.json {
		return ui.WriteJSON(a.streams, append([]store.Worker{}, list...))
	}
	if len(list) == 0 {
		a.say("no worker has been seen; to start one: " + a.command("worker"))
		return nil
	}
	t := ui.Table{Columns: []ui.Column{
		{Title: "WORKER", Keep: true}, {Title: "MACHINE", Drop: 3}, {Title: "PID", Right: true, Keep: true, Drop: 4}, {Title: "VERSION", Keep: true, Drop: 5},
		{Title: "STATE", Keep: true, Paint: workerShade}, {Title: "JOBS", Right: true, Keep: true}, {Title: "HOSTS", Drop: 2}, {Title: "SEEN", Keep: true, Drop: 1},
	}}
	for _, w := range list {
		state := w.State
		if !w.Alive && state != store.WorkerStopped {
			state = "gone"
		}
		t.Rows = append(t.Rows, []string{w.Name, w.Machine, strconv.Itoa(w.PID), w.Version, state,
			fmt.Sprintf("%d/%d", len(w.Jobs), w.Concurrency), strings.Join(w.Hosts, ", "), a.when(w.SeenAt)})
	}
	return ui.WriteTable(a.streams, t)
}

func workerShade(cell string) ui.Shade {
	switch cell {
	case store.WorkerRunning:
		return ui.Good
	case store.WorkerStopping:
		return ui.Caution
	case "gone":
		return ui.Bad
	}
	return ui.Dim
}
