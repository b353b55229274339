package doctor

import (
	"context"
	"crypto/x509"
	"errors"
	"time"

	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/pve"
)

// Facts are the answers to all questions, as far as they were asked.
type Facts struct {
	Target Target

	Chain     answer[[]*x509.Certificate]
	Untrusted error // why the CAs that the client will use do not vouch for the chain
	Client    answer[*pve.Client]
	Version   answer[pve.Version]
	Token     answer[pve.Token]
	Skew      answer[time.Duration]
	Site      *pve.Site // nil: not asked
	NodeSSH   answer[string]
	PCT       answer[struct{}]
	// Packages are the versions of packages on the node, as it told them by SSH, if the API
	// did not.
	Packages map[string]string
	Local    *local // nil: not asked
}

// answer is a value or the error instead of it.
type answer[T any] struct {
	value T
	err   error
}

func answered[T any](v T, err error) answer[T] { return answer[T]{v, err} }

func askCertificate(ctx context.Context, f *Facts) {
	h := f.Target.Host
	if h == nil {
		return
	}
	f.Chain = answered(pve.Show(ctx, pve.Options{URL: h.URL, Timeout: f.Target.deadline()}))
	if len(f.Chain.value) > 0 {
		f.Untrusted = pve.Vouch(f.Chain.value, h.CAFile, h.URL, f.Target.Now())
	}
}

// askLogin makes the first requests with the login. It comes after the certificate is
// judged, so that no token goes to a host that is not the right one.
func askLogin(ctx context.Context, f *Facts) {
	f.Client = answered(pve.New(f.Target.options()))
	c := f.Client.value
	if f.Client.err != nil {
		return
	}
	f.Version = answered(c.Version(ctx))
	var known bool
	if f.Skew.value, known = c.Skew(); !known {
		f.Skew.err = errNoDate
	}
	if f.Version.err == nil && f.Target.Host.Token.Reveal() != "" {
		f.Token = answered(c.Token(ctx))
	}
}

var errNoDate = errors.New("the host's answers have no date")

// askSite asks about the place that a create would choose, for a spec of which no part
// but the host's own settings is known.
func askSite(ctx context.Context, f *Facts) {
	h := f.Target.Host
	needed, useful := inside(f.Target.transport())
	spec := lxc.Spec{Node: h.Node, Storage: h.Storage, Cores: 1, Unprivileged: true, Network: lxc.Network{Bridge: h.Bridge}}
	f.Site = f.Client.value.SiteFor(ctx, spec, f.Version.value, needed, useful)
}

// askNode logs in to the node and runs pct there, if a way into guests uses it.
func askNode(ctx context.Context, f *Facts) {
	if !f.Target.usesNode() {
		return
	}
	n := *f.Target.Inside.Node
	if f.NodeSSH = answered(n.Probe(ctx)); f.NodeSSH.err == nil {
		f.PCT.err = n.ProbePCT(ctx)
		if f.Site != nil && f.Site.PackagesErr != nil {
			f.Packages, _ = n.Versions(ctx) // an error leaves them unknown, as they were
		}
	}
}
