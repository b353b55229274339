package plan

// State is what Proxmox has, and what it is asked for: "512 MiB, template 1024 MiB".
func (s Setting) State() string {
	who := map[string]string{"given": "asked for ", "record": "on record "}[s.From]
	if who == "" {
		who = s.From + " "
	}
	return orNone(s.Have) + ", " + who + orNone(s.Want)
}

// Would is what a sync does about the setting. restart is whether it may restart the
// container.
func (s Setting) Would(restart bool) string {
	switch {
	case s.Effect == SettingWaits && restart:
		return "restart the container"
	case s.Effect == SettingWaits:
		return "leave it: it waits for a restart"
	case s.Effect == SettingStays:
		return s.Why
	case s.Effect == SettingRefuse:
		return "be refused: " + s.Why
	case s.Restart && restart:
		return "set it, and restart the container"
	case s.Restart:
		return "set it, needs a restart"
	}
	return "set it"
}

// line is the same for the plan of a run.
func (s Setting) line() string { return s.Name + ": " + s.State() }
