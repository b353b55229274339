package cli_test

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/infrahaus/infrahaus/internal/cli"
	"github.com/infrahaus/infrahaus/internal/lazy"
	"github.com/infrahaus/infrahaus/internal/provision/plan"
)

// Every command of every session that decides a plan is compared with the changes that it
// asks Proxmox for: a change that no action announces is a fault, and so is an action that
// nothing asked for, unless the run failed. A fault ends the command with status 99.

// asks are the changing requests and the actions that announce them. What only a flag or a
// failure leads to is announced by that: a container that is destroyed after a failure.
var asks = []ask{
	{lazy.Regexp(`^POST /nodes/[^/]+/aplinfo$`), []plan.Kind{plan.Download}},
	{lazy.Regexp(`^POST /nodes/[^/]+/storage/[^/]+/(download-url|oci-registry-pull)$`), []plan.Kind{plan.Download, plan.Prepare}},
	{lazy.Regexp(`^POST /nodes/[^/]+/lxc$`), []plan.Kind{plan.CreateAnew, plan.Prepare}},
	{lazy.Regexp(`^POST /nodes/[^/]+/lxc/\d+/status/start$`), []plan.Kind{plan.Start, plan.Restart, plan.CreateAnew, plan.PushFile}},
	{lazy.Regexp(`^POST /nodes/[^/]+/lxc/\d+/status/(shutdown|stop|reboot)$`), []plan.Kind{plan.Halt, plan.PutBack, plan.Restart, plan.RemoveHalf, plan.PushFile, plan.Pack}},
	{lazy.Regexp(`^DELETE /nodes/[^/]+/lxc/\d+$`), []plan.Kind{plan.RemoveHalf, plan.Settle, plan.Pack}},
	{lazy.Regexp(`^POST /nodes/[^/]+/storage/[^/]+/upload$`), []plan.Kind{plan.Pack}},
	{lazy.Regexp(`^PUT /nodes/[^/]+/lxc/\d+/(config|resize)$`), []plan.Kind{plan.Configure, plan.SetEnv, plan.Prepare, plan.Apply, plan.PutBack, plan.Settle}},
	{lazy.Regexp(`^PUT /pools`), []plan.Kind{plan.Configure}},
	{lazy.Regexp(`^POST /nodes/[^/]+/lxc/\d+/snapshot$`), []plan.Kind{plan.Snapshot, plan.Save}},
	{lazy.Regexp(`^DELETE /nodes/[^/]+/lxc/\d+/snapshot/[^/]+$`), []plan.Kind{plan.Snapshot, plan.DropSnapshot, plan.Settle}},
	{lazy.Regexp(`^POST /nodes/[^/]+/lxc/\d+/move_volume$`), []plan.Kind{plan.Prepare}},
	{lazy.Regexp(`^POST /nodes/[^/]+/vzdump$`), []plan.Kind{plan.Save}},
	{lazy.Regexp(`^POST /nodes/[^/]+/lxc/\d+/snapshot/[^/]+/rollback$`), []plan.Kind{plan.PutBack}},
}

type ask struct {
	request func() *regexp.Regexp
	kinds   []plan.Kind
}

// harmless are requests that change nothing: a login, and a terminal.
var harmless = lazy.Regexp(`^POST (/access/ticket|/nodes/[^/]+/lxc/\d+/(termproxy|vncproxy))$`)

// planned collects the plans and the requests of one command.
type planned struct {
	mu    sync.Mutex
	plans []plan.Plan
	sent  []string
}

func (p *planned) watch() cli.Watch {
	return cli.Watch{
		Decided: func(decided plan.Plan) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.plans = append(p.plans, decided)
		},
		Sent: func(method, path string) {
			p.mu.Lock()
			defer p.mu.Unlock()
			if r := method + " " + path; !harmless().MatchString(r) {
				p.sent = append(p.sent, r)
			}
		},
	}
}

// fault is what the plans and the requests differ in, or "".
func (p *planned) fault(args []string, status int) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if slices.Contains(args, "--plan") && len(p.sent) > 0 {
		return "a plan asked for " + strings.Join(p.sent, ", ")
	}
	if len(p.plans) == 0 {
		return ""
	}
	announced := func(kinds []plan.Kind) bool {
		return slices.ContainsFunc(p.plans, func(o plan.Plan) bool { return slices.ContainsFunc(kinds, o.Has) })
	}
	done := status == 0 || status == 6
	for _, r := range p.sent {
		known := false
		for _, a := range asks {
			known = known || a.request().MatchString(r) && announced(a.kinds)
		}
		if !known && done {
			return fmt.Sprintf("%s was asked for, and no action announces it: %s", r, p.kinds())
		}
	}
	if !done || slices.Contains(args, "--plan") {
		return ""
	}
	// A sync may go on without the snapshot that it has planned, with a warning.
	for _, kind := range []plan.Kind{plan.Download, plan.CreateAnew, plan.Start, plan.RemoveHalf, plan.Restart, plan.Configure, plan.Halt} {
		last := p.plans[len(p.plans)-1] // looking inside may have decided otherwise
		if !slices.ContainsFunc(last.Actions, func(a plan.Action) bool { return a.Kind == kind && !a.Put.OnNode }) {
			continue
		}
		if !slices.ContainsFunc(asks, func(a ask) bool {
			return slices.Contains(a.kinds, kind) && slices.ContainsFunc(p.sent, a.request().MatchString)
		}) {
			return fmt.Sprintf("%s was announced, and nothing asked for it: %s", kind, strings.Join(p.sent, ", "))
		}
	}
	return ""
}

func (p *planned) kinds() string {
	var all []string
	for _, o := range p.plans {
		for _, a := range o.Actions {
			if k := string(a.Kind); !slices.Contains(all, k) {
				all = append(all, k)
			}
		}
	}
	return strings.Join(all, ", ")
}

// compared is cli.Main with its plans and requests compared.
func compared(args []string, out, errOut *os.File) int {
	p := &planned{}
	status := cli.WatchedMain(args, os.Stdin, out, errOut, p.watch())
	if why := p.fault(args, status); why != "" {
		fmt.Fprintln(os.Stderr, "plan and requests differ: "+why)
		return 99
	}
	return status
}

func TestCompared(t *testing.T) {
	of := func(kinds ...plan.Kind) (p plan.Plan) {
		for _, k := range kinds {
			p.Actions = append(p.Actions, plan.Action{Kind: k})
		}
		return p
	}
	create, start, drop := "POST /nodes/pve1/lxc", "POST /nodes/pve1/lxc/100/status/start", "DELETE /nodes/pve1/lxc/100"
	for name, c := range map[string]struct {
		args   string
		status int
		plans  []plan.Plan
		sent   []string
		want   string
	}{
		"as planned":             {"create", 0, []plan.Plan{of(plan.CreateAnew, plan.Start), of(plan.CreateAnew, plan.Start, plan.Ship)}, []string{create, start}, ""},
		"not announced":          {"sync", 0, []plan.Plan{of(plan.Ship)}, []string{drop}, "no action announces it"},
		"not asked for":          {"resume", 0, []plan.Plan{of(plan.Start)}, nil, "start was announced, and nothing asked for it"},
		"a run that failed":      {"create", 3, []plan.Plan{of(plan.CreateAnew, plan.Start)}, []string{create, drop}, ""},
		"decided anew inside":    {"sync", 0, []plan.Plan{of(plan.Restart), of(plan.Ship)}, nil, ""},
		"a plan that changes":    {"sync --plan", 7, nil, []string{start}, "a plan asked for"},
		"a command without plan": {"stop", 0, nil, []string{drop}, ""},
		"the wrong start":        {"resume", 6, []plan.Plan{of(plan.Ship)}, []string{start}, "no action announces it"},
	} {
		p := &planned{}
		w := p.watch()
		for _, o := range c.plans {
			w.Decided(o)
		}
		for _, r := range append(c.sent, "POST /access/ticket") {
			method, path, _ := strings.Cut(r, " ")
			w.Sent(method, path)
		}
		if got := p.fault(strings.Fields(c.args), c.status); (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
