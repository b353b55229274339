package discover

import (
	"slices"
	"strings"

	"github.com/infrahaus/infrahaus/internal/lxc"
)

// Reread takes a credential that an older version has read and returns it as the present
// rules would read it. leaked are the secret texts that the older version took for names
// of keys. That version took everything before a "=" for a name, and kept neither the
// order of the lines nor lines without "=". So wrong pairs become one text again: one
// NAME=VALUE a line, the lines sorted. Right values are returned unchanged, with changed
// false. A second Reread changes nothing.
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
		wrong = wrong || opened(v)
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

// opened reports whether v begins with a quote that is never closed. The value went on in
// lines that the older version took for assignments, or left out.
func opened(v string) bool {
	return v != "" && (v[0] == '"' || v[0] == '\'') && strings.Count(v, v[:1]) == 1
}
