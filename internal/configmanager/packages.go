package configmanager

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/guest"
)

// CustomPackage is installed by a command of its own.
type CustomPackage struct {
	Name    string
	Check   string // exit 0: it is there
	Install string
	Timeout time.Duration // 0: DefaultTimeout
}

// order is that in which the managers are asked.
func (in Input) order() []string {
	if in.PackageOrder == nil {
		return []string{"apt", "apk", "dnf", "npm", "pip"}
	}
	return in.PackageOrder
}

// packages is a sh program of `packages MANAGER SPEC …` and `custom …` calls.
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
