// Package schema checks parameters as Proxmox's JSONSchema.pm does, with its
// messages, against a table of the simulated API's routes. Both faces of the
// node use it: the API for every request, pct for its options.
package schema

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/infrahaus/infrahaus/internal/lazy"
)

// Prop is one parameter.
type Prop struct {
	Type     string // string, integer, number, boolean
	Optional bool
	Format   string
	Pattern  *regexp.Regexp
	Enum     []string
	Min, Max *float64 // of a number's value or a string's length
	Requires string
	Parts    Schema // of a property string
	Default  string // the key of a property string's bare value
	Last     int    // the highest number of a numbered parameter
}

// Schema is the parameters of one route, by name; a name such as net[n] stands
// for net0, net1, …
type Schema map[string]Prop

// parse reads the table's notation: a line a parameter, "name? type key=value…".
func parse(text string, major int) Schema {
	s := Schema{}
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) == 0 || !holds(f[2:], major) {
			continue
		}
		name, optional := strings.CutSuffix(f[0], "?")
		p := Prop{Type: f[1], Optional: optional}
		for _, w := range f[2:] {
			p.set(w, major)
		}
		s[name] = p
	}
	return s
}

// holds reports whether a line is of this version.
func holds(words []string, major int) bool {
	for _, w := range words {
		k, v, _ := strings.Cut(w, "=")
		bound, _ := strconv.Atoi(v)
		if k == "since" && major < bound || k == "until" && major > bound {
			return false
		}
	}
	return true
}

func (p *Prop) set(word string, major int) {
	k, v, _ := strings.Cut(word, "=")
	num := func() *float64 { f, _ := strconv.ParseFloat(v, 64); return &f }
	switch k {
	case "min":
		p.Min = num()
	case "max":
		p.Max = num()
	case "format":
		p.Format = v
	case "pattern":
		p.Pattern = regexp.MustCompile("^(?:" + v + ")$")
	case "enum":
		p.Enum = strings.Split(v, ",")
	case "requires":
		p.Requires = v
	case "parts":
		p.Parts = parse(parts[v], major)
	case "default":
		p.Default = v
	case "last":
		p.Last, _ = strconv.Atoi(v)
	}
}

func (s Schema) find(key string) (Prop, bool) {
	if p, ok := s[key]; ok {
		return p, true
	}
	if p, ok := s["*"]; ok { // a route whose parameters are not checked
		return p, true
	}
	stem := strings.TrimRight(key, "0123456789")
	if stem == key {
		return Prop{}, false
	}
	p, ok := s[stem+"[n]"]
	n, err := strconv.Atoi(key[len(stem):])
	return p, ok && err == nil && n <= p.Last && strconv.Itoa(n) == key[len(stem):]
}

// Has reports whether a route has this parameter.
func (s Schema) Has(key string) bool {
	_, ok := s.find(key)
	return ok
}

// Check returns what is wrong, by parameter; nil if all is well.
func (s Schema) Check(params map[string]string) map[string]string {
	return s.check(params, "")
}

func (s Schema) check(params map[string]string, prefix string) map[string]string {
	bad := map[string]string{}
	for name, p := range s {
		if _, ok := params[name]; !ok && !p.Optional && !strings.HasSuffix(name, "[n]") && name != "*" {
			bad[prefix+name] = "property is missing and it is not optional"
		}
	}
	for key, value := range params {
		p, ok := s.find(key)
		switch {
		case !ok:
			bad[prefix+key] = "property is not defined in schema and the schema does not allow additional properties"
		case p.Requires != "" && params[p.Requires] == "":
			bad[prefix+p.Requires] = "missing property - '" + key + "' requires this property"
		default:
			if msg := p.check(prefix+key, value); msg != "" {
				bad[prefix+key] = msg
			}
		}
	}
	if len(bad) == 0 {
		return nil
	}
	return bad
}

var (
	integer = lazy.Regexp(`^[+-]?\d+$`)
	number  = lazy.Regexp(`^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$`)
)

// check follows check_prop: type, then format, then the rest.
func (p Prop) check(path, value string) string {
	typed := true
	switch p.Type {
	case "integer":
		typed = integer().MatchString(value)
	case "number":
		typed = number().MatchString(value)
	case "boolean":
		typed = value == "0" || value == "1"
	}
	if !typed {
		return fmt.Sprintf("type check ('%s') failed - got '%s'", p.Type, value)
	}
	if p.Parts != nil {
		if msg := p.checkParts(path, value); msg != "" {
			return "invalid format - " + msg
		}
		return ""
	}
	if p.Format != "" {
		if msg := checkFormat(p.Format, value); msg != "" {
			return "invalid format - " + msg + "\n"
		}
	}
	if p.Pattern != nil && !p.Pattern.MatchString(value) {
		return "value does not match the regex pattern"
	}
	if msg := p.checkRange(value); msg != "" {
		return msg
	}
	if p.Enum != nil && !slices.Contains(p.Enum, value) {
		return fmt.Sprintf("value '%s' does not have a value in the enumeration '%s'", value, strings.Join(p.Enum, ", "))
	}
	return ""
}

func (p Prop) checkRange(value string) string {
	if p.Type == "string" {
		switch n := float64(len(value)); {
		case p.Max != nil && n > *p.Max:
			return fmt.Sprintf("value may only be %g characters long", *p.Max)
		case p.Min != nil && n < *p.Min:
			return fmt.Sprintf("value must be at least %g characters long", *p.Min)
		}
		return ""
	}
	v, _ := strconv.ParseFloat(value, 64)
	switch {
	case p.Min != nil && v < *p.Min:
		return "value must have a minimum value of " + strconv.FormatFloat(*p.Min, 'f', -1, 64)
	case p.Max != nil && v > *p.Max:
		return "value must have a maximum value of " + strconv.FormatFloat(*p.Max, 'f', -1, 64)
	}
	return ""
}

// checkParts is parse_property_string.
func (p Prop) checkParts(path, value string) string {
	m := map[string]string{}
	for part := range strings.SplitSeq(value, ",") {
		if strings.TrimSpace(part) == "" {
			continue
		}
		k, v, ok := strings.Cut(part, "=")
		if !ok {
			if p.Default == "" {
				return "value without key, but schema does not define a default key\n"
			}
			k, v = p.Default, part
		}
		if _, twice := m[k]; twice {
			return "duplicate key in comma-separated list property: " + k + "\n"
		}
		m[k] = v
	}
	bad := p.Parts.check(m, path+".")
	if bad == nil {
		return ""
	}
	keys := make([]string, 0, len(bad))
	for k := range bad {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	msg := "format error\n"
	for _, k := range keys {
		msg += k + ": " + bad[k] + "\n"
	}
	return msg
}
