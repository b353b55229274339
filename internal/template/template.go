// Package template turns a folder into a Template: the description of a container and
// everything that goes into it. It reads template.yaml, and the original system's
// template.conf. It must not know what is done with a template, and reads nothing outside
// of the folder and that of the template which it extends.
package template

import (
	"bytes"
	"io"
	"io/fs"
	"slices"
	"time"

	"github.com/infrahaus/infrahaus/internal/lxc"
)

// Template is the checked content of a folder that describes a container.
type Template struct {
	Name        string
	Description string
	Path        string   // its folder or address, for people and for Find; "" for a built-in one
	Source      string   // the catalogue that has it: path, user, TEMPLATES_ROOT, built-in, remote
	Resolved    string   // of a remote one: its address, pinned to the content; else ""
	Legacy      bool     // whether it is a template.conf
	Extends     string   // its parent, as its file names it; "": none
	Fetched     []Pin    // the templates with an address that it extends, itself left out
	Beside      []Beside // its folder and those of the templates that it extends, as far as they are folders of this machine

	OS           string   // a prefix such as debian-12, or a volid
	OSElse       []string // further ones, the best first
	OSType       string   // "": Proxmox looks
	Cores        int
	MemoryMiB    int
	SwapMiB      int
	DiskGiB      int
	Unprivileged bool
	Features     lxc.Features
	Network      lxc.Network
	Tags         []string
	CPULimit     float64
	CPUUnits     int
	Interfaces   []lxc.Network // those after Network
	Mounts       []lxc.Mount
	Devices      []lxc.Device
	Pool         string
	OnBoot       bool
	Startup      string // see lxc.StartupText
	SSHKeys      []string
	Requires     lxc.Requires
	SyncOnBoot   bool
	ConfigPath   string        // CONFIG_PATH of the guest's config.env
	MaxAge       time.Duration // of a baked image; see DefaultMaxAge

	Variables    []Variable // in the order of the file
	Packages     Packages
	Repositories []Repository
	Files        []File      // in the order of the file
	Directories  []Directory // made before the files
	Scripts      []Script    // in the order in which they run; disabled ones included
	Update       *Update     // nil: there is none
	Services     []Service
	Credentials  []Credential // what scripts promise to save
	Notes        string       // for people, before ${name} is filled in

	Digest   string    // SHA-256 over the folder and that of its parent, hex; the same for the same content
	Warnings []Problem // oddities that do not prevent its use

	review func() []Problem       // see Review
	says   func(path string) bool // whether the template's file, or its parent's, sets a value
	loose  bool                   // see Fetched
	doc    *document              // what a template that extends it starts from
	places map[string]Place       // by path or item, see Place
	words  func() string          // the values of its file, outside of variables

	levels []level // its own folder, and those of the templates that it extends; see Pack
}

// Variable is a value that --set can give.
type Variable struct {
	Name        string   `json:"name"`
	Type        string   `json:"type"` // one of Types
	Default     string   `json:"default,omitempty"`
	HasDefault  bool     `json:"-"`
	Values      []string `json:"values,omitempty"` // of an enum
	Required    bool     `json:"required,omitempty"`
	Pattern     string   `json:"pattern,omitempty"` // the whole value must match; of a list, each item
	Min         string   `json:"min,omitempty"`     // of a number, as it is written; "": no limit
	Max         string   `json:"max,omitempty"`
	Secret      bool     `json:"secret,omitempty"`
	Generate    Generate `json:"generate,omitzero"`
	From        string   `json:"from,omitempty"` // the generated variable whose public half this is
	Description string   `json:"description,omitempty"`
	Notify      []Notify `json:"notify,omitempty"` // what depends on the value
}

// Hidden reports whether the value must not be shown.
func (v Variable) Hidden() bool { return v.Secret || v.Generate.Any() }

// Types lists the types of variables.
var Types = []string{"string", "int", "number", "bool", "enum", "list", "port", "hostname", "ip"}

// Packages are the names to install, by manager, in the order of Managers.
type Packages struct {
	Names  map[string][]string `json:"names,omitempty"` // apt, apk, dnf, npm, pip
	Custom []CustomPackage     `json:"custom,omitempty"`
	Notify map[string][]Notify `json:"notify,omitempty"` // what depends on a package, by "MANAGER NAME"
}

// customTimeout is the default of the original system.
const customTimeout = 300 * time.Second

// serviceTimeout is how long a declared service may take to answer.
const serviceTimeout = 60 * time.Second

// Managers lists the package managers in the order of their use. A guest has only one of
// the first three. Custom packages come last.
var Managers = []string{"apt", "apk", "dnf", "npm", "pip"}

// CustomPackage is installed by a command of its own.
type CustomPackage struct {
	Name    string        `json:"name"`
	Check   string        `json:"check"`   // a shell command; exit status 0 means installed
	Install string        `json:"install"` // a shell command
	Timeout time.Duration `json:"timeout"` // default 300 s
}

// Policy decides what happens to an existing file that differs.
type Policy string

// The policies: overwrite, leave alone, keep a dated copy and write.
const (
	Replace Policy = "replace"
	Default Policy = "default"
	Backup  Policy = "backup"
)

// File is one file to put into the guest.
type File struct {
	Source string      `json:"source,omitempty"` // path in the template's folder; "" if the content is in template.yaml
	Target string      `json:"target"`           // absolute, clean
	Policy Policy      `json:"policy"`
	Mode   fs.FileMode `json:"mode"`            // permission bits
	Owner  string      `json:"owner,omitempty"` // user or user:group; "": the owner of the target's folder
	Expand bool        `json:"template,omitempty"`
	Size   int64       `json:"size"` // of the source, before ${…} is filled in
	SHA256 string      `json:"sha256"`
	Notify []Notify    `json:"notify,omitempty"` // what depends on the file
	Check  string      `json:"check,omitempty"`  // a shell command that succeeds if the guest accepts the file
	Stage  Stage       `json:"stage,omitempty"`

	fsys      fs.FS
	inline    []byte
	inherited bool // it is the parent's
}

// Directory is a directory to make in the guest.
type Directory struct {
	Target string      `json:"target"`          // absolute, clean
	Mode   fs.FileMode `json:"mode,omitempty"`  // 0: 0755 for a new one; an existing one keeps its own
	Owner  string      `json:"owner,omitempty"` // user or user:group; "": as Mode
}

// Open opens the file in the folder, without filling in ${…}.
func (f File) Open() (io.ReadCloser, error) {
	if f.Source == "" {
		return io.NopCloser(bytes.NewReader(f.inline)), nil
	}
	return f.fsys.Open(f.Source)
}

// Content is the file as it goes into the guest. If the file asks for it, ${name} is
// filled in from the values.
func (f File) Content(v Values) ([]byte, error) {
	data := f.inline
	if f.Source != "" {
		var err error
		if data, err = fs.ReadFile(f.fsys, f.Source); err != nil {
			return nil, err
		}
	}
	if !f.Expand {
		return data, nil
	}
	return v.Expand(data)
}

// Reader is Content as a stream with its size. Files without ${…} to fill in are never
// held in memory.
func (f File) Reader(v Values) (io.ReadCloser, int64, error) {
	if !f.Expand {
		r, err := f.Open()
		return r, f.Size, err
	}
	data, err := f.Content(v)
	return io.NopCloser(bytes.NewReader(data)), int64(len(data)), err
}

// Service is a service that the template declares. It is ready when it listens, and HTTP
// (if a path is given) or TCP answers.
type Service struct {
	Name     string        `json:"name"`
	Unit     string        `json:"unit,omitempty"`    // if the name of its unit differs
	Port     int           `json:"port,omitempty"`    // 0: the unit only has to run
	Protocol string        `json:"protocol"`          // tcp or udp
	HTTP     string        `json:"http,omitempty"`    // path of the request; any answer below 500 is good
	TLS      bool          `json:"tls,omitempty"`     // use https, without verifying the certificate
	Timeout  time.Duration `json:"timeout"`           // default 60 s
	Enabled  bool          `json:"enabled,omitempty"` // whether a boot has to start it

	Also    []int  `json:"also,omitempty"`    // more ports on which it has to listen
	Command string `json:"command,omitempty"` // a shell command that succeeds once it is ready

	portVar string    // the variable with the port
	also    []portDoc // more ports, before their variables are filled in
}

// EnabledScripts returns the scripts that are not disabled, in order.
func (t *Template) EnabledScripts() []Script {
	var out []Script
	for _, s := range t.Scripts {
		if s.Enabled {
			out = append(out, s)
		}
	}
	return out
}

// Spec is the container that the template describes, to which the command line adds.
// Hostname, CTID, Node and Storage are empty.
func (t *Template) Spec() lxc.Spec {
	s := lxc.Spec{
		OSTemplate: t.OS, OSElse: slices.Clone(t.OSElse), OSType: t.OSType, Cores: t.Cores, MemoryMiB: t.MemoryMiB, SwapMiB: t.SwapMiB, DiskGiB: t.DiskGiB,
		Unprivileged: t.Unprivileged, Features: t.Features, Network: t.Network,
		CPULimit: t.CPULimit, CPUUnits: t.CPUUnits, Interfaces: slices.Clone(t.Interfaces), Mounts: slices.Clone(t.Mounts),
		Devices: slices.Clone(t.Devices), Pool: t.Pool, OnBoot: t.OnBoot, Startup: t.Startup, Requires: t.Requires, Description: t.Description,
		Tags: slices.Clone(t.Tags), SSHKeys: slices.Clone(t.SSHKeys),
	}
	s.Network.Nameservers = append([]string(nil), t.Network.Nameservers...)
	s.Features.Mount = append([]string(nil), t.Features.Mount...)
	return s
}
