package provision

import (
	"fmt"
	"math/rand"
	"reflect"
	"testing"

	"github.com/infrahaus/infrahaus/internal/configmanager"
	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/guest"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/provision/plan"
	"github.com/infrahaus/infrahaus/internal/template"
)

// TestSideBySide compares the decisions of the run's own methods with plan.Decide over many
// random worlds.
func TestSideBySide(t *testing.T) {
	rnd := rand.New(rand.NewSource(1))
	seen := map[string]int{}
	for range 20_000 {
		r, w, q := randomWorld(rnd)
		got := plan.Decide(q, w)
		if w.Inside == nil && r.situation.ToCreate() {
			r.marks = plan.Marks{}
		}
		items := []string{plan.ItemManager}
		for _, s := range q.Job.Scripts() {
			items = append(items, s.Name)
		}
		r.decideTurns(items, attemptsOf(w))
		turns := plan.Programs(q, w)
		for item, want := range r.turns {
			if int(turns[item]) != int(want) {
				t.Fatalf("%s: %v, want %v\n%+v\n%+v", item, turns[item], want, q, w)
			}
		}
		if need := plan.NeedsDrift(q, w); w.Inside != nil && w.Inside.Drift != nil != need {
			w.Inside.Drift = nil
			if need {
				continue
			}
			got = plan.Decide(q, w)
			r.Drift = nil
		}
		compareRun(t, r, q, w, got, seen)
	}
	t.Log(seen)
}

func attemptsOf(w plan.World) map[string]guest.Seen {
	if w.Inside == nil {
		return nil
	}
	return w.Inside.Attempts
}

// compareRun holds the old steps against the new ones.
func compareRun(t *testing.T, r *Run, q plan.Request, w plan.World, got plan.Plan, seen map[string]int) {
	t.Helper()
	fail := func(what string, a, b any) {
		t.Helper()
		t.Fatalf("%s:\n  new %v\n  old %v\n%+v\n%+v", what, a, b, q, w)
	}
	same := func(what string, a, b []string) {
		t.Helper()
		if !reflect.DeepEqual(append([]string{}, a...), append([]string{}, b...)) {
			fail(what, fmt.Sprintf("%q", a), fmt.Sprintf("%q", b))
		}
	}
	if q.Verb == plan.Sync {
		compareSync(t, r, q, w, got, seen)
		return
	}
	if w.Inside != nil && r.turns[plan.ItemManager] == turnDone && r.stale() && (r.Drift.Renewed() || packagesDiffer(*r.Drift)) {
		r.turns[plan.ItemManager] = turnAgain
	}
	// deploy
	var deploy []string
	refused := false
	var in configmanager.Input
	switch {
	case !r.shipNeeded() && !(r.unseen() && r.stale()):
		deploy = []string{"get inside W", "nothing to ship: it is there"}
	case r.lookOnly() && r.situation.Running: // replaced below
	case !r.situation.Runs():
		deploy = r.outlookUnseen("W")
	default:
		in = w.Inside.Wants
		if r.turns[plan.ItemManager] == turnDone {
			in = allUnshipped(in)
		} else {
			var inTheWay []configmanager.FileDrift
			in, inTheWay = in.Differing(*r.Drift, r.take())
			if refused = len(inTheWay) > 0; refused {
				deploy = append([]string{"get inside W", fmt.Sprintf("refuse: %s in the way, and nothing is changed", counted(len(inTheWay), "file"))}, r.conflict(inTheWay).Tail...)
			}
		}
		if !refused {
			deploy = append(shipFirst("W"), r.outlookFiles(in)...)
			if !reflect.DeepEqual(got.Input, in) {
				fail("input", got.Input, in)
			}
		}
	}
	syncing, finalizing := r.outlookSync(), r.outlookFinalize()
	switch {
	case r.lookOnly() && r.situation.Running:
		deploy, syncing = []string{"get inside W"}, []string{"nothing"}
	case refused:
		syncing = []string{"nothing: it is refused before"}
		finalizing = syncing
	}
	seen[fmt.Sprint("resume ", r.situation.State, " ", len(deploy))]++
	same("starting", got.Lines(event.Starting), r.outlookStart())
	same("deploying", got.Lines(event.Deploying), deploy)
	same("syncing", got.Lines(event.Syncing), syncing)
	same("finalizing", got.Lines(event.Finalizing), finalizing)
	if w.Inside != nil && !refused && !r.lookOnly() {
		if got.Has(plan.Ship) != r.shipNeeded() {
			fail("ship", got.Has(plan.Ship), r.shipNeeded())
		}
		for item, want := range r.turns {
			if int(got.Of(item)) != int(want) {
				fail(item, got.Of(item), want)
			}
		}
	}
}

func compareSync(t *testing.T, r *Run, q plan.Request, w plan.World, got plan.Plan, seen map[string]int) {
	t.Helper()
	if w.Inside == nil {
		return
	}
	fail := func(what string, a, b any) {
		t.Helper()
		t.Fatalf("sync %s:\n  new %v\n  old %v\n%+v\n%+v", what, a, b, q, w)
	}
	differing, refused := w.Inside.Wants.Differing(*r.Drift, q.Sync.Take)
	if got.Has(plan.Refuse) != (len(refused) > 0) {
		fail("refused", got.Has(plan.Refuse), refused)
	}
	if len(refused) > 0 {
		seen["sync refused"]++
		return
	}
	manager := differing.ToApply() || packagesDiffer(*r.Drift)
	nothing := !manager && !r.scriptsToRun() && !r.unfinished()
	if got.Has(plan.KeepJob) != nothing {
		fail("nothing", got.Has(plan.KeepJob), nothing)
	}
	if manager {
		r.turns[plan.ItemManager] = turnAgain
	}
	in := differing
	if r.turns[plan.ItemManager] == turnDone {
		in = allUnshipped(w.Inside.Wants)
	}
	if got.Has(plan.Ship) != r.shipNeeded() {
		fail("ship", got.Has(plan.Ship), r.shipNeeded())
	}
	if r.shipNeeded() && !reflect.DeepEqual(got.Input, in) {
		fail("input", got.Input, in)
	}
	for item, want := range r.turns {
		if int(got.Of(item)) != int(want) {
			fail(item, got.Of(item), want)
		}
	}
	seen[fmt.Sprint("sync ", nothing, r.shipNeeded())]++
}

func allUnshipped(in configmanager.Input) configmanager.Input {
	files := append([]configmanager.File{}, in.Files...)
	for i := range files {
		files[i].Unshipped = true
	}
	in.Files = files
	return in
}

func pick[T any](rnd *rand.Rand, of ...T) T { return of[rnd.Intn(len(of))] }

func randomWorld(rnd *rand.Rand) (*Run, plan.World, plan.Request) {
	tmpl := &template.Template{
		Name: "t", Digest: "now",
		Scripts:  []template.Script{{Name: "10-a.sh", Content: []byte("echo $word"), Enabled: true}, {Name: "20-b.sh", Content: []byte("b"), Enabled: true}},
		Files:    []template.File{{Source: "a", Target: "/a", Policy: "replace"}, {Source: "b", Target: "/b", Policy: "default"}},
		Services: []template.Service{{Name: "web", Port: 80, Protocol: "tcp"}},
	}
	job := plan.Job{Template: tmpl}
	job.Spec.CTID = pick(rnd, 0, 100)
	if rnd.Intn(6) == 0 {
		job.Skip = []string{"20-b.sh"}
	}
	q := plan.Request{Verb: pick(rnd, plan.Resume, plan.Resume, plan.Sync), Job: job, From: pick(rnd, "", "", "syncing", "20-b.sh", "finalizing")}
	if q.Verb == plan.Sync {
		q.From = ""
		q.Sync = plan.SyncRequest{Take: pick(rnd, "", "template", "guest"), Snapshot: pick(rnd, "auto", "never")}
		if rnd.Intn(4) == 0 {
			q.Sync.Values = []string{"word"}
		}
	}
	marks := plan.Marks{}
	state := func() plan.MarkState { return pick(rnd, "", plan.Claimed, plan.Done, plan.Done, plan.Failed) }
	attempts := map[string]guest.Seen{}
	put := func(phase event.StepName, item, sha string) {
		s := state()
		if s == "" {
			return
		}
		d := plan.Detail{SHA256: pick(rnd, sha, sha, "other"), Dir: "/run/" + item, Try: 1 + rnd.Intn(2), Take: pick(rnd, "", "", "template", "guest")}
		marks.Put(plan.Mark{Phase: string(phase), Item: item, State: s, Detail: d})
		attempts[d.Dir] = pick(rnd, guest.Seen{State: guest.Unclaimed}, guest.Seen{State: guest.Running}, guest.Seen{State: guest.Ended}, guest.Seen{State: guest.Ended, Status: 1}, guest.Seen{State: guest.Dead})
	}
	put(event.Deploying, plan.ItemShip, "now")
	put(event.Syncing, plan.ItemManager, "now")
	put(event.Syncing, "10-a.sh", job.ScriptSHA("10-a.sh"))
	put(event.Syncing, "20-b.sh", job.ScriptSHA("20-b.sh"))
	if rnd.Intn(3) == 0 {
		marks.Put(plan.Mark{Phase: string(event.Deploying), Item: plan.ItemSnapshot, State: plan.Claimed, Detail: plan.Detail{Name: "s"}})
	}
	rec := lxc.Container{CTID: 100, Node: "pve1", Hostname: "web", Lifecycle: pick(rnd, lxc.Ready, lxc.Failed)}
	sit := plan.Situation{State: pick(rnd, plan.NotMade, plan.InCreation, plan.HalfMade, plan.There, plan.There, plan.There, plan.There), Why: "why"}
	if sit.State == plan.There {
		sit.Running = rnd.Intn(4) != 0
		if !sit.Running {
			sit.Start = pick(rnd, "", "UPID")
		}
	}
	w := plan.World{Record: rec, Marks: marks, Situation: sit, Way: "W"}
	r := &Run{
		Job: job, Recorded: rec, From: q.From, Asked: q.Sync, marks: marks, situation: sit, CTID: 100,
		renewing: q.Verb == plan.Sync, resuming: true, Command: func(...string) string { return "" },
	}
	if sit.Runs() {
		in := configmanager.Input{Files: []configmanager.File{{Target: "/a", Policy: "replace"}, {Target: "/b", Policy: "default"}}}
		file := func(target, policy string) configmanager.FileDrift {
			return configmanager.FileDrift{
				Target: target, Policy: policy, Wanted: pick(rnd, "x", "y"), Deployed: pick(rnd, "", "x", "y"), State: pick(rnd, configmanager.FileSame, configmanager.FileSame, configmanager.FileMissing, configmanager.FileEdited,
					configmanager.FileChanged, configmanager.FileConflict, configmanager.FilePresent, configmanager.FileFolder, configmanager.FileKept, configmanager.FileInterrupted),
			}
		}
		d := configmanager.Drift{Files: []configmanager.FileDrift{file("/a", "replace"), file("/b", "default")}}
		if rnd.Intn(4) == 0 {
			d.Packages = []configmanager.PackageDrift{{Manager: "apt", Spec: "x", State: configmanager.PackageMissing}}
		}
		w.Inside = &plan.Inside{Attempts: attempts, Wants: in, Drift: &d}
		r.Drift = &d
	}
	return r, w, q
}
