package template

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

func TestNotify(t *testing.T) {
	for text, want := range map[string][]Notify{
		"nginx":         {{Restart, "nginx"}},
		"nginx.service": {{Restart, "nginx"}},
		"[nginx, {reload: haproxy}, {rerun: 10-a.sh}]": {{Restart, "nginx"}, {Reload, "haproxy"}, {Rerun, "10-a.sh"}},
		"{restart: app@1}": {{Restart, "app@1"}},
		"[nginx, {restart: nginx}, {rerun: scripts/10-a.sh}]": {{Restart, "nginx"}, {Rerun, "10-a.sh"}},
		"":   nil,
		"[]": nil,
	} {
		tm := mustLoad(t, folder("template.yaml", fmt.Sprintf(least+`
variables: {a: {notify: %[1]s}}
packages:
  apt: [curl, {name: nginx, notify: %[1]s}]
  custom: [{name: c, check: "true", install: "true", notify: %[1]s}]
files: [{source: d, target: /d, notify: %[1]s, check: test -e /d/x}]
`, text), "files/d/x", "x", "files/d/y", "y", "scripts/10-a.sh", "true"))
		got := [][]Notify{tm.Variables[0].Notify, tm.Packages.Notify["apt nginx"], tm.Packages.Notify["custom c"], tm.Files[0].Notify, tm.Files[1].Notify}
		for i, list := range got {
			if !reflect.DeepEqual(list, want) {
				t.Errorf("%d of %s: %v", i, text, list)
			}
		}
		if names := tm.Packages.Names["apt"]; !reflect.DeepEqual(names, []string{"curl", "nginx"}) || tm.Files[1].Check != "test -e /d/x" {
			t.Errorf("packages %v, files %+v", names, tm.Files)
		}
	}
}

// A script cannot have the name of a step of every run: the record could not tell them apart.
func TestReservedScriptNames(t *testing.T) {
	for _, name := range []string{"config-manager", "notify"} {
		_, err := Load(folder("template.yaml", least+"scripts: ["+name+"]\n", "scripts/"+name, "true"), "web")
		if err == nil || !strings.Contains(err.Error(), "name it 10-"+name+".sh") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
