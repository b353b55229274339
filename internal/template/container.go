package template

// The parts of template.yaml that say what Proxmox is asked for: the container itself.

type resourcesDoc struct {
	Cores  int `yaml:"cores" min:"1" max:"128" desc:"CPU cores. Default: 1." example:"2"`
	Memory int `yaml:"memory" min:"128" max:"65536" hint:"in MiB" desc:"Memory in MiB. Default: 512." example:"1024"`
	Swap   int `yaml:"swap" min:"0" max:"65536" hint:"in MiB" desc:"Swap in MiB. Default: 512." example:"0"`
	Disk   int `yaml:"disk" min:"1" max:"10240" hint:"in GiB" desc:"Root disk in GiB. Default: 8." example:"20"`
}

type featuresDoc struct {
	Nesting bool     `yaml:"nesting" desc:"Containers in the container; systemd and Docker want it." example:"true"`
	Keyctl  bool     `yaml:"keyctl" desc:"The keyctl system call, which Docker in an unprivileged container wants." example:"true"`
	Fuse    bool     `yaml:"fuse" desc:"FUSE file systems." example:"true"`
	Mknod   bool     `yaml:"mknod" desc:"Making device nodes." example:"true"`
	Mount   []string `yaml:"mount" pattern:"^[a-z0-9]+$" desc:"File system types that may be mounted, such as nfs." example:"[nfs, cifs]"`
}

type networkDoc struct {
	Bridge      string   `yaml:"bridge" pattern:"^[A-Za-z0-9][A-Za-z0-9_.-]{0,14}$" hint:"such as vmbr0" desc:"Default: the node's only bridge." example:"vmbr0"`
	VLAN        int      `yaml:"vlan" min:"1" max:"4094" desc:"The VLAN tag. Default: untagged." example:"20"`
	IP          string   `yaml:"ip" desc:"dhcp, none or an address with its prefix length, such as 192.168.1.20/24. Default: dhcp." example:"192.168.1.20/24"`
	Gateway     string   `yaml:"gateway" desc:"Only with an address." example:"192.168.1.1"`
	IP6         string   `yaml:"ip6" desc:"dhcp, auto, none or an address with its prefix length. Default: none." example:"auto"`
	Gateway6    string   `yaml:"gateway6" desc:"Only with an address." example:"'fd00::1'"`
	Nameservers []string `yaml:"nameservers" desc:"IP addresses. Default: the node's." example:"[192.168.1.1]"`
	Firewall    bool     `yaml:"firewall" desc:"Whether Proxmox's firewall guards the interface." example:"true"`
}
