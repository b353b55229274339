package configmanager

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"mvdan.cc/sh/v3/syntax"
)

// TestHelpersAreDescribed fails for a function of helpers.sh that help and docs do not
// explain, for one that is gone, and for an example that no sh can read.
func TestHelpersAreDescribed(t *testing.T) {
	text, err := embedded.ReadFile("guest/helpers.sh")
	if err != nil {
		t.Fatal(err)
	}
	var there, described []string
	for _, m := range regexp.MustCompile(`(?m)^([a-z][a-z_]*)\(\) \{`).FindAllStringSubmatch(string(text), -1) {
		there = append(there, m[1])
	}
	for _, h := range Helpers() {
		described = append(described, h.Name)
		if h.Text == "" || !strings.Contains(h.Example, h.Name) {
			t.Errorf("%s: text %q, example %q", h.Name, h.Text, h.Example)
		}
		if _, err := syntax.NewParser(syntax.Variant(syntax.LangPOSIX)).Parse(strings.NewReader(h.Example), h.Name); err != nil {
			t.Error(err)
		}
	}
	slices.Sort(there)
	slices.Sort(described)
	if !slices.Equal(there, described) {
		t.Errorf("helpers.sh has\n%v, described are\n%v", there, described)
	}
}

// TestScriptVariablesAreDescribed compares the list with the places that set a script's
// environment.
func TestScriptVariablesAreDescribed(t *testing.T) {
	set := map[string]bool{"INFRAHAUS_VAR_NAME": true}
	for path, pattern := range map[string]string{
		"../provision/sync.go":   `(?m)^\s+"([A-Z_]+)=|append\(env, "([A-Z_]+)=`,
		"../provision/attend.go": `Sprintf\("([A-Z_]+)=`,
		"../guest/run.sh":        `\b([A-Z]+(?:_[A-Z]+)*)="?(?:\$|C\.)`,
		"guest/helpers.sh":       `(?m)^\t+(?:export )?((?:[A-Z_]+ )*[A-Z_]+)(?: \\)?$|^\texport ([A-Z_ ]+) \\$`,
	} {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		found := regexp.MustCompile(pattern).FindAllStringSubmatch(string(text), -1)
		if len(found) == 0 {
			t.Errorf("nothing found in %s", path)
		}
		for _, m := range found {
			for name := range strings.FieldsSeq(strings.Join(m[1:], " ")) {
				set[name] = !strings.HasPrefix(name, "_IH_")
			}
		}
	}
	described := map[string]bool{}
	for _, v := range ScriptVariables() {
		described[v.Name] = true
		if !set[v.Name] || v.Text == "" || v.Example == "" {
			t.Errorf("%s: set %v, text %q, example %q", v.Name, set[v.Name], v.Text, v.Example)
		}
	}
	for name, public := range set {
		if public && !described[name] {
			t.Errorf("%s is not described", name)
		}
	}
}
