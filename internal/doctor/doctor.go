// Package doctor examines what a create will need: the host and its certificate, the
// login and its privileges, the node, its storages, bridges and OS templates, the ways
// into guests, and this machine's own files. It changes nothing, neither on the host nor
// here. Asking and judging are apart: ask*.go fill in Facts, and every judgement is a
// pure function of Facts.
package doctor

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/config"
	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/guest"
	"github.com/infrahaus/infrahaus/internal/pve"
)

// State is the result of a check.
type State string

// The states. Only Fail makes a command fail.
const (
	OK      State = "ok"
	Warn    State = "warn" // it works, and will not for ever or not for everything
	Fail    State = "fail"
	Skipped State = "skipped" // it needs a check that failed, or does not apply
)

// Check is one thing that was examined.
type Check struct {
	ID     string `json:"id"`    // stable, for programs
	Title  string `json:"title"` // for people
	State  State  `json:"state"`
	Detail string `json:"detail,omitempty"` // what was found, or why it was skipped
	Fix    string `json:"fix,omitempty"`    // one command that mends it
	FixOn  string `json:"fixOn,omitempty"`  // FixHere or FixNode: where to run it; "" without one
	Exit   int    `json:"exitStatus"`       // what a command would end with; 0 unless State is Fail

	Privileges []Privilege `json:"privileges,omitempty"` // of the checks of privileges
}

// Privilege is one privilege on one path that a create needs.
type Privilege struct {
	Privilege string `json:"privilege"`
	Path      string `json:"path"`
	Held      bool   `json:"held"`
	Optional  bool   `json:"optional,omitempty"` // a create works without it
	// Transports are the ways into guests that need it or use it.
	Transports []string `json:"transports"`
}

// The places where a fix is run.
const (
	FixHere = "here"
	FixNode = "node" // in a root shell on the Proxmox node
)

// Target is what to examine.
type Target struct {
	Name string       // of the host, for messages
	Host *config.Host // nil: only this machine's own files
	// Settings is the error for which there is no Host; Warnings are about the settings.
	Settings error
	Warnings []string
	// Inside says how to get into guests: of its fields, Node and Transport count.
	Inside guest.Options
	// UserAgent is for requests to Proxmox.
	UserAgent string
	// Deadline limits each question; 0 is 10 s.
	Deadline time.Duration
	// Local is this machine's own files; nil: they are left out.
	Local *Local
	// Now is the present; nil is time.Now.
	Now func() time.Time
}

func (t Target) deadline() time.Duration {
	if t.Deadline > 0 {
		return t.Deadline
	}
	return 10 * time.Second
}

// examination is one check before it is judged.
type examination struct {
	id, title string
	after     []string // checks that must not have failed
	judge     func(*Facts) verdict
}

// stage is a round of questions and the checks that can be judged after it.
type stage struct {
	ask    func(context.Context, *Facts)
	checks []examination
	more   func(*Facts) []examination // checks that depend on the answers; nil: none
	local  bool                       // it needs no host
}

// stages are all checks, in the order of the report.
func stages() []stage {
	answers, site := []string{"token"}, []string{"token", "node"}
	return []stage{
		{ask: func(context.Context, *Facts) {}, checks: []examination{
			{"config", "settings", nil, judgeSettings},
		}},
		{ask: askCertificate, checks: []examination{
			{"reachable", "the host answers", []string{"config"}, judgeReachable},
			{"certificate", "certificate", []string{"reachable"}, judgeCertificate},
		}},
		{ask: askLogin, checks: []examination{
			{"api", "Proxmox's API", []string{"certificate"}, judgeAPI},
			{"token", "login", []string{"api"}, judgeLogin},
			{"clock", "clock", []string{"api"}, judgeClock},
			{"version", "Proxmox VE", answers, judgeVersion},
		}},
		{ask: askSite, checks: []examination{
			{"node", "node", answers, judgeNode},
			{"storage", "storage for disks", site, judgeStorage},
			{"os-template-storage", "storage for OS templates", site, judgeArchiveStorage},
			{"bridge", "bridge", site, judgeBridge},
			{"os-templates", "OS templates", site, judgeTemplates},
		}, more: rightChecks},
		{ask: askNode, checks: []examination{
			{"node-ssh", "SSH to the node", nil, judgeNodeSSH},
			{"pct", "pct on the node", []string{"node-ssh"}, judgePCT},
			{"pve-container", "pve-container", site, judgeContainerPackage},
			{"docker", "Docker in containers", site, judgeDocker},
			{"console", "console with the login", site, judgeConsole},
		}},
		{ask: askLocal, local: true, checks: []examination{
			{"state", "state folder", nil, judgeState},
			{"database", "database", nil, judgeDatabase},
			{"key", "encryption key", nil, judgeKey},
			{"redis", "Redis", nil, judgeRedis},
		}},
	}
}

// Run examines t and passes every check to sink as soon as it is judged; sink may be nil.
// Checks that do not depend on a failed one go on. Once ctx ends, the checks that are left
// are Skipped.
func Run(ctx context.Context, t Target, sink func(Check)) []Check {
	if sink == nil {
		sink = func(Check) {}
	}
	if t.Now == nil {
		t.Now = time.Now
	}
	facts := &Facts{Target: t}
	var done []Check
	for _, s := range stages() {
		possible := func(e examination) bool { return e.hindered(done) == "" }
		if slices.ContainsFunc(s.checks, possible) && ctx.Err() == nil && (t.Host != nil || s.local) {
			s.ask(ctx, facts)
		}
		checks := s.checks
		if s.more != nil {
			checks = append(slices.Clone(checks), s.more(facts)...)
		}
		for _, e := range checks {
			c := e.check(ctx, facts, done)
			done = append(done, c)
			sink(c)
		}
	}
	return done
}

func (e examination) check(ctx context.Context, facts *Facts, done []Check) Check {
	c := Check{ID: e.id, Title: e.title}
	if why := e.hindered(done); why != "" {
		c.State, c.Detail = Skipped, why
		return c
	}
	if ctx.Err() != nil {
		c.State, c.Detail = Skipped, "interrupted"
		return c
	}
	v := e.judge(facts)
	c.State, c.Detail, c.Fix, c.FixOn, c.Exit, c.Privileges = v.state, v.detail, v.fix, v.on, v.exit, v.privileges
	return c
}

// hindered is the reason why a check cannot be made, "" if it can.
func (e examination) hindered(done []Check) string {
	for _, c := range done {
		if slices.Contains(e.after, c.ID) && (c.State == Fail || c.State == Skipped) {
			return "needs " + c.Title + ", see above"
		}
	}
	return ""
}

// verdict is what a judgement says of a check.
type verdict struct {
	state      State
	detail     string
	fix, on    string
	exit       int
	privileges []Privilege
}

func ok(detail string) verdict { return verdict{state: OK, detail: detail} }

func warn(detail string) verdict { return verdict{state: Warn, detail: detail} }

func skip(detail string) verdict { return verdict{state: Skipped, detail: detail} }

func fail(status int, detail string) verdict {
	return verdict{state: Fail, detail: detail, exit: status}
}

// onNode adds the command to run in a root shell on the node.
func (v verdict) onNode(command string) verdict {
	v.fix, v.on = command, FixNode
	return v
}

// here adds the command to run on this machine.
func (v verdict) here(command string) verdict {
	v.fix, v.on = command, FixHere
	return v
}

// failed judges an error of a question.
func failed(err error) verdict {
	f := exit.Explain(err)
	return fail(f.Status, firstLine(f.Message))
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	return s
}

// Worst is the exit status of a command that made these checks.
func Worst(checks []Check) int {
	var statuses []int
	for _, c := range checks {
		statuses = append(statuses, c.Exit)
	}
	return exit.Worst(statuses...)
}

// options are those of a client for the host.
func (t Target) options() pve.Options {
	h := t.Host
	return pve.Options{
		URL: h.URL, Token: h.Token.Reveal(), User: h.User, Password: h.Password.Reveal(),
		Fingerprint: h.Fingerprint, CAFile: h.CAFile, Insecure: h.Insecure,
		UserAgent: t.UserAgent, Timeout: t.deadline(),
	}
}
