package catalogue

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/provision/plan"
	"github.com/infrahaus/infrahaus/internal/template"
	"github.com/infrahaus/infrahaus/internal/vault"
)

// Remembered is a job on record, with the template as it is now.
type Remembered struct {
	plan.Job
	saved  savedJob
	values sealedValues
}

// Today is what a job is completed with that is not on record.
type Today struct {
	// Find finds the template again, by its name, folder or address, and by the content that
	// its address and those of its parents had. nil: only by a folder.
	Find          func(ref string, known map[string]string) (*template.Template, error)
	Set           map[string]string // overrides variables
	Unset         []string          // variables that follow the template again
	ConfigRepoURL string
}

// NoJob is the error if no job is on record, as for an adopted container.
type NoJob struct{ Container lxc.Container }

func (e NoJob) Error() string {
	if e.Container.Adopted {
		return fmt.Sprintf("%s was adopted, not made by this catalogue: there is no template that it follows", e.Container.Hostname)
	}
	return fmt.Sprintf("what %s was to become is not on record", e.Container.Hostname)
}

// ExitStatus is the one of a usage error.
func (NoJob) ExitStatus() int { return exit.Usage }

// NextSteps is empty: nothing helps.
func (NoJob) NextSteps() []string { return nil }

// ForImage is the error for a container of which an image is made: no other command works on
// it.
type ForImage struct{ Container lxc.Container }

func (e ForImage) Error() string {
	return fmt.Sprintf("an image of template %s is made of %s, or a bake of it was interrupted", e.Container.Template, e.Container.Hostname)
}

// ExitStatus is the one of a usage error.
func (ForImage) ExitStatus() int { return exit.Usage }

// NextSteps name the command that removes it and makes the image.
func (e ForImage) NextSteps() []string {
	return []string{"infrahaus template bake " + e.Container.Template}
}

// Bakes reports whether an image is made of the container.
func (r *Record) Bakes(ctx context.Context) (bool, error) {
	raw, err := r.store.Job(ctx, r.recordID)
	if err != nil || raw == nil {
		return false, err
	}
	var saved savedJob
	err = json.Unmarshal(raw, &saved)
	return saved.Bake, err
}

// Remember reads the job of a container. Its errors are NoJob, and those of template.Find
// and of the template's variables.
func (r *Record) Remember(ctx context.Context, c lxc.Container, today Today) (*Remembered, error) {
	raw, err := r.store.Job(ctx, r.recordID)
	if err != nil {
		return nil, err
	}
	if raw == nil {
		return nil, NoJob{c}
	}
	m := &Remembered{}
	if err := json.Unmarshal(raw, &m.saved); err != nil {
		return nil, fmt.Errorf("cannot read what %s was to become: %w", c.Hostname, err)
	}
	if m.saved.Bake {
		return nil, ForImage{c}
	}
	if m.values, err = r.unsealVariables(ctx); err != nil {
		return nil, err
	}
	find := today.Find
	if find == nil {
		find = func(ref string, _ map[string]string) (*template.Template, error) { return template.Find(ref, nil) }
	}
	t, err := find(m.saved.Template, m.saved.known())
	if err != nil {
		return nil, err
	}
	if err := t.CheckNames(today.Unset); err != nil {
		return nil, err
	}
	given, made := m.given(t, today)
	values, err := t.Resolve(given, &template.Maker{Random: vault.RandomText, Hostname: c.Hostname})
	if err != nil {
		return nil, err
	}
	values.Made(made...)
	if _, err := t.DeclaredServices(values); err != nil {
		return nil, err
	}
	password, err := r.RootPassword(ctx)
	if err != nil {
		return nil, err
	}
	if password == "" { // Proxmox was not asked for the container yet, so a new one will do
		password = vault.Password()
	}
	m.Job = plan.Job{
		Spec: m.saved.Spec, Template: t, Values: values, Skip: m.saved.Skip, Packages: m.saved.Packages,
		ConfigRepoURL: today.ConfigRepoURL, Password: password, Given: m.saved.Given,
		Env: m.values.Env, NoBake: m.saved.NoBake,
	}
	return m, nil
}

// Was is the spec on record.
func (m *Remembered) Was() lxc.Spec { return m.saved.Spec }

// FollowTemplate makes the spec what it is for a sync: what nobody gave is as the template
// says now. A resume keeps the spec on record.
func (m *Remembered) FollowTemplate() { m.Spec = m.Given.Follow(m.saved.Spec, m.Template.Spec()) }

// NewSpec reports whether the job's spec, or what of it was given, is not the one on record.
func (m *Remembered) NewSpec() bool {
	return !reflect.DeepEqual(m.Spec, m.saved.Spec) || !reflect.DeepEqual(m.Given, m.saved.Given)
}

// Value returns a variable's value on record.
func (m *Remembered) Value(name string) (string, bool) {
	text, ok := m.values.Values[name]
	return text, ok
}

// SkippedNow returns the scripts that the last sync or resume was told to leave out.
func (m *Remembered) SkippedNow() []string { return m.saved.SkipNow }

// NewPackages reports whether the job has other packages than those on record.
func (m *Remembered) NewPackages() bool { return !slices.Equal(m.Packages, m.saved.Packages) }

// RemovedScripts names the scripts on record that the template no longer has.
func (m *Remembered) RemovedScripts() []string {
	var out []string
	now := scriptSums(m.Template)
	for _, was := range m.saved.Scripts {
		if !slices.ContainsFunc(now, func(s savedScript) bool { return s.Name == was.Name }) {
			out = append(out, was.Name)
		}
	}
	return out
}

// Changes lists how the template differs from the one on record, a line each. It is nil if
// the template has not changed.
func (m *Remembered) Changes() []string {
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
