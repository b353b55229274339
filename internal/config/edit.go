package config

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/infrahaus/infrahaus/internal/exit"
)

// Rename gives a host of the file another name, also as default_host. All else in the
// file stays as it is, byte by byte. It returns the path of the copy that it keeps.
func (c *Config) Rename(from, to string) (kept string, err error) {
	if c.hosts[from] == nil {
		return "", c.unknownHost(from)
	}
	if err := CheckHostName(to); err != nil {
		return "", err
	}
	if c.hosts[to] != nil {
		return "", c.about(to, "choose another name", "there is a host %s already", to)
	}
	names := c.HostNames()
	names[slices.Index(names, from)] = to
	return c.edit(names, func(text []byte) ([]byte, error) { return renameHost(text, from, to) })
}

// CheckHostName returns an error for a name that no host can have.
func CheckHostName(name string) error {
	if e := wrongHostName(name, "choose another name"); e != nil {
		return e
	}
	return nil
}

// Remove takes a host out of the file, and default_host with it if that is its name. The
// rest of the file stays as it is. It returns the path of the copy that it keeps.
func (c *Config) Remove(name string) (kept string, err error) {
	if c.hosts[name] == nil {
		return "", c.unknownHost(name)
	}
	names := slices.DeleteFunc(c.HostNames(), func(n string) bool { return n == name })
	return c.edit(names, func(text []byte) ([]byte, error) { return removeHost(text, name) })
}

// edit changes the file. The result must be a config with exactly these hosts, otherwise
// nothing is written.
func (c *Config) edit(hosts []string, change func([]byte) ([]byte, error)) (kept string, err error) {
	path := c.File
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real // a link, such as to a folder of dotfiles, stays one
	}
	old, err := os.ReadFile(path)
	if err != nil {
		return "", &Error{File: c.File, Text: "it cannot be read: " + err.Error()}
	}
	text, err := change(old)
	if err == nil {
		err = c.holds(path, text, hosts)
	}
	if err != nil {
		return "", &Error{File: c.File, Text: "it cannot be edited: " + err.Error(), Next: "edit it by hand"}
	}
	var s Saved
	if err := s.replace(path, text); err != nil {
		return "", &exit.Failure{Status: exit.Other, Message: "cannot write " + c.File + ": " + err.Error(), Err: err}
	}
	return strings.Join(s.Copies, ""), nil
}

// holds makes sure that the tool itself reads the new text, with these hosts.
func (c *Config) holds(path string, text []byte, hosts []string) error {
	d := &decoder{file: path, where: map[string]*yaml.Node{}}
	var in file
	if err := d.read(bytes.NewReader(text), &in); err != nil {
		return err
	}
	next := &Config{Paths: c.Paths, File: path, env: c.env, decoder: d, hosts: in.Hosts}
	if err := next.checkHosts(in); err != nil {
		return err
	}
	slices.Sort(hosts)
	if !slices.Equal(next.HostNames(), hosts) {
		return errors.New("its hosts are written in an unusual way")
	}
	return nil
}

var errUnusual = errors.New("its hosts are written in an unusual way")

// entryPlace is where a key and its value are in the text.
type entryPlace struct{ key, value *yaml.Node }

// keyPlaces finds the host's entry, and default_host; nil for what is not there.
func keyPlaces(text []byte, host string) (entry, preset *entryPlace, err error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, nil, err
	}
	if len(doc.Content) == 0 {
		return nil, nil, errUnusual
	}
	root := doc.Content[0]
	hosts := find(root, "hosts")
	if hosts == nil || hosts.value.Kind != yaml.MappingNode {
		return nil, nil, errUnusual
	}
	if entry = find(hosts.value, host); entry == nil {
		return nil, nil, errUnusual
	}
	if hosts.value.Style&yaml.FlowStyle != 0 {
		entry = nil
	}
	return entry, find(root, "default_host"), nil
}

func find(mapping *yaml.Node, key string) *entryPlace {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			return &entryPlace{mapping.Content[i], mapping.Content[i+1]}
		}
	}
	return nil
}

// renameHost replaces the host's name where it is the key and where it is default_host.
func renameHost(text []byte, from, to string) ([]byte, error) {
	entry, preset, err := keyPlaces(text, from)
	if err != nil {
		return nil, err
	}
	if entry == nil { // {a: {…}, b: {…}}
		return nil, errUnusual
	}
	lines := strings.SplitAfter(string(text), "\n")
	nodes := []*yaml.Node{entry.key}
	if preset != nil && preset.value.Value == from {
		nodes = append(nodes, preset.value)
	}
	for _, n := range nodes {
		if err := replaceWord(lines, n, from, to); err != nil {
			return nil, err
		}
	}
	return []byte(strings.Join(lines, "")), nil
}

// replaceWord replaces a scalar, in quotes or not. A name that YAML would read as
// something else than text gets quotes.
func replaceWord(lines []string, n *yaml.Node, from, to string) error {
	line := lines[n.Line-1]
	at := runeOffset(line, n.Column-1)
	for _, quote := range []string{"", `"`, "'"} {
		rest, ok := strings.CutPrefix(line[at:], quote+from+quote)
		if !ok {
			continue
		}
		if quote == "" && !plainWord(to) {
			quote = "'"
		}
		lines[n.Line-1] = line[:at] + quote + to + quote + rest
		return nil
	}
	return errUnusual
}

// plainWord reports whether every YAML parser reads a word as text without quotes. Those of
// YAML 1.1 read on, no and y as truth values.
func plainWord(s string) bool {
	var doc yaml.Node
	if yaml.Unmarshal([]byte(s), &doc) != nil || len(doc.Content) == 0 {
		return false
	}
	return doc.Content[0].ShortTag() == "!!str" && !slices.Contains(strings.Fields("y n yes no on off"), strings.ToLower(s))
}

// runeOffset is the byte of a line at a column, which YAML counts in characters.
func runeOffset(line string, column int) int {
	for i := range line {
		if column == 0 {
			return i
		}
		column--
	}
	return len(line)
}

// removeHost deletes the lines of a host with the comments right above them, and the line
// of default_host if that is the host.
func removeHost(text []byte, name string) ([]byte, error) {
	entry, preset, err := keyPlaces(text, name)
	if err != nil {
		return nil, err
	}
	if entry == nil {
		return nil, errUnusual
	}
	lines := strings.SplitAfter(string(text), "\n")
	first, last := entryLines(lines, entry.key)
	gone := map[int]bool{}
	for i := first; i <= last; i++ {
		gone[i] = true
	}
	if preset != nil && preset.value.Value == name {
		if preset.key.Line != preset.value.Line {
			return nil, errUnusual
		}
		gone[preset.key.Line-1] = true
	}
	var b strings.Builder
	for i, line := range lines {
		if !gone[i] {
			b.WriteString(line)
		}
	}
	return []byte(b.String()), nil
}

// entryLines are the first and the last line of a block entry: its key, all lines below
// that are indented more, and the comments directly above at its own indentation.
func entryLines(lines []string, key *yaml.Node) (first, last int) {
	indent := key.Column - 1
	depth := func(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }
	first, last = key.Line-1, key.Line-1
	for i := first + 1; i < len(lines); i++ {
		if strings.TrimSpace(lines[i]) == "" {
			continue // it belongs to the entry only if a deeper line follows
		}
		if depth(lines[i]) <= indent {
			break
		}
		last = i
	}
	for first > 0 && depth(lines[first-1]) == indent && strings.HasPrefix(strings.TrimSpace(lines[first-1]), "#") {
		first--
	}
	return first, last
}
