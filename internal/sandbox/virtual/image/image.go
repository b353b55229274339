// Package image lays out a simulated guest's root file system: the files of an OS
// template's archive, and those that Proxmox adds. It knows nothing of processes.
package image

import (
	"fmt"
	"io/fs"
	"net/netip"
	"path"
	"strings"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/fsys"
)

// stub is the content of an implemented program's file (kernel.Stub).
const stub = "\x7fELF virtual program "

// OS is a kind of operating system that can be laid out.
type OS struct {
	ID       string // debian, ubuntu, alpine
	Version  string // VERSION_ID
	Codename string
	Pretty   string
	SSHD     bool // the template brings sshd
}

// Systemd says whether systemd is its init.
func (o OS) Systemd() bool { return o.ID != "alpine" }

// Parse reads an OS template's file name, such as
// debian-12-standard_12.7-1_amd64.tar.zst. An unknown name becomes Debian 12.
func Parse(name string) OS {
	name = path.Base(name)
	id, rest, _ := strings.Cut(name, "-")
	version, _, _ := strings.Cut(rest, "-")
	switch id {
	case "alpine":
		v := version
		if v == "" {
			v = "3.22"
		}
		return OS{ID: "alpine", Version: v + ".0", Pretty: "Alpine Linux v" + v}
	case "ubuntu":
		code := map[string]string{"22.04": "jammy", "24.04": "noble", "25.04": "plucky"}[version]
		if code == "" {
			version, code = "24.04", "noble"
		}
		return OS{ID: "ubuntu", Version: version, Codename: code, Pretty: "Ubuntu " + version + " LTS", SSHD: true}
	}
	code := map[string]string{"11": "bullseye", "12": "bookworm", "13": "trixie"}[version]
	if code == "" || id != "debian" {
		version, code = "12", "bookworm"
	}
	return OS{ID: "debian", Version: version, Codename: code, Pretty: "Debian GNU/Linux " + version + " (" + code + ")", SSHD: true}
}

// Detect returns the OS of a file system that was laid out.
func Detect(f *fsys.FS) OS {
	v := rootView(f)
	b, _ := v.ReadFile("/etc/os-release")
	vars := map[string]string{}
	for _, l := range strings.Split(string(b), "\n") {
		if k, x, ok := strings.Cut(l, "="); ok {
			vars[k] = strings.Trim(x, `"`)
		}
	}
	o := OS{ID: vars["ID"], Version: vars["VERSION_ID"], Codename: vars["VERSION_CODENAME"], Pretty: vars["PRETTY_NAME"]}
	o.SSHD = o.ID != "alpine"
	return o
}

// Spec describes a root file system.
type Spec struct {
	OS           OS
	Hostname     string
	Nameservers  []string
	RootPassword string // plain or crypt
	SSHKeys      []string
	Unprivileged bool
}

// Network is the first interface as configured.
type Network struct {
	Name    string
	DHCP    bool
	Addr    netip.Prefix
	Gateway netip.Addr
}

func rootView(f *fsys.FS) *fsys.View { return &fsys.View{FS: f, Cwd: "/"} }

type layout struct {
	v   *fsys.View
	err error
}

func (l *layout) dir(p string, mode fs.FileMode) {
	if l.err == nil {
		l.err = l.v.MkdirAll(p, 0o755)
	}
	if l.err == nil && mode != 0o755 {
		l.err = l.v.Chmod(p, mode)
	}
}

func (l *layout) file(p, text string, mode fs.FileMode) {
	if l.err == nil {
		l.err = l.v.MkdirAll(path.Dir(p), 0o755)
	}
	if l.err == nil {
		l.err = l.v.WriteFile(p, []byte(text), mode)
	}
}

func (l *layout) program(p string) {
	if l.err == nil {
		l.err = l.v.MkdirAll(path.Dir(p), 0o755)
	}
	if l.err == nil {
		l.err = l.v.WriteProgram(p, stub)
	}
}

func (l *layout) link(target, p string) {
	if l.err == nil {
		l.err = l.v.MkdirAll(path.Dir(p), 0o755)
	}
	if l.err == nil {
		if _, err := l.v.Lstat(p); err != nil {
			l.err = l.v.Symlink(target, p)
		}
	}
}

func (l *layout) own(p string, uid, gid int) {
	if l.err == nil {
		l.err = l.v.Chown(p, uid, gid, false)
	}
}

// Layout fills an empty file system.
func Layout(f *fsys.FS, s Spec) error {
	l := &layout{v: rootView(f)}
	for _, d := range []string{"/etc", "/usr/bin", "/usr/sbin", "/usr/lib", "/usr/local/bin", "/usr/local/sbin", "/usr/share", "/var/log",
		"/var/lib", "/var/cache", "/var/spool", "/var/tmp", "/home", "/opt", "/srv", "/mnt", "/media", "/run/lock", "/root", "/tmp", "/boot"} {
		l.dir(d, 0o755)
	}
	l.dir("/root", 0o700)
	l.dir("/tmp", fs.ModeSticky|0o777)
	l.dir("/var/tmp", fs.ModeSticky|0o777)
	l.link("/run", "/var/run")
	l.link("/run/lock", "/var/lock")
	if s.OS.Systemd() {
		debian(l, s)
	} else {
		alpine(l, s)
	}
	common(l, s)
	if l.err != nil {
		return fmt.Errorf("cannot lay out the root file system: %w", l.err)
	}
	return Refresh(f, s, Network{})
}

func common(l *layout, s Spec) {
	o := s.OS
	rel := fmt.Sprintf("PRETTY_NAME=%q\nNAME=%q\nVERSION_ID=%q\n", o.Pretty, strings.Fields(o.Pretty + " x")[0], o.Version)
	switch o.ID {
	case "debian":
		rel = fmt.Sprintf("PRETTY_NAME=%q\nNAME=\"Debian GNU/Linux\"\nVERSION_ID=%q\nVERSION=\"%s (%s)\"\nVERSION_CODENAME=%s\nID=debian\nHOME_URL=\"https://www.debian.org/\"\n",
			o.Pretty, o.Version, o.Version, o.Codename, o.Codename)
	case "ubuntu":
		rel = fmt.Sprintf("PRETTY_NAME=%q\nNAME=\"Ubuntu\"\nVERSION_ID=%q\nVERSION_CODENAME=%s\nID=ubuntu\nID_LIKE=debian\n", o.Pretty, o.Version, o.Codename)
	case "alpine":
		rel = fmt.Sprintf("NAME=\"Alpine Linux\"\nID=alpine\nVERSION_ID=%s\nPRETTY_NAME=%q\nHOME_URL=\"https://alpinelinux.org/\"\n", o.Version, o.Pretty)
		l.file("/etc/alpine-release", o.Version+"\n", 0o644)
	}
	l.file("/usr/lib/os-release", rel, 0o644)
	l.link("../usr/lib/os-release", "/etc/os-release")
	issue := fmt.Sprintf("%s \\n \\l\n\n", strings.TrimSuffix(o.Pretty, " ("+o.Codename+")"))
	if o.ID == "alpine" {
		issue = "Welcome to " + o.Pretty + "\nKernel \\r on \\m (/dev/\\l)\n\n"
	}
	l.file("/etc/issue", issue, 0o644)
	l.file("/etc/motd", "\nThis is a simulated guest: what runs in it is interpreted, and nothing of it\nruns on the host.\n", 0o644)
	l.file("/etc/machine-id", "", 0o444)
	l.file("/etc/shells", "/bin/sh\n", 0o644)
	l.file("/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n", 0o644)
	l.file("/etc/timezone", "Etc/UTC\n", 0o644)
	l.file("/etc/fstab", "# UNCONFIGURED FSTAB FOR BASE SYSTEM\n", 0o644)
	if len(s.SSHKeys) > 0 {
		l.dir("/root/.ssh", 0o700)
		l.file("/root/.ssh/authorized_keys", strings.Join(s.SSHKeys, "\n")+"\n", 0o600)
	}
	pass := "*"
	if s.RootPassword != "" {
		pass = s.RootPassword
		if !strings.HasPrefix(pass, "$") {
			pass = crypt(pass)
		}
	}
	accounts(l, o, pass)
}

// Refresh writes the files that Proxmox rewrites at every start: names and network.
func Refresh(f *fsys.FS, s Spec, n Network) error {
	l := &layout{v: rootView(f)}
	short, _, _ := strings.Cut(s.Hostname, ".")
	l.file("/etc/hostname", short+"\n", 0o644)
	addr := "127.0.1.1"
	if n.Addr.IsValid() {
		addr = n.Addr.Addr().String()
	}
	l.file("/etc/hosts", fmt.Sprintf("127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n# --- BEGIN PVE ---\n%s %s\n# --- END PVE ---\n", addr, s.Hostname), 0o644)
	var resolv strings.Builder
	resolv.WriteString("# --- BEGIN PVE ---\n")
	for _, ns := range s.Nameservers {
		resolv.WriteString("nameserver " + ns + "\n")
	}
	resolv.WriteString("# --- END PVE ---\n")
	l.file("/etc/resolv.conf", resolv.String(), 0o644)
	iface := "auto lo\niface lo inet loopback\n"
	if n.Name != "" {
		iface += "\nauto " + n.Name + "\niface " + n.Name + " inet "
		if n.DHCP || !n.Addr.IsValid() {
			iface += "dhcp\n"
		} else {
			iface += "static\n\taddress " + n.Addr.String() + "\n"
			if n.Gateway.IsValid() {
				iface += "\tgateway " + n.Gateway.String() + "\n"
			}
		}
	}
	l.file("/etc/network/interfaces", iface, 0o644)
	return l.err
}

// Program puts the file of an implemented program there.
func Program(f *fsys.FS, file, name string) error {
	l := &layout{v: rootView(f)}
	l.file(file, stub+name, 0o755)
	return l.err
}
