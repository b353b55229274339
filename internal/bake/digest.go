// Package bake knows baked images: OS templates with the packages of a template already in
// them. It names one by the digest of what went in, and has the shell text that makes a
// container ready to be packed and that makes anew, at the first start of each container,
// what must be its own. It does no I/O.
package bake

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/infrahaus/infrahaus/internal/lazy"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/template"
)

// OS is the OS template that an image starts from, as Proxmox lists it. The same name with
// another size is another archive.
type OS struct {
	Name string // debian-12-standard_12.12-1_amd64.tar.zst
	Size int64  // bytes
}

// Digest stays the same as long as an image of the template would have the same in it: the OS
// template, repositories and packages, the files and scripts of the image, and the way in
// which it is cleaned. Variables, hostname, notes and everything else of an instance do not
// count. It is a SHA-256, hex.
func Digest(t *template.Template, os OS) string {
	i := t.ForImage()
	type file struct{ Target, SHA256, Owner, Policy, Mode string }
	type script struct {
		Name, SHA256, User string
		When               template.When
		Env                map[string]string
	}
	in := struct {
		OS           OS
		Cleaners     string
		Packages     map[string][]string
		Custom       []template.CustomPackage
		Files        []file
		Scripts      []script
		Unprivileged bool
	}{OS: os, Cleaners: sum(PrepareScript(nil) + firstBoot()), Packages: map[string][]string{}, Custom: i.Packages.Custom, Unprivileged: i.Unprivileged}
	for manager := range maps.Keys(i.Packages.Names) {
		in.Packages[manager] = slices.Sorted(slices.Values(i.Packages.Names[manager]))
	}
	for _, f := range i.Files {
		in.Files = append(in.Files, file{f.Target, f.SHA256, f.Owner, string(f.Policy), f.Mode.String()})
	}
	slices.SortFunc(in.Files, func(a, b file) int { return strings.Compare(a.Target, b.Target) })
	for _, s := range i.EnabledScripts() {
		in.Scripts = append(in.Scripts, script{s.Name, sum(string(s.Content)), s.User, s.When, s.Env})
	}
	text, err := json.Marshal(in)
	if err != nil {
		panic("bake: " + err.Error()) // cannot happen: plain values
	}
	return sum(string(text))
}

func sum(text string) string {
	h := sha256.Sum256([]byte(text))
	return hex.EncodeToString(h[:])
}

// shown is how much of a digest is in a name: enough to never meet by chance.
const shown = 16

// Suffix ends it. Proxmox's OS templates may be .tar.gz, .xz, .zst or .bz2; every system can
// write the first.
const Suffix = ".tar.gz"

// Name is the file name of an image: infrahaus-nginx_debian-12_0123456789abcdef_amd64.tar.gz.
// Proxmox keeps letters, digits, dots, dashes and underscores of it, at most 255, and finds
// out the distribution by looking into the archive.
func Name(templateName, digest string, os OS) string {
	product, rest, _ := strings.Cut(os.Name, "_")
	arch := "amd64"
	if m := architecture().FindStringSubmatch(rest); m != nil {
		arch = m[1]
	}
	return Like(templateName) + strings.TrimSuffix(product, "-standard") + "_" + digest[:shown] + "_" + arch + Suffix
}

// Like begins the names of all images of a template.
func Like(templateName string) string {
	return lxc.BakedPrefix + strings.ReplaceAll(templateName, "_", "-") + "_"
}

var architecture = lazy.Regexp(`_(amd64|arm64|armhf|i386|riscv64)\.`)

// Parts are what the name of an image says.
type Parts struct{ Template, OS, Digest, Arch string }

var imageName = lazy.Regexp(`^infrahaus-([A-Za-z0-9.-]+)_([A-Za-z0-9.-]+)_([0-9a-f]{16})_([a-z0-9]+)\.tar\.gz$`)

// Parse reads the name of an image. It is false for any other file.
func Parse(name string) (Parts, bool) {
	m := imageName().FindStringSubmatch(name)
	if m == nil {
		return Parts{}, false
	}
	return Parts{Template: m[1], OS: m[2], Digest: m[3], Arch: m[4]}, true
}
