package oci

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/infrahaus/infrahaus/internal/lazy"
	"github.com/infrahaus/infrahaus/internal/lxc"
)

// The media types of manifests, of the OCI image specification 1.1 and of docker before it.
const (
	typeIndex          = "application/vnd.oci.image.index.v1+json"
	typeList           = "application/vnd.docker.distribution.manifest.list.v2+json"
	typeManifest       = "application/vnd.oci.image.manifest.v1+json"
	typeDockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
)

// Found is what a registry says of an image.
type Found struct {
	Digest   string   // of the tag: of an index, or of the only manifest
	Manifest string   // digest of the manifest for the architecture
	ID       string   // digest of the configuration
	Docker   bool     // of docker's older format: a copy of it has another ID
	Layers   []string // digests
	Size     int64    // bytes of all layers as they are sent; 0: not known
	Arch     string

	config imageConfig
}

// imageConfig is the part of an image's configuration that matters to a container.
type imageConfig struct {
	Architecture string `json:"architecture"`
	OS           string `json:"os"`
	Config       struct {
		User, StopSignal, WorkingDir string
		Entrypoint, Cmd, Env         []string
		ExposedPorts, Volumes        map[string]any
		Labels                       map[string]string
	} `json:"config"`
}

type descriptor struct {
	MediaType string `json:"mediaType"`
	Digest    string `json:"digest"`
	Size      int64  `json:"size"`
	Platform  *struct {
		Architecture string `json:"architecture"`
		OS           string `json:"os"`
	} `json:"platform"`
	Annotations map[string]string `json:"annotations"`
}

// manifest is an index or a manifest.
type manifest struct {
	SchemaVersion int          `json:"schemaVersion"`
	MediaType     string       `json:"mediaType"`
	Manifests     []descriptor `json:"manifests"`
	Config        descriptor   `json:"config"`
	Layers        []descriptor `json:"layers"`
}

var digestForm = lazy.Regexp(`^sha256:[0-9a-f]{64}$`)

// maxParts is more than any image has of manifests or layers.
const maxParts = 1000

func readManifest(raw []byte) (*manifest, error) {
	var m manifest
	if err := json.Unmarshal(raw, &m); err != nil {
		return nil, errors.New("its manifest is not JSON")
	}
	switch {
	case m.SchemaVersion != 2:
		return nil, fmt.Errorf("its manifest is of version %d, and only 2 can be used", m.SchemaVersion)
	case len(m.Manifests) > maxParts || len(m.Layers) > maxParts:
		return nil, errors.New("its manifest has too many parts")
	case m.many():
		return &m, nil
	case !digestForm().MatchString(m.Config.Digest) || len(m.Layers) == 0:
		return nil, errors.New("it is no image of a container")
	}
	for _, l := range m.Layers {
		if !digestForm().MatchString(l.Digest) {
			return nil, errors.New("it is no image of a container")
		}
	}
	return &m, nil
}

func (m *manifest) many() bool { return len(m.Manifests) > 0 }

// of is the digest of the manifest for an architecture, "" if there is none; has are all
// architectures that there are. Attestations are listed for the architecture unknown.
func (m *manifest) of(arch string) (digest string, has []string) {
	for _, d := range m.Manifests {
		if d.Platform == nil || d.Platform.OS != "linux" || !digestForm().MatchString(d.Digest) {
			continue
		}
		if d.Platform.Architecture == arch && digest == "" {
			digest = d.Digest
		}
		if !slices.Contains(has, d.Platform.Architecture) {
			has = append(has, d.Platform.Architecture)
		}
	}
	if len(has) == 0 {
		has = []string{"other systems than Linux"}
	}
	slices.Sort(has)
	return digest, has
}

// fill takes what the manifest of one architecture and the configuration say.
func (f *Found) fill(m *manifest, config []byte) error {
	if err := json.Unmarshal(config, &f.config); err != nil {
		return errors.New("its configuration is not JSON")
	}
	f.ID, f.Docker, f.Arch = m.Config.Digest, m.MediaType == typeDockerManifest, f.config.Architecture
	for _, l := range m.Layers {
		f.Layers = append(f.Layers, l.Digest)
		f.Size += max(0, l.Size)
	}
	return nil
}

var plainWord = lazy.Regexp(`^[A-Za-z0-9_./:=@%+,-]+$`)

// commandLine writes a command as a shell would read it, and as Proxmox keeps it.
func commandLine(words []string) string {
	out := make([]string, len(words))
	for n, w := range words {
		if out[n] = w; !plainWord().MatchString(w) {
			out[n] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
	}
	return strings.Join(out, " ")
}

// initPath is the command by which Proxmox recognises a system image.
const initPath = "/sbin/init"

// SeveralLines are the variables of the image whose values have several lines. Proxmox keeps the
// first line alone.
func (f Found) SeveralLines() (names []string) {
	for _, e := range f.config.Config.Env {
		if name, value, _ := strings.Cut(e, "="); strings.Contains(value, "\n") && len(name) <= maxWord && len(names) < maxWords {
			names = append(names, name)
		}
	}
	return names
}

// Image is the found image as a noun of the catalogue.
func (f Found) Image(ref Reference) *lxc.Image {
	c := f.config.Config
	command := slices.Concat(c.Entrypoint, c.Cmd)
	i := &lxc.Image{
		Reference: ref.String(), Digest: f.Digest, ID: f.ID, Kind: lxc.SystemImage, User: c.User, StopSignal: c.StopSignal,
		Labels: labels(c.Labels), Volumes: slices.Sorted(maps.Keys(c.Volumes)),
	}
	if len(command) > 0 && command[0] != initPath {
		i.Kind, i.Entrypoint = lxc.ApplicationImage, commandLine(command)
	}
	for _, e := range c.Env {
		if name, _, _ := strings.Cut(e, "="); len(name) <= maxWord && len(i.EnvNames) < maxWords {
			i.EnvNames = append(i.EnvNames, name)
		}
	}
	for _, text := range slices.Sorted(maps.Keys(c.ExposedPorts)) {
		number, protocol, _ := strings.Cut(text, "/")
		if n, err := strconv.Atoi(number); err == nil && n > 0 && n < 1<<16 {
			if protocol == "" {
				protocol = "tcp"
			}
			i.Ports = append(i.Ports, lxc.Port{Protocol: protocol, Port: n})
		}
	}
	return i
}

// Pulled reports whether the log of a pull shows that it brought this image, and not one for
// which its tag stood a moment earlier or later. It is true where nothing in the log tells.
func (f Found) Pulled(log []string) bool {
	var configs, blobs []string
	for _, line := range log {
		for prefix, to := range map[string]*[]string{"Copying config ": &configs, "Copying blob ": &blobs} {
			if rest, ok := strings.CutPrefix(line, prefix); ok {
				digest, _, _ := strings.Cut(rest, " ")
				*to = append(*to, digest)
			}
		}
	}
	if len(configs) > 0 && !f.Docker {
		return slices.Contains(configs, f.ID)
	}
	for _, b := range blobs { // the ID of a copy differs, and the layers do not
		if !slices.Contains(f.Layers, b) && b != f.ID {
			return false
		}
	}
	return true
}

// IDOf is the ID of an image by the log of its pull, "" if the log does not tell.
func IDOf(log []string) string {
	for _, line := range log {
		if rest, ok := strings.CutPrefix(line, "Copying config "); ok && digestForm().MatchString(strings.TrimSpace(rest)) {
			return strings.TrimSpace(rest)
		}
	}
	return ""
}

// Bounds for the labels of an image on record: images carry whole documents in them.
const (
	maxWords = 100
	maxWord  = 200 // bytes
)

// labels leaves out what is too long, and the rest of what is too much.
func labels(all map[string]string) map[string]string {
	out := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if len(name) <= maxWord && len(all[name]) <= maxWord && len(out) < maxWords {
			out[name] = all[name]
		}
	}
	return out
}
