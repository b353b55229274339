package provision

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/infrahaus/infrahaus/internal/configmanager"
	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/guest"
	"github.com/infrahaus/infrahaus/internal/provision/plan"
)

// maxSettled limits how many bytes are read of what the guest says about waiting files.
const maxSettled = 64 << 10

// maxNamed limits how many files of one owner an error names.
const maxNamed = 5

// mayWait reports whether a file or directory of the template may wait for a user that a script makes.
func (r *Run) mayWait() bool {
	for _, f := range r.job.Template.Files {
		if (configmanager.File{Target: f.Target, Owner: f.Owner}).MayWait() {
			return true
		}
	}
	for _, d := range r.job.Template.Directories {
		// The home itself may be a directory of the template.
		if (configmanager.File{Target: d.Target, Owner: d.Owner}).MayWait() {
			return true
		}
	}
	return false
}

// settle puts the files into place that waited for a user who exists by now, and returns
// those that still wait. A script calls for it, so it is done before the next one starts,
// even if this is another run.
func (r *Run) settle(ctx context.Context) ([]configmanager.Waiting, error) {
	var out bounded
	var status int
	err := r.reading(ctx, func() (err error) { // it may be repeated, as if it only read
		out = bounded{limit: maxSettled}
		status, err = r.guest.Run(ctx, guest.Cmd{
			Label: "put files into place that waited for their user", Script: configmanager.SettleScript(), Stdout: &out, Stderr: &out,
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	if status != 0 {
		return nil, &exit.Failure{
			Status: exit.Guest, Message: fmt.Sprintf("cannot put the files into place that waited for their user: exit status %d", status),
			Tail: splitLines(r.Bus.Redact(out.String())), Hints: []string{r.Command("logs", r.job.Spec.Hostname)},
		}
	}
	if _, line, ok := strings.Cut(out.String(), "] Files: "); ok {
		line, _, _ = strings.Cut(line, "\n")
		r.say("Files whose user exists by now: " + line)
	}
	return configmanager.ParseWaiting(out.String()), nil
}

// stillWaiting is the error at the end of the scripts that names the users and groups which
// nothing has made, with their files.
func (r *Run) stillWaiting(files []configmanager.Waiting) error {
	if len(files) == 0 {
		return nil
	}
	var names []string
	targets := map[string][]string{}
	for _, f := range files {
		who := fmt.Sprintf("%s %q", f.Kind, f.Name)
		if !slices.Contains(names, who) {
			names = append(names, who)
		}
		targets[who] = append(targets[who], f.Target)
	}
	for i, who := range names {
		of := targets[who]
		if n := len(of); n > maxNamed {
			of = append(of[:maxNamed:maxNamed], fmt.Sprintf("%d more", n-maxNamed))
		}
		names[i] += " (for " + strings.Join(of, ", ") + ")"
	}
	return &exit.Failure{
		Status:  exit.Guest,
		Message: fmt.Sprintf("cannot put %s into place: nothing has made the %s", plan.Counted(len(files), "file"), strings.Join(names, ", the ")),
		Hints: []string{
			"let a script of the template make it, or give the files an owner that exists (owner: root); then: " +
				r.Command("resume", r.job.Spec.Hostname, "--template-changed"),
		},
	}
}
