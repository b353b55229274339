package discover

import (
	"slices"
	"strings"

	"github.com/infrahaus/infrahaus/internal/lxc"
)

// Reread returns a credential that an older version has read as a file is read
// now, and what that version took for the names of keys though it is secret. That
// version took whatever stood before a "=" for a name, and kept neither the order of
// the lines nor a line without "=": wrong pairs become one text again, NAME=VALUE a
// line, the lines sorted. Values that are right are returned as they are, with
// changed false; Reread of what it returned changes nothing.
func Reread(values map[string]string) (now map[string]string, leaked []string, changed bool) {
	if _, whole := values[KeyPassword]; whole && len(values) == 1 {
		return values, nil, false
	}
	if _, whole := values[KeyContent]; whole && len(values) == 1 {
		return values, nil, false
	}
	lines := make([]string, 0, len(values))
	wrong, empty := false, 0
	for k, v := range values {
		lines = append(lines, k+"="+v)
		padding := strings.Trim(v, "=") == ""
		if v == "" {
			empty++
		}
		if !lxc.IsCredentialKey(k) || padding && v != "" {
			wrong = true
			leaked = append(leaked, k)
		} else if padding && lxc.IsPadded(k) {
			leaked = append(leaked, k)
		}
	}
	wrong = wrong || len(values) > 0 && empty == len(values)
	if !wrong {
		return values, nil, false
	}
	key := KeyPassword
	if len(lines) > 1 {
		key = KeyContent
	}
	slices.Sort(lines)
	slices.Sort(leaked)
	return map[string]string{key: strings.Join(lines, "\n")}, leaked, true
}
