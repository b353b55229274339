package system

import (
	"path"
	"regexp"
	"sort"
	"strings"
	"time"
)

// unit is one unit and its state. The System's lock guards it.
type unit struct {
	name    string
	file    string // fragment path
	opts    map[string][]string
	active  string // active, inactive, failed, activating
	sub     string
	result  string
	status  int // ExecMainStatus
	main    *proc
	mainPid int
	since   time.Time
	closers []func()
	gen     int // counts starts
	tries   int
}

func (u *unit) get(key string) string {
	l := u.opts[key]
	if len(l) == 0 {
		return ""
	}
	return l[len(l)-1]
}

func (u *unit) yes(key string) bool {
	switch strings.ToLower(u.get(key)) {
	case "yes", "true", "1", "on":
		return true
	}
	return false
}

func (u *unit) kind() string {
	if t := u.get("Service.Type"); t != "" {
		return t
	}
	if strings.HasSuffix(u.name, ".service") {
		return "simple"
	}
	return ""
}

var unitDirs = []string{"/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system"}

func full(name string) string {
	if !strings.Contains(path.Base(name), ".") || !regexp.MustCompile(`\.(service|socket|target|timer|mount|path|slice|scope)$`).MatchString(name) {
		return name + ".service"
	}
	return name
}

// find is the file of a unit, of its template for an instance; masked units
// have /dev/null.
func (s *System) find(name string) (file string, ok bool) {
	v := s.init.View()
	names := []string{name}
	if i := strings.IndexByte(name, '@'); i > 0 {
		names = append(names, name[:i+1]+path.Ext(name))
	}
	for _, n := range names {
		for _, d := range unitDirs {
			f := d + "/" + n
			if t, err := v.Readlink(f); err == nil && t == "/dev/null" {
				return "/dev/null", true
			}
			if i, err := v.Stat(f); err == nil && i.Mode().IsRegular() {
				if real, err := v.Resolve(f, true); err == nil && path.Base(real) != n && strings.HasPrefix(path.Base(real), strings.TrimSuffix(n, path.Ext(n))) {
					return real, true
				}
				return f, true
			}
		}
	}
	return "", false
}

// alias follows a link such as sshd.service to the unit's own name.
func (s *System) alias(name string) string {
	v := s.init.View()
	for _, d := range unitDirs {
		if t, err := v.Readlink(d + "/" + name); err == nil && t != "/dev/null" && !strings.Contains(name, "@") {
			return path.Base(t)
		}
	}
	return name
}

// load reads a unit's file again, keeping its state.
func (s *System) load(name string) (*unit, bool) {
	file, ok := s.find(name)
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.units[name]
	if !ok {
		return u, u != nil && u.active != "inactive"
	}
	if u == nil {
		u = &unit{name: name, active: "inactive", sub: "dead", result: "success"}
		s.units[name] = u
	}
	u.file = file
	u.opts = map[string][]string{}
	if file == "/dev/null" {
		return u, true
	}
	v := s.init.View()
	files := []string{file}
	for _, d := range unitDirs {
		if list, err := v.ReadDir(d + "/" + name + ".d"); err == nil {
			for _, i := range list {
				if strings.HasSuffix(i.Name(), ".conf") {
					files = append(files, d+"/"+name+".d/"+i.Name())
				}
			}
		}
	}
	for _, f := range files {
		b, _ := v.ReadFile(f)
		parseUnit(u.opts, string(b), func(x string) string { return s.specifiers(x, name) })
	}
	return u, true
}

func (s *System) specifiers(x, name string) string {
	if !strings.Contains(x, "%") {
		return x
	}
	stem := strings.TrimSuffix(name, path.Ext(name))
	prefix, inst, _ := strings.Cut(stem, "@")
	return strings.NewReplacer("%%", "%", "%i", inst, "%I", inst, "%n", name, "%N", stem, "%p", prefix, "%H", s.m.Hostname(), "%t", "/run", "%S", "/var/lib", "%h", "/root", "%u", "root").Replace(x)
}

// wants are the units that a target pulls in.
func (s *System) wants(target string) []string {
	var out []string
	for _, d := range unitDirs {
		list, err := s.init.View().ReadDir(d + "/" + target + ".wants")
		if err != nil {
			continue
		}
		for _, i := range list {
			out = append(out, i.Name())
		}
	}
	return out
}

// names are all units that have a file or a state, sorted.
func (s *System) names() []string {
	seen := map[string]bool{}
	for _, d := range unitDirs {
		list, _ := s.init.View().ReadDir(d)
		for _, i := range list {
			if regexp.MustCompile(`\.(service|socket|target|timer)$`).MatchString(i.Name()) {
				seen[i.Name()] = true
			}
		}
	}
	s.mu.Lock()
	for n := range s.units {
		seen[n] = true
	}
	s.mu.Unlock()
	var out []string
	for n := range seen {
		out = append(out, n)
	}
	sort.Strings(out)
	return out
}

// enabled is is-enabled's word for a unit.
func (s *System) enabled(name string) string {
	file, ok := s.find(name)
	if !ok {
		return "not-found"
	}
	if file == "/dev/null" {
		return "masked"
	}
	v := s.init.View()
	for _, d := range unitDirs[:2] {
		list, _ := v.ReadDir(d)
		for _, i := range list {
			if strings.HasSuffix(i.Name(), ".wants") || strings.HasSuffix(i.Name(), ".requires") {
				if _, err := v.Lstat(d + "/" + i.Name() + "/" + name); err == nil {
					return "enabled"
				}
			}
		}
	}
	if s.alias(name) != name {
		return "alias"
	}
	b, _ := v.ReadFile(file)
	opts := map[string][]string{}
	parseUnit(opts, string(b), func(x string) string { return x })
	if len(opts["Install.WantedBy"])+len(opts["Install.RequiredBy"])+len(opts["Install.Alias"])+len(opts["Install.Also"]) == 0 {
		return "static"
	}
	return "disabled"
}
