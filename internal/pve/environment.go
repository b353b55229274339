package pve

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/infrahaus/infrahaus/internal/lxc"
)

// WithEnv is an environment as Proxmox keeps it (NAME=VALUE with NUL between them) with
// variables added, or replaced, and others left out.
func WithEnv(have string, set [][2]string, drop ...string) string {
	var out []string
	for text := range strings.SplitSeq(have, "\x00") {
		name, _, _ := strings.Cut(text, "=")
		if text != "" && !slices.ContainsFunc(set, func(s [2]string) bool { return s[0] == name }) && !slices.Contains(drop, name) {
			out = append(out, text)
		}
	}
	for _, s := range set {
		out = append(out, s[0]+"="+s[1])
	}
	return strings.Join(out, "\x00")
}

// Env is the value of a variable in an environment as Proxmox keeps it.
func Env(env, name string) (value string, ok bool) {
	for text := range strings.SplitSeq(env, "\x00") {
		if value, ok := strings.CutPrefix(text, name+"="); ok {
			return value, true
		}
	}
	return "", false
}

// EnvNames are the names in an environment as Proxmox keeps it.
func EnvNames(env string) (names []string) {
	for text := range strings.SplitSeq(env, "\x00") {
		if name, _, ok := strings.Cut(text, "="); ok {
			names = append(names, name)
		}
	}
	return names
}

// ImageMade is an image as the configuration of its container has it: what Proxmox has
// written there counts, and what only the registry tells stays.
func ImageMade(i *lxc.Image, cfg Config) *lxc.Image {
	out := *i
	out.Kind, out.Entrypoint = lxc.SystemImage, ""
	if e := cfg.All["entrypoint"]; e != "" {
		out.Kind, out.Entrypoint = lxc.ApplicationImage, e
	}
	out.EnvNames = EnvNames(cfg.All["env"])
	var raw [][]string
	if json.Unmarshal([]byte(cfg.All["lxc"]), &raw) != nil { // a login without VM.Audit sees none
		return &out
	}
	ids := map[string]string{}
	for _, line := range raw {
		if len(line) == 2 {
			ids[line[0]] = line[1]
		}
	}
	if uid := ids["lxc.init.uid"]; uid != "" && out.User == "" {
		out.User = uid
	}
	if signal := ids["lxc.signal.halt"]; signal != "" {
		out.StopSignal = signal
	}
	return &out
}
