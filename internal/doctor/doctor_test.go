package doctor

import (
	"context"
	"crypto/x509"
	"errors"
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
