package pve_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/pve"
)

func TestWithEnv(t *testing.T) {
	for _, c := range []struct {
		have string
		set  [][2]string
		want string
	}{
		{"", nil, ""},
		{"PATH=/bin", nil, "PATH=/bin"},
		{"", [][2]string{{"A", "1"}}, "A=1"},
		{"PATH=/bin\x00A=0\x00B=x=y", [][2]string{{"A", "two words"}, {"C", ""}}, "PATH=/bin\x00B=x=y\x00A=two words\x00C="},
	} {
		if got := pve.WithEnv(c.have, c.set); got != c.want {
			t.Errorf("%q", got)
		}
	}
	if got := pve.EnvNames("PATH=/bin\x00A=1=2\x00junk"); !slices.Equal(got, []string{"PATH", "A"}) {
		t.Error(got)
	}
}

// TestImageMade has configurations of genuine Proxmox 9.2.11.
func TestImageMade(t *testing.T) {
	app := pve.ConfigOf(map[string]string{"entrypoint": "/bin/sleep 1000000", "env": "PATH=/bin:/usr/bin", "cmode": "console",
		"lxc": `[["lxc.init.uid","1000"],["lxc.init.gid","1000"],["lxc.init.groups",""],["lxc.signal.halt","SIGTERM"]]`})
	got, _ := json.Marshal(pve.ImageMade(&lxc.Image{Reference: "r", Volumes: []string{"/data"}}, app))
	if want := `{"reference":"r","kind":"application","entrypoint":"/bin/sleep 1000000","envNames":["PATH"],"user":"1000","volumes":["/data"],"stopSignal":"SIGTERM"}`; string(got) != want {
		t.Errorf("%s", got)
	}
	sys := pve.ConfigOf(map[string]string{"env": "PATH=/bin", "lxc": `[["lxc.signal.halt","SIGRTMIN+3"]]`})
	if i := pve.ImageMade(&lxc.Image{Kind: lxc.ApplicationImage, Entrypoint: "x"}, sys); i.Kind != lxc.SystemImage || i.Entrypoint != "" || i.StopSignal != "SIGRTMIN+3" {
		t.Errorf("%+v", i)
	}
}
