package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/provision"
	"github.com/infrahaus/infrahaus/internal/provision/plan"
	"github.com/infrahaus/infrahaus/internal/store"
	"github.com/infrahaus/infrahaus/internal/template"
	"github.com/infrahaus/infrahaus/internal/vault"
)

// savedJob is what the catalogue keeps of a plan.Job: all but secrets, and
// of the template what finds it again and tells whether it has changed.
type savedJob struct {
	Spec     lxc.Spec      `json:"spec"`
	Template string        `json:"template"` // a folder or a name, as template.Find takes it
	Digest   string        `json:"digest"`
	Scripts  []savedScript `json:"scripts,omitempty"`
	Skip     []string      `json:"skip,omitempty"`
	SkipNow  []string      `json:"skipNow,omitempty"`
	Packages []string      `json:"packages,omitempty"`
}

type savedScript struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
}

// sealedValues are a template's variables as they are sealed.
type sealedValues struct {
	Values map[string]string `json:"values"`
	Secret []string          `json:"secret,omitempty"` // names of those that must not be shown
}

// SaveJob keeps what a later run has to be told.
func (r *record) SaveJob(ctx context.Context, job plan.Job) error {
	variables, doc, err := r.jobEntries(job)
	if err != nil {
		return err
	}
	if err := r.store.SaveSealed(ctx, r.recordID, variables.Service, variables.Keys, variables.Envelope); err != nil {
		return err
	}
	return r.store.SaveJob(ctx, r.recordID, doc)
}

// jobEntries are a job as the catalogue keeps it: its variables, sealed, and the
// rest.
func (r *record) jobEntries(job plan.Job) (variables store.Sealed, doc []byte, err error) {
	values := sealedValues{Values: job.Values.Keep()}
	for _, v := range job.Values.All() {
		if v.Secret {
			values.Secret = append(values.Secret, v.Name)
		}
	}
	if variables, err = r.sealVariables(values); err != nil {
		return variables, nil, err
	}
	doc, err = json.Marshal(savedJob{
		Spec: job.Spec, Template: orElse(job.Template.Path, job.Template.Name), Digest: job.Template.Digest,
		Scripts: scriptSums(job.Template), Skip: job.Skip, SkipNow: job.SkipNow, Packages: job.Packages,
	})
	return variables, doc, err
}

func (r *record) sealVariables(values sealedValues) (store.Sealed, error) {
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

// unsealVariables opens a record's variables; none is no error.
func (r *record) unsealVariables(ctx context.Context) (sealedValues, error) {
	var values sealedValues
	text, err := r.unseal(ctx, store.VariablesService)
	if err != nil || text == nil {
		return values, err
	}
	return values, json.Unmarshal(text, &values)
}

// unseal opens what is sealed under a name, nil where nothing is.
func (r *record) unseal(ctx context.Context, service string) ([]byte, error) {
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

// remembered is a job from the catalogue with the template as it is now.
type remembered struct {
	plan.Job
	saved  savedJob
	values sealedValues
}

// noJob says that the catalogue does not know how a container was made.
type noJob struct{ c lxc.Container }

func (e noJob) Error() string {
	if e.c.Adopted {
		return fmt.Sprintf("%s was adopted, not made by this catalogue: there is no template that it follows", e.c.Hostname)
	}
	return fmt.Sprintf("what %s was to become is not on record", e.c.Hostname)
}

// ExitStatus is the contract's for a command that cannot be meant.
func (noJob) ExitStatus() int { return provision.ExitUsage }

// remember reads what a container was asked to be. set overrides variables.
// Errors: noJob, those of template.Find and of its variables.
func (a *app) remember(ctx context.Context, c lxc.Container, set map[string]string) (*remembered, error) {
	raw, err := a.store.Job(ctx, c.RecordID)
	if err != nil {
		return nil, err
	}
	if raw == nil {
		return nil, noJob{c}
	}
	m := &remembered{}
	if err := json.Unmarshal(raw, &m.saved); err != nil {
		return nil, fmt.Errorf("cannot read what %s was to become: %w", c.Hostname, err)
	}
	rec := a.recordOf(c)
	if m.values, err = rec.unsealVariables(ctx); err != nil {
		return nil, err
	}
	t, err := template.Find(m.saved.Template, a.templateSources())
	if err != nil {
		return nil, err
	}
	values, err := t.Resolve(m.given(t, set), randomText)
	if err != nil {
		return nil, err
	}
	if _, err := t.DeclaredServices(values); err != nil {
		return nil, err
	}
	password, err := rec.RootPassword(ctx)
	if err != nil {
		return nil, err
	}
	if password == "" { // it was not asked for yet, so a new one will do
		password = vault.Password()
	}
	m.Job = plan.Job{
		Spec: m.saved.Spec, Template: t, Values: values, Skip: m.saved.Skip, Packages: m.saved.Packages,
		ConfigRepoURL: a.cfg.ConfigRepoURL, Password: password,
	}
	return m, nil
}

// given are the values to start from: those on record that the template still
// has, and set on top.
func (m *remembered) given(t *template.Template, set map[string]string) map[string]string {
	out := map[string]string{}
	for _, v := range t.Variables {
		if text, ok := m.values.Values[v.Name]; ok {
			out[v.Name] = text
		}
	}
	maps.Copy(out, set)
	return out
}

// newValues names the variables, secret ones too, that have another value than is
// on record.
func (m *remembered) newValues() []string {
	var out []string
	for _, v := range m.Values.All() {
		if m.values.Values[v.Name] != v.Text {
			out = append(out, v.Name)
		}
	}
	return out
}

// changes says how the template differs from what is on record, a line each; none
// where it does not.
func (m *remembered) changes() []string {
	if m.Template.Digest == m.saved.Digest {
		return nil
	}
	now := map[string]string{}
	var lines []string
	for _, s := range scriptSums(m.Template) {
		now[s.Name] = s.SHA256
	}
	for _, s := range m.saved.Scripts {
		switch sum, ok := now[s.Name]; {
		case !ok:
			lines = append(lines, "script "+s.Name+" is gone")
		case sum != s.SHA256:
			lines = append(lines, "script "+s.Name+" has changed")
		}
		delete(now, s.Name)
	}
	for _, name := range slices.Sorted(maps.Keys(now)) {
		lines = append(lines, "script "+name+" is new")
	}
	if lines == nil {
		lines = []string{"its files, packages or settings have changed; its scripts have not"}
	}
	return lines
}

// stepOrScript checks the argument of --from.
func (m *remembered) stepOrScript(from string) error {
	words := []string{"starting", "deploying", "syncing", "finalizing"}
	for _, s := range m.Template.EnabledScripts() {
		words = append(words, s.Name)
	}
	switch {
	case from == "" || slices.Contains(words, from):
		return nil
	case from == "creating":
		return usagef("a container that is there is not created again").hint("destroy it first, or say --from deploying")
	}
	return usagef("--from names no step and no script: %q", from).hint("it is one of: %s", strings.Join(words, ", "))
}
