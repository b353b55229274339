package fleet

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// yard counts what runs at once.
type yard struct {
	sync.Mutex
	now, most map[string]int
	order     []string
}

func newYard() *yard { return &yard{now: map[string]int{}, most: map[string]int{}} }

func (y *yard) add(what string, n int) {
	y.Lock()
	defer y.Unlock()
	y.now[what] += n
	y.most[what] = max(y.most[what], y.now[what])
}

func tasks(texts ...string) (out []Task) {
	at := map[string]int{}
	for i, text := range texts {
		name, after, _ := strings.Cut(text, "<")
		t := Task{Name: name}
		for _, n := range strings.Fields(after) {
			t.After = append(t.After, at[n])
		}
		at[name] = i
		out = append(out, t)
	}
	return out
}

// Twelve tasks of ten seconds on two nodes, four at once, of which one a node creates for the
// first two seconds.
func TestCrewLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var list []Task
		for i := range 12 {
			list = append(list, Task{Name: fmt.Sprint(i)})
		}
		y, began := newYard(), time.Now()
		node := func(i int) string { return []string{"a", "b"}[i%2] }
		c := Crew{Parallel: 4, Slots: func(i int) []string { return []string{node(i)} }, Room: func(string) int { return 1 }}
		ends := c.Run(t.Context(), list, func(_ context.Context, i int, free func()) End {
			y.add("all", 1)
			y.add(node(i), 1)
			time.Sleep(2 * time.Second)
			y.add(node(i), -1)
			free()
			time.Sleep(8 * time.Second)
			y.add("all", -1)
			return End{}
		})
		if y.most["all"] != 4 || y.most["a"] != 1 || y.most["b"] != 1 {
			t.Errorf("at once: %v", y.most)
		}
		if took := time.Since(began); took > 36*time.Second {
			t.Errorf("it took %s", took)
		}
		for i, e := range ends {
			if !e.Begun || e.Status != 0 {
				t.Errorf("%d: %+v", i, e)
			}
		}
	})
}

func TestCrewEnds(t *testing.T) {
	for _, c := range []struct {
		name     string
		tasks    []Task
		fail     map[string]int
		failFast bool
		parallel int
		want     string
	}{
		{"all go on", tasks("a", "b", "c"), map[string]int{"a": 3}, false, 1, "a 3 | b 0 | c 0"},
		{"fail fast", tasks("a", "b", "c"), map[string]int{"a": 3}, true, 1, "a 3 | b not begun 3 another one failed, and --fail-fast was given | c not begun 3 another one failed, and --fail-fast was given"},
		{"in order", tasks("web<", "db"), nil, false, 1, "web 0 | db 0"},
		{"a need that failed", tasks("db", "app<db", "web<app", "other"), map[string]int{"db": 5}, false, 4,
			"db 5 | app not begun 5 db comes first, and failed | web not begun 5 app comes first, and was not begun | other 0"},
		{"a need that does not answer", tasks("db", "app<db"), map[string]int{"db": 6}, false, 4, "db 6 | app not begun 6 db comes first, and failed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			ends := Crew{Parallel: c.parallel, FailFast: c.failFast}.Run(t.Context(), c.tasks, func(_ context.Context, i int, _ func()) End {
				return End{Status: c.fail[c.tasks[i].Name]}
			})
			var got []string
			for i, e := range ends {
				text := fmt.Sprint(c.tasks[i].Name, " ", e.Status)
				if !e.Begun {
					text = fmt.Sprint(c.tasks[i].Name, " not begun ", e.Status, " ", e.Why)
				}
				got = append(got, text)
			}
			if strings.Join(got, " | ") != c.want {
				t.Errorf("got  %s\nwant %s", strings.Join(got, " | "), c.want)
			}
		})
	}
}

// A dependent is begun after what it needs, and one that is ready does not wait behind it.
func TestCrewOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		list, y := tasks("db", "app<db", "other"), newYard()
		Crew{Parallel: 8}.Run(t.Context(), list, func(_ context.Context, i int, _ func()) End {
			time.Sleep(time.Duration(i+1) * time.Second)
			y.Lock()
			y.order = append(y.order, list[i].Name)
			y.Unlock()
			return End{}
		})
		if !slices.Equal(y.order, []string{"db", "other", "app"}) && !slices.Equal(y.order, []string{"db", "app", "other"}) {
			t.Errorf("got %v", y.order)
		}
	})
}

// A task whose node went down is begun again, on another one.
func TestCrewAgain(t *testing.T) {
	node := []string{"a", "a"}
	list := tasks("one", "two")
	tries := map[int]int{}
	c := Crew{Parallel: 1, Slots: func(i int) []string { return []string{node[i]} }, Room: func(slot string) int { return 1 }}
	ends := c.Run(t.Context(), list, func(_ context.Context, i int, _ func()) End {
		if tries[i]++; node[i] == "a" {
			node[0], node[1] = "b", "b"
			return End{Again: true}
		}
		return End{}
	})
	if tries[0] != 2 || tries[1] != 1 || !ends[0].Begun || !ends[1].Begun {
		t.Errorf("%v %+v", tries, ends)
	}
}

// An interrupt ends what runs and begins nothing more.
func TestCrewInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		list := tasks("a", "b", "c")
		time.AfterFunc(time.Second, cancel)
		ends := Crew{Parallel: 2}.Run(ctx, list, func(ctx context.Context, _ int, _ func()) End {
			<-ctx.Done()
			return End{Status: 130}
		})
		if !ends[0].Begun || !ends[1].Begun || ends[2].Begun || ends[2].Why == "" {
			t.Errorf("%+v", ends)
		}
	})
}

func TestNames(t *testing.T) {
	for _, c := range []struct {
		name  string
		count int
		want  string // "": refused
	}{
		{"web", 3, "web-1 web-2 web-3"}, {"web", 1, "web-1"}, {"web", 0, ""},
		{"web.lab.example.org", 2, "web-1.lab.example.org web-2.lab.example.org"},
		{"web%02d", 2, "web01 web02"}, {"n%d-web", 2, "n1-web n2-web"}, {"web%d.lab", 1, "web1.lab"},
	} {
		names, err := Names(c.name, c.count)
		if got := strings.Join(names, " "); err != nil || got != c.want {
			t.Errorf("%s: %q %v, want %q", c.name, got, err, c.want)
		}
	}
	for _, bad := range []string{"web%s", "%d-%d", "50%", "%", "%%d", "%999d"} {
		if names, err := Names(bad, 1); err == nil {
			t.Errorf("%s: %v", bad, names)
		}
	}
}
