package doctor

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/pve"
)

// drift is how far two clocks may be apart without a word.
const drift = 30 * time.Second

func judgeClock(f *Facts) verdict {
	if f.Skew.err != nil {
		return skip("the host does not tell the time")
	}
	d, side := f.Skew.value.Round(time.Second), "ahead of"
	if d < 0 {
		d, side = -d, "behind"
	}
	if d <= drift {
		return ok("as this machine's")
	}
	if d > time.Hour/10 {
		d = d.Round(time.Minute)
	}
	return warn(fmt.Sprintf("the node's clock is %s %s this machine's: logins and expiries go wrong", d, side)).onNode("chronyc makestep && timedatectl")
}

// The releases of Proxmox VE that this program was made for.
const (
	oldestRelease = 7
	newestRelease = 9
)

func judgeVersion(f *Facts) verdict {
	v := f.Version.value
	switch m := v.Major(); {
	case m == 0:
		return warn(fmt.Sprintf("the host calls itself %q, which is no release of Proxmox VE", v.Full))
	case m < oldestRelease:
		return fail(exit.Proxmox, v.Full+" is too old: 7.4 is the oldest that works").onNode("pveversion --verbose")
	case m == oldestRelease:
		return warn(v.Full + " had its end of life in July 2024 and gets no security updates; it tells no address by DHCP and takes no token at the console").
			onNode("pve7to8 --full")
	case m > newestRelease:
		return warn(v.Full + " is newer than this infrahaus, which was made for 7.4 to 9").here("infrahaus version")
	}
	return ok(v.Full)
}

// others says what else the cluster has: every check is of one node alone.
func others(s *pve.Site) string {
	if len(s.Nodes) < 2 {
		return ""
	}
	var off []string
	for _, n := range s.Nodes {
		if !n.Online {
			off = append(off, n.Name)
		}
	}
	text := fmt.Sprintf("; not examined: %d other", len(s.Nodes)-1)
	if len(s.Nodes) > 2 {
		text += "s"
	}
	if len(off) > 0 {
		text += ", offline of them: " + strings.Join(off, ", ")
	}
	return text
}

func judgeNode(f *Facts) verdict {
	s := f.Site
	if s.NodesErr != nil {
		return failed(s.NodesErr).onNode("pvecm status")
	}
	if s.NodeErr == nil {
		return ok(s.Node + ", online" + others(s))
	}
	v, choices := chosen(s.NodeErr)
	switch {
	case pve.IsKind(s.NodeErr, pve.Ambiguous):
		v = warn(fmt.Sprintf("several: %s; create needs --node, or node in the config; examined here: %s", strings.Join(choices, ", "), s.Node))
		return v.here(f.Target.setting("INFRAHAUS_NODE=" + s.Node))
	case len(choices) > 0:
		v.detail += "; there is: " + strings.Join(choices, ", ")
		return v.here(f.Target.setting("INFRAHAUS_NODE=" + choices[0]))
	}
	return v.onNode("pvecm status")
}

// chosen judges the error of a choice.
func chosen(err error) (verdict, []string) {
	var e *pve.Error
	if errors.As(err, &e) {
		return failed(err), e.Choices
	}
	return failed(err), nil
}

// setting is the command that leads to a setting: the config in an editor or, without a
// file, a variable of the environment or init.
func (t Target) setting(variable string) string {
	switch {
	case (t.Local == nil || t.Local.ConfigFile == "") && variable == "":
		return "infrahaus init"
	case t.Local == nil || t.Local.ConfigFile == "":
		return "export " + variable
	}
	return "${EDITOR:-vi} " + quote(t.Local.ConfigFile)
}

// quote makes one word of a path for a shell.
func quote(word string) string {
	if word != "" && strings.Trim(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+:@=") == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

const (
	gib       = 1 << 30
	littleGiB = 8 // the default size of a root disk, about
)

func judgeStorage(f *Facts) verdict {
	s := f.Site
	switch {
	case s.StoragesErr != nil:
		return failed(s.StoragesErr).onNode("pvesm status")
	case len(s.Storages) == 0:
		return skip("the login sees none: see the privileges")
	case s.StorageErr == nil:
		return describeStorage(f, s.Storage)
	}
	v, choices := chosen(s.StorageErr)
	switch {
	case pve.IsKind(s.StorageErr, pve.Ambiguous):
		v = warn("several would do: " + strings.Join(choices, ", ") + "; create needs --storage, or storage in the config")
		return v.here(f.Target.setting(""))
	case pve.IsKind(s.StorageErr, pve.Invalid):
		v.detail += "; there is: " + strings.Join(choices, ", ")
		return v.here(f.Target.setting(""))
	}
	if allow := allowContent(s.Storages, f.Target.Host.Storage, "rootdir"); allow != "" {
		return v.onNode(allow)
	}
	return v.onNode("pvesm status")
}

// allowContent is the command that lets a storage take one more type of content, "" if
// none lacks it: the named storage, or the first that can be used.
func allowContent(all []pve.Storage, name, content string) string {
	i := slices.IndexFunc(all, func(s pve.Storage) bool {
		return (s.Name == name || name == "" && s.Usable) && !s.Holds(content)
	})
	if i < 0 || slices.ContainsFunc(all, func(s pve.Storage) bool { return name == "" && s.Holds(content) }) {
		return ""
	}
	return "pvesm set " + all[i].Name + " --content " + strings.Join(append(slices.Clone(all[i].Content), content), ",")
}

func describeStorage(f *Facts, name string) verdict {
	i := slices.IndexFunc(f.Site.Storages, func(s pve.Storage) bool { return s.Name == name })
	st := f.Site.Storages[i]
	text := fmt.Sprintf("%s (%s)", st.Name, st.Kind)
	if st.Free < 0 {
		return ok(text)
	}
	text += fmt.Sprintf(", %.1f GiB free", float64(st.Free)/gib)
	if st.Free < littleGiB*gib {
		return warn(text + ": little for another container").onNode("pvesm status")
	}
	return ok(text)
}

func judgeArchiveStorage(f *Facts) verdict {
	s := f.Site
	switch {
	case s.StoragesErr != nil || len(s.Storages) == 0:
		return skip("the login sees no storage: see the privileges")
	case s.ArchiveErr == nil:
		return ok(s.ArchiveStore)
	}
	v := failed(s.ArchiveErr)
	if allow := allowContent(s.Storages, "", "vztmpl"); allow != "" {
		return v.onNode(allow)
	}
	return v.onNode("pvesm status")
}

func judgeBridge(f *Facts) verdict {
	s := f.Site
	switch {
	case s.BridgesErr != nil:
		return failed(s.BridgesErr).onNode("ip -brief link show type bridge")
	case s.BridgeErr == nil && len(s.Bridges) == 0:
		return ok(s.Bridge + ", assumed: the login sees none")
	case s.BridgeErr == nil:
		return ok(s.Bridge)
	}
	v, choices := chosen(s.BridgeErr)
	if pve.IsKind(s.BridgeErr, pve.Ambiguous) {
		v = warn("several: " + strings.Join(choices, ", ") + "; create needs --bridge, or bridge in the config")
	} else {
		v.detail += "; there is: " + strings.Join(choices, ", ")
	}
	return v.here(f.Target.setting(""))
}
