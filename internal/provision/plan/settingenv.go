package plan

import (
	"slices"
	"strings"

	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/pve"
)

// KeyEnv is the Key of a Put that sets the environment of a container from an image. Its Value
// is empty: it may have secrets, and a claim is on record in clear text. The value is made of
// the job when it is set. Old names the variables that go, with commas.
const KeyEnv = "env"

// envChange is one variable that the container has otherwise than the job asks for.
type envChange struct {
	name     string
	old, now string // as people may see them
	had      bool
	goes     bool // the job does not have it any more
}

// envChanges compares an environment as Proxmox has it with the job's. What neither the job
// nor the job on record has is the image's, or somebody else's, and stays. No secret is shown,
// and nothing of --env, whose names do not tell what is secret.
func envChanges(have string, env []EnvVar, gone []string) (out []envChange) {
	for _, v := range env {
		old, had := pve.Env(have, v.Name)
		if had && old == v.Value {
			continue
		}
		c := envChange{name: v.Name, had: had, old: ShownValue(old), now: ShownValue(v.Value)}
		if v.Secret || v.Given {
			c.old, c.now = "***", "***"
			if had {
				c.now += " (changed)"
			}
		}
		out = append(out, c)
	}
	for _, name := range gone {
		if _, had := pve.Env(have, name); had {
			out = append(out, envChange{name: name, had: true, goes: true, old: "***"})
		}
	}
	return out
}

// compareEnv compares the environment of a container from an image.
func compareEnv(s sides) compared {
	var haves, wants []string
	for _, c := range envChanges(s.have.All[KeyEnv], s.env, s.gone) {
		if c.had {
			haves = append(haves, c.name+"="+c.old)
		}
		if !c.goes {
			wants = append(wants, c.name+"="+c.now)
		}
	}
	return compared{have: strings.Join(haves, ", "), want: strings.Join(wants, ", ")}
}

// EnvDiff is how the environment differs, as a unified diff without its head; "" if it does
// not.
func EnvDiff(q Request, w World) string {
	s := sidesOf(q, w)
	var b strings.Builder
	for _, c := range envChanges(s.have.All[KeyEnv], s.env, s.gone) {
		if c.had {
			b.WriteString("-" + c.name + "=" + c.old + "\n")
		}
		if !c.goes {
			b.WriteString("+" + c.name + "=" + c.now + "\n")
		}
	}
	return b.String()
}

// EnvSet is the environment that the container gets: have, without the variables that go
// (names with commas), and with the job's.
func (j Job) EnvSet(kind lxc.ImageKind, have, gone string) string {
	var pairs [][2]string
	for _, v := range j.Environment(kind) {
		pairs = append(pairs, [2]string{v.Name, v.Value})
	}
	return pve.WithEnv(have, pairs, strings.Split(gone, ",")...)
}

// EnvGone are those of the variables on record that the environment must not have any more.
func (j Job) EnvGone(kind lxc.ImageKind, was []string) []string {
	env := j.Environment(kind)
	return slices.DeleteFunc(slices.Clone(was), func(name string) bool {
		return slices.ContainsFunc(env, func(v EnvVar) bool { return v.Name == name })
	})
}

// made reports whether Proxmox has what a request of an earlier run asks for.
func (d *decision) made(p Put, have pve.Config) bool {
	switch p.Key {
	case KeyPool:
		return d.Situation.made(p)
	case KeyEnv:
		var kind lxc.ImageKind
		if image := d.Image(); image != nil {
			kind = image.Kind
		}
		return len(envChanges(have.All[KeyEnv], d.Job.Environment(kind), strings.Split(p.Old, ","))) == 0
	}
	return p.Made(have)
}
