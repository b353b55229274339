package configmanager

import (
	"io/fs"
	"strings"
	"testing"

	"mvdan.cc/sh/v3/syntax"

	"github.com/infrahaus/infrahaus/internal/guest"
)

// TestScriptsParse parses every script of this package as POSIX shell. The parser is
// stricter than any of the shells.
func TestScriptsParse(t *testing.T) {
	scripts := map[string]string{"install": InstallScript(), "sync": SyncScript(), "notify": NotifyScript(nil, nil, nil)}
	err := fs.WalkDir(embedded, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(p, ".sh") {
			return err
		}
		data, err := embedded.ReadFile(p)
		scripts[p] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range scripts {
		if _, err := syntax.NewParser(syntax.Variant(syntax.LangPOSIX)).Parse(strings.NewReader(text), name); err != nil {
			t.Error(err)
		}
	}
}

func TestBundleRefuses(t *testing.T) {
	for name, in := range map[string]Input{
		"relative target": {Files: []File{{Target: "etc/x"}}},
		"climbing target": {Files: []File{{Target: "/etc/../x"}}},
		"the root":        {Files: []File{{Target: "/"}}},
		"newline":         {Files: []File{{Target: "/etc/a\nb"}}},
		"unknown policy":  {Files: []File{{Target: "/etc/a", Policy: "maybe"}}},
		"option as owner": {Files: []File{{Target: "/etc/a", Owner: "--reference=/etc/shadow"}}},
		"twice":           {Files: []File{{Target: "/etc/a"}, {Target: "/etc/a"}}},
		"option":          {Packages: map[string][]string{"apt": {"-oAPT::x=y"}}},
		"two words":       {Packages: map[string][]string{"apt": {"a b"}}},
		"empty":           {Packages: map[string][]string{"apt": {""}}},
		"manager":         {Packages: map[string][]string{"brew": {"a"}}},
	} {
		if files, err := Bundle(in); err == nil {
			t.Errorf("%s: %d files and no error", name, len(files))
		}
	}
}

func TestConfigEnv(t *testing.T) {
	got := Input{Template: "web", RecordID: "01J", RepoURL: "https://u:p'$(x)@h/r\nEVIL=1"}.configEnv()
	want := "CONFIG_REPO_URL=" + guest.Quote("https://u:p'$(x)@h/rEVIL=1") + `
CONFIG_BRANCH=main
CONFIG_PATH=web
TEMPLATE_NAME=web
CONTAINER_ID=01J
SYNC_ON_BOOT=false
`
	if got != want {
		t.Errorf("got %s", got)
	}
}
