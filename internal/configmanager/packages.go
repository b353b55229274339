package configmanager

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/guest"
)

// CustomPackage is a package with its own install command.
type CustomPackage struct {
	Name    string
	Check   string // exit status 0 means that it is installed
	Install string
	Timeout time.Duration // 0 means DefaultTimeout
}

// order returns the package managers in the order in which they run.
func (in Input) order() []string {
	if in.PackageOrder == nil {
		return []string{"apt", "apk", "dnf", "npm", "pip"}
	}
	return in.PackageOrder
}

// packages returns a sh program of calls `packages MANAGER SPEC …` and `custom …`.
func (in Input) packages() ([]byte, error) {
	var b bytes.Buffer
	order := in.order()
	for _, manager := range order {
		specs := in.Packages[manager]
		if len(specs) == 0 {
			continue
		}
		b.WriteString("packages " + manager)
		for _, s := range specs {
			if s == "" || s[0] == '-' || strings.ContainsFunc(s, func(c rune) bool { return c <= ' ' || c == 0x7f }) {
				return nil, fmt.Errorf("cannot install %s package %q: not a package name", manager, s)
			}
			b.WriteString(" " + guest.Quote(s))
		}
		b.WriteByte('\n')
	}
	for manager, specs := range in.Packages {
		if len(specs) > 0 && !slices.Contains(order, manager) {
			return nil, fmt.Errorf("cannot install packages with %q: unknown package manager", manager)
		}
	}
	for _, c := range in.Custom {
		timeout := c.Timeout
		if timeout <= 0 {
			timeout = DefaultTimeout
		}
		fmt.Fprintf(&b, "custom %s %d %s %s\n", guest.Quote(c.Name), int((timeout+time.Second-1)/time.Second),
			guest.Quote(c.Check), guest.Quote(c.Install))
	}
	return b.Bytes(), nil
}
