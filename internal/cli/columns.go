package cli

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/ui"
)

// need is what a column needs beyond the records themselves.
type need int

const (
	needServices need = 1 << iota // the last discoveries
	needURL                       // the URL alone of the last discoveries
	needTags                      // of the jobs on record
	needProxmox                   // an answer of Proxmox
)

// column is one property of a container: list shows it, --sort orders by it and --filter
// compares it.
type column struct {
	ui.Column
	name   string
	of     func(listed) []string // none, one or, as for tags, several
	show   func(listed) string   // on screens and in rows; nil: of, joined
	needs  need
	number bool
	fixed  []string // the only values there are; nil: any
}

func (c column) text(l listed) string {
	if c.show != nil {
		return c.show(l)
	}
	return strings.Join(c.of(l), ",")
}

// conditions are the values of the column STATUS.
var conditions = []string{"creating", "ready", "error", "destroyed", "stopped", "not-answering", "interrupted", "foreign", "unrecorded"}

// columns are all that there are. The order of the first nine is that of rows in a pipe.
func columns() []column {
	one := func(of func(listed) string) func(listed) []string {
		return func(l listed) []string {
			if text := of(l); text != "" {
				return []string{text}
			}
			return nil
		}
	}
	text := func(name string, c ui.Column, needs need, of func(listed) string) column {
		c.Title = strings.ToUpper(name)
		return column{Column: c, name: name, of: one(of), needs: needs}
	}
	all := []column{
		text("ctid", ui.Column{Right: true, Keep: true}, 0, func(l listed) string { return ctidText(l.CTID) }),
		text("name", ui.Column{}, 0, func(l listed) string { return l.Hostname }),
		text("status", ui.Column{Keep: true, Paint: lifecycleShade}, 0, listed.condition),
		text("address", ui.Column{Keep: true, Drop: 1}, 0, func(l listed) string { return l.Address }),
		text("template", ui.Column{Drop: 3}, 0, func(l listed) string { return l.Template }),
		text("node", ui.Column{Drop: 4}, 0, func(l listed) string { return l.Node }),
		text("host", ui.Column{Drop: 5}, 0, func(l listed) string { return l.Host }),
		text("created", ui.Column{Keep: true, Drop: 6}, 0, func(l listed) string { return timeText(l.CreatedAt) }),
		text("url", ui.Column{Keep: true, Drop: 2}, needURL, func(l listed) string { return l.URL }), // half a URL is useless
		text("proxmox", ui.Column{Keep: true}, needProxmox, func(l listed) string { return l.site().State }),
		text("differs", ui.Column{Keep: true}, needProxmox, func(l listed) string { return orElse(joinWords(l.Differs), l.site().Why) }),
		text("id", ui.Column{Keep: true, Drop: 7}, 0, func(l listed) string { return l.RecordID }),
		text("tag", ui.Column{Drop: 8}, needTags, func(l listed) string { return "" }),
		text("os", ui.Column{Drop: 11}, 0, func(l listed) string { return l.OS() }),
		text("mac", ui.Column{Keep: true, Drop: 12}, 0, func(l listed) string { return l.MAC }),
		text("transport", ui.Column{Keep: true, Drop: 9}, 0, func(l listed) string { return l.Transport }),
		text("updated", ui.Column{Keep: true, Drop: 10}, 0, func(l listed) string { return timeText(l.UpdatedAt) }),
		text("service", ui.Column{Drop: 13}, needServices, func(l listed) string { return "" }),
		text("error", ui.Column{}, 0, func(l listed) string { return l.Error }),
	}
	for i := range all {
		switch c := &all[i]; c.name {
		case "ctid":
			c.number = true
		case "status":
			c.fixed = conditions
		case "template":
			c.show = templateText
		case "tag":
			c.of = func(l listed) []string { return l.Tags }
		case "service":
			c.of = serviceNames
		}
	}
	return all
}

func timeText(t *lxc.Time) string {
	if t == nil {
		return ""
	}
	return t.Format(time.RFC3339)
}

func templateText(l listed) string {
	if l.Adopted {
		return "(adopted)"
	}
	return l.Template
}

// serviceNames are those of the services that are not the system's.
func serviceNames(l listed) (names []string) {
	for _, s := range l.Services {
		if !s.System && s.Type != lxc.Credential {
			names = append(names, s.Name)
		}
	}
	return names
}

func columnNames() string {
	var names []string
	for _, c := range columns() {
		names = append(names, c.name)
	}
	return strings.Join(names, ", ")
}

// findColumn finds a column by its name, in any case and in the plural too.
func findColumn(flag, name string) (column, error) {
	want := strings.ToLower(strings.TrimSpace(name))
	for _, c := range columns() {
		if c.name == want || c.name+"s" == want {
			return c, nil
		}
	}
	return column{}, usagef("%s knows no column %q", flag, name).hint("columns: %s", columnNames())
}

// pick finds several columns.
func pick(flag string, names ...string) ([]column, error) {
	var out []column
	for _, name := range names {
		c, err := findColumn(flag, name)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

// order sorts by a column: numbers by their value, all else by its text, and what has
// none last.
func order(list []listed, by column, down bool) {
	slices.SortStableFunc(list, func(a, b listed) int {
		x, y := by.text(a), by.text(b)
		switch {
		case x == "" || y == "":
			return cmp.Compare(btoi(x == ""), btoi(y == ""))
		case down:
			x, y = y, x
		}
		if by.number {
			m, _ := strconv.Atoi(x)
			n, _ := strconv.Atoi(y)
			return cmp.Compare(m, n)
		}
		return cmp.Compare(x, y)
	})
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
