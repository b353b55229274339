package cli

import (
	"context"
	"os"

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
