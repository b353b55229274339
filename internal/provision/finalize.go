package provision

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/discover"
	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/guest"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/provision/plan"
)

// finalize executes the actions that look around in the guest and end the work.
func (r *Run) finalize(ctx context.Context) error {
	for _, a := range r.plan.In(event.Finalizing) {
		switch {
		case a.Kind == plan.LookAround:
			if err := r.lookAround(ctx); err != nil {
				return err
			}
		case a.Kind == plan.DropSnapshot && len(r.unready) == 0: // otherwise there is a reason to go back
			r.dropSnapshot(ctx)
		}
	}
	r.sayCounts()
	return r.step(r.phase.To, "Finalizing container")
}

// lookAround discovers services, ports and credentials with one remote command, which also
// waits for the declared services, and records them. Credentials are sealed before they
// reach the disk.
func (r *Run) lookAround(ctx context.Context) error {
	if err := r.step(r.phase.From, "Discovering services"); err != nil {
		return err
	}
	declared, err := r.declared()
	if err != nil {
		return err
	}
	look := r.verb == plan.Discover // a command that only looks does not wait
	said := r.sayWaiting(declared, look)
	if r.needsOutside() {
		seen, err := r.lookFromOutside(ctx, declared, look)
		said()
		if err != nil {
			return err
		}
		return r.keepOutside(ctx, seen, declared)
	}
	report, err := r.probe(ctx, discover.Options{Declared: declared, Look: look})
	said()
	if err != nil {
		return err
	}
	r.learnOwnAddress(report)
	address := ""
	if r.address.IsValid() {
		address = r.address.String()
	}
	var secrets []string
	for _, keys := range report.Credentials {
		for k, v := range keys {
			secrets = append(secrets, event.SecretsIn(k, v)...)
		}
	}
	r.Bus.Secrets().Add(secrets...)
	// The record and Redis get the same redacted text as the events.
	r.services = r.Bus.RedactServices(report.Services(address, declared))
	for _, note := range report.Notes {
		r.warn(note, "")
	}
	r.noteReach(ctx)
	if err := r.record.SaveServices(ctx, r.services, report.Credentials, time.Now().UTC()); err != nil {
		return err
	}
	if err := r.tellServices(); err != nil {
		return err
	}
	if t := r.job.Template; t != nil {
		if missing := t.Missing(report.Credentials); len(missing) > 0 {
			r.warn("the template promises credentials that no script has saved: "+strings.Join(missing, ", "), "")
		}
		r.notes = r.Bus.Redact(t.NotesFor(r.job.Values, address))
	}
	return r.record.ScrubLog(ctx, r.Bus.Secrets().Redact)
}

// keepOutside records what was seen from outside.
func (r *Run) keepOutside(ctx context.Context, seen discover.Outside, declared []discover.Declared) error {
	address := ""
	if r.address.IsValid() {
		address = r.address.String()
	}
	r.services = r.Bus.RedactServices(seen.Services(address, declared))
	if err := r.record.SaveServices(ctx, r.services, nil, time.Now().UTC()); err != nil {
		return err
	}
	if err := r.tellServices(); err != nil {
		return err
	}
	if t := r.job.Template; t != nil {
		r.notes = r.Bus.Redact(t.NotesFor(r.job.Values, address))
	}
	return r.record.ScrubLog(ctx, r.Bus.Secrets().Redact)
}

// sayCounts reports, with --verbose, how many commands and connections the run needed.
func (r *Run) sayCounts() {
	if !r.Verbose || r.guest == nil {
		return
	}
	n := r.guest.Stats()
	r.say(fmt.Sprintf("by the %s: %d commands, %d shells, %d connections", r.guest.Transport(), n.Commands, n.Shells, n.Connections))
}

// declared returns the services that the template declares. An adopted container has no
// template.
func (r *Run) declared() ([]discover.Declared, error) {
	if r.job.Template == nil {
		return nil, nil
	}
	services, err := r.job.Template.DeclaredServices(r.job.Values)
	if err != nil {
		return nil, err
	}
	var out []discover.Declared
	for _, s := range services {
		unit := strings.TrimSuffix(s.Unit, ".service")
		out = append(out, discover.Declared{Name: s.Name, Unit: unit, Port: s.Port, Protocol: s.Protocol, HTTP: s.HTTP, TLS: s.TLS, Also: s.Also, Command: s.Command, Wait: s.Timeout})
	}
	return out, nil
}

// probe runs the command of the discovery and parses its output. A guest may print without
// end, so only as much is kept as the parser reads.
func (r *Run) probe(ctx context.Context, o discover.Options) (*discover.Report, error) {
	what, longest := "discovery in the container", o.Longest()
	if longest > 0 {
		what = "the declared services to answer"
	}
	defer r.wait(what, longest)()
	var out, stderr bounded
	err := r.reading(ctx, func() error {
		out, stderr = bounded{limit: discover.MaxOutput}, bounded{limit: 4 << 10}
		_, err := r.guest.Run(ctx, guest.Cmd{Label: "discover services", Script: discover.Script(o), Stdout: &out, Stderr: &stderr})
		return err
	})
	if err != nil {
		return nil, err
	}
	report, err := discover.Parse(out.Bytes())
	if err != nil {
		return nil, &exit.Failure{
			Status: exit.Guest, Message: "cannot discover services: " + err.Error(),
			Tail: splitLines(r.Bus.Redact(stderr.String())), Err: err,
		}
	}
	return report, nil
}

// learnOwnAddress uses an address that the guest reports, if Proxmox knew none.
func (r *Run) learnOwnAddress(report *discover.Report) {
	if r.address.IsValid() {
		return
	}
	for _, a := range report.Addresses {
		if a.Interface == "eth0" && a.Addr.Is4() {
			r.address = a.Addr
			return
		}
	}
	if len(report.Addresses) > 0 {
		r.address = report.Addresses[0].Addr
	}
}

// reachTimeout limits the attempt to connect to a service from this machine. It is short,
// because the result is only a note.
const reachTimeout = 700 * time.Millisecond

// noteReach adds a note to each service whose URL does not answer from this machine. The
// exit status does not depend on it: whether a service is ready is tested inside the guest.
func (r *Run) noteReach(ctx context.Context) {
	reach := func(s *lxc.Service, done chan<- struct{}) {
		defer func() { done <- struct{}{} }()
		d := net.Dialer{Timeout: reachTimeout}
		conn, err := d.DialContext(ctx, "tcp", net.JoinHostPort(r.address.String(), strconv.Itoa(urlPort(*s))))
		if err != nil {
			s.Note = "not reachable from here"
			return
		}
		conn.Close()
	}
	done := make(chan struct{})
	n := 0
	for i := range r.services {
		s := &r.services[i]
		if s.URL == "" || s.Status != lxc.Running || !r.address.IsValid() {
			continue
		}
		n++
		go reach(s, done)
	}
	for range n {
		<-done
	}
}

// urlPort is the port of a service's URL.
func urlPort(s lxc.Service) int {
	for _, p := range s.Ports {
		if a, err := netip.ParseAddr(p.Address); p.Protocol == "tcp" && (err != nil || !a.IsLoopback()) {
			return p.Port
		}
	}
	return 0
}

// waitingSaid is how long the wait for declared services lasts before a message names them.
const waitingSaid = 2 * time.Second

// sayWaiting names the services that are waited for after waitingSaid, unless the
// function that it returns was called before.
func (r *Run) sayWaiting(declared []discover.Declared, look bool) (answered func()) {
	var names []string
	for _, d := range declared {
		if d.Port > 0 {
			names = append(names, d.Name)
		}
	}
	if len(names) == 0 || look {
		return func() {}
	}
	say := r.sayIn(r.phase.Name)
	said := make(chan struct{})
	t := time.AfterFunc(waitingSaid, func() {
		defer close(said)
		say("Waiting for " + strings.Join(names, ", ") + " to answer")
	})
	return func() {
		if !t.Stop() {
			<-said
		}
	}
}

// tellServices emits an event for each service that does not belong to the system, and
// keeps the names of the declared ones that do not answer.
func (r *Run) tellServices() error {
	for i := range r.services {
		s := r.services[i]
		if s.System {
			continue
		}
		if s.Declared && s.Status != lxc.Running {
			r.unready = append(r.unready, s.Name+noted(s, " (", ")"))
			if err := r.tellLog(s); err != nil {
				return err
			}
		}
		err := r.Bus.Emit(event.Event{
			Type: event.Service, Step: r.phase.Name, Service: &s,
			Message: serviceSentence(s),
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// serviceSentence describes a discovered service in one line.
func serviceSentence(s lxc.Service) string {
	if s.Type == lxc.Credential { // a file without a service: nothing runs
		return "credentials of " + s.Name
	}
	does := map[lxc.ServiceStatus]string{lxc.Errored: "has failed", lxc.Unready: "does not answer"}[s.Status]
	if does == "" {
		does = "is " + string(s.Status)
	}
	return s.Name + " " + does + ports(s) + noted(s, ": ", "")
}

// noted returns the note of a service between before and behind, "" if it has none.
func noted(s lxc.Service, before, behind string) string {
	if s.Note == "" {
		return ""
	}
	return before + s.Note + behind
}

// tellLog emits the last lines of a service's log, one event a line.
func (r *Run) tellLog(s lxc.Service) error {
	for _, line := range s.Log {
		e := event.Event{Type: event.Log, Step: r.phase.Name, Stream: event.Stdout, Message: s.Name + ": " + line}
		if err := r.Bus.Emit(e); err != nil {
			return err
		}
	}
	return nil
}

func ports(s lxc.Service) string {
	var b bytes.Buffer
	seen := map[string]bool{}
	for _, p := range s.Ports {
		label := fmt.Sprintf(" %d/%s", p.Port, p.Protocol)
		if !seen[label] {
			b.WriteString(label)
		}
		seen[label] = true
	}
	if b.Len() == 0 {
		return ""
	}
	if s.MorePorts > 0 {
		fmt.Fprintf(&b, " and %d more", s.MorePorts)
	}
	return " on" + b.String()
}
