package system

import (
	"fmt"
	"path"
	"strings"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

func (c *ctl) enable(on bool) int {
	s, v, st := c.s, c.s.init.View(), 0
	for _, n := range c.args {
		name := s.alias(full(path.Base(n)))
		file, ok := s.find(name)
		if !ok {
			fmt.Fprintf(c.p.Stderr, "Failed to %s unit: Unit file %s does not exist.\n", map[bool]string{true: "enable", false: "disable"}[on], name)
			st = 1
			continue
		}
		if file == "/dev/null" {
			fmt.Fprintf(c.p.Stderr, "Failed to enable unit: Unit file /etc/systemd/system/%s is masked.\n", name)
			st = 1
			continue
		}
		b, _ := v.ReadFile(file)
		opts := map[string][]string{}
		parseUnit(opts, string(b), func(x string) string { return s.specifiers(x, name) })
		var links []string
		for key, dir := range map[string]string{"Install.WantedBy": ".wants/", "Install.RequiredBy": ".requires/"} {
			for _, l := range opts[key] {
				for _, t := range strings.Fields(l) {
					links = append(links, "/etc/systemd/system/"+t+dir+name)
				}
			}
		}
		for _, l := range opts["Install.Alias"] {
			for _, a := range strings.Fields(l) {
				links = append(links, "/etc/systemd/system/"+a)
			}
		}
		for _, l := range links {
			_, err := v.Lstat(l)
			switch {
			case on && err != nil:
				e := edits{v: v}
				e.link(file, l)
				if e.err != nil {
					fmt.Fprintf(c.p.Stderr, "Failed to enable unit: %s\n", kernel.Reason(e.err))
					st = 1
				} else if !c.flags["quiet"] {
					fmt.Fprintf(c.p.Stderr, "Created symlink %s → %s.\n", l, file)
				}
			case !on && err == nil:
				if v.Remove(l) == nil && !c.flags["quiet"] {
					fmt.Fprintf(c.p.Stderr, "Removed \"%s\".\n", l)
				}
			}
		}
		if c.flags["now"] {
			var err error
			if on {
				err = s.start(name)
			} else {
				err = s.stop(name)
			}
			if err != nil {
				fmt.Fprintln(c.p.Stderr, err)
				st = 1
			}
		}
	}
	return st
}

func (c *ctl) mask(on bool) int {
	e := edits{v: c.s.init.View()}
	for _, n := range c.args {
		f := "/etc/systemd/system/" + full(n)
		if on {
			e.link("/dev/null", f)
		} else if t, err := e.v.Readlink(f); err == nil && t == "/dev/null" {
			e.remove(f)
		}
	}
	if e.err != nil {
		fmt.Fprintf(c.p.Stderr, "Failed to mask unit: %s\n", kernel.Reason(e.err))
		return 1
	}
	return 0
}
