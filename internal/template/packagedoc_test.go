package template

import (
	"reflect"
	"testing"
)

func TestPackageVersions(t *testing.T) {
	tm := mustLoad(t, folder("template.yaml", least+`packages:
  apt: [curl, {name: nginx, version: 1.22.*}]
  apk: [{name: nginx, version: 1.24.0-r7}]
  dnf: [{name: nginx, version: 1.20.1}]
  npm: [{name: "@scope/pm2", version: 5.3.0}]
  pip: [{name: gunicorn, version: 22.0.0}]
`))
	want := map[string][]string{
		"apt": {"curl", "nginx=1.22.*"}, "apk": {"nginx=1.24.0-r7"}, "dnf": {"nginx-1.20.1"}, "npm": {"@scope/pm2@5.3.0"}, "pip": {"gunicorn==22.0.0"},
	}
	if !reflect.DeepEqual(tm.Packages.Names, want) {
		t.Errorf("%v", tm.Packages.Names)
	}
}
