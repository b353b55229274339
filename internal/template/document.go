package template

// document is the content of template.yaml. Its tags are the only place that defines the
// allowed values: the decoder checks them, and the JSON Schema is made from them. The
// ranges of resources are the original system's.
type document struct {
	Name         string                 `yaml:"name" required:"true" pattern:"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$" hint:"letters, digits, dots and dashes, at most 63" desc:"The template's name; containers are named after it." example:"blog"`
	OS           string                 `yaml:"os" required:"true" pattern:"^[A-Za-z0-9][A-Za-z0-9._-]*(:vztmpl/[A-Za-z0-9][A-Za-z0-9._+~-]*)?$" hint:"such as os: debian-12, or local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst" desc:"A prefix such as debian-12, whose newest OS template is used, or a volume id." example:"debian-12"`
	Description  string                 `yaml:"description" desc:"One line for people." example:"a blog behind nginx"`
	Resources    resourcesDoc           `yaml:"resources" desc:"What Proxmox is asked for."`
	Unprivileged bool                   `yaml:"unprivileged" desc:"Whether root in the container is an ordinary user on the node. Default: true." example:"true"`
	Features     featuresDoc            `yaml:"features" desc:"Proxmox's feature flags. An API token may set nesting alone."`
	Network      networkDoc             `yaml:"network" desc:"The first interface, eth0."`
	Tags         []string               `yaml:"tags" pattern:"^[A-Za-z0-9_][A-Za-z0-9_+.-]*$" hint:"letters, digits and _ + . -" desc:"Tags that the container gets on Proxmox." example:"[web, production]"`
	Variables    map[string]variableDoc `yaml:"variables" desc:"What --set may say. A variable db_name is $db_name and $INFRAHAUS_VAR_DB_NAME in scripts."`
	Packages     packagesDoc            `yaml:"packages" desc:"Packages to install, by manager, added to those of packages/*."`
	Files        []fileDoc              `yaml:"files" desc:"Files and directories to put into the container."`
	Scripts      []scriptDoc            `yaml:"scripts" desc:"Scripts to run, in this order. Default: every scripts/NN*.sh in numeric order."`
	Services     []serviceDoc           `yaml:"services" desc:"What has to run and answer in the end."`
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

type serviceDoc struct {
	Name     string      `yaml:"name" required:"true" pattern:"^[A-Za-z0-9._@-]+$" hint:"the unit's name without .service" desc:"As discovery names it: a unit without .service, or a Docker container." example:"postgresql"`
	Unit     string      `yaml:"unit" pattern:"^[A-Za-z0-9._@:-]+$" hint:"such as postgresql@15-main" desc:"The unit, where it is named otherwise." example:"postgresql@15-main"`
	Port     portDoc     `yaml:"port" desc:"The port on which it has to listen, or ${variable}." example:"5432"`
	Protocol string      `yaml:"protocol" enum:"tcp,udp" desc:"Default: tcp." example:"tcp"`
	HTTP     pathDoc     `yaml:"http" desc:"A path to ask for by HTTP; ready means an answer below 500." example:"/health"`
	HTTPS    pathDoc     `yaml:"https" desc:"The same by HTTPS; the certificate is not checked." example:"/"`
	TCP      bool        `yaml:"tcp" desc:"Whether a TCP connection is enough; it is where no HTTP is asked for." example:"true"`
	Timeout  durationDoc `yaml:"timeout" desc:"How long to wait: seconds, or a text such as 2m. Default: 60 s." example:"2m"`
	Enabled  bool        `yaml:"enabled" desc:"Whether every boot has to start it. create and sync enable its unit then. A sync starts a unit that does not run in any case." example:"true"`
}

// newDocument is a document with the defaults in it.
func newDocument() *document {
	return &document{
		Resources:    resourcesDoc{Cores: 1, Memory: 512, Swap: 512, Disk: 8},
		Unprivileged: true,
		Network:      networkDoc{IP: "dhcp"},
	}
}
