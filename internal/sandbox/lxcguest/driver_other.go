//go:build !linux

package lxcguest

import (
	"context"
	"errors"
	"net/netip"

	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
)

// DefaultDir is where guests would live.
const DefaultDir = "/var/lib/infrahaus-sandbox"

// Options says where guests live.
type Options struct {
	Dir    string
	Name   string
	Faults *driver.Faults
	// Throwaway guests need not survive a crash of the machine.
	Throwaway bool
	Log       func(string)
}

// Driver cannot be made on this system.
type Driver struct{ driver.Driver }

var errLinux = errors.New("cannot run LXC guests: this needs Linux")

// Check returns an error: LXC needs Linux.
func Check() error { return errLinux }

// New returns an error: LXC needs Linux.
func New(context.Context, Options) (*Driver, error) { return nil, errLinux }

// EnsureTemplate returns an error: LXC needs Linux.
func EnsureTemplate(context.Context, string, string, func(string)) (string, error) {
	return "", errLinux
}

// Subnet is invalid.
func (*Driver) Subnet() netip.Prefix { return netip.Prefix{} }

// Gateway is invalid.
func (*Driver) Gateway() netip.Addr { return netip.Addr{} }

// Remove has nothing to remove.
func Remove(dir, name string) error { return nil }

// Prune removes nothing: there are no real guests here.
func Prune(dir string) error { return nil }
