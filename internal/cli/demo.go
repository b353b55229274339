package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/infrahaus/infrahaus/internal/config"
	"github.com/infrahaus/infrahaus/internal/sandbox"
)

// demoSteps are the command lines of the demo, in order.
func demoSteps() [][]string {
	return [][]string{
		{"create", "demo", "--template", "hello"},
		{"list"},
		{"discover", "demo"},
		{"events", "demo", "--no-logs"},
		{"credentials", "demo"},
		{"credentials", "demo", "hello", "--reveal"},
		{"destroy", "demo", "--yes"},
	}
}

func newDemoCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "demo",
		Short: "Show the main job on the embedded sandbox, in some seconds",
		Long: `Show the main job on the embedded sandbox: create a container, list and discover it, its
events and credentials, and destroy it. It needs no Proxmox node, takes some seconds, and
works in a folder of its own that is removed in the end. Your settings, records and
containers are not touched.` + exitStatuses(0, 1, 2, 130, 143),
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.demo(cmd.Context()) },
	}
}

func (a *app) demo(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "infrahaus-demo-")
	if err != nil {
		return failf(1, "cannot make a folder for the demo: %w", err)
	}
	defer removeDemo(dir)
	if err := demoEnvironment(dir); err != nil {
		return err
	}
	for _, words := range demoSteps() {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		args := append([]string{"--sandbox"}, words...)
		a.say("")
		a.say("$ infrahaus " + strings.Join(args, " "))
		for _, f := range []struct {
			name string
			on   bool
		}{{"--json", a.global.json}, {"--quiet", a.global.quiet}, {"--verbose", a.global.verbose}, {"--no-color", a.global.noColor}} {
			if f.on {
				args = append(args, f.name)
			}
		}
		if status := Main(args, a.in, a.out, a.err); status != 0 {
			return silent{status} // it has said why
		}
	}
	a.say("")
	a.say("That was in a folder of its own, which is gone now. Your own container:")
	a.say("  infrahaus create web --template hello --sandbox")
	return nil
}

// demoEnvironment takes all settings of the user out of this process's environment, and
// points it at the demo's folder.
func demoEnvironment(dir string) error {
	for _, v := range config.Variables() {
		if v.Name == "HOME" {
			continue
		}
		if err := os.Unsetenv(v.Name); err != nil {
			return fmt.Errorf("cannot set up the demo: %w", err)
		}
	}
	for name, value := range map[string]string{
		"XDG_CONFIG_HOME": filepath.Join(dir, "config"), "XDG_STATE_HOME": filepath.Join(dir, "state"),
	} {
		if err := os.Setenv(name, value); err != nil {
			return fmt.Errorf("cannot set up the demo: %w", err)
		}
	}
	return nil
}

// removeDemo removes the demo's folder, its containers first: they may have files that
// their owner cannot remove as they are.
func removeDemo(dir string) {
	_ = sandbox.Reset(filepath.Join(dir, "state", "infrahaus", "sandbox"))
	_ = os.RemoveAll(dir)
}
