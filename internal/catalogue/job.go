package catalogue

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"

	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/provision/plan"
	"github.com/infrahaus/infrahaus/internal/store"
	"github.com/infrahaus/infrahaus/internal/template"
)

// savedJob is a plan.Job as the store keeps it: without secrets, and with only so much of
// the template as is needed to find it again and to see whether it has changed.
type savedJob struct {
	Spec     lxc.Spec       `json:"spec"`
	Template string         `json:"template"`           // a folder, an address or a name, for template.Find
	Resolved string         `json:"resolved,omitempty"` // of an address: the same, pinned to the content
	Parents  []template.Pin `json:"parents,omitempty"`  // the templates with an address that it extends
	Digest   string         `json:"digest"`
	Scripts  []savedScript  `json:"scripts,omitempty"`
	Skip     []string       `json:"skip,omitempty"`
	SkipNow  []string       `json:"skipNow,omitempty"`
	Packages []string       `json:"packages,omitempty"`
	NoBake   bool           `json:"noBake,omitempty"`
	Bake     bool           `json:"bake,omitempty"`
	Given    *plan.Given    `json:"given"` // null in a job of an older version
}

// known are the addresses on record, each with the same, pinned to the content.
func (j savedJob) known() map[string]string {
	known := map[string]string{}
	for _, p := range j.Parents {
		known[p.Source] = p.Resolved
	}
	if j.Resolved != "" {
		known[j.Template] = j.Resolved
	}
	return known
}

type savedScript struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
}

// sealedValues are a template's variables as they are sealed.
type sealedValues struct {
	Values map[string]string `json:"values"`
	Secret []string          `json:"secret,omitempty"` // names of those that must not be shown
	// From is where each value comes from; nil in the record of an older version.
	From map[string]template.Origin `json:"from,omitempty"`
	Env  map[string]string          `json:"env,omitempty"` // --env, by name
}

// SaveJob keeps a job for later runs.
func (r *Record) SaveJob(ctx context.Context, job plan.Job) error {
	variables, doc, err := r.JobEntries(job)
	if err != nil {
		return err
	}
	if err := r.store.SaveSealed(ctx, r.recordID, variables.Service, variables.Keys, variables.Envelope); err != nil {
		return err
	}
	return r.store.SaveJob(ctx, r.recordID, doc)
}

// JobEntries returns a job as the store keeps it: its variables, sealed, and a document of
// the rest. A create stores both together with the record.
func (r *Record) JobEntries(job plan.Job) (variables store.Sealed, doc []byte, err error) {
	values := sealedValues{Values: job.Values.Keep(), From: map[string]template.Origin{}, Env: job.Env}
	for _, v := range job.Values.All() {
		values.From[v.Name] = v.From
		if v.Secret {
			values.Secret = append(values.Secret, v.Name)
		}
	}
	if variables, err = r.sealVariables(values); err != nil {
		return variables, nil, err
	}
	doc, err = json.Marshal(savedJob{
		Spec: job.Spec, Template: cmp.Or(job.Template.Path, job.Template.Name), Resolved: job.Template.Resolved, Parents: job.Template.Fetched, Digest: job.Template.Digest,
		Scripts: scriptSums(job.Template), Skip: job.Skip, SkipNow: job.SkipNow, Packages: job.Packages, Given: job.Given, NoBake: job.NoBake, Bake: job.Bake != nil,
	})
	return variables, doc, err
}

func (r *Record) sealVariables(values sealedValues) (store.Sealed, error) {
	out := store.Sealed{RecordID: r.recordID, Service: store.VariablesService, Keys: slices.Sorted(maps.Keys(values.Values))}
	text, err := json.Marshal(values)
	if err == nil {
		out.Envelope, err = r.vault.Seal(r.recordID, out.Service, text)
	}
	return out, err
}

func scriptSums(t *template.Template) []savedScript {
	var out []savedScript
	for _, s := range t.EnabledScripts() {
		sum := sha256.Sum256(s.Content)
		out = append(out, savedScript{s.Name, hex.EncodeToString(sum[:])})
	}
	return out
}

// unsealVariables opens a record's variables. It is no error if there are none.
func (r *Record) unsealVariables(ctx context.Context) (sealedValues, error) {
	var values sealedValues
	text, err := r.unseal(ctx, store.VariablesService)
	if err != nil || text == nil {
		return values, err
	}
	return values, json.Unmarshal(text, &values)
}

// unseal opens the text that is sealed under a name. It is nil if there is none.
func (r *Record) unseal(ctx context.Context, service string) ([]byte, error) {
	sealed, err := r.store.Credentials(ctx, r.recordID)
	if err != nil {
		return nil, err
	}
	for _, s := range sealed {
		if s.Service == service {
			return r.vault.Unseal(r.recordID, service, s.Envelope)
		}
	}
	return nil, nil
}

// secrets returns the values that must not be shown, and the secrets in the URLs of others.
func (v sealedValues) secrets() (out []string) {
	for name, value := range v.Values {
		if slices.Contains(v.Secret, name) {
			out = append(out, event.SecretsIn("", value)...)
		}
		out = append(out, event.URLSecrets(value)...)
	}
	for name, value := range v.Env {
		if out = append(out, event.URLSecrets(value)...); event.IsSecretKey(name) {
			out = append(out, event.SecretsIn(name, value)...)
		}
	}
	return out
}
