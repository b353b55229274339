package node

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/infrahaus/infrahaus/internal/sandbox/oci"
)

// isImage reports whether an OS template is an OCI archive, as a create looks for it. Before
// 9.1 no OS template's name could end in .tar.
func (t *Template) isImage() (bool, error) {
	if t.Path == "" || !strings.HasSuffix(t.File(), ".tar") {
		return false, nil
	}
	is, err := oci.Is(t.Path)
	if errors.Is(err, oci.ErrNoTar) {
		return false, fail("command 'tar -tf %s%s' failed: exit code 2", cache, t.File())
	}
	if err == nil && !is {
		return false, fail("sandbox: '%s' is no OCI archive, and the simulated node unpacks no other archives than those and its own OS templates", t.File())
	}
	return is, err
}

// image is an OCI archive on its way into a container's config.
type image struct {
	w    *worker
	a    *oci.Archive
	conf Params
	lxc  [][2]string
}

// readImage is restore_oci_archive and what Proxmox then does to find out which system it
// has unpacked. It changes the config: the image's entrypoint, environment and console mode
// replace what the create was given.
func (n *Node) readImage(w *worker, c *creation, t *Template) error {
	w.Log("Detected OCI archive")
	a, err := oci.Open(t.Path)
	if err != nil {
		return fail("%v", err)
	}
	defer a.Close()
	i := &image{w: w, a: a, conf: c.conf}
	if err := i.config(a.Image.Config); err != nil {
		return err
	}
	c.conf["lxc"] = printLXC(i.lxc)
	if err := i.detect(c.params); err != nil {
		return err
	}
	if c.conf["entrypoint"] == "" {
		c.systemd = a.Systemd()
	}
	return nil
}

// forbidden reports control characters as Proxmox looks for them. Its pattern leaves out 0x09
// to 0x0f, a newline among them.
func forbidden(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r < 0x09 || r >= 0x10 && r < 0x20 || r == 0x7f })
}

func (i *image) check(c v1.ImageConfig) error {
	for key, list := range map[string][]string{"Entrypoint": c.Entrypoint, "Cmd": c.Cmd, "Env": c.Env} {
		if slices.ContainsFunc(list, forbidden) {
			return fail("OCI config array-value for '%s' contains forbidden control characters!", key)
		}
	}
	for key, value := range map[string]string{"User": c.User, "WorkingDir": c.WorkingDir, "StopSignal": c.StopSignal} {
		if forbidden(value) {
			return fail("OCI config value for '%s' contains forbidden control characters!", key)
		}
	}
	for path := range c.Volumes {
		if forbidden(path) {
			return fail("OCI config data-volumes path contains forbidden control characters!")
		}
	}
	return nil
}

// config takes over the image's config.
func (i *image) config(c v1.ImageConfig) error {
	if err := i.check(c); err != nil {
		return err
	}
	for _, path := range sortedKeys(c.Volumes) {
		i.w.Log("creating base directory for volume at " + path)
	}
	if cmd := slices.Concat(c.Entrypoint, c.Cmd); len(cmd) > 0 && cmd[0] != "/sbin/init" {
		entrypoint := commandString(cmd)
		if strings.Contains(entrypoint, "\n") {
			return fail("detected invalid newline inside property 'entrypoint'")
		}
		i.conf["entrypoint"], i.conf["cmode"] = entrypoint, "console"
		i.manageNet()
	}
	if c.User != "" {
		if err := i.user(c.User); err != nil {
			return err
		}
	}
	if c.WorkingDir != "" {
		i.add("lxc.init.cwd", c.WorkingDir)
	}
	if len(c.Env) > 0 {
		i.conf["env"] = i.env(c.Env)
	}
	signal := c.StopSignal
	if signal == "" {
		signal = "SIGTERM"
	}
	i.add("lxc.signal.halt", signal)
	return nil
}

func (i *image) add(key, value string) { i.lxc = append(i.lxc, [2]string{key, value}) }

// env joins the variables. The config file has a line for each, so that a value ends at its
// first newline, and the lines that it breaks into are reported.
func (i *image) env(list []string) string {
	var kept []string
	for _, v := range list {
		first, rest, broken := strings.Cut(v, "\n")
		kept = append(kept, first)
		if broken {
			for line := range strings.SplitSeq(rest, "\n") {
				i.w.Log("unable to parse config: " + line)
			}
		}
	}
	return strings.Join(kept, "\x00")
}

// manageNet turns on host-managed for every interface that says nothing of it: without an
// init nobody in the container sets up its network.
func (i *image) manageNet() {
	for k := range 32 {
		key := fmt.Sprintf("net%d", k)
		if i.conf[key] == "" {
			continue
		}
		p := properties(i.conf[key], "")
		if _, said := p["host-managed"]; said {
			continue
		}
		i.w.Log("Auto-Enabling host-managed network for network device " + key + ".")
		p["host-managed"] = "1"
		i.conf[key] = printProperties(p, "name", false)
	}
}

// user is resolve_oci_user: numbers for USER or USER:GROUP, as far as the image knows them.
func (i *image) user(text string) error {
	user, group, withGroup := strings.Cut(text, ":")
	if user == "" || withGroup && group == "" || strings.Contains(group, ":") {
		return fail("OCI config value for 'User' has an invalid format")
	}
	for _, f := range []string{"passwd", "group"} {
		if !i.a.HasFile("/etc/"+f) && !i.a.HasFolder("/etc") {
			return fail("cannot resolve /etc/%s path in container rootfs", f)
		}
	}
	uid, name := user, user
	if digits(user) {
		name = i.field("passwd", 2, user, 0)
	} else {
		uid = i.field("passwd", 0, user, 2)
	}
	gid, groups, known := group, "", false
	switch {
	case withGroup && !digits(group):
		gid = i.field("group", 0, group, 2)
	case !withGroup:
		gid = i.field("passwd", 2, uid, 3)
		groups, known = i.groups(name), name != "" && i.a.HasFile("/etc/group")
	}
	if uid != "" {
		i.add("lxc.init.uid", uid)
	}
	if gid != "" {
		i.add("lxc.init.gid", gid)
	}
	if known {
		i.add("lxc.init.groups", groups)
	}
	return nil
}

func digits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// lines are those of /etc/passwd or /etc/group, split.
func (i *image) lines(file string) (rows [][]string) {
	b, err := i.a.ReadFile("/etc/" + file)
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(b)) {
		rows = append(rows, strings.Split(strings.TrimSuffix(line, "\n"), ":"))
	}
	return rows
}

// field looks for the first line whose field at is value, and returns its field get.
func (i *image) field(file string, at int, value string, get int) string {
	for _, f := range i.lines(file) {
		if len(f) > max(at, get) && f[at] == value {
			return f[get]
		}
	}
	return ""
}

func (i *image) groups(user string) string {
	var gids []string
	for _, f := range i.lines("group") {
		if len(f) > 3 && slices.Contains(strings.Split(f[3], ","), user) {
			gids = append(gids, f[2])
		}
	}
	return strings.Join(gids, ",")
}

// distributions are the ids in os-release that Proxmox knows, and what it calls them.
var distributions = map[string]string{
	"alpine": "alpine", "archlinux": "archlinux", "arch": "archlinux", "centos": "centos", "rocky": "centos", "almalinux": "centos",
	"debian": "debian", "devuan": "devuan", "fedora": "fedora", "gentoo": "gentoo", "nixos": "nixos", "ubuntu": "ubuntu",
	"opensuse": "opensuse", "opensuse-leap": "opensuse", "opensuse-tumbleweed": "opensuse", "opensuse-slowroll": "opensuse", "sles": "opensuse",
}

// marks are files by which it knows a distribution whose id it does not know, in its order.
var marks = [][2]string{
	{"/etc/debian_version", "debian"}, {"/etc/devuan_version", "devuan"}, {"/etc/SuSE-brand", "opensuse"}, {"/etc/SuSE-release", "opensuse"},
	{"/etc/fedora-release", "fedora"}, {"/etc/centos-release", "centos"}, {"/etc/redhat-release", "centos"}, {"/etc/arch-release", "archlinux"},
	{"/etc/alpine-release", "alpine"}, {"/etc/gentoo-release", "gentoo"},
}

// detect finds out the distribution and the architecture.
func (i *image) detect(given Params) error {
	if given["ostype"] != "unmanaged" {
		found, err := i.distribution()
		if err != nil {
			return err
		}
		if want := given["ostype"]; want != "" && want != found {
			i.w.Log("got unexpected ostype (" + found + " != " + want + ")")
		}
		i.conf["ostype"] = found
	}
	if given["arch"] != "" {
		return nil
	}
	i.conf["arch"] = "amd64"
	if i.conf["ostype"] != "unmanaged" {
		arch, err := i.a.Architecture()
		if err == nil {
			i.conf["arch"] = arch
			i.w.Log("Detected container architecture: " + arch)
			return nil
		}
		i.w.Log(err.Error())
		i.w.Log("Architecture detection failed: error in setup task (eval)")
	}
	i.w.Log("Falling back to amd64.")
	i.w.Log("Use `pct set VMID --arch ARCH` to change.")
	return nil
}

func (i *image) distribution() (string, error) {
	release, ok := i.a.OSRelease()
	if id := release["ID"]; id != "" {
		if os := distributions[id]; os != "" {
			return os, nil
		}
		i.w.Log("unknown ID '" + id + "' in /etc/os-release file, trying fallback detection")
	}
	if b, err := i.a.ReadFile("/etc/lsb-release"); err == nil && strings.Contains(strings.ToLower("\n"+string(b)+"\n"), "\ndistrib_id=ubuntu\n") {
		return "ubuntu", nil
	}
	for _, m := range marks {
		if i.a.HasFile(m[0]) {
			return m[1], nil
		}
	}
	switch {
	case i.a.HasFolder("/nix/store"):
		return "nixos", nil
	case ok:
		return "", fail("unable to detect OS distribution")
	}
	i.w.Log("/etc/os-release file not found and autodetection failed, falling back to 'unmanaged'")
	return "unmanaged", nil
}
