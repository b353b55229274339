package template

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/infrahaus/infrahaus/internal/lazy"
)

// This file answers habits of other tools: their words for keys, and values that are nearly
// in the right shape.

// others are words of other tools for keys and types, with those of template.yaml.
var others = map[string][]string{
	"dns": {"nameservers"}, "nameserver": {"nameservers"}, "gw": {"gateway"}, "tag": {"vlan"}, "options": {"values"}, "choices": {"values"},
	"src": {"source"}, "file": {"source"}, "dest": {"target"}, "destination": {"target"}, "dst": {"target"}, "path": {"target"}, "mp": {"path"}, "mountpoint": {"path"},
	"permissions": {"mode"}, "perm": {"mode"}, "user": {"owner"}, "ram": {"memory"}, "cpu": {"cores"}, "cpus": {"cores"}, "hdd": {"disk"}, "rootfs": {"disk"},
	"url": {"uris"}, "urls": {"uris"}, "uri": {"uris"}, "gpgkey": {"key"}, "dist": {"suites"}, "suite": {"suites"}, "checksum": {"sha256"},
	"ostemplate": {"os"}, "image": {"os"}, "parent": {"extends"}, "from": {"extends"}, "vars": {"variables"}, "parameters": {"variables"},
	"integer": {"int"}, "boolean": {"bool"}, "str": {"string"}, "text": {"string"}, "float": {"number"}, "array": {"list"}, "choice": {"enum"}, "host": {"hostname"},
}

// meant is the name that an unknown one most likely stands for, or "".
func meant(word string, names []string) string {
	for _, other := range others[strings.ToLower(word)] {
		if contains(names, other) {
			return other
		}
	}
	return nearest(word, names)
}

// asList writes a text as the list that it may stand for.
func asList(n *yaml.Node) string {
	words := strings.FieldsFunc(n.Value, func(r rune) bool { return r == ',' || r == ' ' })
	if n.Kind != yaml.ScalarNode || len(words) == 0 || len(words) > 8 || strings.ContainsAny(n.Value, "[]{}:#'\"\n") && !strings.Contains(n.Value, "://") {
		return "[a, b]"
	}
	return "[" + strings.Join(words, ", ") + "]"
}

// asMapping writes a value as the mapping that it may stand for.
func asMapping(path string, n *yaml.Node) string {
	var words []string
	for _, item := range append([]*yaml.Node{n}, n.Content...) {
		if item.Kind == yaml.ScalarNode && regexp.MustCompile(`^[A-Za-z0-9@._/-]+$`).MatchString(item.Value) {
			words = append(words, item.Value)
		}
	}
	switch {
	case len(words) == 0:
	case strings.HasPrefix(path, "variables.") && strings.Count(path, ".") == 1:
		return "{default: " + words[0] + "}"
	case path == "features":
		return "{" + strings.Join(words, ": true, ") + ": true}"
	case regexp.MustCompile(`^(services|repositories|credentials)\[\d+\]$`).MatchString(path):
		return "{name: " + words[0] + "}"
	}
	return ""
}

// asBool writes what other formats take for true or false.
func asBool(text string) string {
	switch strings.ToLower(text) {
	case "yes", "on", "y", "1", "enabled":
		return "write true"
	case "no", "off", "n", "0", "disabled":
		return "write false"
	}
	return "write it without quotes"
}

var withUnit = lazy.Regexp(`^([0-9]+) ?([MmGgTt])(i?[Bb])?$`)

// inUnit suggests a number without its unit, in the unit of the field, which its hint names.
func inUnit(text, hint string) string {
	m := withUnit().FindStringSubmatch(text)
	exponent := map[string]int{"in MiB": 0, "in GiB": 1}
	to, known := exponent[hint]
	if m == nil || !known {
		return "write it without quotes and units"
	}
	value, err := strconv.Atoi(m[1])
	from := strings.Index("mgt", strings.ToLower(m[2]))
	for ; from > to && value < 1<<30; from-- {
		value *= 1024
	}
	if err != nil || from != to {
		return hint + ", without a unit"
	}
	return fmt.Sprintf("%s, without a unit: %d", hint, value)
}
