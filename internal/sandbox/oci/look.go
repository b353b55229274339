package oci

import (
	"archive/tar"
	"errors"
	"io/fs"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// lookup finds a file of the merged layers, links followed.
func (a *Archive) lookup(name string) *entry {
	parts, _ := split(name)
	return a.root.find(parts, true, 0)
}

// HasFile reports whether name is a plain file, or a link to one.
func (a *Archive) HasFile(name string) bool {
	e := a.lookup(name)
	return e != nil && e.children == nil && e.node != nil && e.node.m.kind != tar.TypeSymlink
}

// HasFolder reports whether name is a folder, or a link to one.
func (a *Archive) HasFolder(name string) bool {
	e := a.lookup(name)
	return e != nil && e.children != nil
}

// ReadFile returns the content of /etc/os-release, /etc/lsb-release, /etc/passwd or
// /etc/group of the merged layers. Of others it is not kept.
func (a *Archive) ReadFile(name string) ([]byte, error) {
	if !a.HasFile(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return a.lookup(name).node.m.content, nil
}

// Bytes is the size of all files of the merged layers.
func (a *Archive) Bytes() (sum int64) {
	seen := map[*node]bool{}
	var walk func(e *entry)
	walk = func(e *entry) {
		if n := e.node; n != nil && !seen[n] && n.m.kind == tar.TypeReg {
			seen[n] = true
			sum += n.m.size
		}
		for _, c := range e.children {
			walk(c)
		}
	}
	walk(a.root)
	return sum
}

// machines are the architectures that Proxmox knows, by the ELF header's number.
var machines = map[byte]string{0x03: "i386", 0x3e: "amd64", 0x28: "armhf", 0xb7: "arm64", 0xf3: "riscv"}

// Architecture is what the image's /bin/sh was made for: this is how Proxmox detects it,
// whatever the config says.
func (a *Archive) Architecture() (string, error) {
	const sh = "/bin/sh"
	if !a.HasFile(sh) {
		return "", errors.New("open '" + sh + "' failed: No such file or directory")
	}
	head := a.lookup(sh).node.m.head
	if len(head) < headSize || string(head[:4]) != "\x7fELF" {
		return "", errors.New("'" + sh + "' does not resolve to an ELF!") //nolint:staticcheck // Proxmox's words
	}
	arch := machines[head[18]]
	switch {
	case arch == "":
		return "", errors.New("'" + sh + "' has unknown ELF machine '" + strconv.Itoa(int(head[18])) + "'!")
	case arch == "riscv" && head[4] == 1:
		return "riscv32", nil
	case arch == "riscv":
		return "riscv64", nil
	}
	return arch, nil
}

var systemdLib = regexp.MustCompile(`^libsystemd-shared-(\d+)`)

// Systemd is the version of the image's systemd, 0 for none. Proxmox looks at the library
// that its init is linked with; here it is the library's name.
func (a *Archive) Systemd() int {
	for _, dir := range []string{"/usr/lib/systemd", "/usr/lib/x86_64-linux-gnu/systemd", "/usr/lib64/systemd", "/lib/systemd"} {
		e := a.lookup(dir)
		if e == nil {
			continue
		}
		for name := range e.children {
			if m := systemdLib.FindStringSubmatch(path.Base(name)); m != nil {
				v, _ := strconv.Atoi(m[1])
				return v
			}
		}
	}
	return 0
}

// OSRelease are the variables of /etc/os-release; ok is false if there is no such file.
func (a *Archive) OSRelease() (vars map[string]string, ok bool) {
	b, err := a.ReadFile("/etc/os-release")
	if err != nil {
		return nil, false
	}
	vars = map[string]string{}
	for line := range strings.Lines(string(b)) {
		if k, v, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			vars[k] = strings.Trim(v, `"'`)
		}
	}
	return vars, true
}
