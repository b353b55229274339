package plan

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/infrahaus/infrahaus/internal/configmanager"
	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/guest"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/pve"
	"github.com/infrahaus/infrahaus/internal/template"
)

// testRequest has a template with two files and two scripts, of which the first names the
// variable colour.
func testRequest(verb Verb) Request {
	return Request{Verb: verb, Job: Job{Template: &template.Template{
		Name: "t", Digest: "now",
		Files: []template.File{
			{Source: "a", Target: "/a", Policy: template.Replace}, {Source: "b", Target: "/b", Policy: template.Default},
		},
		Scripts: []template.Script{
			{Name: "10-a.sh", Content: []byte("echo $colour"), Enabled: true}, {Name: "20-b.sh", Content: []byte("true"), Enabled: true},
		},
	}}}
}

// testWorld is a container that runs, in which everything is done but the items named: they
// have that state, "" for no mark.
func testWorld(q Request, state MarkState, items ...string) World {
	w := World{
		Record: lxc.Container{CTID: 100, Node: "pve1", Hostname: "web", Lifecycle: lxc.Failed}, Way: "by ssh",
		Situation: Situation{State: There, Running: true}, Marks: Marks{},
	}
	put := func(phase event.StepName, item, sha string) {
		s := Done
		if slices.Contains(items, item) {
			s = state
		}
		if s != "" {
			w.Marks.Put(Mark{Phase: string(phase), Item: item, State: s, Detail: Detail{SHA256: sha, Dir: "/runs/" + item, Try: 1}})
		}
	}
	put(event.Deploying, ItemShip, "now")
	put(event.Syncing, ItemManager, "now")
	for _, s := range q.Job.Template.Scripts {
		put(event.Syncing, s.Name, q.Job.ScriptSHA(s.Name))
	}
	w.Inside = &Inside{Attempts: map[string]guest.Seen{}, Wants: configmanager.Input{Files: []configmanager.File{
		{Target: "/a", Policy: "replace"}, {Target: "/b", Policy: "default"},
	}}}
	return w
}

// compared adds how the guest differs: the states of /a and /b.
func (w World) compared(a, b configmanager.FileState) World {
	w.Inside.Drift = &configmanager.Drift{Files: []configmanager.FileDrift{
		{Target: "/a", Policy: "replace", State: a, Wanted: "x", Deployed: "y"},
		{Target: "/b", Policy: "default", State: b, Wanted: "x", Deployed: "x"},
	}}
	return w
}

// stopped is the same container before its start.
func (w World) stopped() World {
	w.Situation.Running, w.Inside = false, nil
	return w
}

// brief is a plan in one line: the phases are separated by "|".
func brief(p Plan) string {
	var phases []string
	for _, phase := range event.Steps {
		var words []string
		for _, a := range p.In(phase) {
			if a.Kind == Program {
				words = append(words, fmt.Sprintf("%s %s", a.Doing, a.Item))
				continue
			}
			words = append(words, strings.TrimSpace(string(a.Kind)+" "+a.Item))
		}
		phases = append(phases, strings.Join(words, ", "))
	}
	return strings.Join(phases, " | ")
}

type row struct {
	name    string
	request func(*Request)
	world   func(Request) World
	want    string
}

func checkRows(t *testing.T, verb Verb, rows []row) {
	t.Helper()
	for _, tt := range rows {
		q := testRequest(verb)
		if tt.request != nil {
			tt.request(&q)
		}
		if got := brief(Decide(q, tt.world(testRequest(verb)))); got != tt.want {
			t.Errorf("%s:\n got %s\nwant %s", tt.name, got, tt.want)
		}
	}
}

const (
	allNew    = "enter, ship, ship file /a, ship file /b | run config-manager, run 10-a.sh, run 20-b.sh | discover"
	allDone   = "leave config-manager, leave 10-a.sh, leave 20-b.sh | discover"
	untouched = "nothing | nothing | enter, nothing | " + allDone
)

func TestDecideCreate(t *testing.T) {
	none := func(Request) World { return World{} }
	checkRows(t, Create, []row{
		{"everything is new", nil, none, "create | start | " + allNew},
		{"--skip-script", func(q *Request) { q.Job.Skip = []string{"10-a.sh"} }, none,
			"create | start | enter, ship, ship file /a, ship file /b | run config-manager, skip 10-a.sh, run 20-b.sh | discover"},
		{"the guest is entered, nothing ran yet", nil, func(q Request) World {
			w := testWorld(q, "", ItemShip, ItemManager, "10-a.sh", "20-b.sh")
			w.Situation = Situation{}
			return w
		}, "create | start | " + allNew},
	})
}

func TestDecideResumeBySituation(t *testing.T) {
	in := func(s Situation) func(Request) World {
		return func(q Request) World {
			w := testWorld(q, "")
			w.Situation, w.Inside = s, nil
			return w
		}
	}
	checkRows(t, Resume, []row{
		{"Proxmox has no container: the marks of the last one do not count", nil, in(Situation{State: NotMade}), "create | start | " + allNew},
		{"half of it is left", nil, in(Situation{State: HalfMade}), "remove half, create | start | " + allNew},
		{"half of it is left, with the id that was asked for", func(q *Request) { q.Job.Spec.CTID = 100 }, in(Situation{State: HalfMade}), "remove half, create | start | " + allNew},
		{"its create task runs", nil, func(q Request) World {
			w := testWorld(q, "", ItemShip, ItemManager, "10-a.sh", "20-b.sh")
			w.Situation, w.Inside = Situation{State: InCreation}, nil
			return w
		}, "follow create | start | " + allNew},
		{"it does not run", nil, in(Situation{State: There}), "nothing | start | enter, nothing | " + allDone},
		{"its start task runs", nil, in(Situation{State: There, Start: "UPID"}), "nothing | follow start | enter, nothing | " + allDone},
		{"it runs", nil, func(q Request) World { return testWorld(q, "") }, untouched},
	})
}

// Settings that only the node may make come after the create and before the first start,
// until their mark says that they are done. After that start they are a sync's matter.
func TestDecideOnNode(t *testing.T) {
	world := func(s Situation, onNode MarkState, started bool) func(Request) World {
		return func(q Request) World {
			w := testWorld(q, "", ItemShip, ItemManager, "10-a.sh", "20-b.sh")
			w.Situation, w.Inside = s, nil
			w.OnNode = []pve.Setting{{Key: "features", Value: "nesting=1,keyctl=1"}}
			if onNode != "" {
				w.Marks.Put(Mark{Phase: string(event.Creating), Item: ItemOnNode, State: onNode})
			}
			if started {
				w.Marks.Put(Mark{Phase: string(event.Starting), Item: ItemStart, State: Claimed})
			}
			return w
		}
	}
	checkRows(t, Create, []row{
		{"everything is new", nil, world(Situation{}, "", false), "create, set on node | start | " + allNew},
	})
	there := Situation{State: There}
	checkRows(t, Resume, []row{
		{"killed before it was marked", nil, world(there, "", false), "set on node | start | " + allNew},
		{"killed while it was set", nil, world(there, Claimed, false), "set on node | start | " + allNew},
		{"it is set", nil, world(there, Done, false), "nothing | start | " + allNew},
		{"it is set, and the start is marked", nil, world(there, Done, true), "nothing | start | " + allNew},
		{"it was started without, by an older version", nil, world(there, "", true), "nothing | start | " + allNew},
		{"its create task runs", nil, world(Situation{State: InCreation}, "", false), "follow create, set on node | start | " + allNew},
		{"half of it is left, whose mark says nothing of the next one", nil, world(Situation{State: HalfMade}, Done, true), "remove half, create, set on node | start | " + allNew},
		{"Proxmox has no container any more", nil, world(Situation{State: NotMade}, Done, true), "create, set on node | start | " + allNew},
	})
	running := func(q Request) World {
		w := testWorld(q, "")
		w.OnNode = []pve.Setting{{Key: "dev0", Value: "/dev/zero"}}
		return w
	}
	if q := testRequest(Sync); running(q).setsOnNode(q) {
		t.Error("a sync takes it for a new container")
	}
}

func TestDecideResumeByMarks(t *testing.T) {
	seen := func(w World, item string, s guest.Seen) World {
		w.Inside.Attempts["/runs/"+item] = s
		return w
	}
	changed := func(q *Request) { q.Job.Template.Digest = "new" }
	from := func(f string) func(*Request) { return func(q *Request) { q.From = f } }
	ready := func(w World) World { w.Record.Lifecycle = lxc.Ready; return w }
	checkRows(t, Resume, []row{
		{"the last script failed", nil, func(q Request) World { return testWorld(q, Failed, "20-b.sh") },
			"nothing | nothing | enter, nothing | leave config-manager, leave 10-a.sh, rerun 20-b.sh | discover"},
		{"the first script runs", nil, func(q Request) World {
			return seen(testWorld(q, Claimed, "10-a.sh"), "10-a.sh", guest.Seen{State: guest.Running})
		}, "nothing | nothing | enter, nothing | leave config-manager, follow 10-a.sh, leave 20-b.sh | discover"},
		{"the first script died", nil, func(q Request) World {
			return seen(testWorld(q, Claimed, "10-a.sh"), "10-a.sh", guest.Seen{State: guest.Dead})
		}, "nothing | nothing | enter, nothing | leave config-manager, drain 10-a.sh, leave 20-b.sh | discover"},
		{"the config-manager failed: what the guest lacks is shipped again", nil, func(q Request) World {
			return testWorld(q, Failed, ItemManager).compared(configmanager.FileMissing, configmanager.FileSame)
		}, "nothing | nothing | enter, ship, ship file /a | rerun config-manager, leave 10-a.sh, leave 20-b.sh | discover"},
		{"the config-manager runs with what was shipped", nil, func(q Request) World {
			return seen(testWorld(q, Claimed, ItemManager), ItemManager, guest.Seen{State: guest.Running})
		}, "nothing | nothing | enter, nothing | follow config-manager, leave 10-a.sh, leave 20-b.sh | discover"},
		{"nothing was shipped", nil, func(q Request) World {
			return testWorld(q, "", ItemShip, ItemManager, "10-a.sh", "20-b.sh").compared(configmanager.FileMissing, configmanager.FileMissing)
		}, "nothing | nothing | " + allNew},
		{"a file is in the way", nil, func(q Request) World {
			return testWorld(q, Failed, ItemManager).compared(configmanager.FileConflict, configmanager.FileSame)
		}, "nothing | nothing | enter, refuse | nothing | nothing"},
		{"--template-changed, and its files are the same", changed, func(q Request) World {
			return testWorld(q, "").compared(configmanager.FileSame, configmanager.FileSame)
		}, untouched},
		{"--template-changed, with a new file", changed, func(q Request) World {
			return testWorld(q, "").compared(configmanager.FileChanged, configmanager.FileSame)
		}, "nothing | nothing | enter, ship, ship file /a | rerun config-manager, leave 10-a.sh, leave 20-b.sh | discover"},
		{"--template-changed, and the container does not run", changed, func(q Request) World { return testWorld(q, "").stopped() },
			"nothing | start | enter, ship, ship file /a, ship file /b | " + allDone},
		{"--from syncing", from("syncing"), func(q Request) World {
			return testWorld(q, "").compared(configmanager.FileSame, configmanager.FileSame)
		}, "nothing | nothing | enter, ship | rerun config-manager, rerun 10-a.sh, rerun 20-b.sh | discover"},
		{"--from a script", from("20-b.sh"), func(q Request) World { return testWorld(q, "") },
			"nothing | nothing | enter, nothing | leave config-manager, leave 10-a.sh, rerun 20-b.sh | discover"},
		{"--from finalizing of one that is ready", from("finalizing"), func(q Request) World { return ready(testWorld(q, Failed, "20-b.sh")) },
			"nothing | nothing | enter | nothing | discover"},
		{"--from finalizing of one that is ready and stopped", from("finalizing"), func(q Request) World { return ready(testWorld(q, Failed, "20-b.sh")).stopped() },
			"nothing | start | enter | nothing | discover"},
		{"--from finalizing of one that is not", from("finalizing"), func(q Request) World { return testWorld(q, Failed, "20-b.sh") },
			"nothing | nothing | enter, nothing | leave config-manager, leave 10-a.sh, rerun 20-b.sh | discover"},
		{"a sync has left its snapshot", nil, func(q Request) World {
			w := testWorld(q, "")
			w.Marks.Put(Mark{Phase: string(event.Deploying), Item: ItemSnapshot, State: Claimed, Detail: Detail{Name: "s1"}})
			return w
		}, untouched + ", drop snapshot s1"},
		{"a sync that ended well could not remove its snapshot", nil, func(q Request) World {
			w := testWorld(q, "")
			w.Marks.Put(Mark{Phase: string(event.Deploying), Item: ItemSnapshot, State: Expired, Detail: Detail{Name: "s1"}})
			return w
		}, untouched + ", drop snapshot s1"},
		{"a sync has removed its snapshot", nil, func(q Request) World {
			w := testWorld(q, "")
			w.Marks.Put(Mark{Phase: string(event.Deploying), Item: ItemSnapshot, State: Done, Detail: Detail{Name: "s1"}})
			return w
		}, untouched},
	})
}

// A discovery has one action, with a template or without.
func TestDecideDiscover(t *testing.T) {
	for _, q := range []Request{testRequest(Discover), {Verb: Discover}} {
		if got := brief(Decide(q, World{})); got != " |  |  |  | discover" {
			t.Errorf("%q", got)
		}
	}
}

func TestDecideSync(t *testing.T) {
	same := func(q Request) World {
		return testWorld(q, "").compared(configmanager.FileSame, configmanager.FileSame)
	}
	files := func(a, b configmanager.FileState) func(Request) World {
		return func(q Request) World { return testWorld(q, "").compared(a, b) }
	}
	take := func(side string) func(*Request) { return func(q *Request) { q.Sync.Take = side } }
	change := func(actions, programs string) string {
		return "nothing | nothing | enter, snapshot, " + actions + " | " + programs + " | discover, drop snapshot"
	}
	ship := func(files string) string {
		return change("redo config-manager, change, ship"+files, "rerun config-manager, leave 10-a.sh, leave 20-b.sh")
	}
	const (
		nothing = "nothing | nothing | enter, keep job, nothing | " + allDone
		refused = "nothing | nothing | enter, refuse | nothing | nothing"
	)
	checkRows(t, Sync, []row{
		{"nothing differs", nil, same, nothing},
		{"a script and a file were removed from the template", func(q *Request) { q.Sync.Removed = []string{"05-x.sh"} }, func(q Request) World {
			w := same(q)
			w.Inside.Drift.Files = append(w.Inside.Drift.Files, configmanager.FileDrift{Target: "/old", State: configmanager.FileRemoved})
			return w
		}, "nothing | nothing | enter, removed 05-x.sh, removed /old, keep job, nothing | " + allDone},
		{"a file is missing", nil, files(configmanager.FileMissing, configmanager.FileSame), ship(", ship file /a")},
		{"a file was changed in the template", nil, files(configmanager.FileChanged, configmanager.FileSame), ship(", ship file /a")},
		{"a file was edited in the container", nil, files(configmanager.FileEdited, configmanager.FileSame), ship(", ship file /a")},
		{"a file with the policy default was edited", nil, files(configmanager.FileSame, configmanager.FileEdited), nothing},
		{"a sync died while it wrote a file", nil, files(configmanager.FileSame, configmanager.FileInterrupted), ship(", ship file /b")},
		{"a folder is in the way", nil, files(configmanager.FileFolder, configmanager.FileSame), refused},
		{"both sides changed a file", nil, files(configmanager.FileConflict, configmanager.FileMissing), refused},
		{"both sides, --take template", take("template"), files(configmanager.FileConflict, configmanager.FileSame), ship(", ship file /a")},
		{"both sides, --take guest", take("guest"), files(configmanager.FileConflict, configmanager.FileSame), ship(", keep file /a")},
		{"the guest's version was kept before", nil, files(configmanager.FileKept, configmanager.FileSame), nothing},
		{"kept before, --take template", take("template"), files(configmanager.FileKept, configmanager.FileSame), ship(", ship file /a")},
		{"a package is missing", nil, func(q Request) World {
			w := same(q)
			w.Inside.Drift.Packages = []configmanager.PackageDrift{{Manager: "apt", Spec: "curl", State: configmanager.PackageMissing}}
			return w
		}, ship("")},
		{"a script is new", nil, func(q Request) World {
			return testWorld(q, "", "20-b.sh").compared(configmanager.FileSame, configmanager.FileSame)
		}, change("change, nothing", "leave config-manager, leave 10-a.sh, run 20-b.sh")},
		{"a script has changed", func(q *Request) {
			q.Job.Template.Digest = "new"
			q.Job.Template.Scripts[1].Content = []byte("false")
		}, same, change("change, ship", "leave config-manager, leave 10-a.sh, rerun 20-b.sh")},
		{"a new script is skipped", func(q *Request) { q.Job.SkipNow = []string{"20-b.sh"} }, func(q Request) World {
			return testWorld(q, "", "20-b.sh").compared(configmanager.FileSame, configmanager.FileSame)
		}, "nothing | nothing | enter, keep job, nothing | leave config-manager, leave 10-a.sh, skip 20-b.sh | discover"},
		{"a script runs", nil, func(q Request) World {
			w := testWorld(q, Claimed, "20-b.sh").compared(configmanager.FileSame, configmanager.FileSame)
			w.Inside.Attempts["/runs/20-b.sh"] = guest.Seen{State: guest.Running}
			return w
		}, change("change, nothing", "leave config-manager, leave 10-a.sh, follow 20-b.sh")},
		{"the config-manager failed", nil, func(q Request) World {
			return testWorld(q, Failed, ItemManager).compared(configmanager.FileSame, configmanager.FileSame)
		}, change("change, ship", "rerun config-manager, leave 10-a.sh, leave 20-b.sh")},
		{"a variable has another value", func(q *Request) { q.Sync.Values = []NewValue{{Name: "colour"}} }, same,
			change("redo 10-a.sh, change, nothing", "leave config-manager, rerun 10-a.sh, leave 20-b.sh")},
		{"a variable that no script names has another value", func(q *Request) { q.Sync.Values = []NewValue{{Name: "size"}} }, same, nothing},
	})
}

func TestNeedsDrift(t *testing.T) {
	changed := testRequest(Resume)
	changed.Job.Template.Digest = "new"
	looks := testRequest(Resume)
	looks.From = string(event.Finalizing)
	ready := testWorld(looks, Failed, ItemManager)
	ready.Record.Lifecycle = lxc.Ready
	for _, tt := range []struct {
		name string
		q    Request
		w    World
		want bool
	}{
		{"a create ships everything", testRequest(Create), testWorld(changed, "", ItemShip, ItemManager), false},
		{"a sync compares", testRequest(Sync), testWorld(changed, ""), true},
		{"before the guest is entered", testRequest(Sync), testWorld(changed, "").stopped(), false},
		{"a resume with everything in place", testRequest(Resume), testWorld(changed, ""), false},
		{"a resume after the config-manager failed", testRequest(Resume), testWorld(changed, Failed, ItemManager), true},
		{"a resume with a changed template", changed, testWorld(changed, ""), true},
		{"a resume that looks only", looks, ready, false},
	} {
		if got := NeedsDrift(tt.q, tt.w); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}
