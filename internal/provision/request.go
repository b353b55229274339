package provision

import (
	"context"
	"slices"

	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/guest"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/provision/plan"
	"github.com/infrahaus/infrahaus/internal/pve"
)

// CreateRequest asks for a new container.
type CreateRequest struct {
	Job              plan.Job
	Placement        *pve.Placement // the place for it: choosing it was the last check
	DestroyOnFailure bool
}

// ResumeRequest asks to go on with a container.
type ResumeRequest struct {
	Recorded lxc.Container // the record as it was before the run
	Job      plan.Job      // on record
	From     string        // the step or script to go back to; "": none
	Anew     []string      // hints: how to make the container again if Proxmox has lost it
	Node     string        // the node for a container that was not created yet; "": as the job says

	DestroyOnFailure bool // as of a create
}

// SyncRequest asks to apply the template to a container that runs.
type SyncRequest struct {
	Recorded lxc.Container
	Job      plan.Job
	How      plan.SyncRequest
	Anew     []string
	Diff     bool // of a plan: compare files that differ line by line
}

// DiscoverRequest asks to look into a container that runs.
type DiscoverRequest struct {
	Recorded lxc.Container
	Job      plan.Job // its template and values declare services; a Password is tried on the console
}

// DestroyRequest asks to destroy a container.
type DestroyRequest struct {
	Recorded lxc.Container
	Foreign  bool // it need not be this catalogue's
}

// RollbackRequest asks to go back to the snapshot that a sync has left.
type RollbackRequest struct {
	Recorded lxc.Container
}

// Host is the Proxmox host of a run.
type Host struct {
	PVE      *pve.Client
	SSH      guest.Options           // its ways into a guest; a run adds who listens and when the guest is up
	Key      string                  // the tool's own public key, which a guest accepts besides the spec's keys
	Defaults func(lxc.Spec) lxc.Spec // fills in what the host's settings say and nobody asked for
	Secrets  []string                // no event may carry them
}

// take keeps the job of a request. Its secrets are redacted from the first event on.
func (r *Run) take(job plan.Job) {
	r.job = job
	secrets := r.Bus.Secrets()
	secrets.Add(job.Password)
	for _, secret := range job.Values.Secrets() {
		secrets.Add(event.SecretsIn("", secret)...)
	}
	for _, v := range job.Values.All() {
		secrets.Add(event.URLSecrets(v.Text)...)
	}
	for name, value := range job.Env {
		secrets.Add(event.URLSecrets(value)...)
		if event.IsSecretKey(name) {
			secrets.Add(event.SecretsIn(name, value)...)
		}
	}
}

// connect opens the host, once.
func (r *Run) connect(ctx context.Context) error {
	if r.host.PVE != nil {
		return nil
	}
	host, err := r.Connect(ctx)
	if err != nil {
		return err
	}
	r.host = host
	r.Bus.Secrets().Add(host.Secrets...)
	spec := host.Defaults(r.job.Spec)
	// An older version has saved the tool's own key among them.
	spec.SSHKeys = slices.DeleteFunc(slices.Clone(spec.SSHKeys), func(key string) bool { return key == host.Key })
	r.job.Spec = spec
	return nil
}
