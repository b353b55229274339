package node

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

// The lines of a config file that go to LXC as they are, such as "lxc.init.cwd: /www", are
// kept under the key lxc, in their order and with a newline behind each. The API answers
// them as a list of pairs.

func printLXC(lines [][2]string) string {
	var b strings.Builder
	for _, l := range lines {
		b.WriteString(l[0] + ": " + l[1] + "\n")
	}
	return b.String()
}

func parseLXC(text string) [][]string {
	list := [][]string{}
	for line := range strings.Lines(text) {
		k, v, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		list = append(list, []string{k, v})
	}
	return list
}

// rawLXC is the value of one of those lines, "" without one.
func (c *container) rawLXC(key string) string {
	for _, l := range parseLXC(c.Conf["lxc"]) {
		if l[0] == key {
			return l[1]
		}
	}
	return ""
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// unquoted are words that a shell takes as they are.
var unquoted = regexp.MustCompile(`^[\w!%+,\-./:@^]+$`)

// commandString is cmd2string: words quoted for a shell, each by itself. A word with "=" is
// quoted, because a shell would take the first one for an assignment.
func commandString(words []string) string {
	var out []string
	for _, w := range words {
		if !unquoted.MatchString(w) {
			w = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
			if len(w) > 2 {
				w = strings.TrimSuffix(strings.TrimPrefix(w, "''"), "''")
			}
		}
		out = append(out, w)
	}
	return strings.Join(out, " ")
}
