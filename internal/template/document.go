package template

// document is the content of template.yaml. Its tags are the only place that defines the
// allowed values: the decoder checks them, and the JSON Schema is made from them. The
// ranges of resources are the original system's.
type document struct {
	Name         string                 `yaml:"name" required:"true" pattern:"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$" hint:"letters, digits, dots and dashes, at most 63" desc:"The template's name; containers are named after it." example:"blog"`
	Extends      string                 `yaml:"extends" hint:"extends: base" desc:"A template to which this one is added: its name, a path from this folder, or an address such as git+https://HOST/REPO.git//DIR@REF. What this file says replaces the parent's; lists of names are added; variables, files, scripts, services and the like are replaced one by one, by name." example:"../base"`
	OS           osDoc                  `yaml:"os" required:"true" unless:"extends" hint:"such as os: debian-12, or local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst" desc:"A prefix such as debian-12, whose newest OS template is used, a volume id, or oci:IMAGE for an image of a registry, such as oci:nginx:1.29; or a list of them: the first that a storage has or Proxmox offers is used." example:"[debian-13, debian-12]"`
	OSType       string                 `yaml:"ostype" enum:"debian,devuan,ubuntu,centos,fedora,opensuse,archlinux,alpine,gentoo,nixos,unmanaged" desc:"The distribution, where Proxmox cannot recognise it: one that it knows, or unmanaged. In an unmanaged container Proxmox sets up neither a password nor SSH keys. Default: Proxmox looks." example:"unmanaged"`
	Description  string                 `yaml:"description" desc:"One line for people; Proxmox shows it in the container's notes." example:"a blog behind nginx"`
	Resources    resourcesDoc           `yaml:"resources" desc:"What Proxmox is asked for."`
	Unprivileged bool                   `yaml:"unprivileged" desc:"Whether root in the container is an ordinary user on the node. Default: true." example:"true"`
	Features     featuresDoc            `yaml:"features" desc:"Proxmox's feature flags. An API token may set nesting alone; the others are set through the node (ssh.node), or by root@pam with its password."`
	Network      networksDoc            `yaml:"network" desc:"The interface eth0, or a list of interfaces: eth0, eth1, …"`
	Mounts       []mountDoc             `yaml:"mounts" desc:"Mount points besides the root disk: new volumes, existing ones, and folders of the node."`
	Devices      []deviceDoc            `yaml:"devices" desc:"Devices of the node, as paths or with their access. Like features, set through the node or by root@pam."`
	Pool         string                 `yaml:"pool" pattern:"^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+){0,2}$" hint:"the name of a pool" desc:"The resource pool that the container becomes a member of, or none." example:"web"`
	OnBoot       bool                   `yaml:"onboot" desc:"Whether the node starts the container when it starts itself." example:"true"`
	Startup      startupDoc             `yaml:"startup" desc:"The order of starts and stops with the node: a number, or with pauses." example:"3"`
	SSHKeys      []string               `yaml:"sshKeys" desc:"Public keys that root accepts besides this tool's own, as lines of authorized_keys." example:"['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHk0F1aV0ePcMSgWFoTZxT5dyaxmHRUXmBzIm8q0Zx8L me']"`
	Requires     requiresDoc            `yaml:"requires" desc:"What the template needs; checked before anything is created."`
	Tags         []string               `yaml:"tags" pattern:"^[A-Za-z0-9_][A-Za-z0-9_+.-]*$" hint:"letters, digits and _ + . -" desc:"Tags that the container gets on Proxmox." example:"[web, production]"`
	Variables    map[string]variableDoc `yaml:"variables" desc:"What --set may say. A variable db_name is $db_name and $INFRAHAUS_VAR_DB_NAME in scripts."`
	Packages     packagesDoc            `yaml:"packages" desc:"Packages to install, by manager, added to those of packages/*."`
	Repositories []repositoryDoc        `yaml:"repositories" desc:"Sources of packages for apt, apk and dnf, in place before packages are installed."`
	Files        []fileDoc              `yaml:"files" desc:"Files and directories to put into the container."`
	Scripts      []scriptDoc            `yaml:"scripts" desc:"Scripts to run, in this order. Default: every scripts/NN*.sh in numeric order."`
	Update       updateDoc              `yaml:"update" desc:"How infrahaus update brings what the template installs to its newest version."`
	Services     []serviceDoc           `yaml:"services" desc:"What has to run and answer in the end."`
	Credentials  []credentialDoc        `yaml:"credentials" desc:"The credentials that its scripts save. A create that lacks one of them ends with a warning."`
	Notes        string                 `yaml:"notes" desc:"What people should know once the container is there, shown after create and by show. ${name} is replaced by a variable that is not secret, ${address} by the container's address." example:"'Open http://${address}/admin'"`
	MaxAge       string                 `yaml:"maxAge" pattern:"^[1-9][0-9]{0,3}[hdw]$" hint:"hours, days or weeks: 12h, 30d, 2w" desc:"How old an image of template bake may be. A create does not use an older one. Default: 30d." example:"2w"`
	SyncOnBoot   bool                   `yaml:"syncOnBoot" desc:"Apply files again at each boot. Default: only record drift." example:"true"`
}

type packagesDoc struct {
	Apt    []packageDoc `yaml:"apt" desc:"Debian and Ubuntu. An entry is a name, or a mapping with more about the package." example:"[curl, {name: nginx, notify: nginx}]"`
	Apk    []packageDoc `yaml:"apk" desc:"Alpine." example:"[nginx]"`
	Dnf    []packageDoc `yaml:"dnf" desc:"Fedora and its kin." example:"[nginx]"`
	Npm    []packageDoc `yaml:"npm" desc:"Node.js, globally." example:"[pm2]"`
	Pip    []packageDoc `yaml:"pip" desc:"Python." example:"[gunicorn==22.0.0]"`
	Custom []customDoc  `yaml:"custom" desc:"What has an installer of its own."`
}

// newDocument is a document with the defaults in it.
func newDocument() *document {
	return &document{
		Resources:    resourcesDoc{Cores: 1, Memory: 512, Swap: 512, Disk: 8},
		Unprivileged: true,
		Network:      networksDoc{{IP: "dhcp"}},
		Startup:      noStartup,
	}
}
