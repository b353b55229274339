package pve

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

func TestNewestTemplate(t *testing.T) {
	var all []archive
	for _, n := range []string{
		"debian-12-standard_12.7-1_amd64.tar.zst", "debian-12-standard_12.12-1_amd64.tar.zst", "debian-12-standard_12.12-1_arm64.tar.zst",
		"debian-12-turnkey-nextcloud_18.0-1_amd64.tar.gz", "debian-9.0-standard_9.7-1_amd64.tar.gz", "debian-10-standard_10.7-1_amd64.tar.gz",
		"ubuntu-22.04-standard_22.04-1_amd64.tar.zst", "ubuntu-24.04-standard_24.04-2_amd64.tar.zst", "ubuntu-24.10-standard_24.10-1_amd64.tar.zst",
		"alpine-3.9-default_20200101_amd64.tar.xz", "alpine-3.20-default_20240908_amd64.tar.xz", "archlinux-base_20240911-1_amd64.tar.zst",
	} {
		all = append(all, archive{name: n})
	}
	for prefix, want := range map[string]string{
		"debian-12":                   "debian-12-standard_12.12-1_amd64.tar.zst",
		"debian":                      "debian-12-standard_12.12-1_amd64.tar.zst",
		"debian-12-standard":          "debian-12-standard_12.12-1_amd64.tar.zst",
		"debian-12-standard_12.7":     "debian-12-standard_12.7-1_amd64.tar.zst",
		"debian-12-turnkey-nextcloud": "debian-12-turnkey-nextcloud_18.0-1_amd64.tar.gz",
		"debian-9":                    "debian-9.0-standard_9.7-1_amd64.tar.gz",
		"ubuntu":                      "ubuntu-24.10-standard_24.10-1_amd64.tar.zst",
		"ubuntu-24.04":                "ubuntu-24.04-standard_24.04-2_amd64.tar.zst",
		"alpine":                      "alpine-3.20-default_20240908_amd64.tar.xz",
		"alpine-3.2":                  "",
		"archlinux":                   "archlinux-base_20240911-1_amd64.tar.zst",
		"debian-1":                    "",
		"deb":                         "",
		"x":                           "",
	} {
		if got, _ := best(all, prefix); got.name != want {
			t.Errorf("%s: %s", prefix, got.name)
		}
		slices.Reverse(all)
	}
}

func TestPrivilegesListed(t *testing.T) {
	p := permissions{paths: map[string]map[string]text{
		"/": {"Sys.Audit": "1"}, "/vms": {"VM.Audit": "1", "VM.Allocate": "0"}, "/vms/100": {"VM.Audit": "0"}, "/storage/a": {}}}
	for at, want := range map[string]bool{
		"/vms/101 VM.Audit": true, "/vms/101 VM.Allocate": false, "/vms VM.Allocate": true, "/vms/100 VM.Audit": true,
		"/vms/100 VM.Allocate": false, "/nodes/pve1 Sys.Audit": true, "/storage/a Sys.Audit": false, "/ Sys.Audit": true, "/sdn VM.Audit": false,
	} {
		path, privilege, _ := strings.Cut(at, " ")
		if p.listed(path, privilege) != want {
			t.Errorf("%s: %v", at, !want)
		}
	}
}

func FuzzCompareVersions(f *testing.F) {
	f.Add("debian-12-standard_12.7-1", "debian-12-standard_12.12-1")
	f.Add("01", "1")
	f.Fuzz(func(t *testing.T, a, b string) {
		if compareVersions(a, b) != -compareVersions(b, a) || compareVersions(a, a) != 0 {
			t.Errorf("%q and %q have no order", a, b)
		}
		archive{name: a}.fit(b)
	})
}

// FuzzConfig checks that any configuration from any version of Proxmox is read or
// refused.
func FuzzConfig(f *testing.F) {
	f.Add(`{"net0":"name=eth0,bridge=vmbr0,hwaddr=BC:24:11:BA:A7:20,ip=dhcp,type=veth","cpulimit":"0.5","lxc":[["a","b"]],"cores":2}`)
	f.Add(`{"net0":null,"memory":1e300,"description":"infrahaus:\n"}`)
	f.Fuzz(func(t *testing.T, doc string) {
		var raw map[string]text
		if json.Unmarshal([]byte(doc), &raw) == nil {
			parseConfig(raw).Marker()
		}
		SSHFingerprints([]string{doc})
		TaskOp(doc)
	})
}
