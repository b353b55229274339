// Package lxc holds the nouns of all other rooms: the container that a user wants (Spec),
// the record of one (Container) and what discovery found in it (Service). It does no I/O
// and imports nothing of ours.
package lxc

// Lifecycle is the state of a container's record.
type Lifecycle string

// The lifecycle goes creating → ready or creating → error, error → creating by
// resume, and any → destroyed. A container that a worker will make is queued before.
const (
	Queued    Lifecycle = "queued"
	Creating  Lifecycle = "creating"
	Ready     Lifecycle = "ready"
	Failed    Lifecycle = "error"
	Destroyed Lifecycle = "destroyed"
)

// Spec is a container as the user wants it: the template's settings, replaced by those of
// the command line. A zero CTID, Node, Storage or Network.Bridge means "choose for me".
type Spec struct {
	CTID       int      `json:"ctid,omitempty"` // 100..999999999; 0: the next free one
	Hostname   string   `json:"hostname"`
	Node       string   `json:"node,omitempty"`
	Storage    string   `json:"storage,omitempty"`
	OSTemplate string   `json:"os"`               // a prefix such as debian-12, a volid, or oci:IMAGE
	OSElse     []string `json:"osElse,omitempty"` // further ones, the best first, if there is no OSTemplate
	// Pins are images of OSTemplate and OSElse, as they are named there, each with the digest
	// that a lock file has for it, as oci:IMAGE:TAG@sha256:….
	Pins         map[string]string `json:"pins,omitempty"`
	OSType       string            `json:"ostype,omitempty"` // Proxmox's name of the distribution, or Unmanaged; "": Proxmox looks
	Cores        int               `json:"cores"`
	MemoryMiB    int               `json:"memory"`
	SwapMiB      int               `json:"swap"`
	DiskGiB      int               `json:"disk"`
	Unprivileged bool              `json:"unprivileged"`
	Features     Features          `json:"features"`
	Network      Network           `json:"network"`
	Tags         []string          `json:"tags,omitempty"`
	SSHKeys      []string          `json:"sshKeys,omitempty"` // authorized_keys lines
	OnBoot       bool              `json:"onboot"`
	CPULimit     float64           `json:"cpulimit,omitempty"`    // CPU time in cores, such as 0.5; 0: no limit
	CPUUnits     int               `json:"cpuunits,omitempty"`    // weight against other guests; 0: Proxmox's default
	Interfaces   []Network         `json:"interfaces,omitempty"`  // those after Network: eth1, eth2, …
	Mounts       []Mount           `json:"mounts,omitempty"`      // mp0, mp1, …
	Devices      []Device          `json:"devices,omitempty"`     // dev0, dev1, …
	Pool         string            `json:"pool,omitempty"`        // NoPool: in none; "": nobody asks
	Startup      string            `json:"startup,omitempty"`     // see StartupText
	Description  string            `json:"description,omitempty"` // Proxmox's notes, which our mark follows
	Requires     Requires          `json:"requires,omitzero"`
	Console      string            `json:"console,omitempty"` // Proxmox's cmode: tty, or shell for a root shell without a login; "": tty
}

// NoPool is the Pool of a container that is asked to be in none. A pool of that name cannot be
// asked for.
const NoPool = "none"

// InPool is the pool that the container is asked to be in, "" for none.
func (s Spec) InPool() string {
	if s.Pool == NoPool {
		return ""
	}
	return s.Pool
}

// Features are Proxmox's feature flags. An API token may set only nesting, and only on an
// unprivileged container.
type Features struct {
	Nesting bool     `json:"nesting,omitempty" yaml:"nesting"`
	Keyctl  bool     `json:"keyctl,omitempty" yaml:"keyctl"`
	Fuse    bool     `json:"fuse,omitempty" yaml:"fuse"`
	Mknod   bool     `json:"mknod,omitempty" yaml:"mknod"`
	Mount   []string `json:"mount,omitempty" yaml:"mount"` // file system types
}

// Network is one interface of the container. Nameservers and SearchDomain belong to the
// whole container, and only the first interface has them.
type Network struct {
	Name         string   `json:"name,omitempty"` // in the guest; "": eth0, eth1, … by its place
	Bridge       string   `json:"bridge,omitempty"`
	VLAN         int      `json:"vlan,omitempty"`     // 1..4094; 0: untagged
	IPv4         string   `json:"ip,omitempty"`       // "dhcp", a CIDR, or "" for none
	Gateway4     string   `json:"gateway,omitempty"`  // only with a CIDR
	IPv6         string   `json:"ip6,omitempty"`      // "dhcp", "auto", a CIDR, or ""
	Gateway6     string   `json:"gateway6,omitempty"` // only with a CIDR
	Nameservers  []string `json:"nameservers,omitempty"`
	SearchDomain string   `json:"searchDomain,omitempty"`
	Firewall     bool     `json:"firewall,omitempty"`
	MTU          int      `json:"mtu,omitempty"`  // 64..65535; 0: the bridge's
	RateMBs      float64  `json:"rate,omitempty"` // the most it sends, in MB/s; 0: no limit
}

// Addressed reports whether any address is asked for at all.
func (n Network) Addressed() bool { return n.IPv4 != "" || n.IPv6 != "" }

// Container is the catalogue's record of one container.
type Container struct {
	RecordID    string    `json:"id"`               // sortable, never reused
	CTID        int       `json:"ctid"`             // reused by Proxmox; 0 until one is claimed
	Host        string    `json:"host"`             // the host's name in the config
	HostID      string    `json:"hostId,omitempty"` // of the host on record; stays when its name changes
	Node        string    `json:"node"`
	Hostname    string    `json:"hostname"`
	Fleet       string    `json:"fleet,omitempty"`    // the name of the fleet that it was made for, "" for none
	Template    string    `json:"template,omitempty"` // "" for an adopted container
	OSTemplate  string    `json:"osTemplate,omitempty"`
	Image       *Image    `json:"image,omitempty"` // nil: not made from an OCI image
	Baked       string    `json:"baked,omitempty"` // the image of template bake that it was made from, with OSTemplate in it; "": none
	Lifecycle   Lifecycle `json:"status"`
	Address     string    `json:"address,omitempty"`   // without prefix length
	Transport   string    `json:"transport,omitempty"` // guest, node, api: the last one that worked
	MAC         string    `json:"mac,omitempty"`
	UPID        string    `json:"upid,omitempty"` // of the create task
	Marked      bool      `json:"marked"`         // it carries our ownership marker on Proxmox
	Adopted     bool      `json:"adopted,omitempty"`
	Error       string    `json:"error,omitempty"`
	Notes       string    `json:"notes,omitempty"`     // of its template, for people; may have several lines
	StoppedAt   *Time     `json:"stoppedAt,omitempty"` // when this tool stopped it; nil after it was started again
	Answering   *bool     `json:"answering,omitempty"` // whether its declared services answered at the last look
	CreatedAt   Time      `json:"createdAt"`
	UpdatedAt   Time      `json:"updatedAt"`
	DestroyedAt *Time     `json:"destroyedAt,omitempty"`
}

// OS is what the container was made from: an image's name, or the volume of an OS template.
func (c Container) OS() string {
	if c.Image != nil && c.Image.Reference != "" {
		return c.Image.Reference
	}
	return c.OSTemplate
}

// Condition is the state of the record in a word: the lifecycle, or for a ready container
// whether it is stopped or does not answer.
func (c Container) Condition() string {
	switch {
	case c.Lifecycle != Ready:
		return string(c.Lifecycle)
	case c.StoppedAt != nil:
		return "stopped"
	case c.Answering != nil && !*c.Answering:
		return "not answering"
	}
	return string(Ready)
}

// Status is the condition as JSON has it: the lifecycle, or stopped. A container that does
// not answer is ready there, with answering false.
func (c Container) Status() string {
	if c.Lifecycle == Ready && c.StoppedAt != nil {
		return c.Condition()
	}
	return string(c.Lifecycle)
}

// ServiceType is the program that manages a service.
type ServiceType string

// The types of service. A Credential is a credentials file without a service.
const (
	Systemd    ServiceType = "systemd"
	OpenRC     ServiceType = "openrc"
	Docker     ServiceType = "docker"
	Process    ServiceType = "process"
	Credential ServiceType = "credential"
)

// ServiceStatus is the state of a service as discovery saw it.
type ServiceStatus string

// A declared service that never answered is Unready. So is an engine's container that is
// unhealthy or still starting; a paused one is Stopped. A unit that systemd calls failed
// is Errored. So is an engine's container that is restarted again and again.
const (
	Running ServiceStatus = "running"
	Stopped ServiceStatus = "stopped"
	Unready ServiceStatus = "unready"
	Errored ServiceStatus = "error"
)

// Service is something that runs, or should run, in a container. It has the names of a
// credential's keys and never a value.
type Service struct {
	Name           string        `json:"name"`
	Type           ServiceType   `json:"type"`
	Status         ServiceStatus `json:"status"`
	Ports          []Port        `json:"ports,omitempty"`
	MorePorts      int           `json:"morePorts,omitempty"` // how many ports are not listed
	URL            string        `json:"url,omitempty"`
	System         bool          `json:"system,omitempty"`   // part of the OS
	Declared       bool          `json:"declared,omitempty"` // named by the template
	Image          string        `json:"image,omitempty"`    // of a container engine's container
	Project        string        `json:"project,omitempty"`  // of a compose file, or a pod
	CredentialKeys []string      `json:"credentialKeys,omitempty"`
	Note           string        `json:"note,omitempty"` // e.g. not reachable from here
	Log            []string      `json:"log,omitempty"`  // the last log lines of a declared service that does not answer
}

// Port is one listening socket.
type Port struct {
	Protocol string `json:"protocol"` // tcp or udp
	Address  string `json:"address"`  // the bound address: 0.0.0.0, ::, 127.0.0.1, …
	Port     int    `json:"port"`
}

// MainURL is the URL of the first service that has one and does not belong to the system,
// "" if none has.
func MainURL(services []Service) string {
	for _, s := range services {
		if s.URL != "" && !s.System {
			return s.URL
		}
	}
	return ""
}
