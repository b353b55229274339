package node

import (
	"sort"
	"strings"
)

// properties reads a property string such as "name=eth0,bridge=vmbr0"; a part
// without a key belongs to the default key.
func properties(s, defaultKey string) map[string]string {
	m := map[string]string{}
	for part := range strings.SplitSeq(s, ",") {
		k, v, ok := strings.Cut(part, "=")
		if !ok {
			k, v = defaultKey, part
		}
		if part != "" {
			m[k] = v
		}
	}
	return m
}

// printProperties is print_property_string: the default key's bare value or the
// required key first, the others by name.
func printProperties(m map[string]string, first string, bare bool) string {
	var keys []string
	for k := range m {
		if k != first {
			keys = append(keys, k)
		}
	}
	// Required keys come before optional ones, each group by name. Only a mount point has
	// one besides the default key.
	sort.Slice(keys, func(i, j int) bool {
		if (keys[i] == "mp") != (keys[j] == "mp") {
			return keys[i] == "mp"
		}
		return keys[i] < keys[j]
	})
	var parts []string
	if v, ok := m[first]; ok {
		if !bare {
			v = first + "=" + v
		}
		parts = append(parts, v)
	}
	for _, k := range keys {
		parts = append(parts, k+"="+m[k])
	}
	return strings.Join(parts, ",")
}

// numbered reports whether key is prefix and a number, such as net0.
func numbered(key, prefix string) bool {
	rest, ok := strings.CutPrefix(key, prefix)
	return ok && rest != "" && strings.Trim(rest, "0123456789") == ""
}
