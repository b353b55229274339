package pve

// Watch tells a caller how a wait goes. Either func may be nil.
type Watch struct {
	Line    func(string) // a line of a task's log
	Waiting func(string) // what is being waited for, when it changes
}

func (w Watch) line(s string) {
	if w.Line != nil {
		w.Line(s)
	}
}

func (w Watch) waiting(s string) {
	if w.Waiting != nil {
		w.Waiting(s)
	}
}

// Template is the OS template that a container is made from.
type Template struct {
	VolID    string // local:vztmpl/debian-12-standard_12.12-1_amd64.tar.zst
	Name     string // the file's name
	Storage  string // where it lies, or where it is downloaded to
	Download bool   // not there yet: Download fetches it from the appliance index
}

// Placement is where a container goes, with everything chosen that the spec
// leaves open.
type Placement struct {
	Node          string
	Storage       string // of the root disk
	Bridge        string
	Template      Template
	CTID          int      // the id that Create tries first: the spec's, or the next free one
	MarkerAllowed bool     // the login may set a description (VM.Config.Options); else id, task and MAC tell whose it is
	Version       Version  // of Proxmox
	Notes         []string // what was chosen and why, to tell the user
	Warnings      []string // what will work but may surprise
}
