package template

// The parts of template.yaml that say what Proxmox is asked for: the container itself.

type resourcesDoc struct {
	Cores    int     `yaml:"cores" min:"1" max:"128" desc:"CPU cores. Default: 1." example:"2"`
	CPULimit float64 `yaml:"cpulimit" min:"0" max:"8192" hint:"in cores, such as 0.5" desc:"The most CPU time, in cores; may be a fraction. Default: no limit." example:"0.5"`
	CPUUnits int     `yaml:"cpuunits" min:"0" max:"500000" desc:"The weight against other guests when CPU time is short. Default: Proxmox's (100)." example:"200"`
	Memory   int     `yaml:"memory" min:"128" max:"65536" hint:"in MiB" desc:"Memory in MiB. Default: 512." example:"1024"`
	Swap     int     `yaml:"swap" min:"0" max:"65536" hint:"in MiB" desc:"Swap in MiB. Default: 512." example:"0"`
	Disk     int     `yaml:"disk" min:"1" max:"10240" hint:"in GiB" desc:"Root disk in GiB. Default: 8." example:"20"`
}

type featuresDoc struct {
	Nesting bool     `yaml:"nesting" desc:"Containers in the container; systemd and Docker want it." example:"true"`
	Keyctl  bool     `yaml:"keyctl" desc:"The keyctl system call, which Docker in an unprivileged container wants." example:"true"`
	Fuse    bool     `yaml:"fuse" desc:"FUSE file systems." example:"true"`
	Mknod   bool     `yaml:"mknod" desc:"Making device nodes." example:"true"`
	Mount   []string `yaml:"mount" pattern:"^[a-z0-9]+$" desc:"File system types that may be mounted, such as nfs." example:"[nfs, cifs]"`
}

type networkDoc struct {
	Name         string   `yaml:"name" pattern:"^[A-Za-z][A-Za-z0-9_.-]{0,14}$" hint:"such as eth0" desc:"The interface's name in the container. Default: eth0, eth1, … in the order of the list." example:"eth1"`
	Bridge       string   `yaml:"bridge" pattern:"^[A-Za-z0-9][A-Za-z0-9_.-]{0,14}$" hint:"such as vmbr0" desc:"Default: the node's only bridge." example:"vmbr0"`
	VLAN         int      `yaml:"vlan" min:"1" max:"4094" desc:"The VLAN tag. Default: untagged." example:"20"`
	IP           string   `yaml:"ip" desc:"dhcp, none or an address with its prefix length, such as 192.168.1.20/24. Default: dhcp, and none for further interfaces." example:"192.168.1.20/24"`
	Gateway      string   `yaml:"gateway" desc:"Only with an address." example:"192.168.1.1"`
	IP6          string   `yaml:"ip6" desc:"dhcp, auto, none or an address with its prefix length. Default: none." example:"auto"`
	Gateway6     string   `yaml:"gateway6" desc:"Only with an address." example:"'fd00::1'"`
	Nameservers  []string `yaml:"nameservers" desc:"IP addresses, with the first interface only. Default: the node's." example:"[192.168.1.1]"`
	SearchDomain string   `yaml:"searchdomain" desc:"A domain for short names, with the first interface only. Default: the node's." example:"lab.example.org"`
	MTU          int      `yaml:"mtu" min:"64" max:"65535" desc:"Default: the bridge's." example:"1450"`
	Rate         float64  `yaml:"rate" min:"0" max:"100000" hint:"in MB/s" desc:"The most that it sends, in MB/s. Default: no limit." example:"12.5"`
	Firewall     bool     `yaml:"firewall" desc:"Whether Proxmox's firewall guards the interface." example:"true"`
}

type mountDoc struct {
	Path     string   `yaml:"path" required:"true" hint:"an absolute path in the container" desc:"An absolute path in the container." example:"/srv/data"`
	Size     int      `yaml:"size" min:"1" max:"131072" hint:"in GiB" desc:"The size of a new volume in GiB. It is destroyed with the container." example:"20"`
	Storage  string   `yaml:"storage" pattern:"^[A-Za-z][A-Za-z0-9._-]*[A-Za-z0-9]$" hint:"the name of a storage" desc:"Where the new volume is. Default: with the root disk." example:"local-lvm"`
	Volume   string   `yaml:"volume" hint:"such as local-lvm:vm-100-disk-1" desc:"An existing volume instead of a new one. It stays when the container is destroyed, unless it carries the container's id." example:"'local-lvm:vm-900-disk-1'"`
	Source   string   `yaml:"source" hint:"an absolute path on the node" desc:"A folder of the node instead of a volume (a bind mount). Set through the node (ssh.node), or by root@pam." example:"/srv/media"`
	Backup   bool     `yaml:"backup" desc:"Whether Proxmox's backups include the volume. Default: false, as in Proxmox." example:"true"`
	ReadOnly bool     `yaml:"readonly" desc:"Whether the container can only read." example:"true"`
	Options  []string `yaml:"options" enum:"discard,lazytime,noatime,nodev,noexec,nosuid" desc:"Mount options." example:"[noatime]"`
	IDMap    string   `yaml:"idmap" pattern:"^(passthrough|[ug]:[0-9]+:[0-9]+:[1-9][0-9]*(;[ug]:[0-9]+:[0-9]+:[1-9][0-9]*)*)$" hint:"passthrough, or u:0:1000:1;g:0:1000:1" desc:"How ids in the container map to those on the disk: passthrough, or TYPE:CONTAINER:DISK:COUNT with ; between. Needs Proxmox VE 9.2." example:"'u:0:1000:1;g:0:1000:1'"`
}

// deviceDoc is a path, or a path and its access.
type deviceDoc struct {
	Path      string `yaml:"path" required:"true" hint:"such as /dev/dri/renderD128" desc:"The device on the node, which has the same path in the container." example:"/dev/dri/renderD128"`
	Mode      string `yaml:"mode" pattern:"^0[0-7]{3}$" hint:"such as '0660'" desc:"Its permissions in the container. Default: 0660." example:"'0660'"`
	UID       int    `yaml:"uid" min:"0" max:"65535" desc:"Its owner in the container. Default: 0." example:"0"`
	GID       int    `yaml:"gid" min:"0" max:"65535" desc:"Its group in the container. Default: 0." example:"104"`
	DenyWrite bool   `yaml:"denyWrite" desc:"Whether the container can only read it." example:"true"`
}

// startupDoc is an order, or an order and pauses. A number below 0 is not given.
type startupDoc struct {
	Order int `yaml:"order" min:"0" max:"999999999" desc:"Lower numbers start first and stop last." example:"3"`
	Up    int `yaml:"up" min:"0" max:"999999999" hint:"in seconds" desc:"Seconds to wait after its start before the next one." example:"30"`
	Down  int `yaml:"down" min:"0" max:"999999999" hint:"in seconds" desc:"Seconds that its shutdown may take." example:"60"`
}

type requiresDoc struct {
	Infrahaus    string   `yaml:"infrahaus" hint:"such as '>=1.2'" desc:"Versions of this tool." example:"'>=1.2'"`
	Proxmox      string   `yaml:"proxmox" hint:"such as '>=8.2'" desc:"Versions of Proxmox VE." example:"'>=8.2'"`
	PVEContainer string   `yaml:"pveContainer" hint:"such as '>=5.2.6'" desc:"Versions of the node's package pve-container. Only a login with Sys.Audit on the node may ask for it; another one is told that it was not checked." example:"'>=5.2.6'"`
	Privileges   []string `yaml:"privileges" pattern:"^[A-Z][A-Za-z]*(\\.[A-Z][A-Za-z]*)+$" hint:"such as Sys.Modify" desc:"Privileges that the login needs on /, besides those of every create." example:"[Sys.Modify]"`
}
