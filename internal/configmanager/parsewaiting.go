package configmanager

import (
	"strings"
)

// Waiting is a file that waits for its owner.
type Waiting struct {
	Kind   string // user or group
	Name   string // that does not exist yet
	Target string
}

// MayWait reports whether a file may have to wait for its owner: it is for a home, or has an
// owner with a name other than root.
func (f File) MayWait() bool {
	user, group, _ := strings.Cut(f.Owner, ":")
	return strings.HasPrefix(f.Target, "/home/") || !surelyThere(user) || !surelyThere(group)
}

// surelyThere reports whether every guest knows a user or group.
func surelyThere(name string) bool {
	return name == "root" || strings.Trim(name, "0123456789") == ""
}

// ParseWaiting reads what SettleScript prints: the files that still wait. A guest may print
// anything, so it skips every other line.
func ParseWaiting(out string) (files []Waiting) {
	for _, line := range strings.Split(out, "\n") {
		f := strings.SplitN(line, " ", 4)
		if len(f) == 4 && f[0] == "waits" && (f[1] == "user" || f[1] == "group") && strings.HasPrefix(f[3], "/") {
			files = append(files, Waiting{shown(f[1]), shown(f[2]), f[3]})
		}
	}
	return files
}
