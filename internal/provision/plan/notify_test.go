package plan

import (
	"reflect"
	"testing"

	"github.com/infrahaus/infrahaus/internal/configmanager"
	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/guest"
	"github.com/infrahaus/infrahaus/internal/template"
)

// notifying is a request whose file /a has a check, restarts nginx and reruns 20-b.sh, and
// whose variable size and package apt p restart app.
func notifying(q *Request) {
	t := q.Job.Template
	t.Files[0].Check, t.Files[0].Notify = "nginx -t", []template.Notify{{Do: template.Restart, Name: "nginx"}, {Do: template.Rerun, Name: "20-b.sh"}}
	app := []template.Notify{{Do: template.Restart, Name: "app"}}
	t.Variables = []template.Variable{{Name: "size", Notify: app}}
	t.Packages.Notify = map[string][]template.Notify{"apt p": app}
}

// notified is the state of ItemNotify in the container of testWorld.
func (w World) notified(state MarkState, d Detail) World {
	w.Marks.Put(Mark{Phase: string(event.Syncing), Item: ItemNotify, State: state, Detail: d})
	return w
}

const (
	same, changed = configmanager.FileSame, configmanager.FileChanged
	syncs         = "nothing | nothing | enter, "
)

func TestDecideNotify(t *testing.T) {
	done := func(a, b configmanager.FileState) func(Request) World {
		return func(q Request) World { return testWorld(q, "").compared(a, b).notified(Done, Detail{}) }
	}
	checkRows(t, Sync, []row{
		{"nothing has changed", notifying, done(same, same), syncs + "keep job, nothing | " + allDone},
		{"an older version made it: nothing is due", notifying, func(q Request) World { return testWorld(q, "").compared(same, same) },
			syncs + "keep job, nothing | " + allDone},
		{"the file has changed", notifying, done(changed, same),
			syncs + "snapshot, redo config-manager, redo 20-b.sh, redo notify, change, ship, ship file /a | rerun config-manager, leave 10-a.sh, rerun 20-b.sh, rerun notify | discover, drop snapshot"},
		{"a file on which nothing depends has changed", func(q *Request) {
			notifying(q)
			q.Job.Template.Files[1].Policy = template.Replace
		}, func(q Request) World {
			w := done(same, changed)(q)
			w.Inside.Wants.Files[1].Policy, w.Inside.Drift.Files[1].Policy = "replace", "replace"
			return w
		}, syncs + "snapshot, redo config-manager, change, ship, ship file /b | rerun config-manager, leave 10-a.sh, leave 20-b.sh | discover, drop snapshot"},
		{"the file is kept as the container has it", notifying, done(configmanager.FileKept, same), syncs + "keep job, nothing | " + allDone},
		{"the variable has changed", func(q *Request) {
			notifying(q)
			q.Sync.Values = []NewValue{{Name: "size"}}
		}, done(same, same), syncs + "snapshot, redo notify, change, nothing | leave config-manager, leave 10-a.sh, leave 20-b.sh, rerun notify | discover, drop snapshot"},
		{"the last restarts failed", notifying, func(q Request) World {
			return testWorld(q, "").compared(same, same).notified(Failed, Detail{Status: 1})
		}, syncs + "snapshot, change, nothing | leave config-manager, leave 10-a.sh, leave 20-b.sh, rerun notify | discover, drop snapshot"},
		{"a declared service is stopped", nil, func(q Request) World {
			w := testWorld(q, "").compared(same, same)
			w.Inside.Drift.Services = []configmanager.ServiceDrift{{Service: configmanager.Service{Unit: "nginx"}, Load: "loaded", Active: "inactive"}}
			return w
		}, syncs + "snapshot, redo notify, change, nothing | leave config-manager, leave 10-a.sh, leave 20-b.sh, rerun notify | discover, drop snapshot"},
	})
	killed := func(m Mark, seen guest.Seen) func(Request) World {
		return func(q Request) World {
			w := testWorld(q, "").compared(same, same).notified(m.State, Detail{Dir: "/runs/notify"})
			w.Inside.Attempts["/runs/notify"] = seen
			return w
		}
	}
	checkRows(t, Resume, []row{
		{"killed before the restarts", notifying, killed(Mark{State: Failed}, guest.Seen{}), "nothing | nothing | enter, nothing | leave config-manager, leave 10-a.sh, leave 20-b.sh, rerun notify | discover"},
		{"killed while they ran", notifying, killed(Mark{State: Claimed}, guest.Seen{State: guest.Running}), "nothing | nothing | enter, nothing | leave config-manager, leave 10-a.sh, leave 20-b.sh, follow notify | discover"},
		{"the check had failed: the files are written again", notifying, killed(Mark{State: Claimed}, guest.Seen{State: guest.Ended, Status: configmanager.StatusRefused}),
			"nothing | nothing | enter, ship | rerun config-manager, leave 10-a.sh, leave 20-b.sh, drain notify | discover"},
	})
}

// TestDue: what is due is the changed variables and packages, with what an earlier run had
// to do and did not.
func TestDue(t *testing.T) {
	q := testRequest(Sync)
	notifying(&q)
	q.Sync.Values = []NewValue{{Name: "size"}}
	w := testWorld(testRequest(Sync), "").compared(same, same).notified(Failed, Detail{Due: []Due{{"start", "nginx"}, {"variable", "size"}}})
	w.Inside.Drift.Packages = []configmanager.PackageDrift{{Manager: "apt", Spec: "p", State: configmanager.PackageMissing}}
	want := []Due{{"package", "apt p"}, {"variable", "size"}, {"start", "nginx"}}
	if got := Decide(q, w).Due; !reflect.DeepEqual(got, want) {
		t.Errorf("%v", got)
	}
	created := testRequest(Resume)
	notifying(&created)
	if got := Decide(created, testWorld(testRequest(Resume), "")).Due; !reflect.DeepEqual(got, want[:1]) {
		t.Errorf("a create was killed before its restarts: %v", got)
	}
	causes, mends := q.Job.Causes(want)
	app := []configmanager.Notify{{Do: "restart", Name: "app"}}
	if !reflect.DeepEqual(causes, []configmanager.Cause{{Kind: "package", Name: "apt p", Notify: app}, {Kind: "variable", Name: "size", Notify: app}}) ||
		!reflect.DeepEqual(mends, []configmanager.Mend{{Do: "start", Unit: "nginx"}}) {
		t.Errorf("%v %v", causes, mends)
	}
}
