package plan

import (
	"testing"

	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/guest"
	"github.com/infrahaus/infrahaus/internal/lxc"
)

func TestDoing(t *testing.T) {
	var (
		unasked   = guest.Seen{}
		unclaimed = guest.Seen{State: guest.Unclaimed}
		running   = guest.Seen{State: guest.Running}
		succeeded = guest.Seen{State: guest.Ended}
		failed    = guest.Seen{State: guest.Ended, Status: 1}
		died      = guest.Seen{State: guest.Dead}
	)
	for _, tt := range []struct {
		name  string
		mark  MarkState
		seen  guest.Seen
		again bool
		sha   string // of what would run now; the mark has "old"
		want  Doing
	}{
		{"never ran", "", unasked, false, "old", Run},
		{"never ran, and --from asks for it", "", unasked, true, "old", Run},
		{"done", Done, unasked, false, "old", Leave},
		{"done, any content will do", Done, unasked, false, "", Leave},
		{"done, and asked for again", Done, unasked, true, "old", Rerun},
		{"done, and changed", Done, unasked, false, "new", Rerun},
		{"failed", Failed, unasked, false, "old", Rerun},
		{"failed, and changed", Failed, unasked, false, "new", Rerun},
		{"begun, the guest cannot be asked", Claimed, unasked, false, "old", Follow},
		{"begun, the guest never saw it", Claimed, unclaimed, false, "old", Follow},
		{"begun, the guest never saw it, and changed", Claimed, unclaimed, false, "new", Rerun},
		{"begun, the guest never saw it, and asked for again", Claimed, unclaimed, true, "old", Rerun},
		{"runs", Claimed, running, false, "old", Follow},
		{"runs, and changed", Claimed, running, false, "new", Follow},
		{"runs, and --from asks for it", Claimed, running, true, "old", Follow},
		{"succeeded since the last run", Claimed, succeeded, false, "old", Follow},
		{"failed since the last run", Claimed, failed, false, "old", Drain},
		{"died since the last run", Claimed, died, false, "old", Drain},
		{"died since the last run, and changed", Claimed, died, false, "new", Drain},
	} {
		m := Mark{State: tt.mark, Detail: Detail{SHA256: "old"}}
		if got := doing(m, tt.seen, tt.again, tt.sha); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

// TestProgramsOutdated shows that an attempt which works with old values or old files is not
// followed.
func TestProgramsOutdated(t *testing.T) {
	revalued := func(q *Request) { q.Verb, q.Sync.Values = Sync, []NewValue{{Name: "colour"}} }
	changed := func(q *Request) { q.Job.Template.Digest = "new" }
	for _, tt := range []struct {
		name   string
		item   string
		change func(*Request)
		seen   guest.AttemptState
		want   Doing
	}{
		{"a script runs with the old value", "10-a.sh", revalued, guest.Running, Drain},
		{"a script was never claimed", "10-a.sh", revalued, guest.Unclaimed, Rerun},
		{"a script that does not name the variable", "20-b.sh", revalued, guest.Running, Follow},
		{"the config-manager has no variables", ItemManager, revalued, guest.Running, Follow},
		{"the config-manager applies the old template", ItemManager, changed, guest.Running, Drain},
		{"the config-manager has not begun", ItemManager, changed, guest.Unclaimed, Rerun},
		{"a script runs, the template changed elsewhere", "10-a.sh", changed, guest.Running, Follow},
	} {
		q := testRequest(Resume)
		w := testWorld(q, Claimed, tt.item)
		w.Inside.Attempts["/runs/"+tt.item] = guest.Seen{State: tt.seen}
		tt.change(&q)
		if got := Programs(q, w)[tt.item]; got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestGoesBackTo(t *testing.T) {
	for _, tt := range []struct {
		from                  string
		manager, first, later bool
	}{
		{"", false, false, false},
		{"starting", true, true, true},
		{"syncing", true, true, true},
		{"finalizing", false, false, false},
		{"10-a.sh", false, true, true},
		{"20-b.sh", false, false, true},
	} {
		q := testRequest(Resume)
		q.From = tt.from
		got := [3]bool{q.goesBackTo(ItemManager), q.goesBackTo("10-a.sh"), q.goesBackTo("20-b.sh")}
		if got != [3]bool{tt.manager, tt.first, tt.later} {
			t.Errorf("--from %q: %v", tt.from, got)
		}
	}
}

func TestOutdated(t *testing.T) {
	for _, tt := range []struct {
		name          string
		verb          Verb
		manager, ship string // digests on record
		from          string
		want          bool
	}{
		{"nothing was applied", Resume, "", "", "", false},
		{"the same template", Resume, "now", "now", "", false},
		{"another template was applied", Resume, "old", "now", "", true},
		{"another template was shipped", Resume, "", "old", "", true},
		{"another template was shipped, this one applied", Resume, "now", "old", "", false},
		{"a sync compares instead", Sync, "old", "old", "", false},
		{"--from finalizing applies nothing", Resume, "old", "old", "finalizing", false},
	} {
		q := testRequest(tt.verb)
		q.From = tt.from
		w := World{Record: lxc.Container{Lifecycle: lxc.Ready}, Marks: Marks{}, Situation: Situation{State: There}}
		w.Marks.Put(Mark{Phase: string(event.Syncing), Item: ItemManager, State: Done, Detail: Detail{SHA256: tt.manager}})
		w.Marks.Put(Mark{Phase: string(event.Deploying), Item: ItemShip, State: Done, Detail: Detail{SHA256: tt.ship}})
		if got := q.outdated(w); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}
