package cli

import (
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// filter is one condition of --filter: a column, and the texts or patterns of which one
// must match.
type filter struct {
	column column
	not    bool
	match  []func(string) bool
	values []string // as typed
}

// filterFlag registers --filter.
func filterFlag(cmd *cobra.Command, into *[]string) {
	cmd.Flags().StringArrayVar(into, "filter", nil, "only containers for which `KEY=VALUE` holds (help list has the keys); all of several filters")
	_ = cmd.RegisterFlagCompletionFunc("filter", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		var keys []string
		for _, c := range columns() {
			keys = append(keys, c.name+"=")
		}
		return keys, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	})
}

// filters reads the arguments of --filter.
func parseFilters(texts []string) ([]filter, error) {
	var out []filter
	for _, text := range texts {
		f, err := parseFilter(text)
		if err != nil {
			return nil, err
		}
		out = append(out, f)
	}
	return out, nil
}

// parseFilter reads KEY=VALUE, KEY!=VALUE, KEY~GLOB or KEY!~GLOB. Commas separate
// alternatives. A value without text matches a container that has none.
func parseFilter(text string) (filter, error) {
	at := strings.IndexAny(text, "=~!")
	if at <= 0 {
		return filter{}, usagef("--filter takes KEY=VALUE, KEY!=VALUE, KEY~GLOB or KEY!~GLOB, not %q", text).hint("keys: %s", columnNames())
	}
	var f filter
	var err error
	key, rest := text[:at], text[at:]
	if f.column, err = findColumn("--filter", key); err != nil {
		return f, err
	}
	rest, f.not = strings.CutPrefix(rest, "!")
	switch {
	case strings.HasPrefix(rest, "="), strings.HasPrefix(rest, "~"):
	default:
		return f, usagef("--filter %q has ! without = or ~ behind it", text)
	}
	f.values = strings.Split(rest[1:], ",")
	for _, v := range f.values {
		if rest[0] == '~' {
			f.match = append(f.match, glob(v))
			continue
		}
		if f.column.fixed != nil && v != "" && !slices.Contains(f.column.fixed, dashed(v)) {
			return f, usagef("--filter %s is never %q", f.column.name, v).hint("%s is one of: %s", f.column.name, strings.Join(f.column.fixed, ", "))
		}
		f.match = append(f.match, func(s string) bool { return s == v || f.column.fixed != nil && dashed(s) == dashed(v) })
	}
	return f, nil
}

// dashed lets a status of two words be typed without quotes.
func dashed(s string) string { return strings.ReplaceAll(s, " ", "-") }

// glob is a pattern with * for any text and ? for one character.
func glob(pattern string) func(string) bool {
	text := strings.NewReplacer(`\*`, ".*", `\?`, ".").Replace(regexp.QuoteMeta(pattern))
	return regexp.MustCompile("(?s)^" + text + "$").MatchString
}

func (f filter) holds(l listed) bool {
	values := f.column.of(l)
	if len(values) == 0 {
		values = []string{""}
	}
	hit := slices.ContainsFunc(values, func(v string) bool {
		return slices.ContainsFunc(f.match, func(m func(string) bool) bool { return m(v) })
	})
	return hit != f.not
}

// asks reports whether a filter names a value of a column, such as the status destroyed.
func asksFor(filters []filter, column, value string) bool {
	return slices.ContainsFunc(filters, func(f filter) bool {
		return f.column.name == column && !f.not && slices.Contains(f.values, value)
	})
}

func allHold(filters []filter, l listed) bool {
	return !slices.ContainsFunc(filters, func(f filter) bool { return !f.holds(l) })
}
