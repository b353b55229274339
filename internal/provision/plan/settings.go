package plan

import (
	"slices"
	"strings"

	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/pve"
)

// Setting is one difference between the container on Proxmox and what it is asked to be.
type Setting struct {
	Name    string        `json:"name"`
	Have    string        `json:"have"` // "" for none, as in Want
	Want    string        `json:"want"`
	From    string        `json:"from"` // who wants it: template, given (by a flag), or record
	Effect  SettingEffect `json:"effect"`
	Restart bool          `json:"restart"`       // it takes effect when the container is started next
	Why     string        `json:"why,omitempty"` // of stay and refuse

	Put       Put        `json:"-"` // of set
	Privilege string     `json:"-"` // that the API wants of the login for Put
	Mount     *lxc.Mount `json:"-"` // that is added, with its storage
	Device    string     `json:"-"` // that is added or changed: its path on the node
}

// SettingEffect is what a sync does about a setting.
type SettingEffect string

// The effects.
const (
	SettingSet    SettingEffect = "set"    // set it
	SettingWaits  SettingEffect = "waits"  // it is set, and waits for a restart
	SettingStays  SettingEffect = "stays"  // it cannot be changed; a sync leaves it
	SettingRefuse SettingEffect = "refuse" // the login may not set it: the sync is refused
)

// Put is one request that sets something. It is on record before it is made, so that a
// resume can repeat it.
type Put struct {
	Name    string `json:"name"` // of the setting
	Key     string `json:"key"`  // Proxmox's name of it
	Value   string `json:"value,omitempty"`
	Grow    bool   `json:"grow,omitempty"`    // Key is a disk, Value its new size, such as 16G
	OnNode  bool   `json:"onNode,omitempty"`  // by pct on the node: the login may not do it
	Restart bool   `json:"restart,omitempty"` // it takes effect when the container is started next
	Add     bool   `json:"add,omitempty"`     // what is there under Key must stay
	Old     string `json:"old,omitempty"`     // of KeyPool the pool that it leaves, of KeyEnv the variables that go
}

// KeyPool is the Key of a Put that moves a container to the pool Value, or with "" out of its
// pool. Proxmox has no such key in a container's configuration.
const KeyPool = "pool"

// when is the moment at which a setting of a running container takes effect.
type when int

const (
	live      when = iota // at once
	atRestart             // when it is started next
	grows                 // at once; it cannot become smaller
	never                 // the container would have to be created anew
)

// sides are the two sides that a row compares.
type sides struct {
	want, was lxc.Spec   // what is asked for, and what was asked for when that was recorded last
	have      pve.Config // with what waits for a restart
	made      string     // the OS template that the container was made from; "" if not known
	image     *lxc.Image // and the image; nil: none
	env       []EnvVar   // that the job wants of a container from an image
	gone      []string   // variables that it does not want any more
	moved     string     // see Situation.Moved
	ctid      int
	pool      *string // that it is a member of; nil: nobody asked
	login     Login
	hotDevice bool // a running container gets a new device at once

	anyAddress bool // nobody says how the first interface gets its IPv4 address
}

// compared is one comparison in words. The two are equal if there is nothing to do.
type compared struct {
	have, want string
	value      string // the new value of Proxmox's key; "" removes the key
	less       bool   // of grows: the wanted size is smaller
	stays      string // why a sync leaves it; "": it does not
	restart    bool   // Proxmox sets it at once, and the guest has it when it is started next
}

// settingRow is one setting. What nobody asks for, now or when that was recorded last, is
// left as Proxmox has it: compare then returns the same text twice.
type settingRow struct {
	name      string
	flags     []string // of create and sync; for Setting.From and Given
	part      string   // the name or path of an interface, mount point or device, which flags[0] gives
	key       string   // Proxmox's; "" for one that a sync never changes
	privilege string
	when      when
	compare   func(sides) compared
	// rootOnly reports whether Proxmox lets only root@pam, or pct on the node, make this
	// change; nil: never.
	rootOnly func(sides, compared) bool

	add    bool       // key is free, and must be until it is set
	mount  *lxc.Mount // that is added
	device string     // that is added or changed
}

// settingRows are the settings of every container, in the order in which they are set. A new
// one is a row here and a line in TestSettings; if create has a flag for it, also a line in
// given. See partRows for what a container may have several of.
var settingRows = []settingRow{
	{name: "cores", flags: []string{"cores"}, key: "cores", privilege: "VM.Config.CPU", compare: number("", func(s lxc.Spec) int { return s.Cores }, "cores")},
	{name: "cpulimit", flags: []string{"cpulimit"}, key: "cpulimit", privilege: "VM.Config.CPU", compare: plainKey("cpulimit", func(s lxc.Spec) string { return decimal(s.CPULimit) })},
	{name: "cpuunits", flags: []string{"cpuunits"}, key: "cpuunits", privilege: "VM.Config.CPU", compare: plainKey("cpuunits", func(s lxc.Spec) string { return decimal(float64(s.CPUUnits)) })},
	{name: "memory", flags: []string{"memory"}, key: "memory", privilege: "VM.Config.Memory", compare: number(" MiB", func(s lxc.Spec) int { return s.MemoryMiB }, "memory")},
	{name: "swap", flags: []string{"swap"}, key: "swap", privilege: "VM.Config.Memory", compare: compareSwap},
	{name: "disk", flags: []string{"disk"}, key: "rootfs", privilege: "VM.Config.Disk", when: grows, compare: compareDisk},
	{name: "hostname", key: "hostname", privilege: "VM.Config.Network", when: atRestart, compare: compareHostname},
	{name: "tags", flags: []string{"tag"}, key: "tags", privilege: "VM.Config.Options", compare: compareTags},
	{name: "features", flags: []string{"nesting"}, key: "features", privilege: "VM.Allocate", when: atRestart, compare: compareFeatures, rootOnly: featuresNeedRoot},
	{name: "network", flags: []string{"bridge", "vlan", "mtu", "rate", "firewall", "ip", "ip6"}, key: "net0", privilege: "VM.Config.Network", compare: compareNetwork},
	{name: "nameservers", flags: []string{"nameserver"}, key: "nameserver", privilege: "VM.Config.Network", when: atRestart, compare: compareNameservers},
	{name: "searchdomain", key: "searchdomain", privilege: "VM.Config.Network", when: atRestart, compare: plainKey("searchdomain", func(s lxc.Spec) string { return s.Network.SearchDomain })},
	{name: "onboot", flags: []string{"onboot"}, key: "onboot", privilege: "VM.Config.Options", compare: compareOnBoot},
	{name: "startup", flags: []string{"startup"}, key: "startup", privilege: "VM.Config.Options", compare: compareStartup},
	{name: "description", key: "description", privilege: "VM.Config.Options", compare: compareDescription},
	{name: "pool", flags: []string{"pool"}, key: KeyPool, compare: comparePool, rootOnly: poolNeedsNode},
	{name: "console", flags: []string{"console"}, key: "cmode", privilege: "VM.Config.Options", when: atRestart, compare: compareConsole},
	{name: "environment", key: KeyEnv, privilege: "VM.Config.Options", when: atRestart, compare: compareEnv},
	{name: "os", flags: []string{"os", "image"}, when: never, compare: compareOS},
	{name: "unprivileged", flags: []string{"unprivileged", "privileged"}, when: never, compare: compareUnprivileged},
}

// Settings are the differences between a container that is there and what a sync wants it
// to be, in the order in which they are set.
func Settings(q Request, w World) (out []Setting) {
	s := sidesOf(q, w)
	for _, row := range slices.Concat(settingRows, partRows(s)) {
		if one, differs := row.setting(s, q, w); differs {
			out = append(out, one)
		}
	}
	return out
}

func sidesOf(q Request, w World) sides {
	s := sides{want: q.Sync.Want, was: q.Sync.Was, have: w.Situation.Config, made: w.Record.OSTemplate, image: w.Record.Image, ctid: w.Record.CTID, pool: w.Situation.Pool, anyAddress: q.anyAddress(), login: w.Login, hotDevice: w.Situation.HotDevices, moved: w.Situation.Moved}
	if w.Record.Image != nil {
		s.env, s.gone = q.Job.Environment(w.Record.Image.Kind), q.Sync.EnvGone
	}
	return s
}

// setting compares one row.
func (row settingRow) setting(s sides, q Request, w World) (Setting, bool) {
	if q.unasked(row) {
		return Setting{}, false
	}
	c := row.compare(s)
	running := s
	if w.Situation.Now != nil {
		running.have = *w.Situation.Now
	}
	now := row.compare(running)
	one := Setting{Name: row.name, Privilege: row.privilege, Have: now.have, Want: c.want, From: row.from(q.Job.Given), Restart: (row.when == atRestart || c.restart) && now.have != c.want}
	if row.key == KeyEnv { // one text names several variables, and only those that differ
		if one.Want = now.want; slices.ContainsFunc(s.env, func(v EnvVar) bool { return v.Given }) {
			one.From = "given"
		}
	}
	switch {
	case c.have == c.want && now.have == now.want:
		return one, false
	case c.have == c.want:
		one.Effect, one.Restart = SettingWaits, true
	case c.stays != "":
		one.Effect, one.Why = SettingStays, c.stays
	case row.when == never:
		one.Effect, one.Why = SettingStays, "cannot be changed: create anew"
	case c.less:
		one.Effect, one.Why = SettingStays, "cannot shrink"
	default:
		one.Effect = SettingSet
		one.Put = Put{Name: row.name, Key: row.key, Value: c.value, Grow: row.when == grows, Restart: one.Restart, Add: row.add}
		one.Mount, one.Device = row.mount, row.device
		switch row.key {
		case KeyPool:
			one.Put.Old = c.have
		case KeyEnv:
			one.Put.Old = strings.Join(s.gone, ",")
		}
		if row.rootOnly != nil && !w.Login.Root && row.rootOnly(s, c) {
			one.Put.OnNode = true
		}
		if one.Put.OnNode && !w.Login.Node {
			one.Effect, one.Why = SettingRefuse, "only root@pam with its password may set this, or pct on the node"
		}
	}
	return one, true
}

// unasked reports whether the template leaves a setting to the default of this tool, and no
// flag gave it. The default is for create: a sync that set it would undo what somebody has
// set on Proxmox by hand.
func (q Request) unasked(row settingRow) bool {
	t := q.Job.Template
	return t != nil && !q.Job.Given.Has(row.flags...) && slices.Contains(t.Defaults(), row.name)
}

// anyAddress is unasked for the IPv4 address alone: a static address that somebody has set on
// Proxmox must not go back to DHCP because the template names a VLAN.
func (q Request) anyAddress() bool {
	t := q.Job.Template
	return t != nil && !q.Job.Given.Has("ip") && !t.NamesAddress()
}

// from says who wants a setting.
func (row settingRow) from(g *Given) string {
	switch {
	case g == nil, row.name == "hostname":
		return "record"
	case row.part != "" && g.HasPart(row.flags[0], row.part):
		return "given"
	case row.part == "" && g.Has(row.flags...), row.name == "tags" && len(g.Tags) > 0:
		return "given"
	}
	return "template"
}

// SettingPrivileges are the privileges that the login needs to make these changes by the API.
func SettingPrivileges(settings []Setting) (privileges []string) {
	for _, s := range settings {
		if s.Effect == SettingSet && !s.Put.OnNode && s.Privilege != "" && !slices.Contains(privileges, s.Privilege) {
			privileges = append(privileges, s.Privilege)
		}
	}
	return privileges
}

// Made reports whether Proxmox has what a request asks for. A property string counts as the
// same whatever its order, and so do tags. Proxmox gives an interface an address of its own.
// An added part counts as made once there is anything of that name: a second one is worse
// than one that the next sync has to change.
func (c Put) Made(have pve.Config) bool {
	now, set := have.All[c.Key]
	switch {
	case c.Add:
		return c.there(have) != ""
	case c.Key == "description":
		return have.Description == strings.TrimRight(c.Value, "\n")
	case c.Grow:
		return pve.Properties(now)["size"] == c.Value
	case c.Value == "":
		return !set
	case c.Key == "tags":
		return slices.Equal(sortedTags(have.Tags), sortedTags(pve.Tags(c.Value)))
	}
	if strings.HasPrefix(c.Key, "mp") {
		now = pve.WithProperties(now, map[string]string{"size": ""})
	}
	if strings.HasPrefix(c.Key, "net") && pve.Properties(c.Value)["hwaddr"] == "" {
		now = pve.WithProperties(now, map[string]string{"hwaddr": ""})
	}
	return pve.SameProperties(now, c.Value)
}

// there is the key of the interface, mount point or device that a request adds; "" if
// Proxmox does not have it.
func (c Put) there(have pve.Config) string {
	value := pve.Properties(c.Value)
	switch kind := strings.TrimRight(c.Key, "0123456789"); kind {
	case "net":
		return partKey(have, kind, "name", value["name"])
	case "mp":
		return partKey(have, kind, "mp", value["mp"])
	default:
		return deviceKey(have, value[""])
	}
}

// Free is the request with a key that Proxmox does not have.
func (c Put) Free(have pve.Config) Put {
	c.Key = freeKey(have, strings.TrimRight(c.Key, "0123456789"), map[string]bool{})
	return c
}
