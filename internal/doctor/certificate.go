package doctor

import (
	"fmt"
	"net/url"
	"time"

	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/pve"
)

func judgeReachable(f *Facts) verdict {
	address := f.Target.Host.URL
	proxy := pve.UsesProxy(address)
	if f.Chain.err != nil {
		v := failed(f.Chain.err)
		if proxy != "" {
			return v.here("NO_PROXY=" + hostOf(address) + " infrahaus doctor")
		}
		return v.here("curl --insecure --max-time 10 " + address)
	}
	if proxy != "" {
		return ok(address + " through the proxy " + proxy)
	}
	return ok(address)
}

func hostOf(address string) string {
	if u, err := url.Parse(address); err == nil && u.Hostname() != "" {
		return u.Hostname()
	}
	return address
}

// showCertificate is the command on the node that shows the fingerprint to compare with.
const showCertificate = "pvenode cert info"

// renewCertificate makes the node's own certificate anew.
const renewCertificate = "pvecm updatecerts --force && systemctl restart pveproxy"

// soon is how long before its end a certificate or a token is worth a word. Proxmox
// renews its own certificate two weeks before.
const soon = 14 * 24 * time.Hour

func judgeCertificate(f *Facts) verdict {
	h, now := f.Target.Host, f.Target.Now()
	if len(f.Chain.value) == 0 {
		return skip("the host is not asked by TLS")
	}
	leaf := f.Chain.value[0]
	shown := pve.Fingerprint(leaf)
	ends := "valid until " + leaf.NotAfter.UTC().Format(time.DateOnly)
	over := now.After(leaf.NotAfter)
	switch {
	case h.Fingerprint != "" && h.Fingerprint != shown:
		return changedFingerprint(h.Fingerprint, shown)
	case h.Fingerprint != "" && over:
		return warn("pinned, but it has expired on " + leaf.NotAfter.UTC().Format(time.DateOnly) + ": browsers and other tools refuse it").onNode(renewCertificate)
	case h.Fingerprint != "" && leaf.NotAfter.Sub(now) < soon:
		return warn("pinned, and " + ends + ": the fingerprint in the config ends with it").onNode(showCertificate)
	case h.Fingerprint != "":
		return ok("pinned " + shortPrint(shown) + ", " + ends)
	case h.CAFile == "" && h.Insecure:
		return warn("it is not verified (insecure: true): anybody between can read the login; pin its fingerprint instead").onNode(showCertificate)
	case over:
		return fail(exit.Unreachable, "it has expired on "+leaf.NotAfter.UTC().Format(time.DateOnly)).onNode(renewCertificate)
	}
	by := "a CA of this machine"
	if h.CAFile != "" {
		by = h.CAFile
	}
	if f.Untrusted != nil {
		return untrusted(f.Untrusted, shown)
	}
	if leaf.NotAfter.Sub(now) < soon {
		return warn(ends + ", signed by " + by).onNode(renewCertificate)
	}
	return ok("signed by " + by + ", " + ends)
}

// changedFingerprint is worded as ssh does it. It does not offer the shown fingerprint as
// a setting: whoever pastes that trusts a stranger.
func changedFingerprint(pinned, shown string) verdict {
	return fail(exit.Unreachable, "THE HOST'S CERTIFICATE HAS CHANGED: the config pins "+pinned+", the host shows "+shown+
		"; somebody may be between you and the host, or its certificate was renewed. Nothing was sent to it. "+
		"Compare with the fingerprint that the node itself shows, and change the config only if that is the one shown here").onNode(showCertificate)
}

func untrusted(err error, shown string) verdict {
	return fail(exit.Unreachable, fmt.Sprintf("it is not trusted: %v; the host shows the fingerprint %s: compare it with what the node itself shows, and pin it as fingerprint in the config", err, shown)).
		onNode(showCertificate)
}

// shortPrint is enough of a fingerprint to recognise it in a list.
func shortPrint(s string) string {
	if len(s) > 23 {
		return s[:23] + "…"
	}
	return s
}
