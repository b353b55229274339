package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/infrahaus/infrahaus/internal/event"
)

// moment is the point at which a fault occurs: the first event that it matches.
type moment struct {
	phase string
	hold  string // the script that waits for the fault
	when  func(event.Event) bool
	// api is the request of this phase, a pattern on "METHOD /path". before is the event
	// after which the request still has to come.
	api    string
	before func(event.Event) bool
}

func percent(p int) func(event.Event) bool {
	return func(e event.Event) bool { return e.Percent != nil && *e.Percent >= p }
}

func says(text string) func(event.Event) bool {
	return func(e event.Event) bool { return strings.HasPrefix(e.Message, text) }
}

// moments has one in each phase. In the last three phases there are few requests to the
// API, so every request fails there.
func moments() []moment {
	return []moment{
		{phase: "creating", when: percent(12), api: `^POST /nodes/[^/]+/lxc$`, before: percent(5)},
		{phase: "starting", when: percent(25), api: `^POST .*/status/start$`, before: percent(20)},
		{phase: "deploying", when: percent(40), api: ".", before: percent(40)},
		{phase: "syncing", hold: "10-first.sh", when: says("holding "), api: ".", before: says("holding ")},
		{phase: "finalizing", when: percent(92), api: ".", before: percent(92)},
	}
}

// fault is one kind of failure.
type fault struct {
	name   string
	api    bool // it affects the phase's request
	links  bool // depends on the way in
	args   []string
	strike func(ctx context.Context, t *trial, m moment)
}

func faultKinds() []fault {
	// A fault that occurs once waits for its phase. A fault that needs a guest occurs
	// later if there is no guest yet.
	add := func(text string) func(context.Context, *trial, moment) {
		return func(_ context.Context, t *trial, _ moment) {
			t.w.fault(text)
			kind, _, _ := strings.Cut(text, "=")
			for end := time.Now().Add(2 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
				if _, still := t.w.sb.Faults().Has(kind); !still {
					break
				}
			}
		}
	}
	api := func(name string) fault {
		return fault{name: name, api: true, args: []string{"--timeout", "20s"}, strike: func(_ context.Context, t *trial, m moment) {
			t.w.fault(name + "=" + m.api)
		}}
	}
	return []fault{
		{name: "link-cut", links: true, strike: add("link-cut")},
		api("api-500"), api("api-596"), api("api-garbage"), api("api-hang"), api("api-drop"),
		{name: "disk-full", strike: func(_ context.Context, t *trial, m moment) {
			if m.phase == "creating" {
				t.w.fault("storage-full")
			}
			t.w.fault("disk-full=/etc/hostname")
		}},
		{name: "clock-jump forward", strike: add("clock-jump=2h")},
		{name: "clock-jump back", strike: add("clock-jump=-2h")},
		{name: "guest-dies", strike: add("guest-dies=/etc/hostname:1")},
		{name: "guest-reboot", strike: add("guest-reboot=/etc/hostname")},
		{name: "node-reboot", strike: func(ctx context.Context, t *trial, _ moment) {
			if err := t.w.sb.Reboot(ctx, 300*time.Millisecond); err != nil {
				t.lost("%v", err)
			}
		}},
	}
}

// faults has each fault once in each phase of a create; with -all by every transport and
// with both ways to finish.
func (h *harness) faults() []kase {
	var cases []kase
	i := 0
	for _, f := range faultKinds() {
		for _, m := range moments() {
			i++
			transports, ways := []string{h.transports[i%len(h.transports)]}, []bool{i%2 == 0}
			if f.links || h.all {
				transports = h.transports
			}
			if h.all {
				transports, ways = append([]string{consoleWay}, transports...), []bool{false, true}
			}
			for _, transport := range transports {
				for _, destroy := range ways {
					label := fmt.Sprintf("%s while %s, by the %s, destroy %v", f.name, m.phase, transport, destroy)
					cases = append(cases, kase{row: "fault " + f.name, name: label, transport: transport, do: func(ctx context.Context, t *trial) {
						t.strikeAndGoOn(ctx, f, m, destroy)
					}})
				}
			}
		}
	}
	return cases
}

func (t *trial) strikeAndGoOn(ctx context.Context, f fault, m moment, destroy bool) {
	if m.hold != "" {
		t.hold = m.hold
	}
	when := m.when
	if f.api {
		when = m.before
	}
	if f.name == "disk-full" && m.phase == "creating" {
		when = percent(5)
	}
	t.mayStop = strings.HasPrefix(f.name, "guest-") || strings.HasPrefix(f.name, "node-")
	// The fault must not delay the reading of the tool's output.
	var struck sync.WaitGroup
	var once sync.Once
	e := t.tool(ctx, call{args: append(t.create(), f.args...), watch: func(e event.Event) {
		if when(e) {
			once.Do(func() {
				struck.Go(func() {
					f.strike(ctx, t, m)
					time.Sleep(300 * time.Millisecond)
					t.release()
				})
			})
		}
	}})
	struck.Wait()
	if !t.h.all {
		t.note = fmt.Sprintf("%s: exit %d", m.phase, e.status)
	}
	t.w.sb.Faults().Clear("")
	t.release()
	t.goOn(ctx, scenarios()[0], destroy, 0)
}
