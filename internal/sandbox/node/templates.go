package node

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
)

// Template is one OS template that lies on a storage.
type Template struct {
	Volid string `json:"volid"` // local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst
	Size  int64  `json:"size"`
	CTime int64  `json:"ctime"`
	Path  string `json:"path,omitempty"` // the real archive; "" for virtual guests
	Node  string `json:"node,omitempty"` // where it was put; "": the first
}

// DefaultTemplates are the OS templates of a node that was used before.
func DefaultTemplates() []Template {
	return []Template{
		{Volid: "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst", Size: 126515062},
		{Volid: "local:vztmpl/alpine-3.20-default_20240908_amd64.tar.xz", Size: 3084084},
	}
}

// File is the archive's name.
func (t *Template) File() string { return t.Volid[strings.LastIndexByte(t.Volid, '/')+1:] }

func (t *Template) format() string {
	switch {
	case strings.HasSuffix(t.Volid, ".zst"):
		return "tzst"
	case strings.HasSuffix(t.Volid, ".xz"):
		return "txz"
	case strings.HasSuffix(t.Volid, ".tar"): // an OCI archive
		return "tar"
	}
	return "tgz"
}

func (n *Node) sortedTemplates() []*Template {
	n.takePlaced()
	ts := make([]*Template, 0, len(n.st.Templates))
	for _, t := range n.st.Templates {
		if n.has(t.Volid, t.Node) {
			ts = append(ts, t)
		}
	}
	sort.Slice(ts, func(i, j int) bool { return ts[i].Volid < ts[j].Volid })
	return ts
}

// AddTemplate puts an OS template on a storage.
func (n *Node) AddTemplate(t Template) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.addTemplate(t)
	return n.save()
}

// addTemplate needs mu held.
func (n *Node) addTemplate(t Template) {
	if t.CTime == 0 {
		t.CTime = n.opt.Now().Unix()
	}
	t.Node = n.mark()
	n.st.Templates[n.templateKey(t.Volid)] = &t
}

// templateKey is the volume id, with the node where only that one has it; mu held.
func (n *Node) templateKey(volid string) string {
	id, _, _ := strings.Cut(volid, ":")
	if n.first() || n.shared(id) {
		return volid
	}
	return n.name + "/" + volid
}

// template is an OS template that this node has, nil for none; mu held.
func (n *Node) template(volid string) *Template {
	n.takePlaced()
	return n.st.Templates[n.templateKey(volid)]
}

// loneTemplate is the OS template of the second node alone; the appliance index has it not.
var loneTemplate = Template{Volid: "local:vztmpl/alpine-3.19-default_20240207_amd64.tar.xz", Size: 3062232}

// appliance is one entry of the appliance index.
type appliance struct{ pkg, version, os, section, headline, ext, arch string }

var appliances = []appliance{
	{"alpine-3.20-default", "20240908", "alpine", "system", "LXC default image for alpine 3.20 (20240908)", "tar.xz", ""},
	{"alpine-3.22-default", "20250617", "alpine", "system", "LXC default image for alpine 3.22 (20250617)", "tar.xz", ""},
	{"archlinux-base", "20240911-1", "archlinux", "system", "ArchLinux base image.", "tar.zst", ""},
	{"debian-11-standard", "11.7-1", "debian-11", "system", "Debian 11 Bullseye (standard)", "tar.zst", ""},
	{"debian-12-standard", "12.12-1", "debian-12", "system", "Debian 12 Bookworm (standard)", "tar.zst", ""},
	{"debian-13-standard", "13.1-2", "debian-13", "system", "Debian 13 Trixie (standard)", "tar.zst", ""},
	{"debian-12-turnkey-wordpress", "18.2-1", "debian-12", "turnkeylinux", "TurnKey WordPress", "tar.gz", ""},
	{"fedora-42-default", "20250428", "fedora", "system", "LXC default image for fedora 42 (20250428)", "tar.xz", ""},
	{"proxmox-mail-gateway-8.2-standard", "8.2-1", "debian-12", "mail", "Proxmox Mail Gateway 8.2", "tar.zst", ""},
	{"rockylinux-9-default", "20240912", "rockylinux", "system", "LXC default image for rockylinux 9 (20240912)", "tar.xz", ""},
	{"ubuntu-22.04-standard", "22.04-1", "ubuntu-22.04", "system", "Ubuntu 22.04 Jammy (standard)", "tar.zst", ""},
	{"ubuntu-24.04-standard", "24.04-2", "ubuntu-24.04", "system", "Ubuntu 24.04 Noble (standard)", "tar.zst", ""},
}

// arm64 are further appliances: the index lists every architecture since pve-manager
// 9.2.10, and the newest archive may be for another one than the node's.
var arm64 = []appliance{
	{"debian-12-standard", "12.14-1", "debian-12", "system", "Debian 12 Bookworm (standard)", "tar.zst", "arm64"},
	{"debian-13-standard", "13.6-1", "debian-13", "system", "Debian 13 Trixie (standard)", "tar.zst", "arm64"},
}

// index is the appliance index that this version shows.
func (n *Node) index() []appliance {
	if !n.prof.AllArchs {
		return appliances
	}
	return slices.Concat(appliances, arm64)
}

func (a appliance) file() string {
	return a.pkg + "_" + a.version + "_" + a.architecture() + "." + a.ext
}

func (a appliance) architecture() string {
	if a.arch == "" {
		return "amd64"
	}
	return a.arch
}

// Appliances is GET /nodes/NODE/aplinfo.
func (n *Node) Appliances() []map[string]any {
	const source = "http://download.proxmox.com/images"
	rows := []map[string]any{}
	if _, none := n.faults.Has(driver.FaultNoTemplates); none {
		return rows
	}
	for _, a := range n.index() {
		rows = append(rows, map[string]any{
			"template": a.file(), "package": a.pkg, "version": a.version, "os": a.os, "section": a.section,
			"type": "lxc", "architecture": a.architecture(), "headline": a.headline, "description": a.headline,
			"maintainer": "Proxmox Support Team <support@proxmox.com>", "source": source,
			"location": source + "/" + a.section + "/" + a.file(),
			"infopage": "https://pve.proxmox.com/wiki/Linux_Container#pct_supported_distributions",
			"md5sum":   fmt.Sprintf("%032x", len(a.file())), "sha512sum": fmt.Sprintf("%0128x", len(a.file())),
		})
	}
	return rows
}

// Download is POST /nodes/NODE/aplinfo: a task that puts a template of the index
// on a storage.
func (n *Node) Download(a Auth, p Params) (string, error) {
	file, id := p["template"], p["storage"]
	known := false
	for _, x := range n.index() {
		known = known || x.file() == file
	}
	if _, none := n.faults.Has(driver.FaultNoTemplates); none || !known {
		return "", badParam("template", "no such template")
	}
	n.mu.Lock()
	s, err := n.storage(id)
	n.mu.Unlock()
	if err != nil {
		return "", err
	}
	if !s.holds("vztmpl") {
		return "", fail("storage '%s' does not support vztmpl content", id)
	}
	return n.fork(a, "download", file, func(ctx context.Context, w *worker) error {
		return n.download(ctx, w, id, file)
	})
}

func (n *Node) download(ctx context.Context, w *worker, id, file string) error {
	w.Log("downloading http://download.proxmox.com/images/system/" + file + " to /var/lib/vz/template/cache/" + file)
	if text, ok := n.faults.Take(driver.FaultDownloadFail); ok {
		if text == "" {
			text = "download failed: wget: unable to resolve host address 'download.proxmox.com'"
		}
		return fail("%s", text)
	}
	fetch := n.opt.Fetch
	if fetch == nil {
		fetch = n.placeholder
	}
	path, size, err := fetch(ctx, file, w.Log)
	if err != nil {
		return fail("download failed: %v", err)
	}
	w.Log("calculating checksum...OK, checksum verified")
	w.Log("download of 'http://download.proxmox.com/images/system/" + file + "' to '/var/lib/vz/template/cache/" + file + "' finished")
	return n.AddTemplate(Template{Volid: id + ":vztmpl/" + file, Size: size, Path: path})
}

// placeholder stands for an archive that nobody will unpack.
func (n *Node) placeholder(_ context.Context, file string, log func(string)) (string, int64, error) {
	dir := filepath.Join(n.opt.Dir, "template", "cache")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", 0, err
	}
	const size = 123 << 20
	for percent := 0; percent <= 100; percent += 25 {
		log(strconv.Itoa(size>>10*percent/100) + "K ........ ........ ........ ........ " + strconv.Itoa(percent) + "%  98.1M 0s")
	}
	return "", size, os.WriteFile(filepath.Join(dir, file), []byte("placeholder of "+file+"\n"), 0o600)
}

// systemd is the version of the container's systemd, 0 for none or unknown.
func (c *container) systemd() int {
	if c.Systemd != 0 || strings.HasSuffix(c.OS, ".tar") {
		return c.Systemd
	}
	return systemd(c.OS)
}

// systemd is the version that an OS template brings, 0 for none or unknown.
func systemd(file string) int {
	for prefix, v := range map[string]int{
		"debian-11": 247, "debian-12": 252, "debian-13": 257, "debian-15": 260, "ubuntu-22.04": 249, "ubuntu-24.04": 255,
		"fedora-": 257, "rockylinux-9": 252, "archlinux-": 256,
	} {
		if strings.HasPrefix(file, prefix) {
			return v
		}
	}
	return 0
}

func ostype(file string) string {
	for _, os := range []string{"debian", "ubuntu", "alpine", "fedora", "archlinux", "opensuse", "devuan"} {
		if strings.HasPrefix(file, os) {
			return os
		}
	}
	if strings.HasPrefix(file, "rockylinux") || strings.HasPrefix(file, "almalinux") {
		return "centos"
	}
	return "unmanaged"
}
