//go:build unix

package store

import "golang.org/x/sys/unix"

// accessible returns an error if this process may not make anything in a folder.
func accessible(dir string) error { return unix.Access(dir, unix.W_OK|unix.X_OK) }
