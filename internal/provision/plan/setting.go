package plan

import (
	"slices"

	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/lxc"
)

// barred are the settings for which a sync is refused.
func (d *decision) barred() []Setting {
	return slices.DeleteFunc(slices.Clone(d.settings), func(s Setting) bool { return s.Effect != SettingRefuse })
}

// refuses reports whether the run is refused before its first change.
func (d *decision) refuses() bool { return len(d.refused)+len(d.barred()) > 0 || d.busy() != "" }

// changes reports whether a sync would do something about a setting. What waits for a
// restart, or cannot be changed, is said and left.
func (s Setting) changes(restart bool) bool {
	return s.Effect == SettingSet || s.Effect == SettingWaits && restart
}

// sets reports whether a sync has a setting to change.
func (d *decision) sets() bool {
	return slices.ContainsFunc(d.settings, func(s Setting) bool { return s.changes(d.Sync.Restart) })
}

// staying say what is different and stays so.
func (d *decision) staying() (actions []Action) {
	for _, s := range d.settings {
		if !s.changes(d.Sync.Restart) {
			actions = append(actions, Action{Phase: event.Deploying, Kind: Stays, Item: s.Name, Lines: []string{s.line() + ": " + s.Would(false)}})
		}
	}
	return actions
}

// setting are the actions of a sync about settings. They come before the files, which may
// need a larger disk, and before the scripts, which may need a feature: so does a restart.
func (d *decision) setting() (actions []Action) {
	if !d.sets() {
		return nil
	}
	for _, s := range d.settings {
		if s.Effect == SettingSet {
			actions = append(actions, configure(s.Put, s.line()))
		}
	}
	return configured(actions, d.restarts())
}

// restarts reports whether a sync has to restart the container, and may.
func (d *decision) restarts() bool {
	return d.Sync.Restart && slices.ContainsFunc(d.settings, func(s Setting) bool { return s.Restart && s.changes(true) })
}

// busy is a program of an earlier run that a restart would kill; "": none.
func (d *decision) busy() string {
	if !d.restarts() {
		return ""
	}
	for _, item := range d.items() {
		if d.programs[item] == Follow {
			return item
		}
	}
	return ""
}

// goOnSetting are the actions of a resume: what a sync has claimed and not finished. A claim
// in a container that is ready comes from a sync that was killed before its first change: the
// next sync compares anew.
func (d *decision) goOnSetting() (actions []Action) {
	m := d.known().Of(event.Deploying, ItemSettings)
	if m.State != Claimed || d.Situation.State != There || d.Record.Lifecycle == lxc.Ready {
		return nil
	}
	restart := false
	for _, p := range m.Puts {
		made := d.made(p, d.Situation.Config)
		restart = restart || p.Restart && (!made || d.waits(p, m))
		if !made && p.Add {
			p = p.Free(d.Situation.Config)
		}
		if !made {
			actions = append(actions, configure(p, p.Name))
		}
	}
	return configured(actions, m.Restart && restart)
}

// waits reports whether something that was set has to wait for a restart still. Proxmox says
// so of all but the hostname, which its configuration has at once and the guest later; of
// that the record knows whether the sync has got as far as to start the container.
func (d *decision) waits(p Put, m Mark) bool {
	if now := d.Situation.Now; now != nil && p.Key != KeyPool && !d.made(p, *now) {
		return true
	}
	return p.Key == "hostname" && d.Situation.Running && d.known().Of(event.Starting, ItemStart).RunID != m.RunID
}

func configure(p Put, what string) Action {
	line := "set " + what
	if p.Restart {
		line += "; needs a restart"
	}
	switch {
	case p.OnNode && p.Key == KeyPool:
		line += "; by pveum on the node"
	case p.OnNode:
		line += "; by pct on the node"
	}
	return Action{Phase: event.Deploying, Kind: Configure, Item: p.Name, Put: p, Lines: []string{line}}
}

// configured ends a list of settings. A restart may also be all that there is to do.
func configured(actions []Action, restart bool) []Action {
	if restart {
		actions = append(actions, Action{Phase: event.Deploying, Kind: Restart, Lines: []string{"restart the container"}})
	}
	return append(actions, Action{Phase: event.Deploying, Kind: Configured})
}
