package guest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// readSettings reads the user's SSH configuration if ssh is not installed. It supports
// Host, Include, and Match lines that need no command and no name lookup. It skips the
// block after any other Match, and left notes that once.
func (n NodeSSH) readSettings() (sshSettings, []string, error) {
	home := filepath.Join(userHome(), ".ssh")
	r := &configReader{typed: n.Host, user: n.User, found: sshSettings{}}
	switch n.ConfigFile {
	case "none":
	case "":
		r.file(filepath.Join(home, "config"), home, true, 0)
		r.file("/etc/ssh/ssh_config", "/etc/ssh", true, 0)
	default:
		r.file(n.ConfigFile, home, true, 0)
	}
	if h := r.found.first("hostname"); h != "" {
		r.found["hostname"] = []string{strings.NewReplacer("%%", "%", "%h", n.Host).Replace(h)}
	}
	for _, name := range []string{"proxyjump", "proxycommand"} {
		if strings.EqualFold(r.found.first(name), "none") {
			delete(r.found, name)
		}
	}
	if len(r.left) == 0 {
		return r.found, nil, nil
	}
	return r.found, []string{"ssh is not installed, so part of the SSH configuration was left out: " + strings.Join(r.left, "; ")}, nil
}

// configReader is one pass over the files of ssh_config(5). The first value of a setting
// counts; only IdentityFile collects all values.
type configReader struct {
	typed, user string
	found       sshSettings
	left        []string
}

const maxIncludes = 16

// file reads one file, if it can be read. active tells whether the lines before the first
// Host apply.
func (r *configReader) file(name, dir string, active bool, depth int) {
	text, err := os.ReadFile(name)
	if err != nil {
		if !os.IsNotExist(err) {
			r.left = append(r.left, err.Error())
		}
		return
	}
	outer, n := active, 0
	for line := range strings.Lines(string(text)) {
		n++
		words, err := configWords(line)
		if err != nil {
			r.left = append(r.left, fmt.Sprintf("%s:%d: %v", name, n, err))
			continue
		}
		if len(words) < 2 {
			continue
		}
		key, args := strings.ToLower(words[0]), words[1:]
		switch key {
		case "host":
			active = outer && matchPatterns(args, r.typed)
		case "match":
			var ok bool
			if active, ok = r.match(args); !ok {
				r.left = append(r.left, fmt.Sprintf("%s:%d: what follows %s", name, n, strings.Join(words, " ")))
			}
			active = active && outer
		case "include":
			if active {
				r.include(args, dir, depth)
			}
		default:
			if active {
				r.set(key, args)
			}
		}
	}
}

func (r *configReader) include(patterns []string, dir string, depth int) {
	for _, p := range patterns {
		p = expandHome(p)
		if !filepath.IsAbs(p) {
			p = filepath.Join(dir, p)
		}
		files, _ := filepath.Glob(p)
		for _, f := range files {
			if depth < maxIncludes {
				r.file(f, dir, true, depth+1)
			}
		}
	}
}

func (r *configReader) set(key string, args []string) {
	value := strings.Join(args, " ")
	if key != "identityfile" && len(r.found[key]) > 0 {
		return
	}
	r.found[key] = append(r.found[key], value)
}

// match evaluates a Match line; ok is false if that needs more than the files.
func (r *configReader) match(args []string) (matches, ok bool) {
	matches = true
	for len(args) > 0 {
		word, negated := strings.CutPrefix(strings.ToLower(args[0]), "!")
		if word == "all" {
			args = args[1:]
			continue
		}
		if len(args) < 2 {
			return false, false
		}
		var what string
		switch word {
		case "host":
			what = strings.NewReplacer("%%", "%", "%h", r.typed).Replace(orElse(r.found.first("hostname"), r.typed))
		case "originalhost":
			what = r.typed
		case "user":
			what = orElse(r.user, orElse(r.found.first("user"), localUser().Username))
		case "localuser":
			what = localUser().Username
		default:
			return false, false
		}
		if matchPatterns(strings.Split(args[1], ","), what) == negated {
			matches = false
		}
		args = args[2:]
	}
	return matches, true
}

// configWords splits a line into a keyword and arguments. Blanks or one = follow the
// keyword, and arguments may be in double quotes. A # at the beginning of a word starts a
// comment.
func configWords(line string) ([]string, error) {
	line = strings.TrimSpace(line)
	if line == "" || line[0] == '#' {
		return nil, nil
	}
	end := strings.IndexAny(line, " \t=")
	if end < 0 {
		return []string{line}, nil
	}
	words := []string{line[:end]}
	rest := strings.TrimLeft(line[end:], " \t")
	rest = strings.TrimLeft(strings.TrimPrefix(rest, "="), " \t")
	if strings.EqualFold(words[0], "proxycommand") { // its value is the rest of the line
		return append(words, rest), nil
	}
	for rest != "" && rest[0] != '#' {
		var word string
		if rest[0] == '"' {
			var closed bool
			if word, rest, closed = strings.Cut(rest[1:], `"`); !closed {
				return nil, fmt.Errorf("a quote that is not closed")
			}
		} else if end = strings.IndexAny(rest, " \t"); end < 0 {
			word, rest = rest, ""
		} else {
			word, rest = rest[:end], rest[end:]
		}
		words, rest = append(words, word), strings.TrimLeft(rest, " \t")
	}
	return words, nil
}
