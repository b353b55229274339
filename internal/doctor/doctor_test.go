package doctor

import (
	"context"
	"crypto/x509"
	"errors"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/infrahaus/infrahaus/internal/config"
	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/pve"
)

var noon = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

// at makes facts of a host as it was asked at noon.
func at(h config.Host) *Facts {
	return &Facts{Target: Target{Name: "lab", Host: &h, Now: func() time.Time { return noon }}}
}

func TestCertificate(t *testing.T) {
	leaf := func(until time.Duration) []*x509.Certificate {
		return []*x509.Certificate{{Raw: []byte("leaf"), NotAfter: noon.Add(until)}}
	}
	const year = 365 * 24 * time.Hour
	pin := pve.Fingerprint(leaf(0)[0])
	other := strings.Repeat("AB:", 31) + "AB"
	for _, c := range []struct {
		name      string
		host      config.Host
		until     time.Duration
		untrusted error
		want      State
		says      string
	}{
		{"pinned", config.Host{Fingerprint: pin}, year, errors.New("unknown authority"), OK, "pinned"},
		{"pinned and expired", config.Host{Fingerprint: pin}, -time.Hour, nil, Warn, "has expired on 2026-11-30"},
		{"pinned, about to end", config.Host{Fingerprint: pin}, 24 * time.Hour, nil, Warn, "valid until 2026-12-01"},
		{"changed", config.Host{Fingerprint: other}, year, nil, Fail, "HAS CHANGED"},
		{"changed, insecure", config.Host{Fingerprint: other, Insecure: true}, year, nil, Fail, "HAS CHANGED"},
		{"insecure", config.Host{Insecure: true}, year, errors.New("unknown authority"), Warn, "insecure: true"},
		{"by a CA", config.Host{CAFile: "/ca.pem"}, year, nil, OK, "signed by /ca.pem"},
		{"by a CA, expired", config.Host{CAFile: "/ca.pem"}, -time.Hour, nil, Fail, "has expired"},
		{"by a CA, about to end", config.Host{CAFile: "/ca.pem"}, 13 * 24 * time.Hour, nil, Warn, "valid until"},
		{"not trusted", config.Host{}, year, errors.New("unknown authority"), Fail, "unknown authority"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.host.URL = "https://pve:8006"
			f := at(c.host)
			f.Chain.value, f.Untrusted = leaf(c.until), c.untrusted
			got := judgeCertificate(f)
			if got.state != c.want || !strings.Contains(got.detail, c.says) {
				t.Errorf("%s %q, want %s %q", got.state, got.detail, c.want, c.says)
			}
			if got.state == Fail && (got.exit != exit.Unreachable || got.fix == "") {
				t.Errorf("exit %d, fix %q", got.exit, got.fix)
			}
		})
	}
}

// The fingerprint of a stranger must not stand anywhere as a setting to paste.
func TestChangedFingerprintIsNotOffered(t *testing.T) {
	v := changedFingerprint("AA:BB", "CC:DD")
	if !strings.Contains(v.detail, "AA:BB") || !strings.Contains(v.detail, "CC:DD") {
		t.Errorf("both are to be shown: %s", v.detail)
	}
	for _, offer := range []string{"=CC:DD", ": CC:DD", "fingerprint CC:DD", "set "} {
		if strings.Contains(v.detail+v.fix, offer) {
			t.Errorf("%q offers the stranger's", offer)
		}
	}
}

func TestExpiry(t *testing.T) {
	for _, c := range []struct {
		left time.Duration
		want State
	}{{-time.Minute, Fail}, {time.Hour, Warn}, {13 * 24 * time.Hour, Warn}, {15 * 24 * time.Hour, OK}} {
		if got := judgeExpiry("me@pve!tool", noon.Add(c.left), noon); got.state != c.want {
			t.Errorf("%s left: %s", c.left, got.state)
		}
	}
}

// A check that depends on a failed one is skipped and says so; others go on.
func TestDependence(t *testing.T) {
	done := []Check{{ID: "reachable", Title: "the host answers", State: Fail}, {ID: "state", State: OK}}
	facts := at(config.Host{})
	judged := func(*Facts) verdict { return ok("judged") }
	c := examination{"certificate", "certificate", []string{"reachable"}, judged}.check(t.Context(), facts, done)
	if c.State != Skipped || !strings.Contains(c.Detail, "the host answers") {
		t.Errorf("%+v", c)
	}
	c = examination{"redis", "Redis", []string{"state"}, judged}.check(t.Context(), facts, done)
	if c.State != OK {
		t.Errorf("%+v", c)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if c = (examination{"redis", "Redis", nil, judged}).check(ctx, facts, nil); c.State != Skipped {
		t.Errorf("after an interruption: %+v", c)
	}
}

// A host that takes the connection and says nothing costs one deadline, and this machine's
// own checks are made all the same.
func TestSilentHost(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	home := t.TempDir()
	var seen []string
	all := Run(t.Context(), Target{
		Host: &config.Host{URL: "https://" + l.Addr().String()}, Deadline: 20 * time.Millisecond,
		Local: &Local{Paths: config.Paths{ConfigDir: home + "/config", StateDir: home + "/state"}},
	}, func(c Check) { seen = append(seen, c.ID) })
	if len(seen) != len(all) || Worst(all) != exit.Unreachable {
		t.Errorf("%d checks, %d shown, worst %d", len(all), len(seen), Worst(all))
	}
	states := map[string]Check{}
	for _, c := range all {
		states[c.ID] = c
	}
	if c := states["reachable"]; c.State != Fail || !strings.Contains(c.Detail, "in time") || c.Fix == "" {
		t.Errorf("%+v", c)
	}
	for _, id := range []string{"state", "database", "key"} {
		if states[id].State != OK {
			t.Errorf("%+v", states[id])
		}
	}
	if left, _ := os.ReadDir(home); len(left) > 0 {
		t.Errorf("it made %v", left)
	}
}

func TestTemplates(t *testing.T) {
	os := func(file, storage string) pve.OSTemplate {
		product, _, _ := strings.Cut(file, "_")
		return pve.OSTemplate{File: file, Storage: storage, Product: product, Arch: "amd64"}
	}
	index := []pve.OSTemplate{os("debian-12-standard_12.7-1_amd64.tar.zst", ""), os("debian-12-standard_12.12-1_amd64.tar.zst", ""),
		{File: "debian-12-standard_12.14-1_arm64.tar.zst", Product: "debian-12-standard", Arch: "arm64"}}
	for _, c := range []struct {
		name      string
		has       []pve.OSTemplate
		index     []pve.OSTemplate
		want      State
		says, fix string
	}{
		{"none, and an index", nil, index, OK, "downloads", ""},
		{"none at all", nil, nil, Fail, "none on the node", "pveam update"},
		{"outdated", []pve.OSTemplate{os("debian-12-standard_12.7-1_amd64.tar.zst", "local")}, index, Warn, "(newer: 12.12-1)",
			"pveam update && pveam download local debian-12-standard_12.12-1_amd64.tar.zst"},
		{"the newer one is there, too", []pve.OSTemplate{os("debian-12-standard_12.7-1_amd64.tar.zst", "a"), os("debian-12-standard_12.12-1_amd64.tar.zst", "b")}, index, OK, "12.12-1", ""},
		{"no longer offered", []pve.OSTemplate{os("debian-10-standard_10.7-1_amd64.tar.gz", "local")}, index, OK, "no longer in the index", ""},
		{"the index is not known", []pve.OSTemplate{os("debian-10-standard_10.7-1_amd64.tar.gz", "local")}, nil, OK, "debian-10-standard 10.7-1", ""},
	} {
		f := at(config.Host{})
		f.Site = &pve.Site{Templates: c.has, Index: c.index}
		if got := judgeTemplates(f); got.state != c.want || !strings.Contains(got.detail, c.says) || got.fix != c.fix {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
}

func TestVersionAndPackages(t *testing.T) {
	for _, c := range []struct {
		release, container, lxc             string
		version, console, docker, supported State
	}{
		{"6.4", "3.3-6", "4.0.6-2", Fail, Fail, Warn, Warn},
		{"7.4", "4.4-7", "5.0.2-2", Warn, Fail, Warn, Warn},
		{"8.4", "5.3.4", "6.0.0-2", OK, OK, OK, OK},
		{"8.4", "5.3.0", "6.0.0-1", OK, Fail, Warn, Warn},
		{"9.2", "6.1.10", "6.0.5-4", OK, OK, OK, OK},
		{"9.0", "6.0.9", "6.0.5-1", OK, Fail, Warn, Warn},
		{"10.0", "7.0.1", "7.0.0-1", Warn, OK, OK, OK},
	} {
		f := at(config.Host{Token: config.NewSecret("a@pve!t=x")})
		f.Target.Inside.Transport = "api"
		f.Version.value = pve.Version{Release: c.release, Full: c.release}
		f.Site = &pve.Site{Packages: map[string]string{"pve-container": c.container, "lxc-pve": c.lxc}, Templates: []pve.OSTemplate{{Product: "debian-13-standard"}}}
		for _, j := range []struct {
			what string
			got  verdict
			want State
		}{
			{"version", judgeVersion(f), c.version}, {"console", judgeConsole(f), c.console},
			{"docker", judgeDocker(f), c.docker}, {"pve-container", judgeContainerPackage(f), c.supported},
		} {
			if j.got.state != j.want || j.got.state != OK && j.got.fix == "" {
				t.Errorf("%s, %s: %+v, want %s", c.release, j.what, j.got, j.want)
			}
		}
	}
}

func TestStorageAndNode(t *testing.T) {
	ambiguous := &pve.Error{Kind: pve.Ambiguous, Field: "node", Choices: []string{"a", "b"}}
	gone := &pve.Error{Kind: pve.Invalid, Op: "use node old", Field: "node", Reason: "the cluster has no such node", Choices: []string{"new"}}
	full := &pve.Error{Kind: pve.Refused, Op: "choose a storage", Reason: "none takes the container's disk"}
	local := pve.Storage{Name: "local", Kind: "dir", Content: []string{"iso", "vztmpl"}, Usable: true, Free: 90 * gib}
	thin := pve.Storage{Name: "thin", Kind: "lvmthin", Content: []string{"rootdir"}, Usable: true, Free: 3 * gib}
	for _, c := range []struct {
		name  string
		site  pve.Site
		judge func(*Facts) verdict
		want  State
		exit  int
		fix   string
	}{
		{"one node", pve.Site{Node: "a"}, judgeNode, OK, 0, ""},
		{"several nodes", pve.Site{Node: "a", NodeErr: ambiguous}, judgeNode, Warn, 0, "export INFRAHAUS_NODE=a"},
		{"renamed node", pve.Site{NodeErr: gone}, judgeNode, Fail, exit.Usage, "export INFRAHAUS_NODE=new"},
		{"none online", pve.Site{NodeErr: full}, judgeNode, Fail, exit.Proxmox, "pvecm status"},
		{"nearly full", pve.Site{Storages: []pve.Storage{local, thin}, Storage: "thin"}, judgeStorage, Warn, 0, "pvesm status"},
		{"plenty", pve.Site{Storages: []pve.Storage{local, thin}, Storage: "local"}, judgeStorage, OK, 0, ""},
		{"full", pve.Site{Storages: []pve.Storage{local, thin}, StorageErr: full}, judgeStorage, Fail, exit.Proxmox, "pvesm status"},
		{"none allows it", pve.Site{Storages: []pve.Storage{local}, StorageErr: full}, judgeStorage, Fail, exit.Proxmox, "pvesm set local --content iso,vztmpl,rootdir"},
		{"no templates", pve.Site{Storages: []pve.Storage{thin}, ArchiveErr: full}, judgeArchiveStorage, Fail, exit.Proxmox, "pvesm set thin --content rootdir,vztmpl"},
		{"sees none", pve.Site{StorageErr: full}, judgeStorage, Skipped, 0, ""},
	} {
		f := at(config.Host{})
		f.Site = &c.site
		if got := c.judge(f); got.state != c.want || got.exit != c.exit || got.fix != c.fix {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
}

func TestClock(t *testing.T) {
	for _, c := range []struct {
		ahead time.Duration
		want  State
		says  string
	}{{time.Hour, Warn, "1h0m0s ahead"}, {-time.Hour, Warn, "1h0m0s behind"}, {20 * time.Second, OK, ""}} {
		f := at(config.Host{})
		f.Skew.value = c.ahead
		if got := judgeClock(f); got.state != c.want || !strings.Contains(got.detail, c.says) {
			t.Errorf("%s: %+v", c.ahead, got)
		}
	}
}
