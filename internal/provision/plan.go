package provision

import (
	"fmt"
	"slices"
	"strings"

	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/guest"
	"github.com/infrahaus/infrahaus/internal/provision/plan"
	"github.com/infrahaus/infrahaus/internal/pve"
	"github.com/infrahaus/infrahaus/internal/template"
)

// PlanStep is what one phase would do.
type PlanStep struct {
	Phase string   `json:"step"`
	Title string   `json:"title"`
	Does  []string `json:"does"` // one action a line
}

func planStep(p Phase, does []string) PlanStep {
	return PlanStep{Phase: string(p.Name), Title: p.Title, Does: append([]string{}, does...)}
}

// Plan says what a create of this job at this place would do, phase by phase, and
// how it would get inside. It asks nobody and touches nothing. Its error is a way
// inside that cannot work at all.
func Plan(job plan.Job, p *pve.Placement, ssh guest.Options) ([]PlanStep, error) {
	inside, err := wayIn(ssh, job.Spec.Network.Addressed())
	if err != nil {
		return nil, err
	}
	does := map[string][]string{
		"creating":   planCreate(job, p),
		"starting":   planStart(job, p),
		"deploying":  planDeploy(job, inside),
		"syncing":    planSync(job),
		"finalizing": planFinalize(job),
	}
	var steps []PlanStep
	for _, phase := range Phases {
		steps = append(steps, planStep(phase, does[string(phase.Name)]))
	}
	return steps, nil
}

// wayIn is guest.Options.Ways; nothing is to be made for a way that cannot work.
func wayIn(ssh guest.Options, address bool) (string, error) {
	way, err := ssh.Ways(address)
	if err != nil {
		f := Explain(err)
		f.Status = ExitUsage
		return "", f
	}
	return way, nil
}

func planCreate(job plan.Job, p *pve.Placement) []string {
	s := job.Spec
	kind := "privileged"
	if s.Unprivileged {
		kind = "unprivileged"
	}
	lines := []string{
		fmt.Sprintf("create %s container %d, %s, on node %s", kind, p.CTID, s.Hostname, p.Node),
		fmt.Sprintf("%s, %d MiB memory, %d MiB swap, %d GiB disk on %s", counted(s.Cores, "core"), s.MemoryMiB, s.SwapMiB, s.DiskGiB, p.Storage),
		"from " + p.Template.VolID,
		"network: " + planNetwork(job, p),
	}
	if p.Template.Download {
		lines = append([]string{fmt.Sprintf("download %s to %s", p.Template.Name, p.Template.Storage)}, lines...)
	}
	if f := planFeatures(job); f != "" {
		lines = append(lines, "features: "+f)
	}
	if len(s.Tags) > 0 {
		lines = append(lines, "tags: "+strings.Join(s.Tags, ", "))
	}
	if s.Console == "shell" {
		lines = append(lines, "console: a root shell without a login, for whoever has VM.Console on it")
	}
	if len(s.SSHKeys) > 0 {
		lines = append(lines, "let in "+counted(len(s.SSHKeys), "SSH key")+" besides this tool's own")
	}
	if !p.MarkerAllowed {
		lines = append(lines, "no ownership mark: the login may not set a description")
	}
	return append(append(lines, p.Notes...), p.Warnings...)
}

func planNetwork(job plan.Job, p *pve.Placement) string {
	n := job.Spec.Network
	words := []string{"eth0 on " + p.Bridge}
	add := func(format string, arg any, ok bool) {
		if ok {
			words = append(words, fmt.Sprintf(format, arg))
		}
	}
	add("VLAN %d", n.VLAN, n.VLAN != 0)
	add("IPv4 %s", n.IPv4, n.IPv4 != "")
	add("gateway %s", n.Gateway4, n.Gateway4 != "")
	add("IPv6 %s", n.IPv6, n.IPv6 != "")
	add("gateway %s", n.Gateway6, n.Gateway6 != "")
	add("DNS %s", strings.Join(n.Nameservers, " "), len(n.Nameservers) > 0)
	return strings.Join(words, ", ")
}

func planFeatures(job plan.Job) string {
	f := job.Spec.Features
	var on []string
	for name, set := range map[string]bool{"nesting": f.Nesting, "keyctl": f.Keyctl, "fuse": f.Fuse, "mknod": f.Mknod} {
		if set {
			on = append(on, name)
		}
	}
	if len(f.Mount) > 0 {
		on = append(on, "mount="+strings.Join(f.Mount, ";"))
	}
	return strings.Join(slices.Sorted(slices.Values(on)), ", ")
}

func planStart(job plan.Job, p *pve.Placement) []string {
	lines := []string{fmt.Sprintf("start container %d", p.CTID)}
	if addr, ok := staticAddress(job.Spec.Network); ok {
		return append(lines, "address "+addr.String())
	}
	if !job.Spec.Network.Addressed() {
		return append(lines, "wait for no address: none is asked for")
	}
	return append(lines, fmt.Sprintf("wait at most %s for an address", addressTimeout))
}

func planDeploy(job plan.Job, inside string) []string {
	lines := shipFirst(inside)
	for _, f := range job.Template.Files {
		lines = append(lines, shipLine(f))
	}
	return lines
}

func shipLine(f template.File) string {
	return fmt.Sprintf("ship %s to %s (%s)", f.Source, f.Target, f.Policy)
}

func planSync(job plan.Job) []string {
	t := job.Template
	var lines []string
	if n := len(t.Files); n > 0 {
		lines = append(lines, fmt.Sprintf("put %s in place by policy", counted(n, "file")))
	}
	for _, manager := range template.Managers {
		if names := t.Packages.Names[manager]; len(names) > 0 {
			lines = append(lines, fmt.Sprintf("install with %s: %s", manager, strings.Join(names, " ")))
		}
	}
	for _, c := range t.Packages.Custom {
		lines = append(lines, "install by its own command: "+c.Name)
	}
	if len(job.Packages) > 0 {
		lines = append(lines, "install also: "+strings.Join(job.Packages, " "))
	}
	for _, s := range job.Scripts() {
		lines = append(lines, "run "+s.Name)
	}
	for _, v := range job.Values.All() {
		lines = append(lines, "variable "+planValue(v))
	}
	return lines
}

// counted is "1 core" or "2 cores".
func counted(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}

func planValue(v template.Value) string {
	switch {
	case v.Pending:
		return v.Name + ": generated"
	case v.Secret:
		return v.Name + " = ***"
	}
	return v.Name + " = " + event.RedactURLs(v.Text)
}

func planFinalize(job plan.Job) []string {
	lines := []string{"discover services, ports and credentials"}
	services, err := job.Template.DeclaredServices(job.Values)
	if err != nil {
		return append(lines, "declared services: "+err.Error())
	}
	for _, s := range services {
		switch {
		case s.HTTP != "":
			lines = append(lines, fmt.Sprintf("wait until %s answers HTTP on port %d at %s", s.Name, s.Port, redactedPath(s.HTTP)))
		case s.Port != 0:
			lines = append(lines, fmt.Sprintf("wait until %s answers on port %d/%s", s.Name, s.Port, s.Protocol))
		default:
			lines = append(lines, "wait until "+s.Name+" runs")
		}
	}
	return lines
}

// redactedPath is an HTTP path without the secrets in its query.
func redactedPath(path string) string {
	const host = "http://h"
	return strings.TrimPrefix(event.RedactURLs(host+path), host)
}
