package cli

import (
	"context"
	"errors"
	"os"

	"github.com/spf13/pflag"

	"github.com/infrahaus/infrahaus/internal/ui"
)

// KilledRotate is `key rotate` in a process that is killed after one of its steps.
func KilledRotate(step string) int {
	a := &app{in: os.Stdin, out: os.Stdout, err: os.Stderr, streams: ui.System(os.Stdin, os.Stdout, os.Stderr, os.Environ(), false)}
	defer a.close()
	o := &keyRotateOptions{app: a, after: func(done string) {
		if done == step {
			if self, err := os.FindProcess(os.Getpid()); err == nil {
				_ = self.Kill()
			}
			select {}
		}
	}}
	return a.report(context.Background(), "key rotate", o.run(context.Background()))
}

// CheckCommand returns the name of the command in a command line, or the fault in the
// line. It runs nothing.
func CheckCommand(args []string) (string, error) {
	root := newRootCmd(&app{streams: ui.System(os.Stdin, os.Stdout, os.Stderr, os.Environ(), false)})
	root.InitDefaultHelpCmd()
	cmd, rest, err := root.Find(args)
	if err != nil {
		return "", err
	}
	cmd.InitDefaultHelpFlag()
	if err := cmd.ParseFlags(rest); err != nil {
		return "", err
	}
	if help, err := cmd.Flags().GetBool("help"); err == nil && help {
		return commandPath(cmd), nil
	}
	return commandPath(cmd), cmd.ValidateArgs(cmd.Flags().Args())
}

// The examples of help.
const (
	ConfigExample   = configExample
	TemplateExample = templateExample
	FleetExample    = fleetExample
)

// CheckMention returns the fault of a command line whose arguments may be placeholders: a
// command or a flag that does not exist.
func CheckMention(args []string) error {
	root := newRootCmd(&app{streams: ui.System(os.Stdin, os.Stdout, os.Stderr, os.Environ(), false)})
	root.InitDefaultHelpCmd()
	cmd, rest, err := root.Find(args)
	if err != nil {
		return err
	}
	cmd.InitDefaultHelpFlag()
	var wrong *pflag.InvalidValueError
	if err := cmd.ParseFlags(rest); err != nil && !errors.As(err, &wrong) {
		return err
	}
	if left := cmd.Flags().Args(); cmd.HasAvailableSubCommands() && len(left) > 0 {
		return unknownCommand(cmd, left[0])
	}
	return nil
}
