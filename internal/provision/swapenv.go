package provision

import (
	"context"
	"encoding/base64"
	"slices"
	"strings"

	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/pve"
)

// wasEnv is a variable of the second container, which never runs: the environment as it was,
// in base64. It may have secrets, which Proxmox has anyway, and which belong nowhere else.
const wasEnv = "INFRAHAUS_WAS="

// keepOldEnv makes the second container keep the environment as it was.
func (u *rootSwap) keepOldEnv(ctx context.Context, now pve.Config) error {
	aside, err := u.aside(ctx)
	if err != nil || now.All["env"] == "" || strings.Contains(aside.All["env"], wasEnv) {
		return err
	}
	env := append(splitEnv(aside.All["env"]), wasEnv+base64.StdEncoding.EncodeToString([]byte(now.All["env"])))
	return u.run.host.PVE.SetConfigs(ctx, u.run.recorded.Node, u.at.Aside, map[string]string{"env": strings.Join(env, "\x00")})
}

// environments are the new image's environment, and the container's as it was.
func environments(aside pve.Config) (image, was string) {
	var own []string
	for _, v := range splitEnv(aside.All["env"]) {
		if text, ok := strings.CutPrefix(v, wasEnv); ok {
			old, _ := base64.StdEncoding.DecodeString(text)
			was = string(old)
			continue
		}
		own = append(own, v)
	}
	return strings.Join(own, "\x00"), was
}

// splitEnv splits Proxmox's env, which has a NUL between variables.
func splitEnv(env string) []string {
	return slices.DeleteFunc(strings.Split(env, "\x00"), func(v string) bool { return v == "" })
}

// environment is the image's, with the job's variables as the container has them: a variable
// that has changed is a sync's work.
func (u *rootSwap) environment(image, was string) string {
	var pairs [][2]string
	for _, v := range u.run.job.Environment(lxc.ApplicationImage) {
		if value, ok := pve.Env(was, v.Name); ok {
			pairs = append(pairs, [2]string{v.Name, value})
		}
	}
	return pve.WithEnv(image, pairs)
}
