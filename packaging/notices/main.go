// Command notices prints the licences of everything that is linked into infrahaus on any
// platform: of the Go standard library and of each module. It reads them from the module
// cache, in the order of their names, so that one commit always gives the same text. It
// fails if a module has no licence, because such a module must not be passed on.
//
//	notices [GOOS/GOARCH…]
package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

const (
	program = "./cmd/infrahaus"
	tags    = "nethttpomithttp2"
	rule    = "================================================================================\n"
)

// module is a module, with the folders of its packages that are linked.
type module struct {
	path, version, dir string
	packages           map[string]bool
}

func main() {
	platforms := os.Args[1:]
	if len(platforms) == 0 {
		platforms = []string{os.Getenv("GOOS") + "/" + os.Getenv("GOARCH")} // "" is this one
	}
	text, err := notices(platforms)
	if err == nil {
		_, err = os.Stdout.WriteString(text)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "notices:", err)
		os.Exit(1)
	}
}

func notices(platforms []string) (string, error) {
	all := map[string]*module{}
	for _, p := range platforms {
		if err := linked(p, all); err != nil {
			return "", err
		}
	}
	goRoot, err := command(nil, "env", "GOROOT")
	if err != nil {
		return "", err
	}
	goVersion, err := command(nil, "env", "GOVERSION")
	if err != nil {
		return "", err
	}
	list := slices.SortedFunc(maps.Values(all), func(a, b *module) int { return cmp.Compare(a.path, b.path) })
	std := &module{path: "The Go standard library and runtime", version: strings.TrimSpace(goVersion), dir: strings.TrimSpace(goRoot)}
	var b strings.Builder
	b.WriteString("infrahaus contains the following works of others, under their own licences.\n")
	for _, m := range append([]*module{std}, list...) {
		if err := m.write(&b); err != nil {
			return "", err
		}
	}
	return b.String(), nil
}

// linked adds the modules that the program for a platform contains.
func linked(platform string, all map[string]*module) error {
	goos, goarch, _ := strings.Cut(platform, "/")
	env := []string{"GOOS=" + goos, "GOARCH=" + goarch, "CGO_ENABLED=0"}
	out, err := command(env, "list", "-deps", "-tags", tags, "-json=Dir,Module", program)
	if err != nil {
		return fmt.Errorf("%s: %w", platform, err)
	}
	for d := json.NewDecoder(strings.NewReader(out)); ; {
		var p struct {
			Dir    string
			Module *struct {
				Path, Version, Dir string
				Main               bool
			}
		}
		switch err := d.Decode(&p); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case p.Module == nil || p.Module.Main:
			continue
		}
		m := all[p.Module.Path]
		if m == nil {
			m = &module{p.Module.Path, p.Module.Version, p.Module.Dir, map[string]bool{}}
			all[m.path] = m
		}
		m.packages[p.Dir] = true
	}
}

var licence = regexp.MustCompile(`(?i)^([a-z0-9]+[-_.])?(licen[sc]e|copying|notice|patents|copyright|unlicense)s?([-_.].*)?$`)

// files returns the paths of the module's licences: at its top, and beside and above each
// linked package, where copied code has a licence of its own.
func (m *module) files() ([]string, error) {
	dirs := map[string]bool{m.dir: true}
	for dir := range m.packages {
		for ; len(dir) > len(m.dir); dir = filepath.Dir(dir) {
			dirs[dir] = true
		}
	}
	var found []string
	for dir := range dirs {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if e.Type().IsRegular() && licence.MatchString(e.Name()) && filepath.Ext(e.Name()) != ".go" {
				found = append(found, filepath.Join(dir, e.Name()))
			}
		}
	}
	slices.Sort(found)
	if len(found) == 0 {
		return nil, fmt.Errorf("%s %s has no licence in %s", m.path, m.version, m.dir)
	}
	return found, nil
}

func (m *module) write(b *strings.Builder) error {
	files, err := m.files()
	if err != nil {
		return err
	}
	b.WriteString("\n" + rule + strings.TrimSpace(m.path+" "+m.version) + "\n" + rule)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(m.dir, file)
		lines := strings.ReplaceAll(string(text), "\r\n", "\n")
		fmt.Fprintf(b, "\n--- %s\n\n%s\n", filepath.ToSlash(name), strings.Trim(lines, "\n"))
	}
	return nil
}

func command(env []string, args ...string) (string, error) {
	cmd := exec.Command("go", args...)
	cmd.Env = append(os.Environ(), env...)
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("go %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(complaint.String()))
	}
	return out.String(), nil
}
