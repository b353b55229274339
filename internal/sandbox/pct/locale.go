package pct

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

// installed are the locales of a fresh node.
func installed(l string) bool {
	switch strings.ToLower(strings.ReplaceAll(l, "-", "")) {
	case "", "c", "posix", "c.utf8", "en_us.utf8":
		return true
	}
	return false
}

// categories are those of Perl's LC_ variables, in its order.
var categories = strings.Fields("CTYPE NUMERIC COLLATE TIME MESSAGES MONETARY ADDRESS IDENTIFICATION MEASUREMENT PAPER TELEPHONE NAME")

// warnLocale prints Perl's warning at its start if the node does not have the caller's
// locale, which came with the SSH session. Newer Perls list every category.
func warnLocale(p *kernel.Proc, every bool) {
	vars := map[string]string{}
	missing := false
	for _, e := range p.Env() {
		k, v, _ := strings.Cut(e, "=")
		if k == "LANG" || k == "LANGUAGE" || strings.HasPrefix(k, "LC_") {
			vars[k] = v
			missing = missing || k != "LANGUAGE" && !installed(v)
		}
	}
	if !missing {
		return
	}
	show := func(k string) string {
		if v, ok := vars[k]; ok && v != "" {
			return fmt.Sprintf("\t%s = %q", k, v)
		}
		return "\t" + k + " = (unset)"
	}
	lines := []string{show("LANGUAGE"), show("LC_ALL")}
	var others []string
	if every {
		for _, k := range categories {
			lines = append(lines, show("LC_"+k))
		}
	}
	for k := range vars {
		if strings.HasPrefix(k, "LC_") && k != "LC_ALL" && !(every && slices.Contains(categories, k[len("LC_"):])) {
			others = append(others, show(k))
		}
	}
	sort.Strings(others)
	lines = append(append(lines, others...), show("LANG"))
	fmt.Fprint(p.Stderr, "perl: warning: Setting locale failed.\nperl: warning: Please check that your locale settings:\n"+
		strings.Join(lines, ",\n")+"\n    are supported and installed on your system.\n"+
		"perl: warning: Falling back to the standard locale (\"C\").\n")
}
