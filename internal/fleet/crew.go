package fleet

import (
	"context"
	"slices"

	"github.com/infrahaus/infrahaus/internal/exit"
)

// Task is the work on one container.
type Task struct {
	Name  string
	After []int // the tasks that have to end well first, by index
}

// End is how a task ended.
type End struct {
	Status int    // the exit status
	Why    string // of a task that did not end well, or was not begun: the reason, if it is known
	Begun  bool
	Again  bool // nothing was done, because its place is gone: the task is to be begun again
}

// Crew works on tasks, several at once.
type Crew struct {
	Parallel int  // at most so many tasks at once
	FailFast bool // after a task that did not end well, no further one is begun

	// Slots are what a task occupies from its beginning until it calls free: the names of a
	// node and a storage. nil: nothing. It is asked each time that the task could begin.
	Slots func(task int) []string
	// Room is how many tasks may occupy a slot at once.
	Room func(slot string) int
}

// Run does the tasks. A task is begun when those that it comes after have ended well, and
// there is room for it; the first of the list that can be begun is begun first. After
// context's end, or with FailFast after a failure, no task is begun, and those that run are
// waited for: do has to return soon after the end of its context. Run returns the ends of all
// tasks in their order.
//
// do must call free at most once, from any goroutine. Its return frees as well.
func (c Crew) Run(ctx context.Context, tasks []Task, do func(ctx context.Context, task int, free func()) End) []End {
	w := &work{Crew: c, tasks: tasks, ends: make([]*End, len(tasks)), held: make([][]string, len(tasks)), used: map[string]int{}, told: make(chan note)}
	for {
		w.skip(ctx)
		for i := w.next(ctx); i >= 0; i = w.next(ctx) {
			w.begin(ctx, i, do)
		}
		if w.running == 0 {
			return w.result(ctx)
		}
		// The end of the context needs no case here: it ends the tasks that run.
		w.take(<-w.told)
	}
}

// note is news of a running task: it has freed its slots, or ended.
type note struct {
	task int
	end  *End // nil: freed
}

// work is one Run in progress. Only the goroutine of Run uses it.
type work struct {
	Crew
	tasks   []Task
	ends    []*End     // nil: not ended
	held    [][]string // of running tasks: their slots
	begun   []int      // the running tasks
	used    map[string]int
	running int
	failed  bool
	told    chan note
}

func (w *work) over(ctx context.Context) bool { return ctx.Err() != nil || w.FailFast && w.failed }

// next is the first task that can be begun, -1 if there is none.
func (w *work) next(ctx context.Context) int {
	if w.over(ctx) || w.running >= w.Parallel {
		return -1
	}
	for i, t := range w.tasks {
		if w.ends[i] != nil || slices.Contains(w.begun, i) {
			continue
		}
		ready := !slices.ContainsFunc(t.After, func(j int) bool { return w.ends[j] == nil })
		if ready && w.room(i) {
			return i
		}
	}
	return -1
}

func (w *work) slots(i int) []string {
	if w.Slots == nil {
		return nil
	}
	return w.Slots(i)
}

func (w *work) room(i int) bool {
	return !slices.ContainsFunc(w.slots(i), func(slot string) bool { return w.used[slot] >= w.Room(slot) })
}

func (w *work) begin(ctx context.Context, i int, do func(context.Context, int, func()) End) {
	w.held[i] = w.slots(i)
	for _, slot := range w.held[i] {
		w.used[slot]++
	}
	w.begun = append(w.begun, i)
	w.running++
	go func() {
		end := do(ctx, i, func() { w.told <- note{task: i} })
		w.told <- note{task: i, end: &end}
	}()
}

func (w *work) take(n note) {
	for _, slot := range w.held[n.task] {
		w.used[slot]--
	}
	w.held[n.task] = nil
	if n.end == nil {
		return
	}
	w.running--
	w.begun = slices.DeleteFunc(w.begun, func(i int) bool { return i == n.task })
	if !n.end.Again {
		n.end.Begun = true
		w.ends[n.task] = n.end
		w.failed = w.failed || n.end.Status != exit.Done
	}
}

// skip ends the tasks that come after one which did not end well. Their status is that
// one's, so that the worst status of all stays the same.
func (w *work) skip(ctx context.Context) {
	for again := true; again; {
		again = false
		for i, t := range w.tasks {
			if w.ends[i] != nil {
				continue
			}
			for _, j := range t.After {
				if end := w.ends[j]; end != nil && end.Status != exit.Done {
					why := w.tasks[j].Name + " comes first, and failed"
					if !end.Begun {
						why = w.tasks[j].Name + " comes first, and was not begun"
					}
					w.ends[i], again = &End{Status: end.Status, Why: why}, true
					break
				}
			}
		}
	}
}

// result adds the ends of the tasks that were never begun.
func (w *work) result(ctx context.Context) []End {
	out := make([]End, len(w.tasks))
	for i := range w.tasks {
		switch {
		case w.ends[i] != nil:
			out[i] = *w.ends[i]
		case ctx.Err() != nil:
			out[i] = End{Status: exit.Status(context.Cause(ctx)), Why: context.Cause(ctx).Error()}
		default: // FailFast
			out[i] = End{Status: w.firstFailure(), Why: "another one failed, and --fail-fast was given"}
		}
	}
	return out
}

func (w *work) firstFailure() int {
	for _, end := range w.ends {
		if end != nil && end.Status != exit.Done {
			return end.Status
		}
	}
	return exit.Done
}
