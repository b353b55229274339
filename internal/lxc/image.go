package lxc

import "slices"

// ImageKind is what an OCI image becomes as a container.
type ImageKind string

// A system image starts an init (its command is /sbin/init) and becomes an ordinary
// container. The only program of an application image is its entrypoint: nothing in the
// container starts services or configures the network, which the node does instead. The kind
// is "" as long as nobody has seen the image's command.
const (
	SystemImage      ImageKind = "system"
	ApplicationImage ImageKind = "application"
)

// BakedPrefix begins the name of every image of template bake. No OS has such a name, so that
// none is taken for an OS template.
const BakedPrefix = "infrahaus-"

// Image is what is known of the OCI image that a container is made from. The record of a
// container that was made from an ordinary OS template has none. The zero value of a field
// is not known, or there is none.
type Image struct {
	Reference  string            `json:"reference"`         // docker.io/library/nginx:1.29: whole, with its tag or @sha256:…, or both
	Digest     string            `json:"digest,omitempty"`  // sha256:…, for which the tag stood in the registry
	ID         string            `json:"id,omitempty"`      // sha256:… of the image's configuration, which the pull's log names
	Archive    string            `json:"archive,omitempty"` // the volume: local:vztmpl/nginx_1.29.tar
	Kind       ImageKind         `json:"kind,omitempty"`
	Entrypoint string            `json:"entrypoint,omitempty"` // of an application: the command line of PID 1
	EnvNames   []string          `json:"envNames,omitempty"`   // of the container's environment; never a value
	User       string            `json:"user,omitempty"`       // of PID 1, as the image or Proxmox writes it: 1000, app, app:staff
	Ports      []Port            `json:"ports,omitempty"`      // that the image says it listens on; without addresses
	Volumes    []string          `json:"volumes,omitempty"`    // paths at which the image keeps data
	Labels     map[string]string `json:"labels,omitempty"`
	StopSignal string            `json:"stopSignal,omitempty"` // that asks PID 1 to end
	Shell      *bool             `json:"shell,omitempty"`      // whether /bin/sh is there; nil: nobody has looked
}

// Application reports whether the image is known to be an application's. It is false for the
// nil Image.
func (i *Image) Application() bool { return i != nil && i.Kind == ApplicationImage }

// Version is the image's own version by its labels, "" if it has none.
func (i *Image) Version() string {
	if i == nil {
		return ""
	}
	for _, label := range []string{"org.opencontainers.image.version", "org.label-schema.version", "version"} {
		if v := i.Labels[label]; v != "" {
			return v
		}
	}
	return ""
}

// Same reports whether two images are the same content. It is false if that is not known.
func (i *Image) Same(o *Image) bool {
	if i == nil || o == nil {
		return false
	}
	return i.Digest != "" && i.Digest == o.Digest || i.ID != "" && i.ID == o.ID
}

// HasEnv reports whether the container's environment has a variable.
func (i *Image) HasEnv(name string) bool { return i != nil && slices.Contains(i.EnvNames, name) }

// OpenPorts are the ports on which the image says that it listens; none of the nil Image.
func (i *Image) OpenPorts() []Port {
	if i == nil {
		return nil
	}
	return i.Ports
}
