package plan

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/pve"
)

// asked is what a setting should be: want, or what Proxmox has if nobody asks for anything,
// now or when that was recorded last.
func asked(want, was, have string) string {
	if want == "" && was == "" {
		return have
	}
	return want
}

// number compares a key that is a number; 0 asks for nothing.
func number(unit string, of func(lxc.Spec) int, key string) func(sides) compared {
	return func(s sides) compared {
		c := compared{have: s.have.All[key]}
		if n := of(s.want); n > 0 {
			c.want, c.value = strconv.Itoa(n)+unit, strconv.Itoa(n)
		}
		if c.have != "" {
			c.have += unit
		}
		if c.value == "" {
			c.want = c.have
		}
		return c
	}
}

// plainKey compares a key whose value Proxmox keeps as it is given; "" asks for nothing.
func plainKey(key string, of func(lxc.Spec) string) func(sides) compared {
	return func(s sides) compared {
		have := s.have.All[key]
		want := asked(of(s.want), of(s.was), have)
		return compared{have: have, want: want, value: want}
	}
}

// decimal is a number as Proxmox keeps it, "" for 0.
func decimal(f float64) string {
	if f == 0 {
		return ""
	}
	return strconv.FormatFloat(f, 'f', -1, 64)
}

// compareStartup counts the order of the parts for nothing.
func compareStartup(s sides) compared {
	have := s.have.All["startup"]
	want := asked(s.want.Startup, s.was.Startup, have)
	if pve.SameProperties(have, want) {
		return compared{}
	}
	return compared{have: have, want: want, value: want}
}

// comparePool names the difference alone: who may put a container into a pool needs rights on
// both pools and on the container that a sync has no use for otherwise.
func comparePool(s sides) compared {
	if s.pool == nil {
		return compared{}
	}
	have := *s.pool
	want := asked(s.want.Pool, s.was.Pool, have)
	how := fmt.Sprintf("pveum pool modify %s --vms %d --allow-move 1", want, s.ctid)
	if want == "" {
		how = fmt.Sprintf("pveum pool modify %s --vms %d --delete 1", have, s.ctid)
	}
	return compared{have: have, want: want, stays: "cannot be changed by sync; on the node: " + how}
}

// compareSwap differs from number: 0 is a value.
func compareSwap(s sides) compared {
	n := strconv.Itoa(s.want.SwapMiB)
	return compared{have: strconv.Itoa(s.have.SwapMiB) + " MiB", want: n + " MiB", value: n}
}

func compareDisk(s sides) compared { return compareSize(s, "rootfs", s.want.DiskGiB) }

// compareSize leaves a volume alone whose size Proxmox does not know, as of a folder on a
// storage of type dir.
func compareSize(s sides, key string, gib int) compared {
	size := pve.Properties(s.have.All[key])["size"]
	have, want := pve.SizeMiB(size), gib<<10
	if have == 0 || want == 0 || have == want {
		return compared{}
	}
	text := strings.TrimSpace(strings.TrimRight(size, "MGT")) + map[string]string{"M": " MiB", "G": " GiB", "T": " TiB"}[size[len(size)-1:]]
	return compared{have: text, want: fmt.Sprintf("%d GiB", gib), value: fmt.Sprintf("%dG", gib), less: want < have}
}

func compareHostname(s sides) compared {
	return compared{have: s.have.Hostname, want: asked(s.want.Hostname, "", s.have.Hostname), value: s.want.Hostname}
}

// compareTags keeps tags that somebody has added on Proxmox. Those that were asked for and
// are not any more are removed.
func compareTags(s sides) compared {
	have := sortedTags(s.have.Tags)
	want := sortedTags(slices.Concat(have, s.want.Tags))
	asks := sortedTags(s.want.Tags)
	want = slices.DeleteFunc(want, func(t string) bool {
		return slices.Contains(sortedTags(s.was.Tags), t) && !slices.Contains(asks, t)
	})
	return compared{have: strings.Join(have, ", "), want: strings.Join(want, ", "), value: strings.Join(want, ";")}
}

// sortedTags are tags in the form that Proxmox gives them.
func sortedTags(tags []string) []string {
	out := strings.Fields(strings.ToLower(strings.Join(tags, " ")))
	slices.Sort(out)
	return slices.Compact(out)
}

// featureFlags are a spec's features as Proxmox's properties.
func featureFlags(f lxc.Features) map[string]string {
	flags := map[string]string{}
	for name, on := range map[string]bool{"nesting": f.Nesting, "keyctl": f.Keyctl, "fuse": f.Fuse, "mknod": f.Mknod} {
		if on {
			flags[name] = "1"
		}
	}
	if len(f.Mount) > 0 {
		flags["mount"] = strings.Join(slices.Sorted(slices.Values(f.Mount)), ";")
	}
	return flags
}

// features are the parts of Proxmox's features that a spec can ask for.
var features = []string{"nesting", "keyctl", "fuse", "mknod", "mount"}

func compareFeatures(s sides) compared {
	want, was := featureFlags(s.want.Features), featureFlags(s.was.Features)
	return compareProperties(s.have.All["features"], want, was, features, func(key, value string) string {
		if value == "1" {
			return key
		}
		return key + "=" + value
	})
}

// featuresNeedRoot is Proxmox's rule: of an unprivileged container anybody may set nesting,
// and all else is for root@pam alone.
func featuresNeedRoot(s sides, c compared) bool {
	if !s.have.Unprivileged {
		return true
	}
	old, now := pve.Properties(s.have.All["features"]), pve.Properties(c.value)
	delete(old, "nesting")
	delete(now, "nesting")
	return len(old) != len(now) || slices.ContainsFunc(features, func(f string) bool { return old[f] != now[f] })
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

func compareNameservers(s sides) compared {
	have, want := strings.Join(s.have.Net0.Nameservers, " "), strings.Join(s.want.Network.Nameservers, " ")
	want = asked(want, strings.Join(s.was.Network.Nameservers, " "), have)
	return compared{have: have, want: want, value: want}
}

// compareOnBoot switches it off only where it was asked for before.
func compareOnBoot(s sides) compared {
	on := map[bool]string{true: "1"}
	value := asked(on[s.want.OnBoot], on[s.was.OnBoot], on[s.have.All["onboot"] == "1"])
	return compared{have: yesNo(s.have.All["onboot"] == "1"), want: yesNo(value == "1"), value: value}
}

// compareConsole: tty is Proxmox's default, so that the key may be missing.
func compareConsole(s sides) compared {
	have := s.have.All["cmode"]
	if have == "" {
		have = "tty"
	}
	want := asked(s.want.Console, s.was.Console, have)
	if want == "" {
		want = "tty"
	}
	return compared{have: have, want: want, value: want}
}

// compareOS compares the name of the archive with what is asked for, which may be its
// beginning alone.
func compareOS(s sides) compared {
	made := s.made
	if made == "" {
		made = s.was.OSTemplate
	}
	file := made[strings.LastIndexByte(made, '/')+1:]
	all := s.want.OSChoices()
	fits := func(want string) bool { return want == "" || want == made || strings.HasPrefix(file, want) }
	if made != "" && !slices.ContainsFunc(all, fits) {
		return compared{have: file, want: strings.Join(all, " or ")}
	}
	return compared{}
}

func compareUnprivileged(s sides) compared {
	return compared{have: yesNo(s.have.Unprivileged), want: yesNo(s.want.Unprivileged)}
}

func yesNo(b bool) string { return map[bool]string{true: "yes", false: "no"}[b] }

// compareProperties compares the parts of a property string that a spec can ask for, and
// keeps the others. word writes one part for people.
func compareProperties(have string, want, was map[string]string, keys []string, word func(key, value string) string) compared {
	now, set := pve.Properties(have), map[string]string{}
	var haves, wants []string
	for _, key := range keys {
		old := now[key]
		if old == "0" {
			old = ""
		}
		value := asked(want[key], was[key], old)
		if value != old {
			set[key] = value
		}
		if old != "" {
			haves = append(haves, word(key, old))
		}
		if value != "" {
			wants = append(wants, word(key, value))
		}
	}
	if len(set) == 0 {
		return compared{have: strings.Join(haves, ", "), want: strings.Join(haves, ", ")}
	}
	return compared{have: strings.Join(haves, ", "), want: strings.Join(wants, ", "), value: pve.WithProperties(have, set)}
}
