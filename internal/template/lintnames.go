package template

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// packageRule finds names that a package manager surely refuses.
type packageRule struct {
	managers string
	pattern  *regexp.Regexp
	message  string
	better   func(name string) string
}

var packageRules = []packageRule{
	{"apt", regexp.MustCompile(`==`), "apt pins a version with one =", func(n string) string { return strings.Replace(n, "==", "=", 1) }},
	{"apt", regexp.MustCompile(`^[^=]*[<>~]`), "apt takes an exact version, or a pattern such as 1.2.*", func(n string) string { return regexp.MustCompile(`[<>~=]+`).Split(n, 2)[0] }},
	{"apt", regexp.MustCompile(`^[^=/:]*[A-Z@_]`), "no package of Debian or Ubuntu has capitals, @ or _ in its name", func(n string) string {
		return strings.ToLower(strings.NewReplacer("_", "-", "@", "=").Replace(n))
	}},
	{"apk", regexp.MustCompile(`==`), "apk pins a version with one =", func(n string) string { return strings.Replace(n, "==", "=", 1) }},
	{"pip", regexp.MustCompile(`^[^=<>!~]+=[^=]`), "pip pins a version with ==", func(n string) string { return strings.Replace(n, "=", "==", 1) }},
	{"pip", regexp.MustCompile(`^[^@/]+@[0-9]`), "pip pins a version with ==", func(n string) string { return strings.Replace(n, "@", "==", 1) }},
	{"npm", regexp.MustCompile(`^@?[^@=]+==?[0-9]`), "npm pins a version with @", func(n string) string { return regexp.MustCompile(`=+`).ReplaceAllString(n, "@") }},
}

// slips are names of one manager's package that another is known not to have, with the name
// that it has there.
var slips = map[string]map[string]string{
	"apt": {
		"py3-pip": "python3-pip", "build-base": "build-essential", "bind-tools": "bind9-dnsutils", "openssl-dev": "libssl-dev", "zlib-dev": "zlib1g-dev",
		"gcc-c++": "g++", "mariadb": "mariadb-server", "postgresql-server": "postgresql", "httpd": "apache2", "vim-enhanced": "vim", "epel-release": "",
		"python3-devel": "python3-dev", "openssl-devel": "libssl-dev", "zlib-devel": "zlib1g-dev", "nginx-mod-stream": "libnginx-mod-stream",
	},
	"apk": {
		"python3-pip": "py3-pip", "python3-venv": "python3", "build-essential": "build-base", "dnsutils": "bind-tools", "bind9-dnsutils": "bind-tools", "libssl-dev": "openssl-dev",
		"zlib1g-dev": "zlib-dev", "docker.io": "docker", "nginx-light": "nginx", "nginx-full": "nginx",
		"apt-transport-https": "", "software-properties-common": "", "apache2-bin": "apache2", "default-jre": "openjdk17-jre",
		"gcc-c++": "g++", "openssl-devel": "openssl-dev", "httpd": "apache2",
	},
	"dnf": {
		"build-essential": "gcc gcc-c++ make", "libssl-dev": "openssl-devel", "zlib1g-dev": "zlib-devel", "python3-venv": "python3", "apache2": "httpd", "dnsutils": "bind-utils",
		"docker.io": "moby-engine", "python3-dev": "python3-devel", "build-base": "gcc gcc-c++ make", "py3-pip": "python3-pip",
	},
}

// packageNames checks the names of packages, where they are listed.
func (c *lint) packageNames() {
	for _, manager := range Managers {
		for _, name := range c.t.Packages.Names[manager] {
			message, better, sure := packageFault(manager, name)
			if message == "" || c.l.inheritsPackage(manager, name) {
				continue
			}
			suggestion := ""
			if better != "" {
				suggestion = "did you mean " + better + "?"
			}
			c.atPackage(manager, name, sure, suggestion, message)
		}
	}
	// A list that no manager of the guest reads. The OS is known by its name.
	own, known := managerOf(c.t.OS)
	for _, r := range c.t.Repositories {
		if known && r.Manager != own && len(c.t.OSElse) == 0 && !slices.ContainsFunc(inherited(c.l.parent), func(o Repository) bool { return o.Name == r.Name }) {
			c.add("repositories", false, "", "%s is a repository of %s, and the package manager of %s is %s", r.Name, r.Manager, c.t.OS, own)
		}
	}
	if !known || len(c.t.Packages.Names[own]) > 0 {
		return
	}
	for _, other := range []string{"apt", "apk", "dnf"} {
		if names := c.t.Packages.Names[other]; other != own && len(names) > 0 {
			c.atPackage(other, names[0], false, "list them under "+own, "nothing of "+other+" is installed: the package manager of "+c.t.OS+" is "+own)
		}
	}
}

func inherited(t *Template) []Repository {
	if t == nil {
		return nil
	}
	return t.Repositories
}

// packageFault returns what is wrong with a name, what it should be, and whether that is sure.
func packageFault(manager, name string) (message, better string, sure bool) {
	for _, r := range packageRules {
		if r.managers == manager && r.pattern.MatchString(name) {
			return strings.TrimSpace(name) + ": " + r.message, r.better(name), true
		}
	}
	bare := regexp.MustCompile(`[=<>~@/:]`).Split(name, 2)[0]
	if to, slip := slips[manager][bare]; slip {
		return name + ": " + manager + " has no such package", to, false
	}
	return "", "", false
}

// managerOf is the package manager of an OS template, as far as its name tells.
func managerOf(os string) (string, bool) {
	if _, file, volume := strings.Cut(os, ":vztmpl/"); volume {
		os = file
	}
	for prefix, manager := range map[string]string{
		"debian": "apt", "ubuntu": "apt", "devuan": "apt", "alpine": "apk", "fedora": "dnf", "rockylinux": "dnf", "almalinux": "dnf", "centos": "dnf",
	} {
		if strings.HasPrefix(os, prefix) {
			return manager, true
		}
	}
	return "", false
}

// atPackage notes a problem where a package is listed: in template.yaml or in packages/*.
func (c *lint) atPackage(manager, name string, doubt bool, suggestion, message string) {
	dir := c.dir + "packages"
	for _, file := range c.l.tree.in(dir) {
		if path.Ext(file) != "."+manager {
			continue
		}
		data, err := readLimited(c.l.fsys, path.Join(dir, file), maxScript)
		if err != nil {
			continue
		}
		for n, line := range lines(data) {
			text, _, _ := strings.Cut(line, "#")
			if strings.TrimSpace(text) == name {
				c.in(path.Join(dir, file), n+1, strings.Index(line, name)+1, doubt, suggestion, "%s", message)
				return
			}
		}
	}
	for k := 0; c.d != nil && c.d.values[index("packages."+manager, k)] != nil; k++ {
		at := index("packages."+manager, k)
		if n := c.d.values[at+".name"]; n != nil && n.Value == name || c.d.values[at].Value == name {
			c.add(at, doubt, suggestion, "%s", message)
			return
		}
	}
	c.add("packages."+manager, doubt, suggestion, "%s", message)
}

// written are files that Proxmox writes at each start of a container.
var written = []string{"/etc/hostname", "/etc/hosts", "/etc/resolv.conf", "/etc/network/interfaces", "/etc/systemd/network/eth0.network"}

// targets finds files that the guest will not have for long.
func (c *lint) targets() {
	for _, f := range c.t.Files {
		message, better := "", ""
		switch {
		case f.inherited:
			continue
		case within(f.Target, "/run", "/var/run", "/var/lock"):
			message, better = "is in memory: it is gone after a restart", "a file in /etc/tmpfiles.d can make it at each boot"
		case within(f.Target, "/tmp"):
			message, better = "is emptied at each boot, and is in memory on Debian 13", "use /var/tmp, /opt or /srv"
		case contains(written, f.Target):
			message, better = "is written by Proxmox at each start", "a file "+path.Dir(f.Target)+"/.pve-ignore."+path.Base(f.Target)+" prevents that"
		case within(f.Target, "/etc/infrahaus", "/etc/config-manager", "/var/lib/config-manager", "/usr/local/lib/config-manager"):
			message, better = "belongs to infrahaus itself", "choose another folder"
		default:
			continue
		}
		c.atFile(f, better, f.Target+" "+message)
	}
}

func within(target string, dirs ...string) bool {
	for _, d := range dirs {
		if target == d || strings.HasPrefix(target, d+"/") {
			return true
		}
	}
	return false
}

// atFile notes a problem with a file's target or owner.
func (c *lint) atFile(f File, suggestion, message string) {
	if c.t.Legacy {
		c.in(f.Source+".path", 1, 1, false, suggestion, "%s", message)
		return
	}
	at := "files"
	for i := 0; c.d.values[index("files", i)] != nil; i++ {
		n := c.d.values[index("files", i)+".target"]
		if n == nil {
			continue
		}
		if target := path.Clean(n.Value); within(f.Target, target) {
			at = index("files", i) + ".target"
			if f.Target == target {
				break
			}
		}
	}
	c.add(at, false, suggestion, "%s", message)
}
