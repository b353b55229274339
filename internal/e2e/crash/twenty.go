package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	"github.com/infrahaus/infrahaus/internal/lxc"
)

const crowd = 20

// twenty is twenty creates at once in twenty processes.
func (h *harness) twenty() []kase {
	return []kase{{row: "twenty creates at once", name: "twenty creates at once", transport: "node", do: func(ctx context.Context, t *trial) {
		t.twentyAtOnce(ctx)
	}}}
}

func (t *trial) twentyAtOnce(ctx context.Context) {
	ends := make([]ended, crowd)
	said := make([]*trial, crowd) // a trial's own notes are not for several at once
	var wg sync.WaitGroup
	for i := range crowd {
		one := *t
		one.problems = nil
		said[i] = &one
		args := t.create()
		args[1] = fmt.Sprintf("%s%d", name, i)
		wg.Go(func() { ends[i] = said[i].tool(ctx, call{args: args}) })
	}
	wg.Wait()
	for i, e := range ends {
		t.problems = append(t.problems, said[i].problems...)
		t.said.WriteString(e.out + e.err)
		if e.status != 0 || strings.Contains(e.err, "error") {
			t.lost("create %d of %d: %s", i, crowd, e.why())
		}
	}
	e := t.tool(ctx, call{args: []string{"list", "--check", "--json"}})
	var rows []row
	if err := json.Unmarshal([]byte(e.out), &rows); err != nil {
		t.lost("list: %s", e.why())
	}
	if wrong := t.differs(rows); wrong != "" {
		t.lost("%s", wrong)
	}
	ids := map[int]bool{}
	for _, r := range rows {
		ids[r.CTID] = true
		if r.Lifecycle != lxc.Ready {
			t.lost("%s is %s", r.Hostname, r.Lifecycle)
		}
	}
	if n := len(t.w.sb.Node().IDs()); len(rows) != crowd || len(ids) != crowd || n != crowd {
		t.lost("%d records of %d ids, %d containers, of %d", len(rows), len(ids), n, crowd)
	}
}
