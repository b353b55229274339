package fleet

// document is the content of a fleet file. Its tags say what is allowed, as those of
// template.yaml's document do; flag is the flag of create that a key stands for.
type document struct {
	Name       string           `yaml:"name" required:"true" pattern:"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$" hint:"letters, digits, dots and dashes, at most 63" desc:"The fleet's name. Records of its containers have it, so that a container which is no longer in the file is found."`
	Parallel   *int             `yaml:"parallel" min:"1" max:"256" desc:"How many containers are worked on at once; --parallel says another number."`
	PerNode    *int             `yaml:"perNode" min:"1" max:"256" desc:"How many create tasks run at once on a node; --per-node says another number."`
	Defaults   entry            `yaml:"defaults" desc:"What every container has that does not say otherwise."`
	Containers map[string]entry `yaml:"containers" required:"true" desc:"The containers, by name. With count, the name stands for several."`
}

// entry is a container, or several of a kind. A nil field is not in the file.
type entry struct {
	Count         *int              `yaml:"count" min:"0" max:"1000" desc:"Make so many: NAME-1, NAME-2, …, or with the number where NAME has %d or %02d."`
	Needs         []string          `yaml:"needs" desc:"Containers that have to be ready first, by name. Of a name with a count, all."`
	Template      *string           `yaml:"template" flag:"template" path:"true" desc:"The template: a name, a folder from this file, or an address."`
	OS            *string           `yaml:"os" flag:"os" desc:"The OS template, instead of the template's."`
	Image         *string           `yaml:"image" flag:"image" desc:"An OCI image of a registry."`
	OSType        *string           `yaml:"ostype" flag:"ostype" desc:"The distribution, where Proxmox cannot recognise it."`
	Variables     map[string]string `yaml:"variables" flag:"set" desc:"Variables of the template."`
	VariableFiles map[string]string `yaml:"variableFiles" flag:"set-file" path:"true" desc:"Variables of the template from files, such as secrets."`
	Env           map[string]string `yaml:"env" flag:"env" desc:"Of an image: variables of its environment."`
	EnvFiles      []string          `yaml:"envFiles" flag:"env-file" path:"true" desc:"Of an image: files with such variables."`
	Packages      []string          `yaml:"packages" flag:"package" desc:"Further packages to install."`
	SkipScripts   []string          `yaml:"skipScripts" flag:"skip-script" desc:"Scripts of the template not to run."`
	PasswordFile  *string           `yaml:"passwordFile" flag:"password-file" path:"true" desc:"Root's password from this file, instead of a random one."`
	CTID          *int              `yaml:"ctid" flag:"ctid" min:"100" max:"999999999" desc:"The container's id on Proxmox. Default: the next free one."`
	Node          *string           `yaml:"node" flag:"node" desc:"The node: a name, several with commas, or auto for the one with the most free memory that fits."`
	Storage       *string           `yaml:"storage" flag:"storage" desc:"The storage of the root disk."`
	Cores         *int              `yaml:"cores" flag:"cores" min:"1" max:"8192" desc:"Number of CPU cores."`
	CPULimit      *float64          `yaml:"cpulimit" flag:"cpulimit" min:"0" max:"8192" desc:"The most CPU time in cores."`
	CPUUnits      *int              `yaml:"cpuunits" flag:"cpuunits" min:"0" max:"500000" desc:"The weight against other guests when CPU time is short."`
	Memory        *int              `yaml:"memory" flag:"memory" min:"16" max:"16777216" hint:"in MiB" desc:"Memory in MiB."`
	Swap          *int              `yaml:"swap" flag:"swap" min:"0" max:"16777216" hint:"in MiB" desc:"Swap in MiB."`
	Disk          *int              `yaml:"disk" flag:"disk" min:"1" max:"131072" hint:"in GiB" desc:"Root disk in GiB."`
	IP            *string           `yaml:"ip" flag:"ip" desc:"IPv4: dhcp, none, CIDR[,gateway], or a range of which each container gets one address: FROM-TO/BITS[,gateway], or a network such as 192.0.2.0/24."`
	IP6           *string           `yaml:"ip6" flag:"ip6" desc:"IPv6: auto, or as ip."`
	Bridge        *string           `yaml:"bridge" flag:"bridge" desc:"The bridge of eth0."`
	VLAN          *int              `yaml:"vlan" flag:"vlan" min:"1" max:"4094" desc:"The VLAN of eth0."`
	MTU           *int              `yaml:"mtu" flag:"mtu" min:"64" max:"65535" desc:"The largest packet of eth0."`
	Rate          *float64          `yaml:"rate" flag:"rate" min:"0" max:"100000" desc:"The most that eth0 sends, in MB/s."`
	Firewall      *bool             `yaml:"firewall" flag:"firewall" desc:"Whether Proxmox's firewall filters eth0."`
	Nameservers   []string          `yaml:"nameservers" flag:"nameserver" desc:"DNS servers."`
	Nets          []string          `yaml:"nets" flag:"net" desc:"Further interfaces, as --net takes them."`
	Mounts        []string          `yaml:"mounts" flag:"mount" desc:"Mount points, as --mount takes them."`
	Devices       []string          `yaml:"devices" flag:"device" desc:"Devices of the node, as --device takes them."`
	Tags          []string          `yaml:"tags" flag:"tag" desc:"Tags on Proxmox."`
	SSHKeys       []string          `yaml:"sshKeys" flag:"ssh-key" path:"true" desc:"Public keys that root accepts, as text or files."`
	Pool          *string           `yaml:"pool" flag:"pool" desc:"The resource pool."`
	Unprivileged  *bool             `yaml:"unprivileged" flag:"unprivileged" desc:"Whether root in the container is an ordinary user on the node."`
	Nesting       *bool             `yaml:"nesting" flag:"nesting" desc:"Allow containers inside."`
	Console       *string           `yaml:"console" flag:"console" enum:"tty,shell" desc:"What its console asks."`
	OnBoot        *bool             `yaml:"onboot" flag:"onboot" desc:"Start it when the node starts."`
	Startup       *string           `yaml:"startup" flag:"startup" desc:"The order of starts with the node."`
}
