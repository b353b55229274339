package plan

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/configmanager"
	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/template"
)

// AddressTimeout is how long a started container may take to show an address. IPv6
// autoconfiguration and busy DHCP servers need most of a minute.
const AddressTimeout = 90 * time.Second

// startLines also say, before a create, which address is waited for.
func (d *decision) startLines() []string {
	if d.Verb != Create {
		return []string{"start it"}
	}
	start := "start the container"
	if d.Placement != nil {
		start = fmt.Sprintf("start container %d", d.Placement.CTID)
	}
	n := d.Job.Spec.Network
	if addr, ok := StaticAddress(n); ok {
		return []string{start, "address " + addr.String()}
	}
	if !n.Addressed() {
		return []string{start, "wait for no address: none is asked for"}
	}
	return []string{start, fmt.Sprintf("wait at most %s for an address", AddressTimeout)}
}

// StaticAddress is the address in the network's own configuration, IPv4 first.
func StaticAddress(n lxc.Network) (netip.Addr, bool) {
	for _, s := range []string{n.IPv4, n.IPv6} {
		if p, err := netip.ParsePrefix(s); err == nil {
			return p.Addr(), true
		}
	}
	return netip.Addr{}, false
}

// refuseLines name the files in the way, and the settings that the login may not set.
func (d *decision) refuseLines() (lines []string) {
	for _, s := range d.barred() {
		lines = append(lines, "refuse: "+s.line()+": "+s.Why)
	}
	if busy := d.busy(); busy != "" {
		lines = append(lines, "refuse: "+busy+" still runs, and a restart would kill it")
	}
	if len(d.refused) == 0 {
		return lines
	}
	lines = append(lines, fmt.Sprintf("refuse: %s in the way, and nothing is changed", Counted(len(d.refused), "file")))
	return append(lines, InTheWay(d.refused)...)
}

// InTheWay says of each refused file why it is.
func InTheWay(files []configmanager.FileDrift) (lines []string) {
	for _, f := range files {
		why := "edited in the container, and changed in the template"
		if f.State == configmanager.FileNoFolder {
			why = "a directory of the template, and no directory in the container"
		}
		if f.State == configmanager.FileFolder {
			why = "a folder, or no regular file, is there"
		}
		lines = append(lines, f.Target+": "+why)
	}
	return lines
}

// fileActions are what is done about each file.
func (d *decision) fileActions() (actions []Action) {
	ship := func(f template.File, more string) {
		line := fmt.Sprintf("ship %s to %s (%s)", f.Source, f.Target, f.Policy) + more
		if f.Source == "" {
			line = fmt.Sprintf("ship %s (%s)", f.Target, f.Policy) + more
		}
		actions = append(actions, Action{Phase: event.Deploying, Kind: ShipFile, Item: f.Target, Lines: []string{line}})
	}
	for _, f := range d.Job.Template.Directories {
		if line := d.folderLine(f); line != "" {
			actions = append(actions, Action{Phase: event.Deploying, Kind: ShipFile, Item: f.Target, Lines: []string{line}})
		}
	}
	for i, f := range d.Job.Template.Files {
		switch {
		case d.Inside != nil && d.Inside.Drift != nil:
			if a, ok := d.comparedFile(i, f, ship); ok {
				actions = append(actions, a)
			}
		case d.Inside != nil && d.input.Files[i].Unshipped:
		case !d.unseen():
			ship(f, "")
		case d.programs[ItemManager] != Leave || d.outdated(d.World):
			ship(f, ", if it differs")
		}
	}
	return actions
}

// folderLine says that a directory is made, or is given the mode and owner of the
// template; "" if that need not be.
func (d *decision) folderLine(f template.Directory) string {
	how := ""
	if f.Mode != 0 {
		how = fmt.Sprintf(" %04o", f.Mode.Perm())
	}
	if f.Owner != "" {
		how += " " + f.Owner
	}
	if how != "" {
		how = " (" + how[1:] + ")"
	}
	if d.Inside == nil || d.Inside.Drift == nil {
		if d.Inside != nil && d.Verb != Create || d.unseen() && d.programs[ItemManager] == Leave && !d.outdated(d.World) {
			return ""
		}
		return "make the directory " + f.Target + how
	}
	for _, now := range d.Inside.Drift.Folders {
		switch {
		case now.Target != f.Target:
		case now.State == configmanager.FolderMissing:
			return "make the directory " + f.Target + how
		case now.State == configmanager.FolderOther:
			return "change the directory " + f.Target + how + ", now " + now.Actual
		}
	}
	return ""
}

// comparedFile ships file i of the template, or keeps the container's, as its comparison
// asks.
func (d *decision) comparedFile(i int, f template.File, ship func(template.File, string)) (Action, bool) {
	now, synced := d.driftOf(f.Target)
	switch effect := now.Effect(); {
	case d.programs[ItemManager] == Leave:
	case effect == configmanager.Keep:
		line := "leave " + f.Target + " as the container has it, and remember that"
		return Action{Phase: event.Deploying, Kind: KeepFile, Item: f.Target, Lines: []string{line}}, true
	case d.input.Files[i].Unshipped:
	case effect == configmanager.Backup && (synced || now.State != configmanager.FilePresent || now.Policy == "backup"):
		ship(f, ", keeping a copy of what is there")
	default:
		ship(f, "")
	}
	return Action{}, false
}

// driftOf is the comparison of one file, with conflicts settled. synced reports that a sync
// has ended before: then an existing file that was not deployed may be the user's.
func (d *decision) driftOf(target string) (of configmanager.FileDrift, synced bool) {
	for _, f := range d.Inside.Drift.Files {
		synced = synced || f.Deployed != ""
		if f.Target == target {
			of = f.Settled(d.take())
		}
	}
	return of, synced
}

// managerLines describe what the config-manager does: before a create in detail.
func (d *decision) managerLines() []string {
	if d.Verb == Create {
		return d.installLines()
	}
	doing := d.programs[ItemManager]
	if d.unseen() && doing == Leave && d.outdated(d.World) {
		return []string{"files and packages: what the template has changed"}
	}
	return []string{[...]string{
		Run: "put files in place and install packages", Leave: "files and packages: done before",
		Follow: "follow the config-manager: files and packages", Rerun: "files and packages: try again",
		Drain: "show how the config-manager ended, and try files and packages again",
	}[doing]}
}

func (d *decision) installLines() (lines []string) {
	t := d.Job.Template
	if n := len(t.Files); n > 0 {
		lines = append(lines, fmt.Sprintf("put %s in place by policy", Counted(n, "file")))
	}
	for _, manager := range template.Managers {
		if names := t.Packages.Names[manager]; len(names) > 0 {
			line := fmt.Sprintf("install with %s: %s", manager, strings.Join(names, " "))
			if d.Placement != nil && d.Placement.Baked != nil {
				line = fmt.Sprintf("in the baked image (%s): %s", manager, strings.Join(names, " "))
			}
			lines = append(lines, line)
		}
	}
	for _, c := range t.Packages.Custom {
		lines = append(lines, "install by its own command: "+c.Name)
	}
	if len(d.Job.Packages) > 0 {
		lines = append(lines, "install also: "+strings.Join(d.Job.Packages, " "))
	}
	return lines
}

// skipLines mention a skipped script; the plan of a create lists only what it does.
func (d *decision) skipLines(name string) []string {
	if d.Verb == Create {
		return nil
	}
	return []string{name + ": skipped"}
}

func (d *decision) scriptLine(name string) string {
	try := d.known().Of(event.Syncing, name).Try + 1
	switch d.programs[name] {
	case Leave:
		if d.inImage(d.Job, name) || d.known().Of(event.Syncing, name).Image != "" {
			return name + ": done in the baked image"
		}
		return name + ": done before"
	case Follow:
		if !d.Situation.Running {
			return "see how " + name + " ended; run it again unless it ended well"
		}
		return "follow " + name + " from where its output was left"
	case Rerun:
		return fmt.Sprintf("run %s again (attempt %d)", name, try)
	case Drain:
		return fmt.Sprintf("show how %s ended, and run it again (attempt %d)", name, try)
	}
	return "run " + name
}

// ifKnown names the condition of a script that is decided only inside the guest.
func (d *decision) ifKnown(s template.Script) string {
	if _, known, _ := s.When.Decide(d.Job.Values, d.Job.Facts); !known {
		return ", if " + s.When.String()
	}
	return ""
}

// valueLines list the variables, without secret values.
func (d *decision) valueLines() (lines []string) {
	for _, v := range d.Job.Values.All() {
		text := v.Name + " = " + event.RedactURLs(v.Text)
		switch {
		case v.Pending:
			text = v.Name + ": generated"
		case v.Secret:
			text = v.Name + " = ***"
		}
		lines = append(lines, "variable "+text)
	}
	return lines
}

func (d *decision) discoverLines() []string {
	lines := []string{"discover services, ports and credentials"}
	services, err := d.Job.Template.DeclaredServices(d.Job.Values)
	if err != nil {
		return append(lines, "declared services: "+err.Error())
	}
	for _, s := range services {
		switch {
		case s.HTTP != "":
			lines = append(lines, fmt.Sprintf("wait until %s answers HTTP on port %d at %s", s.Name, s.Port, redactedPath(s.HTTP))+alsoReady(s))
		case s.Port != 0:
			lines = append(lines, fmt.Sprintf("wait until %s answers on port %d/%s", s.Name, s.Port, s.Protocol)+alsoReady(s))
		case s.Command != "":
			lines = append(lines, "wait until the command of "+s.Name+" succeeds")
		default:
			lines = append(lines, "wait until "+s.Name+" runs")
		}
	}
	return lines
}

// alsoReady are the further conditions of a service that answers on a port.
func alsoReady(s template.Service) string {
	text := ""
	for _, port := range s.Also {
		text += fmt.Sprintf(", listens on %d", port)
	}
	if s.Command != "" {
		text += ", and its command succeeds"
	}
	return text
}

// redactedPath is an HTTP path without the secrets in its query.
func redactedPath(path string) string {
	const host = "http://h"
	return strings.TrimPrefix(event.RedactURLs(host+path), host)
}

// Counted is "1 core" or "2 cores".
func Counted(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}
