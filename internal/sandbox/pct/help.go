package pct

import (
	_ "embed"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/infrahaus/infrahaus/internal/sandbox/schema"
)

// optionText has a line for each option: name, type, default and description, separated by
// tabs. An empty type is told by the schema. A name may be followed by /VERB for one verb
// alone, and by @MAJOR for one version.
//
//go:embed options.txt
var optionText string

type described struct{ kind, def, text string }

var descriptions = sync.OnceValue(func() map[string]described {
	m := map[string]described{}
	for line := range strings.Lines(optionText) {
		f := strings.SplitN(strings.TrimSuffix(line, "\n"), "\t", 4)
		if len(f) == 4 {
			m[f[0]] = described{f[1], f[2], strings.ReplaceAll(f[3], `\n`, "\n")}
		}
	}
	return m
})

// describe looks for the most particular line.
func describe(name, verb string, major int) described {
	all := descriptions()
	for _, key := range []string{fmt.Sprintf("%s/%s@%d", name, verb, major), name + "/" + verb, fmt.Sprintf("%s@%d", name, major), name} {
		if d, ok := all[key]; ok {
			return d
		}
	}
	return described{}
}

// help is pct help VERB, as PVE::CLIHandler prints it.
func (t *Tool) help(c *call) error {
	verb := strings.Join(c.extra, " ")
	if verb == "" {
		_, err := io.WriteString(c.p.Stdout, overview(subcommands()))
		return err
	}
	cmd, ok := subcommands()[verb]
	if !ok {
		return fmt.Errorf("no such command '%s'\nUSAGE: pct help [<extra-args>] [OPTIONS]", verb)
	}
	_, err := io.WriteString(c.p.Stdout, cmd.help(c.major))
	return err
}

func overview(all map[string]subcommand) string {
	var b strings.Builder
	b.WriteString("USAGE: pct <COMMAND> [ARGS] [OPTIONS]\n")
	for _, verb := range slices.Sorted(maps.Keys(all)) {
		b.WriteString("       pct " + all[verb].usage + "\n")
	}
	return b.String()
}

func (s subcommand) help(major int) string {
	verb := s.name()
	out := "USAGE: pct " + s.usage + "\n\n" + wrap("  ", "  ", describe("pct "+verb, "", major).text) + "\n\n"
	table := schema.Table(major)[s.route]
	for _, name := range s.args {
		out += property("<"+name+">", name, verb, table[name], major)
	}
	if s.extra {
		out += property("<extra-args>", "extra-args", verb, schema.Prop{}, major)
	}
	options := map[string]schema.Prop{}
	for name, p := range table {
		if name != "node" && !slices.Contains(s.args, name) {
			options[name] = p
		}
	}
	for name, kind := range own[verb] {
		options[name] = schema.Prop{Type: kind}
	}
	for _, name := range slices.Sorted(maps.Keys(options)) {
		out += property("--"+name, name, verb, options[name], major)
	}
	return out + "\n"
}

// property is get_property_description.
func property(shown, name, verb string, p schema.Prop, major int) string {
	d := describe(name, verb, major)
	kind := d.kind
	if kind == "" {
		kind = typeText(p)
	}
	line := fmt.Sprintf("  %-10s %s", shown, kind)
	if d.def != "" {
		line += "   (default=" + d.def + ")"
	}
	const indent = "             "
	out := wrap("", indent, line) + "\n" + wrap(indent, indent, d.text) + "\n\n"
	if p.Requires != "" {
		out += wrap(indent, indent, "Requires option(s): "+p.Requires) + "\n\n"
	}
	return out
}

// typeText is schema_get_type_text.
func typeText(p schema.Prop) string {
	number := func(f *float64, none string) string {
		if f == nil {
			return none
		}
		return fmt.Sprintf("%.0f", *f)
	}
	switch {
	case p.Parts != nil:
		return partsText(p)
	case p.Enum != nil:
		return "<" + strings.Join(slices.Sorted(slices.Values(p.Enum)), " | ") + ">"
	case (p.Type == "integer" || p.Type == "number") && (p.Min != nil || p.Max != nil):
		return fmt.Sprintf("<%s> (%s - %s)", p.Type, number(p.Min, "-N"), number(p.Max, "N"))
	case p.Type == "":
		return "<string>"
	}
	return "<" + p.Type + ">"
}

// partsText is the text of a property string: what it needs first, then the rest.
func partsText(p schema.Prop) string {
	var need, may []string
	for _, name := range slices.Sorted(maps.Keys(p.Parts)) {
		part := p.Parts[name]
		kind := describe("part "+name, "", 0).kind
		switch {
		case kind != "":
		case part.Type == "boolean":
			kind = "<1|0>"
		default:
			kind = "<" + part.Type + ">"
		}
		text := name + "=" + kind
		if name == p.Default {
			text = "[" + name + "=]" + kind
		}
		if part.Optional {
			may = append(may, text)
		} else {
			need = append(need, text)
		}
	}
	if i := slices.IndexFunc(need, func(s string) bool { return strings.HasPrefix(s, "[") }); i > 0 { // the bare value is first
		first := need[i]
		need = append([]string{first}, slices.Delete(need, i, i+1)...)
	}
	out := strings.Join(need, " ,")
	for i, text := range may {
		if i > 0 || out != "" {
			text = "," + text
			out += " "
		}
		out += "[" + text + "]"
	}
	return out
}

// columns is Text::Wrap's default, of which it uses one less.
const columns = 76

// wrap is Perl's Text::Wrap::wrap: lines end at a blank or, if a word is too long, anywhere;
// runs of blanks that end at a tab stop become a tab.
func wrap(first, next, text string) string {
	var lines []string
	lead := first
	for rest := text; ; lead = next {
		room := columns - len(lead) - 1
		line, after, more := cutLine(rest, room)
		lines = append(lines, unexpand(lead+line))
		if rest = after; !more || strings.TrimSpace(rest) == "" {
			return strings.Join(lines, "\n")
		}
	}
}

// cutLine takes the longest beginning of a text that fits and is followed by a blank.
func cutLine(text string, room int) (line, rest string, more bool) {
	end := strings.IndexByte(text, '\n')
	if end < 0 {
		end = len(text)
	}
	if end <= room {
		if end == len(text) {
			return text, "", false
		}
		return text[:end], text[end+1:], true
	}
	if i := strings.LastIndexByte(text[:room+1], ' '); i > 0 {
		return text[:i], text[i+1:], true
	}
	return text[:room], text[room:], true
}

// unexpand is Perl's Text::Tabs::unexpand.
func unexpand(line string) string {
	var b strings.Builder
	for len(line) > 8 {
		chunk := line[:8]
		if short := strings.TrimRight(chunk, " "); len(chunk)-len(short) >= 2 {
			chunk = short + "\t"
		}
		b.WriteString(chunk)
		line = line[8:]
	}
	if line == "        " {
		line = "\t"
	}
	return b.String() + line
}
