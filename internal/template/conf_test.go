package template

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/infrahaus/infrahaus/internal/lxc"
)

const conf = `#!/usr/bin/env bash
# A template of the original system
TEMPLATE_APP="Web 3"
TEMPLATE_DESCRIPTION='Nodes & "tools"'
TEMPLATE_TAGS="web3;dev; node "
TEMPLATE_CPU="${TEMPLATE_CPU:-4}"   # cores
TEMPLATE_RAM="${TEMPLATE_RAM:-8192}"
TEMPLATE_DISK=20 # GB
TEMPLATE_OS="${TEMPLATE_OS:-debian}"
TEMPLATE_VERSION="${TEMPLATE_VERSION:-13}"
TEMPLATE_UNPRIVILEGED="${TEMPLATE_UNPRIVILEGED:-1}"  # 1 = unprivileged
export TEMPLATE_NESTING="${TEMPLATE_NESTING:-1}"
TEMPLATE_KEYCTL=${TEMPLATE_KEYCTL:-1}; TEMPLATE_FUSE=0
BASE=infra/lxc
TEMPLATE_CONFIG_PATH="$BASE/templates/web3-dev/container-configs"
echo "loaded"
`

func legacyFolder() fstest.MapFS {
	const dir = "container-configs/"
	return folder("template.conf", conf,
		dir+"scripts/.gitkeep", "", dir+"scripts/README.md", "", dir+"scripts/00-pre.sh", "a", dir+"scripts/10-z.sh", "c", dir+"scripts/2_y.sh", "b", dir+"scripts/lib.sh", "",
		dir+"files/.gitkeep", "", dir+"files/README.md", "",
		dir+"files/.bashrc", "x", dir+"files/.bashrc.path", " /home/coder \r\nignored\n", dir+"files/.bashrc.policy", "default\n",
		dir+"files/app.conf", "y", dir+"files/app.conf.path", "/etc/app/\n", dir+"files/app.conf.policy", "replace",
		dir+"files/plain", "z", dir+"files/plain.path", "/opt",
		dir+"files/odd", "z", dir+"files/odd.path", "/opt", dir+"files/odd.policy", "copy",
		dir+"files/lost", "z",
		dir+"files/search.path", "a path unit", dir+"files/search.path.path", "/etc/systemd/system", dir+"files/search.path.policy", "backup",
		dir+"packages/.gitkeep", "", dir+"packages/base.apt", "# base\ngit # vcs\nrsync\nbad name\n", dir+"packages/base.npm", "typescript@^5\n", dir+"packages/dev.pip", "pkg[extra]!=2\n",
		dir+"packages/x.custom", "foundry|command -v forge|curl -L https://f | bash\n")
}

func TestLegacy(t *testing.T) {
	tm := mustLoad(t, legacyFolder())
	want := lxc.Spec{Description: `Nodes & "tools"`, OSTemplate: "debian-13-standard", Cores: 4, MemoryMiB: 8192, SwapMiB: 512, DiskGiB: 20, Unprivileged: true,
		Features: lxc.Features{Nesting: true, Keyctl: true}, Network: lxc.Network{IPv4: "dhcp"}, Tags: []string{"web3", "dev", "node"}}
	if got := tm.Spec(); !reflect.DeepEqual(got, want) {
		t.Errorf("spec\n%+v\n%+v", got, want)
	}
	if !tm.Legacy || tm.Name != "folder" || tm.Description != `Nodes & "tools"` || tm.ConfigPath != "infra/lxc/templates/web3-dev/container-configs" {
		t.Errorf("%+v", tm)
	}
	var files, scripts, warned []string
	for _, f := range tm.Files {
		files = append(files, fmt.Sprintf("%s %s", f.Target, f.Policy))
	}
	if want := []string{"/home/coder/.bashrc default", "/etc/app/app.conf replace", "/opt/odd default", "/opt/plain default", "/etc/systemd/system/search.path backup"}; !slices.Equal(files, want) {
		t.Errorf("files %q", files)
	}
	for _, s := range tm.Scripts {
		scripts = append(scripts, s.Name)
	}
	if want := []string{"00-pre.sh", "2_y.sh", "10-z.sh"}; !slices.Equal(scripts, want) {
		t.Errorf("scripts %q", scripts)
	}
	names := map[string][]string{"apt": {"git", "rsync"}, "npm": {"typescript@^5"}, "pip": {"pkg[extra]!=2"}}
	if !reflect.DeepEqual(tm.Packages.Names, names) || len(tm.Packages.Custom) != 1 || tm.Packages.Custom[0].Install != "curl -L https://f | bash" {
		t.Errorf("packages %+v", tm.Packages)
	}
	for _, w := range tm.Warnings {
		warned = append(warned, strings.TrimPrefix(w.Where(), "container-configs/"))
	}
	if want := []string{"packages/base.apt:4:1", "scripts/lib.sh", "files/lost", "files/odd.policy:1:1"}; !slices.Equal(warned, want) {
		t.Errorf("warnings %v", tm.Warnings)
	}
}

// The original's defaults apply, and a trailing comment in a real file does not make the
// container privileged.
func TestConfValues(t *testing.T) {
	for _, c := range []struct {
		text string
		ok   func(*Template) bool
	}{
		{"", func(t *Template) bool {
			return t.Cores == 1 && t.MemoryMiB == 512 && t.DiskGiB == 8 && t.OS == "debian-12-standard" && t.Unprivileged && !t.Features.Nesting && t.ConfigPath == "folder"
		}},
		{"TEMPLATE_UNPRIVILEGED=\"${TEMPLATE_UNPRIVILEGED:-1}\"  # 1 = yes", func(t *Template) bool { return t.Unprivileged }},
		{"TEMPLATE_UNPRIVILEGED=0", func(t *Template) bool { return !t.Unprivileged }},
		{"TEMPLATE_UNPRIVILEGED=\"${TEMPLATE_UNPRIVILEGED:-0}\" # 1", func(t *Template) bool { return !t.Unprivileged }},
		{"TEMPLATE_CPU=\nTEMPLATE_TAGS=", func(t *Template) bool { return t.Cores == 1 && t.Tags == nil }},
		{"TEMPLATE_CPU=2\nTEMPLATE_CPU=${TEMPLATE_CPU:-3}", func(t *Template) bool { return t.Cores == 2 }},
		{"TEMPLATE_CPU=${A:-${B:-3}}", func(t *Template) bool { return t.Cores == 3 }},
		{"\xef\xbb\xbfTEMPLATE_CPU=2\r\nTEMPLATE_OS=alpine\r\nTEMPLATE_VERSION=3.20\r\n", func(t *Template) bool { return t.Cores == 2 && t.OS == "alpine-3.20" }},
		{`TEMPLATE_DESCRIPTION="a \"b\" \$c \n"d\ e'f'`, func(t *Template) bool { return t.Description == `a "b" $c \nd ef` }},
		{"TEMPLATE_DESCRIPTION='# no comment' # comment", func(t *Template) bool { return t.Description == "# no comment" }},
		{"if true; then TEMPLATE_CPU=9; fi\nTEMPLATE_CPU=2", func(t *Template) bool { return t.Cores == 2 }},
		{"OTHER=$(date)\nTEMPLATE_CPU=2", func(t *Template) bool { return t.Cores == 2 }},
	} {
		tm, err := Load(folder("template.conf", c.text), "folder")
		if err != nil || !c.ok(tm) {
			t.Errorf("%q: %+v %v", c.text, tm, err)
		}
	}
}

// The original reads every script into bash, whatever its first line says.
func TestConfScriptsRunInBash(t *testing.T) {
	const dir = "container-configs/scripts/"
	tm := mustLoad(t, folder("template.conf", "", dir+"10-a.sh", "a=(1 2)\n[[ $a == 1 ]]\n", dir+"20-b.sh", "#!/bin/sh\n[[ x == x ]]\n",
		dir+"30-c.sh", "#!/bin/bash -e\n:\n", dir+"40-d.sh", "#!/usr/bin/python3\n", dir+"50-e.sh", "rm -rf $dir\n"))
	want := []string{"#!/usr/bin/env bash\na=(1 2)\n[[ $a == 1 ]]\n", "#!/usr/bin/env bash\n[[ x == x ]]\n", "#!/bin/bash -e\n:\n", "#!/usr/bin/python3\n", "#!/usr/bin/env bash\nrm -rf $dir\n"}
	for i, s := range tm.Scripts {
		if string(s.Content) != want[i] {
			t.Errorf("%s: %q", s.Name, s.Content)
		}
	}
	if len(tm.Warnings) != 1 || tm.Warnings[0].Where() != dir+"50-e.sh:1:8" {
		t.Errorf("%v", tm.Warnings)
	}
	tm = mustLoad(t, folder("template.conf", "TEMPLATE_OS=alpine\nTEMPLATE_VERSION=3.20", dir+"10-a.sh", "#!/bin/sh\n:\n"))
	if string(tm.Scripts[0].Content) != "#!/bin/sh\n:\n" {
		t.Errorf("%q", tm.Scripts[0].Content)
	}
}

func TestBadConf(t *testing.T) {
	for _, c := range []struct{ text, where, want string }{
		{"TEMPLATE_CPU=two", "template.conf:1:1", "must be a whole number"},
		{"\nTEMPLATE_RAM=64", "template.conf:2:1", "64 is not within 128..65536"},
		{"TEMPLATE_UNPRIVILEGED=maybe", "template.conf:1:1", "must be 1 or 0"},
		{"TEMPLATE_OS='a b'", "template.conf:1:1", "is no OS template"},
		{"TEMPLATE_CPU=$(nproc)", "template.conf:1:1", "cannot be told without running"},
		{"TEMPLATE_CPU=`nproc`", "template.conf:1:1", "cannot be told without running"},
		{"TEMPLATE_CPU=$((1+1))", "template.conf:1:1", "cannot be told without running"},
		{"TEMPLATE_CPU=${A:=2}", "template.conf:1:1", "cannot be told"},
		{"TEMPLATE_TAGS=(a b)", "template.conf:1:1", "cannot be told"},
		{"TEMPLATE_CPU=\"2", "template.conf:1:14", "quote"},
		{"TEMPLATE_CPU=2\x00", "template.conf", "NUL"},
	} {
		_, err := Load(folder("template.conf", c.text), "folder")
		var e *Error
		if !errors.As(err, &e) || !strings.HasPrefix(e.Problems[0].Where(), c.where) || !strings.Contains(e.Problems[0].Message, c.want) {
			t.Errorf("%q: %v", c.text, err)
		}
	}
	tm := mustLoad(t, folder("template.conf", "TEMPLATE_NESTIN=1"))
	if len(tm.Warnings) != 1 || !strings.Contains(tm.Warnings[0].Suggestion, "TEMPLATE_NESTING") {
		t.Errorf("warnings %v", tm.Warnings)
	}
	for _, target := range []string{"etc", "/etc/../..", "/proc", ""} {
		m := folder("template.conf", "", "container-configs/files/a", "", "container-configs/files/a.path", target)
		if _, err := Load(m, "folder"); err == nil || !strings.Contains(err.Error(), "files/a.path:1") {
			t.Errorf("%q: %v", target, err)
		}
	}
}

func FuzzConf(f *testing.F) {
	f.Add(conf)
	f.Add("A=${A:-${A:-x}}\nA=$A$A")
	f.Add("TEMPLATE_TAGS=${1-x}${@}${#a}${a[0]}")
	f.Fuzz(func(t *testing.T, text string) {
		tm, err := Load(folder("template.conf", text), "folder")
		var e *Error
		if err != nil && !errors.As(err, &e) {
			t.Fatalf("%v", err)
		}
		if err == nil && (tm.Cores < 1 || tm.MemoryMiB < 128 || !osPattern().MatchString(tm.OS)) {
			t.Fatalf("%+v", tm)
		}
	})
}
