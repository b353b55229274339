package fleet

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/infrahaus/infrahaus/internal/placement"
)

// Verb is what is done to a fleet.
type Verb string

// The verbs of a fleet.
const (
	Create  Verb = "create"
	Resume  Verb = "resume"
	Sync    Verb = "sync"
	Destroy Verb = "destroy"
)

// Action is what is done to one container.
type Action string

// The actions. Those with a reason for doing nothing are shown, and nothing is begun.
const (
	Make    Action = "create"
	GoOn    Action = "resume"
	Apply   Action = "sync"
	Remove  Action = "destroy"
	Leave   Action = "is there"  // of create and resume: it is ready
	Missing Action = "missing"   // of sync: it was never made, or destroyed
	Absent  Action = "not there" // of destroy
)

// Does reports whether something is done.
func (a Action) Does() bool { return a == Make || a == GoOn || a == Apply || a == Remove }

// Record is a living container of the catalogue, on the host of the fleet.
type Record struct {
	Name  string
	ID    string // of the record
	Fleet string // the name of its fleet, "" for none
	State string // in a word, for people
	Ready bool
	Busy  bool // a run is in progress
	CTID  int
	Node  string
}

// World is what was found.
type World struct {
	Records []Record
	Nodes   []placement.Node
	Wants   map[string]placement.Want // of containers to be created, by name; those without one are placed when they begin
	Taken   map[netip.Addr]string     // addresses, and who has them
}

// Step is what is done to one container of the fleet.
type Step struct {
	Container
	Action  Action
	Record  *Record // nil: there is none
	Node    string  // "": it is chosen when the container is begun
	Why     string  // the reason for the node
	IPText  string  // of a range: the address, as --ip takes it
	IP6Text string
	After   []string // the containers that have to end well first
}

// Refusal is a reason why nothing is done to the whole fleet.
type Refusal struct {
	Container, Where, Reason string
	Resume                   bool // resume would go on
}

func (r Refusal) String() string { return r.Where + ": " + r.Container + ": " + r.Reason }

// Plan is what is done to a fleet.
type Plan struct {
	Fleet   string
	Verb    Verb
	Steps   []Step    // in an order in which each comes after what it needs
	Strays  []Record  // containers of the fleet that are not in its file any more; nothing is done to them
	Refused []Refusal // if there are any, nothing is done
}

// Decide decides what a verb does to each container of a fleet. It is pure, and leaves the
// world as it is.
func Decide(f *File, verb Verb, w World) *Plan {
	d := &decision{file: f, verb: verb, world: w, plan: &Plan{Fleet: f.Name, Verb: verb}, taken: map[netip.Addr]string{}}
	for a, who := range w.Taken {
		d.taken[a] = who
	}
	d.nodes = slices.Clone(w.Nodes)
	for i := range d.nodes {
		d.nodes[i].Storages = slices.Clone(d.nodes[i].Storages)
	}
	for _, c := range inOrder(f.Containers) {
		d.step(c)
	}
	if verb == Destroy {
		d.reverse()
	}
	for _, r := range w.Records {
		if r.Fleet == f.Name && !slices.ContainsFunc(f.Containers, func(c Container) bool { return strings.EqualFold(c.Name, r.Name) }) {
			d.plan.Strays = append(d.plan.Strays, r)
		}
	}
	return d.plan
}

// decision is one Decide in progress.
type decision struct {
	file  *File
	verb  Verb
	world World
	nodes []placement.Node
	taken map[netip.Addr]string
	plan  *Plan
}

// inOrder sorts containers so that each comes after those that it needs, and else as in the
// file. The file has no cycles.
func inOrder(all []Container) (out []Container) {
	byName := map[string]Container{}
	for _, c := range all {
		byName[c.Name] = c
	}
	placed := map[string]bool{}
	var place func(c Container)
	place = func(c Container) {
		if placed[c.Name] {
			return
		}
		placed[c.Name] = true
		for _, need := range c.Needs {
			place(byName[need])
		}
		out = append(out, c)
	}
	for _, c := range all {
		place(c)
	}
	return out
}

func (d *decision) step(c Container) {
	s := Step{Container: c, After: c.Needs}
	if i := slices.IndexFunc(d.world.Records, func(r Record) bool { return strings.EqualFold(r.Name, c.Name) }); i >= 0 {
		s.Record = &d.world.Records[i]
		s.Node = s.Record.Node
	}
	var resume bool
	var reason string
	s.Action, reason, resume = d.action(s.Record)
	if reason == "" && (s.Action == Make || s.Action == GoOn && s.Record.CTID == 0) {
		reason = d.place(&s)
	}
	if reason == "" && s.Action == Make {
		reason = d.address(&s)
	}
	if reason != "" {
		d.plan.Refused = append(d.plan.Refused, Refusal{c.Name, c.Where, reason, resume})
	}
	d.plan.Steps = append(d.plan.Steps, s)
}

// action is the one table of what a verb does to a container.
func (d *decision) action(r *Record) (a Action, refused string, resume bool) {
	none := map[Verb]Action{Create: Make, Resume: Make, Sync: Missing, Destroy: Absent}
	ours := map[Verb]Action{Create: Leave, Resume: GoOn, Sync: Apply, Destroy: Remove}
	switch {
	case r == nil:
		return none[d.verb], "", false
	case r.Fleet == "":
		return ours[d.verb], "a container of that name is there, and was not made for this fleet", false
	case r.Fleet != d.file.Name:
		return ours[d.verb], "a container of that name is there, of the fleet " + r.Fleet, false
	case r.Ready && (d.verb == Create || d.verb == Resume):
		return Leave, "", false
	case d.verb == Create:
		return Leave, "it is there, and is not finished: " + r.State, true
	}
	return ours[d.verb], "", false
}

// place chooses the node.
func (d *decision) place(s *Step) (refused string) {
	want, ok := d.world.Wants[s.Name]
	if !ok || len(d.nodes) == 0 {
		return ""
	}
	choice, err := placement.Choose(d.nodes, want)
	if err != nil {
		return "no node fits: " + err.Error()
	}
	placement.Take(d.nodes, choice.Node, want)
	s.Node, s.Why = choice.Node, choice.Why
	return ""
}

// address gives the container an address of its range.
func (d *decision) address(s *Step) (refused string) {
	for _, one := range []struct {
		span *Range
		text *string
	}{{s.IP, &s.IPText}, {s.IP6, &s.IP6Text}} {
		if one.span == nil {
			continue
		}
		a, ok := one.span.pick(d.taken)
		if !ok {
			return fmt.Sprintf("no address is left of %s-%s", one.span.First, one.span.Last)
		}
		d.taken[a] = s.Name
		*one.text = one.span.text(a)
	}
	return ""
}

// reverse turns the order around: what needs another container is destroyed before that one.
func (d *decision) reverse() {
	steps := d.plan.Steps
	after := map[string][]string{}
	for _, s := range steps {
		for _, need := range s.Needs {
			after[need] = append(after[need], s.Name)
		}
	}
	slices.Reverse(steps)
	for i := range steps {
		steps[i].After = after[steps[i].Name]
	}
}
