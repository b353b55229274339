package cli

import (
	"fmt"

	"github.com/infrahaus/infrahaus/internal/jobs"
	"github.com/infrahaus/infrahaus/internal/store"
	"github.com/infrahaus/infrahaus/internal/template"
)

func workersTopic() Topic {
	return Topic{Name: "workers", Short: "Jobs in a queue, and the workers that do them", parts: []part{
		{text: "With --enqueue, `create` (also --count and -f), `sync`, `destroy` and `discover` make all their checks, put a job into the queue of the catalogue and return. `infrahaus worker`, on a machine that stays on, does what the command would have done: a job is one run, and the run's exit status is the job's. On several machines, workers need a catalogue in PostgreSQL."},
		{title: "Commands", terms: []term{
			{"infrahaus create web --template nginx --enqueue", fmt.Sprintf("Prints the job's id. --priority 1 is first, 4 is last; without it, it is %d.", usualPriority), ""},
			{"infrahaus worker", "Runs the jobs of the hosts in its config, or of that which --host names. --until-empty ends it when nothing is left, for CI; its exit status is 0 even if jobs failed, which `jobs list --state failed` shows.", ""},
			{"infrahaus worker status", "Shows the workers of all machines, and how many jobs each runs.", ""},
			{"infrahaus jobs list", "Lists the jobs, oldest first; --state failed those that failed.", ""},
			{"infrahaus jobs show ID", "Shows a job: who asked for it, its worker, and how it ended.", ""},
			{"infrahaus jobs cancel ID", "Ends a running job as Ctrl-C would; one that waits never begins.", ""},
			{"infrahaus jobs retry ID", "Goes on from the first thing that is not done, as resume does.", ""},
		}},
		{title: "What a worker needs", text: fmt.Sprintf("The catalogue, the encryption key and a config with the hosts. A job of `create` or `sync` carries its template, with all that it extends, in the version that was queued; at most %d MiB. Values of variables are sealed. A worker leaves two kinds of jobs to others: those for a host that its config does not have, and those in a format newer than %d, the newest that this version knows.", template.MaxArchive>>20, jobs.Format())},
		{title: "Limits", terms: []term{
			{"--concurrency", "Jobs at once in this worker. Default: 2.", ""},
			{"--per-host", "Jobs at once on a host, counted over all workers. Default: any number.", ""},
			{"--per-node", fmt.Sprintf("Create tasks at once on a node, counted over all workers. Default: %d.", createsAtOnce), ""},
		}},
		{title: "The end of a worker", text: fmt.Sprintf("At SIGTERM or Ctrl-C it takes no new jobs and waits up to --grace for those that run. Then, or at a second signal, it hands them over, and the next worker goes on at once. A worker that is not heard of for %s is taken for dead: another one goes on with its jobs from the record. If it was only asleep, it changes nothing any more. After %d dead workers a job fails.", store.LeaseLimit(), store.MaxAttempts)},
	}}
}
