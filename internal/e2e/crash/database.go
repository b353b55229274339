package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"time"

	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/needs/pgserver"
)

// away is how long the database is gone. A run waits for it.
const away = 2 * time.Second

// shared are creates with a catalogue in PostgreSQL: what goes wrong with it, at what event.
func (h *harness) shared() []kase {
	if !pgserver.Installed() {
		return nil
	}
	var cases []kase
	add := func(what string, do func(ctx context.Context, t *trial, s *pgserver.Server)) {
		cases = append(cases, kase{row: "PostgreSQL " + what, name: "PostgreSQL " + what, transport: "node", do: func(ctx context.Context, t *trial) {
			s, err := pgserver.Start(pgserver.Options{Settings: map[string]string{"max_connections": "8", "max_wal_senders": "0", "superuser_reserved_connections": "0"}})
			if err != nil {
				t.lost("%v", err)
				return
			}
			defer s.Close()
			t.database = s.URL("")
			do(ctx, t, s)
		}})
	}
	for _, at := range []struct {
		when string
		is   func(event.Event) bool
	}{{"creating", percent(5)}, {"deploying", percent(40)}, {"syncing", percent(65)}, {"finalizing", percent(92)}} {
		add("restarted while "+at.when, func(ctx context.Context, t *trial, s *pgserver.Server) { t.without(ctx, at.is, s.Down, s.Up) })
		add("killed while "+at.when, func(ctx context.Context, t *trial, s *pgserver.Server) { t.without(ctx, at.is, s.Kill, s.Up) })
	}
	add("read-only for a while", func(ctx context.Context, t *trial, s *pgserver.Server) {
		set := func(value string) func() error {
			return func() error {
				_, err := s.Run(ctx, "ALTER SYSTEM SET default_transaction_read_only = "+value)
				_, reload := s.Run(ctx, "SELECT pg_reload_conf()")
				return errors.Join(err, reload)
			}
		}
		t.without(ctx, percent(40), set("on"), func() error {
			_, err := s.Run(ctx, "ALTER SYSTEM RESET default_transaction_read_only")
			_, reload := s.Run(ctx, "SELECT pg_reload_conf()")
			return errors.Join(err, reload)
		})
	})
	add("locked by another for a while", func(ctx context.Context, t *trial, s *pgserver.Server) {
		t.without(ctx, percent(40), func() error {
			go func() {
				_, _ = s.Run(ctx, fmt.Sprintf("BEGIN; LOCK TABLE steps, events, log_chunks; SELECT pg_sleep(%d); COMMIT", int(away.Seconds())))
			}()
			return nil
		}, func() error { return nil })
	})
	add("behind a pooler", func(ctx context.Context, t *trial, s *pgserver.Server) {
		p, err := s.Pool()
		if err != nil {
			t.lost("%v", err)
			return
		}
		defer p.Close()
		t.database = p.URL(url.Values{})
		t.without(ctx, percent(40), func() error { return nil }, func() error { return nil })
	})
	add("and a process killed in each phase", func(ctx context.Context, t *trial, s *pgserver.Server) { t.killedAndResumed(ctx) })
	return cases
}

// without makes a container while the database is gone for a time.
func (t *trial) without(ctx context.Context, when func(event.Event) bool, gone, back func() error) {
	var once sync.Once
	var wg sync.WaitGroup
	e := t.tool(ctx, call{args: t.create(), watch: func(ev event.Event) {
		if !when(ev) {
			return
		}
		once.Do(func() {
			wg.Go(func() {
				if err := gone(); err != nil {
					t.lost("%v", err)
				}
				time.Sleep(away)
				if err := back(); err != nil {
					t.lost("%v", err)
				}
			})
		})
	}})
	wg.Wait()
	if e.status != 0 {
		t.lost("create: %s", e.why())
	}
	t.whole(ctx)
}

// killedAndResumed kills the tool at some of its boundaries and resumes.
func (t *trial) killedAndResumed(ctx context.Context) {
	if e := t.tool(ctx, call{args: t.create(), after: 8}); !e.killed {
		t.lost("create was not killed: %s", e.why())
	}
	for _, after := range []int{6, 12} {
		t.tool(ctx, call{args: []string{"resume", name}, after: after})
	}
	if e := t.tool(ctx, call{args: []string{"resume", name}}); e.status != 0 && !t.finished(ctx) {
		t.lost("resume: %s", e.why())
	}
	t.whole(ctx)
}

// whole checks that the container is there once, ready, and that its events have no hole.
func (t *trial) whole(ctx context.Context) {
	if r := t.list(ctx); r == nil || r.Lifecycle != lxc.Ready {
		t.lost("it is not ready: %+v", r)
	}
	if n := len(t.w.sb.Node().IDs()); n != 1 {
		t.twice("%d containers", n)
	}
	e := t.tool(ctx, call{args: []string{"events", name, "--json"}})
	last := map[string]int{}
	for _, ev := range e.events {
		if ev.Seq != last[ev.RunID]+1 {
			t.lost("event %d of a run follows %d", ev.Seq, last[ev.RunID])
		}
		last[ev.RunID] = ev.Seq
	}
	if len(e.events) == 0 {
		t.lost("there are no events: %s", e.why())
	}
}
