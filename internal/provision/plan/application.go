package plan

import (
	"fmt"
	"strings"

	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/template"
)

// Application reports whether PID 1 of the container is, or will be, the program of an OCI
// image. Nothing in such a container installs packages or starts services, and it may have no
// shell.
func (w World) Application() bool {
	return w.Image().Application() || w.Situation.Config.Application()
}

// NeedsShell reports whether the job has a script that would run in the container.
func (j Job) NeedsShell() bool { return j.Template != nil && len(j.Scripts()) > 0 }

// Installs names the packages of a job, which no application container can install.
func (j Job) Installs() (names []string) {
	if j.Template == nil {
		return nil
	}
	for _, manager := range template.Managers {
		names = append(names, j.Template.Packages.Names[manager]...)
	}
	for _, c := range j.Template.Packages.Custom {
		names = append(names, c.Name)
	}
	return append(names, j.Packages...)
}

// leaves is an action that only says what a phase leaves out.
func leaves(phase event.StepName, item, line string) Action {
	return Action{Phase: phase, Kind: LeaveOut, Item: item, Lines: []string{line}}
}

// applicationDeploying are the actions of the deployment into an application container: its
// files, which the node puts there, and what is left out.
func (d *decision) applicationDeploying() []Action {
	if d.refuses() {
		return []Action{{Phase: event.Deploying, Kind: Refuse, Lines: d.refuseLines()}}
	}
	var actions []Action
	if d.Verb != Sync && !d.seesAll() {
		actions = append(actions, leaves(event.Deploying, "", "no config-manager and no boot service: PID 1 is the image's own program"))
	}
	if names := d.Job.Installs(); len(names) > 0 && d.Verb != Sync {
		actions = append(actions, leaves(event.Deploying, "packages", "no packages in an application image: "+strings.Join(names, " ")))
	}
	if d.Verb == Sync {
		actions = append(actions, d.syncApplication()...)
	} else {
		actions = append(actions, d.goOnSetting()...)
	}
	if d.seesAll() {
		return actions
	}
	for _, f := range d.Job.Template.Directories {
		actions = append(actions, leaves(event.Deploying, f.Target, "the directory "+f.Target+" is left out: make it in the image, or mount a volume there"))
	}
	for _, f := range d.Job.Template.Files {
		if !d.Login.Node {
			actions = append(actions, leaves(event.Deploying, f.Target, f.Target+" is left out: only the node can put files into an application container (ssh.node)"))
			continue
		}
		line := fmt.Sprintf("put %s into the container with pct push on the node (%s), if it differs, and restart it then", f.Target, f.Policy)
		actions = append(actions, Action{Phase: event.Deploying, Kind: PushFile, Item: f.Target, Lines: []string{line}})
	}
	if d.programsOfShell() {
		actions = append(actions, Action{Phase: event.Deploying, Kind: ShipScripts, Lines: []string{"get inside " + d.Way + ", for the scripts"}})
	}
	return actions
}

// syncApplication are the actions of a sync about settings and the record.
func (d *decision) syncApplication() []Action {
	actions := d.staying()
	if !d.differs {
		return append(actions, Action{Phase: event.Deploying, Kind: KeepJob})
	}
	actions = append(actions, Action{Phase: event.Deploying, Kind: Snapshot})
	actions = append(actions, d.redoing()...)
	actions = append(actions, Action{Phase: event.Deploying, Kind: Change})
	return append(actions, d.setting()...)
}

// programsOfShell reports whether a script starts, for which the container has a shell as far
// as is known.
func (d *decision) programsOfShell() bool { return d.NoShell == "" && d.starts() }

// applicationSyncing are the scripts, where a shell is or may be.
func (d *decision) applicationSyncing() []Action {
	if d.seesAll() || d.refuses() {
		return []Action{{Phase: event.Syncing, Kind: Nothing, Lines: []string{"nothing"}}}
	}
	var actions []Action
	for _, s := range d.Job.Template.EnabledScripts() {
		switch why := d.Job.unmet(s); {
		case d.Job.Skips(s.Name):
			actions = append(actions, Action{Phase: event.Syncing, Kind: Skip, Item: s.Name, Lines: d.skipLines(s.Name)})
		case why != "":
			actions = append(actions, Action{Phase: event.Syncing, Kind: Unmet, Item: s.Name, Lines: []string{s.Name + ": skipped, " + why}})
		case d.NoShell != "":
			actions = append(actions, leaves(event.Syncing, s.Name, s.Name+" is left out: "+d.NoShell))
		default:
			line := d.scriptLine(s.Name)
			if d.Inside == nil && d.programs[s.Name] != Leave {
				line += ", if the image has a shell"
			}
			actions = append(actions, Action{Phase: event.Syncing, Kind: Program, Item: s.Name, Doing: d.programs[s.Name], Lines: []string{line}})
		}
	}
	if len(actions) == 0 {
		actions = []Action{{Phase: event.Syncing, Kind: Nothing, Lines: []string{"no scripts"}}}
	}
	if n := len(actions) - 1; d.Verb == Create {
		actions[n].Lines = append(actions[n].Lines, d.valueLines()...)
	}
	return actions
}

// outsideLines describe a discovery for which nobody can look inside.
func (d *decision) outsideLines() []string {
	lines := []string{"discover from outside, unless there is a shell: the address from Proxmox, labels from the image, ports over the network"}
	services, err := d.Job.Template.DeclaredServices(d.Job.Values)
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
			lines = append(lines, s.Name+" has no port, so that it counts as running as long as the container does")
		}
	}
	for _, p := range d.Image().OpenPorts() {
		lines = append(lines, fmt.Sprintf("ask port %d/%s, which the image declares", p.Port, p.Protocol))
	}
	return lines
}
