package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/infrahaus/infrahaus/internal/ui"
)

func newVersionCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Long:  "Print the version." + exitStatuses(0),
		Args:  noArgs,
		RunE: func(*cobra.Command, []string) error {
			if a.global.json {
				return ui.WriteJSON(a.streams, map[string]string{
					"version": versionName(), "go": runtime.Version(), "os": runtime.GOOS, "arch": runtime.GOARCH,
				})
			}
			_, err := fmt.Fprintln(a.streams.Out, versionText())
			return err
		},
	}
}

// versionName is the version that the linker set, or else the module's.
func versionName() string {
	if version != "dev" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return version
}

func versionText() string {
	return fmt.Sprintf("infrahaus %s (%s %s/%s)", versionName(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
