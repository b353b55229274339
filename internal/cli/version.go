package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/infrahaus/infrahaus/internal/lazy"
	"github.com/infrahaus/infrahaus/internal/store"
	"github.com/infrahaus/infrahaus/internal/ui"
)

// version, commit and date (of the commit, RFC 3339) are set by the linker.
var version, commit, date = "dev", "", ""

// buildInfo describes this program: the output of `version --json`.
type buildInfo struct {
	Version string `json:"version"`
	Commit  string `json:"commit,omitempty"` // ends in -dirty if the files were not committed
	Date    string `json:"date,omitempty"`   // of the commit
	Go      string `json:"go"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
	Schema  int    `json:"schemaVersion"` // of the database that this program writes
}

func newVersionCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Long: "Print the version, the commit and its date. With --json also the schema version of\n" +
			"the database: a database of a newer one is refused, one of an older one is\n" +
			"migrated when it is first opened, and a copy is kept." + exitStatuses(0),
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			b := thisBuild()
			if a.global.json {
				return ui.WriteJSON(a.streams, b)
			}
			_, err := fmt.Fprintln(a.streams.Out, b.text())
			return err
		},
	}
}

// versionName is the version that the linker set, or else the module's.
func versionName() string { return thisBuild().Version }

// thisBuild is what the linker set. Without that, it is what the go command recorded: the
// module's version for `go install …@v1.2.3`, the commit for `go build` in a clone.
func thisBuild() buildInfo {
	b := buildInfo{Version: version, Commit: commit, Date: date,
		Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH, Schema: store.SchemaVersion()}
	if info, ok := debug.ReadBuildInfo(); ok && version == "dev" {
		b.fromModule(info)
	}
	return b
}

// pseudo matches a module version that was made from a commit: its date and its hash.
var pseudo = lazy.Regexp(`[-.](\d{14})-([0-9a-f]{12})(\+dirty)?$`)

func (b *buildInfo) fromModule(info *debug.BuildInfo) {
	if v := info.Main.Version; v != "" && v != "(devel)" {
		b.Version = strings.TrimPrefix(v, "v")
	}
	if m := pseudo().FindStringSubmatch(b.Version); m != nil {
		b.Commit = m[2]
		if at, err := time.Parse("20060102150405", m[1]); err == nil {
			b.Date = at.Format(time.RFC3339)
		}
	}
	dirty := strings.HasSuffix(b.Version, "+dirty")
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value
		case "vcs.time":
			b.Date = s.Value
		case "vcs.modified":
			dirty = dirty || s.Value == "true"
		}
	}
	if dirty && b.Commit != "" {
		b.Commit += "-dirty"
	}
}

func (b buildInfo) text() string {
	var about []string
	if hash, dirty, _ := strings.Cut(b.Commit, "-"); hash != "" {
		about = append(about, strings.TrimSuffix("commit "+hash[:min(len(hash), 12)]+"-"+dirty, "-"))
	}
	if day, _, _ := strings.Cut(b.Date, "T"); day != "" {
		about = append(about, day)
	}
	about = append(about, b.Go+" "+b.OS+"/"+b.Arch)
	return fmt.Sprintf("infrahaus %s (%s)", b.Version, strings.Join(about, ", "))
}
