package pve

import (
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/oci"
)

// Watch receives the progress of a wait. Either func may be nil.
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

// Template is the OS template of a container.
type Template struct {
	VolID    string `json:"volid"`           // local:vztmpl/debian-12-standard_12.12-1_amd64.tar.zst
	Name     string `json:"name"`            // the file's name
	Storage  string `json:"storage"`         // the storage that has it, or to which it will be downloaded
	Download bool   `json:"download"`        // it is missing: Download fetches it from the appliance index
	Location string `json:"-"`               // the URL in the index
	Image    string `json:"image,omitempty"` // of an OCI image that Download pulls: its name with a tag
}

// Placement is the place for a container, with everything chosen that the spec leaves
// open.
type Placement struct {
	Node          string     `json:"node"`
	Storage       string     `json:"storage"` // of the root disk
	Bridge        string     `json:"bridge"`
	Bridges       []string   `json:"bridges,omitempty"` // of the spec's further interfaces
	OnNode        []Setting  `json:"onNode,omitempty"`  // what is set on the node after the create, because the login may not
	Template      Template   `json:"template"`
	Image         *lxc.Image `json:"image,omitempty"` // what the registry says of the OCI image; nil: an ordinary OS template
	Found         *oci.Found `json:"-"`               // the same in the registry's words; nil: it did not tell
	Baked         *Baked     `json:"baked,omitempty"` // an image that Template is, instead of the OS template; nil: none
	CTID          int        `json:"ctid"`            // the id that Create tries first: the spec's, or the next free one
	MarkerAllowed bool       `json:"markerAllowed"`   // the login may set a description (VM.Config.Options); otherwise id, task and MAC identify the owner
	Version       Version    `json:"version"`         // of Proxmox
	Notes         []string   `json:"notes"`           // choices and their reasons, for the user
	Warnings      []string   `json:"warnings"`        // things that work but may surprise
}
