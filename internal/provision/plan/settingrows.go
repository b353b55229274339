package plan

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/oci"
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

// comparePool: whoever puts a container into a pool needs rights on both pools that a sync
// has no use for otherwise. If neither the login nor the node may, the difference is named
// alone.
func comparePool(s sides) compared {
	if s.pool == nil {
		return compared{}
	}
	have := *s.pool
	c := compared{have: have, want: asked(s.want.Pool, s.was.Pool, have)}
	if s.want.Pool == lxc.NoPool {
		c.want = ""
	}
	c.value = c.want
	if poolNeedsNode(s, c) && !s.login.Node {
		c.stays = "the login may not change it; on the node: " + PoolCommand(s.ctid, c.want, have)
	}
	return c
}

func poolNeedsNode(s sides, _ compared) bool { return !s.login.Root && !s.login.Pools }

// PoolCommand is the command line for the node that moves a container to a pool, or with ""
// out of the one that it is in.
func PoolCommand(ctid int, to, from string) string {
	if to == "" {
		return fmt.Sprintf("pveum pool modify %s --vms %d --delete 1", from, ctid)
	}
	return fmt.Sprintf("pveum pool modify %s --vms %d --allow-move 1", to, ctid)
}

// compareDescription replaces the template's text in Proxmox's notes, and keeps all that
// somebody has written beside it. A container without our mark was made by a login that may
// not write notes.
func compareDescription(s sides) compared {
	mark, have := s.have.Marker(), s.have.Notes()
	want, was := pve.NotesText(s.want.Description), pve.NotesText(s.was.Description)
	if mark == "" || want == was && (want == "" || strings.Contains(have, want)) {
		return compared{}
	}
	text := have
	switch {
	case was != "" && strings.Contains(have, was):
		text = strings.TrimSpace(strings.Replace(have, was, want, 1))
	case want != "" && !strings.Contains(have, want):
		text = strings.TrimSpace(want + "\n\n" + have)
	}
	if text == have {
		return compared{}
	}
	return compared{have: oneLine(have), want: oneLine(text) + differsLater(have, text), value: pve.Notes(text, pve.Marker(mark))}
}

// oneLine is the beginning of a text.
func oneLine(text string) string {
	const most = 60
	line := []rune(strings.Join(strings.Fields(text), " "))
	if len(line) > most {
		return string(line[:most]) + "…"
	}
	return string(line)
}

// differsLater tells two texts apart that begin alike.
func differsLater(a, b string) string {
	if oneLine(a) == oneLine(b) {
		return " (changed further on)"
	}
	return ""
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
//
// The console of an application is its only program's, whatever was asked for at its create.
func compareConsole(s sides) compared {
	if s.image.Application() {
		return compared{}
	}
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
	if s.image != nil && s.image.Reference != "" {
		return compareImage(s)
	}
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

// ByUpdate says how another image comes into a container of the same repository's.
const ByUpdate = "infrahaus update replaces the root file system"

// compareImage compares the names and digests of images. Another one of the same repository,
// and a tag that stands for another one now, are said and left: that is an update's work.
func compareImage(s sides) compared {
	all := s.want.OSChoices()
	made, err := oci.Parse(s.image.Reference)
	made.Digest = "" // it is said beside it
	var near string  // asked for, of the same repository
	locked := false
	fits := func(want string) bool {
		ref, err := oci.Parse(s.want.Pinned(want))
		if err != nil || !oci.Is(want) || ref.Repository() != made.Repository() {
			return want == ""
		}
		locked = s.want.Pins[want] != ""
		if ref.Tag == made.Tag && (ref.Digest == "" || ref.Digest == s.image.Digest) {
			return true
		}
		if near == "" {
			near = nameOf(ref)
		}
		return false
	}
	has := made
	has.Digest = s.image.Digest
	switch {
	case err != nil:
		return compared{}
	case slices.ContainsFunc(all, fits) && s.moved == "":
		return compared{}
	case slices.ContainsFunc(all, fits) && locked:
		return compared{have: nameOf(has), want: oci.Short(s.moved), stays: "the tag has moved since it was locked: infrahaus template lock, then " + ByUpdate}
	case slices.ContainsFunc(all, fits) && s.image.Application():
		return compared{have: nameOf(has), want: oci.Short(s.moved), stays: "the tag has moved: " + ByUpdate}
	case slices.ContainsFunc(all, fits):
		return compared{have: nameOf(has), want: oci.Short(s.moved), stays: "the tag has moved: create anew"}
	case near != "" && s.image.Application():
		return compared{have: nameOf(has), want: near, stays: ByUpdate}
	case near != "":
		return compared{have: nameOf(has), want: near}
	}
	return compared{have: made.Short(), want: strings.Join(all, " or ")}
}

// nameOf is an image as people compare it: nginx:1.29 at sha256:0a0a0a0a0a0a.
func nameOf(ref oci.Reference) string {
	if ref.Digest == "" {
		return ref.Short()
	}
	at := oci.Short(ref.Digest)
	if ref.Tag == "" {
		return ref.Path + "@" + at
	}
	ref.Digest = ""
	return ref.Short() + " at " + at
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
		for _, side := range []struct {
			words *[]string
			value string
		}{{&haves, old}, {&wants, value}} {
			if side.value == "" {
				continue
			}
			if text := word(key, side.value); text != "" {
				*side.words = append(*side.words, text)
			}
		}
	}
	if len(set) == 0 {
		return compared{have: strings.Join(haves, ", "), want: strings.Join(haves, ", ")}
	}
	return compared{have: strings.Join(haves, ", "), want: strings.Join(wants, ", "), value: pve.WithProperties(have, set)}
}
