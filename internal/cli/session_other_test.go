//go:build !linux

package cli_test

import "github.com/rogpeppe/go-internal/testscript"

// platformCommands are the session commands that this system can play; sessions
// that need others begin with [!linux] skip.
func platformCommands() map[string]func(ts *testscript.TestScript, neg bool, args []string) {
	return nil
}
