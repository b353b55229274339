package outcome

import (
	"strings"
	"testing"

	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/provision/plan"
)

// base is a run on container 100, called web, that is ready on record.
func base(v plan.Verb) Run {
	return Run{
		Verb: v, Existence: Asked, Changing: true, CTID: 100, Hostname: "web",
		Recorded: lxc.Container{Hostname: "web", Lifecycle: lxc.Ready},
		Command:  func(words ...string) string { return strings.Join(words, " ") },
	}
}

func TestSuccess(t *testing.T) {
	for _, c := range []struct {
		name string
		verb plan.Verb
		edit func(*Run)
		want string // status, lifecycle, message; hints
	}{
		{"create", plan.Create, nil, "0 ready Container ready!"},
		{"resume", plan.Resume, nil, "0 ready Container ready!"},
		{"sync", plan.Sync, nil, "0 ready Container is as its template says"},
		{"sync that kept a file", plan.Sync, func(r *Run) { r.Kept = ", but for 1 file" }, "0 ready Container is as its template says, but for 1 file"},
		{"look", plan.Discover, nil, "0 - Container was looked at"},
		{"look at an adopted container", plan.Discover, func(r *Run) { r.Recorded.Adopted = true }, "0 ready Container was looked at"},
		{"rollback", plan.Rollback, func(r *Run) { r.Snapshot, r.Was = "s", lxc.Ready }, "0 ready Container is as it was when the snapshot s was taken"},
		{"rollback to an unfinished container", plan.Rollback, func(r *Run) { r.Snapshot, r.Was = "s", lxc.Failed },
			"0 error Container is as it was when the snapshot s was taken; it had not been finished then; to go on: resume web"},
		{"a service is silent", plan.Create, func(r *Run) { r.Unready = []string{"db", "app"} },
			"6 ready Container is up, but not answering: db, app; logs web"},
		{"a service is silent after a sync", plan.Sync, func(r *Run) { r.Unready, r.LeftSnapshot = []string{"db"}, true },
			"6 ready Container is up, but not answering: db; logs web; to go back to how it was before: sync web --rollback"},
		{"a service is silent at a look", plan.Discover, func(r *Run) { r.Unready = []string{"db"} },
			"6 - Container is up, but not answering: db; logs web"},
	} {
		r := base(c.verb)
		if c.edit != nil {
			c.edit(&r)
		}
		end := r.Success()
		got := strings.Join(append([]string{string(rune('0'+end.Status)) + " " + orDash(end.Lifecycle) + " " + end.Message}, end.Hints...), "; ")
		if got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}

func TestFailure(t *testing.T) {
	const resume, destroy = "container 100 was left as it is; to go on: resume web", "to remove it: destroy web"
	for _, c := range []struct {
		name  string
		verb  plan.Verb
		edit  func(*Run)
		to    string
		hints []string
	}{
		{"create that was refused", plan.Create, exists(NotAsked), "destroyed", nil},
		{"create whose task failed", plan.Create, exists(CleanedUp), "destroyed", nil},
		{"create that lost its id", plan.Create, exists(Foreign), "destroyed", nil},
		{"create that was destroyed again", plan.Create, exists(Destroyed), "destroyed", nil},
		{"interrupted create before its request", plan.Create, func(r *Run) { r.Existence, r.Interrupted = NotAsked, true },
			"destroyed", []string{"nothing of it is on the node"}},
		{"interrupted create that was destroyed again", plan.Create, func(r *Run) { r.Existence, r.Interrupted = Destroyed, true }, "destroyed", nil},
		{"create that failed inside", plan.Create, nil, "error", []string{resume, destroy}},
		{"create without an answer", plan.Create, exists(Unanswered), "error",
			[]string{"Proxmox has no container 100 yet, and may still make it, for its answer never came; to go on: resume web", destroy}},
		{"create whose task died", plan.Create, exists(Locked), "error",
			[]string{"first, on the node: pct unlock 100", "container 100 was left as it is; then to go on: resume web", destroy}},
		{"create whose task died, with a way to the node", plan.Create, func(r *Run) { r.Existence, r.CanUnlock = Locked, true }, "error", []string{resume, destroy}},
		{"resume", plan.Resume, nil, "error", []string{resume, destroy}},
		{"resume before its request", plan.Resume, func(r *Run) { r.Existence, r.CTID = NotAsked, 0 }, "error",
			[]string{"nothing of it is on the node yet; to go on: resume web", destroy}},
		{"resume whose create task failed", plan.Resume, exists(CleanedUp), "error",
			[]string{"nothing of it is on the node yet; to go on: resume web", destroy}},
		{"resume that changed nothing", plan.Resume, untouched, "-", nil},
		{"resume of a killed run that changed nothing", plan.Resume, func(r *Run) { untouched(r); r.Recorded.Lifecycle = lxc.Creating }, "error", nil},
		{"interrupted resume that changed nothing", plan.Resume, func(r *Run) { untouched(r); r.Interrupted = true }, "-",
			[]string{"nothing was changed; to go on: resume web"}},
		{"sync", plan.Sync, nil, "error", []string{resume, destroy}},
		{"sync with a snapshot", plan.Sync, func(r *Run) { r.LeftSnapshot = true }, "error",
			[]string{resume, "to go back to how it was before: sync web --rollback"}},
		{"sync that changed nothing", plan.Sync, untouched, "-", nil},
		{"interrupted sync that changed nothing", plan.Sync, func(r *Run) { untouched(r); r.Interrupted = true }, "-",
			[]string{"nothing was changed; to go on: sync web"}},
		{"look", plan.Discover, untouched, "-", nil},
		{"interrupted look", plan.Discover, func(r *Run) { untouched(r); r.Interrupted = true }, "-", nil},
		{"first look at an adopted container", plan.Discover, func(r *Run) {
			untouched(r)
			r.Recorded.Adopted, r.Recorded.Lifecycle = true, lxc.Creating
		}, "error", nil},
		{"later look at an adopted container", plan.Discover, func(r *Run) { untouched(r); r.Recorded.Adopted = true }, "-", nil},
		{"rollback whose task may run", plan.Rollback, func(r *Run) { r.OnNode = true }, "error",
			[]string{"what was begun on the node goes on there; to finish it: sync web --rollback"}},
		{"rollback that failed", plan.Rollback, nil, "error",
			[]string{"to try again: sync web --rollback", "to go on from how it is now: resume web"}},
		{"rollback that changed nothing", plan.Rollback, untouched, "-", nil},
	} {
		r := base(c.verb)
		if c.edit != nil {
			c.edit(&r)
		}
		end := r.Failure()
		if got, want := strings.Join(end.Hints, "; "), strings.Join(c.hints, "; "); got != want || orDash(end.Lifecycle) != c.to {
			t.Errorf("%s:\n got %s: %s\nwant %s: %s", c.name, orDash(end.Lifecycle), got, c.to, want)
		}
	}
}

func exists(e Existence) func(*Run) { return func(r *Run) { r.Existence = e } }

func untouched(r *Run) { r.Changing = false }

func orDash(l lxc.Lifecycle) string {
	if l == "" {
		return "-"
	}
	return string(l)
}

func TestAgain(t *testing.T) {
	want := map[plan.Verb]string{plan.Create: "resume", plan.Resume: "resume", plan.Sync: "sync", plan.Discover: "discover"}
	for verb, command := range want {
		if got := Again(verb); got != command {
			t.Errorf("%d: %s, want %s", verb, got, command)
		}
	}
}
