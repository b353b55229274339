package main

import (
	"context"
	"fmt"
)

// consoleWay is the transport that needs only the API.
const consoleWay = "api"

// ways returns the transports of a scenario.
func (h *harness) ways(s scenario) []string {
	switch {
	case s.console:
		return []string{consoleWay}
	case s.image:
		return []string{"node"}
	}
	return h.transports
}

// consoled returns the scenarios that enter the guest by its console.
func consoled() []scenario {
	var out []scenario
	for _, s := range scenarios() {
		if s.console = true; !s.gone {
			out = append(out, s)
		}
	}
	return out
}

// consoleKills are the boundaries of each scenario at which a run by the console is
// killed: one in each phase, among them one in the middle of a login, and those around
// the claim of a script, which is the entry after "Running …".
func consoleKills() map[string][]call {
	return map[string][]call{
		"create": {
			{at: "step Container "}, {at: "step Starting container"}, {at: "step waiting for root's shell"},
			{at: "step Running config-manager", plus: 1}, {at: "step Running 10-first.sh"}, {at: "step Running 10-first.sh", plus: 1},
			{at: "step Discovering services"},
		},
		"resume of a create killed when Proxmox was asked": {
			{at: "step Container "}, {at: "step Starting container"}, {at: "step starting the shell on the console"},
			{at: "step Running config-manager", plus: 1}, {at: "step Discovering services"},
		},
		"resume of a create killed while a script ran": {
			{at: "step Following 20-second.sh"}, {at: "step Running 30-third.sh"}, {at: "step Running 30-third.sh", plus: 1},
		},
		"sync": {
			{at: "step Looking"}, {at: "step Taking the snapshot"}, {at: "step Installing config-manager"},
			{at: "step Running config-manager", plus: 1}, {at: "step Running 20-second.sh"}, {at: "step Running 20-second.sh", plus: 1},
			{at: "step Discovering services"},
		},
	}
}

// console has one kill in each phase over the console, and each fault of the console
// once. With -all the kills are among the points.
func (h *harness) console() []kase {
	var cases []kase
	kills := consoleKills()
	for _, s := range consoled() {
		for i, kill := range kills[s.name] {
			if h.all {
				break
			}
			destroy := i%3 == 2 // what a resume finds on the console is the harder part
			label := fmt.Sprintf("%s, killed at %q + %d, destroy %v", s.row(), kill.at, kill.plus, destroy)
			cases = append(cases, kase{row: s.row(), name: label, transport: consoleWay, do: func(ctx context.Context, t *trial) {
				t.killAndGoOn(ctx, s, kill, destroy, 0)
			}})
		}
	}
	for _, fault := range []string{"console-cut=3000:1", "console-cut=20000:1", "console-garbage=150ms", "console-typist=300ms"} {
		cases = append(cases, kase{row: "fault of the console", name: fault, transport: consoleWay, do: func(ctx context.Context, t *trial) {
			t.w.fault(fault)
			if e := t.tool(ctx, call{args: t.create()}); e.status != 0 {
				t.lost("a console's fault ends the run: %s", e.why())
			}
			t.w.sb.Faults().Clear("")
			t.goOn(ctx, scenarios()[0], false, 0)
		}})
	}
	return cases
}
