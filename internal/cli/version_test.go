package cli

import (
	"runtime/debug"
	"testing"
)

// TestVersionOfModule: without the linker's words, the version is what the go command
// recorded.
func TestVersionOfModule(t *testing.T) {
	const hash = "0123456789abcdef0123456789abcdef01234567"
	settings := func(modified string) []debug.BuildSetting {
		return []debug.BuildSetting{{Key: "vcs.revision", Value: hash}, {Key: "vcs.time", Value: "2026-11-30T08:00:00Z"},
			{Key: "vcs.modified", Value: modified}}
	}
	for _, c := range []struct {
		name, module string
		settings     []debug.BuildSetting
		want         buildInfo
		text         string
	}{
		{"go install of a tag", "v1.2.3", nil, buildInfo{Version: "1.2.3"}, "infrahaus 1.2.3 (go1 linux/arm)"},
		{"go install of a commit", "v1.2.4-0.20261130084141-0123456789ab", nil,
			buildInfo{Version: "1.2.4-0.20261130084141-0123456789ab", Commit: "0123456789ab", Date: "2026-11-30T08:41:41Z"},
			"infrahaus 1.2.4-0.20261130084141-0123456789ab (commit 0123456789ab, 2026-11-30, go1 linux/arm)"},
		{"go build in a clone", "v0.0.0-20261130080000-0123456789ab+dirty", settings("true"),
			buildInfo{Version: "0.0.0-20261130080000-0123456789ab+dirty", Commit: hash + "-dirty", Date: "2026-11-30T08:00:00Z"},
			"infrahaus 0.0.0-20261130080000-0123456789ab+dirty (commit 0123456789ab-dirty, 2026-11-30, go1 linux/arm)"},
		{"go build of an older Go", "(devel)", settings("false"),
			buildInfo{Version: "dev", Commit: hash, Date: "2026-11-30T08:00:00Z"},
			"infrahaus dev (commit 0123456789ab, 2026-11-30, go1 linux/arm)"},
		{"nothing recorded", "", nil, buildInfo{Version: "dev"}, "infrahaus dev (go1 linux/arm)"},
	} {
		got := buildInfo{Version: "dev"}
		got.fromModule(&debug.BuildInfo{Main: debug.Module{Version: c.module}, Settings: c.settings})
		if got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
		got.Go, got.OS, got.Arch = "go1", "linux", "arm"
		if got.text() != c.text {
			t.Errorf("%s: %s, want %s", c.name, got.text(), c.text)
		}
	}
}
