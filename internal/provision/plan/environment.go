package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/lazy"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/oci"
	"github.com/infrahaus/infrahaus/internal/template"
)

// EnvVar is one variable of a container's environment.
type EnvVar struct {
	Name, Value string
	Secret      bool // it must not be shown
	Pending     bool // a create makes it; Value is ""
	Given       bool // by --env
}

// Environment is what a container from an image is asked to have in its environment, besides
// what the image itself sets. The program of an application image has no other way to get the
// template's variables; in a system image, scripts get them. What --env says wins.
func (j Job) Environment(kind lxc.ImageKind) (out []EnvVar) {
	if kind != lxc.SystemImage {
		for _, v := range j.Values.All() {
			if v.Text == "" && v.From == template.FromDefault {
				continue // nobody wants it
			}
			if _, given := j.Env[v.Name]; !given {
				out = append(out, EnvVar{Name: v.Name, Value: v.Text, Secret: v.Secret, Pending: v.Pending})
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(j.Env)) {
		out = append(out, EnvVar{Name: name, Value: j.Env[name], Secret: event.IsSecretKey(name), Given: true})
	}
	return out
}

// FromImage reports whether the container may be made from an OCI image.
func (j Job) FromImage() bool { return slices.ContainsFunc(j.Spec.OSChoices(), oci.Is) }

var (
	envName = lazy.Regexp(`^[A-Za-z_][A-Za-z0-9_]*$`)
	// envUnfit are the characters that Proxmox's schema refuses in a value.
	envUnfit = lazy.Regexp(`[\x00-\x08\x0a-\x1f\x7f]`)
)

// WrongEnv is the reason why a container's environment cannot have a variable, or "".
func WrongEnv(name, value string) string {
	switch {
	case !envName().MatchString(name):
		return "is no name of a variable: letters, digits and _, not starting with a digit"
	case strings.ContainsAny(value, "\n\r"):
		return "has several lines, which Proxmox cannot keep in an environment"
	case strings.Contains(value, "\x00"):
		return "has a NUL byte, which ends a value in an environment"
	case envUnfit().MatchString(value):
		return "has a control character, which Proxmox refuses in an environment"
	case !utf8.ValidString(value):
		return "is not UTF-8"
	}
	return ""
}

// EnvFaults are the variables that the environment cannot have: each a name and a reason. They
// are found before anything is made.
func (j Job) EnvFaults() (faults []string) {
	if !j.FromImage() {
		return nil
	}
	for _, v := range j.Environment("") {
		if why := WrongEnv(v.Name, v.Value); why != "" {
			faults = append(faults, v.Name+" "+why)
		}
	}
	return faults
}

// environmentLines describe the environment of a container from an image. No value is shown.
func (d *decision) environmentLines() []string {
	if !d.Job.FromImage() || d.Image() == nil {
		return nil
	}
	env := d.Job.Environment(d.Image().Kind)
	if len(env) == 0 {
		return nil
	}
	names := make([]string, len(env))
	for i, v := range env {
		names[i] = v.Name
	}
	return []string{fmt.Sprintf("environment: %s; %s", strings.Join(names, ", "), EnvReaders)}
}

// EnvReaders says who can read the environment of a container.
const EnvReaders = "readable in the container's configuration on the node, and by everybody with VM.Audit on it"

// imageLines describe the image that the container is made from.
func imageLines(i *lxc.Image) []string {
	if i == nil {
		return nil
	}
	lines := []string{"image: " + i.Reference}
	if i.Digest != "" && !strings.HasSuffix(i.Reference, i.Digest) {
		lines[0] += ", " + i.Digest
	}
	switch i.Kind {
	case lxc.ApplicationImage:
		lines = append(lines, "it runs "+i.Entrypoint+", and nothing else")
	case lxc.SystemImage:
		lines = append(lines, "it starts an init, as other OS templates do")
	}
	return lines
}
