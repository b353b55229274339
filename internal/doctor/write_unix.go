//go:build unix

package doctor

import "golang.org/x/sys/unix"

// mayWrite is why this process may not write in a folder, nil if it may. It asks the
// system and writes nothing.
func mayWrite(dir string) error { return unix.Access(dir, unix.W_OK|unix.X_OK) }
