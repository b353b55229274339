package catalogue

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/provision/plan"
	"github.com/infrahaus/infrahaus/internal/store"
	"github.com/infrahaus/infrahaus/internal/template"
	"github.com/infrahaus/infrahaus/internal/vault"
)

const folder = `name: t
os: debian-12
variables:
  db_name: {default: app}
  db_password: {secret: true, required: true}
  feed: {default: ""}
`

// world is a database with one container, and the template that it was made from.
type world struct {
	dir    string // of the database
	folder string // of the template
	store  *store.Store
	vault  *vault.Vault
	c      lxc.Container
	record *Record
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{dir: t.TempDir(), folder: t.TempDir()}
	w.write(t, "template.yaml", folder)
	w.write(t, "scripts/10-a.sh", "#!/bin/sh\necho a\n")
	w.write(t, "scripts/20-b.sh", "#!/bin/sh\necho b\n")
	var err error
	if w.store, err = store.Open(t.Context(), w.dir); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.store.Close() })
	if w.vault, err = vault.Open(vault.Options{Getenv: func(string) string { return "" }, KeyFile: filepath.Join(t.TempDir(), "key")}); err != nil {
		t.Fatal(err)
	}
	w.c = lxc.Container{RecordID: store.NewRecordID(), Host: "h", Hostname: "web", Lifecycle: lxc.Creating}
	if err := w.store.CreateContainer(t.Context(), w.c); err != nil {
		t.Fatal(err)
	}
	w.record = Of(w.store, w.vault, w.c.RecordID)
	return w
}

func (w *world) write(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join(w.folder, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
		t.Fatal(err)
	}
}

// job makes a job of the template as it is now.
func (w *world) job(t *testing.T, set map[string]string) plan.Job {
	t.Helper()
	tmpl, err := template.LoadDir(w.folder)
	if err != nil {
		t.Fatal(err)
	}
	values, err := tmpl.Resolve(set, &template.Maker{Random: vault.RandomText, Hostname: "web"})
	if err != nil {
		t.Fatal(err)
	}
	return plan.Job{
		Spec: lxc.Spec{Hostname: "web", Cores: 3}, Template: tmpl, Values: values,
		Skip: []string{"20-b.sh"}, SkipNow: []string{"10-a.sh"}, Packages: []string{"curl"}, Password: "root-secret",
	}
}

func (w *world) save(t *testing.T, job plan.Job) {
	t.Helper()
	if err := errors.Join(w.record.SaveJob(t.Context(), job), w.record.SealPassword(t.Context(), job.Password)); err != nil {
		t.Fatal(err)
	}
}

func (w *world) remember(t *testing.T, set map[string]string) *Remembered {
	t.Helper()
	m, err := w.record.Remember(t.Context(), w.c, Today{Set: set, ConfigRepoURL: "https://repo"})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestJobComesBack(t *testing.T) {
	w := newWorld(t)
	w.save(t, w.job(t, map[string]string{"db_password": "s3cret-value", "feed": "https://u:url-secret@x.example/"}))
	m := w.remember(t, nil)
	if m.Spec.Hostname != "web" || m.Spec.Cores != 3 || m.Password != "root-secret" || m.ConfigRepoURL != "https://repo" ||
		!slices.Equal(m.Skip, []string{"20-b.sh"}) || m.SkipNow != nil || !slices.Equal(m.SkippedNow(), []string{"10-a.sh"}) ||
		!slices.Equal(m.Packages, []string{"curl"}) {
		t.Errorf("%+v", m.Job)
	}
	if got, _ := m.Values.Get("db_password"); got != "s3cret-value" {
		t.Errorf("the secret variable came back as %q", got)
	}
	if m.Changes() != nil || m.NewValues() != nil || m.NewPackages() || m.RemovedScripts() != nil {
		t.Errorf("differs from the record: %v, %v, %v", m.Changes(), m.NewValues(), m.RemovedScripts())
	}
	known, err := w.record.Known(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"s3cret-value", "root-secret", "url-secret"} {
		if !slices.Contains(known, secret) {
			t.Errorf("%s is not among the secrets to redact", secret)
		}
	}
}

// The files of the database must not contain a secret in clear text.
func TestSecretsAreSealed(t *testing.T) {
	w := newWorld(t)
	w.save(t, w.job(t, map[string]string{"db_password": "s3cret-value"}))
	if err := w.record.KeepPast(t.Context(), "snap"); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(w.dir)
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		text, err := os.ReadFile(filepath.Join(w.dir, f.Name()))
		if err == nil && (bytes.Contains(text, []byte("s3cret-value")) || bytes.Contains(text, []byte("root-secret"))) {
			t.Errorf("%s contains a secret", f.Name())
		}
	}
}

func TestRememberSeesChanges(t *testing.T) {
	w := newWorld(t)
	w.save(t, w.job(t, map[string]string{"db_password": "s3cret-value"}))
	w.write(t, "scripts/10-a.sh", "#!/bin/sh\necho other\n")
	w.write(t, "scripts/30-c.sh", "#!/bin/sh\necho c\n")
	if err := os.Remove(filepath.Join(w.folder, "scripts/20-b.sh")); err != nil {
		t.Fatal(err)
	}
	m := w.remember(t, map[string]string{"db_name": "other"})
	m.Packages = nil
	want := []string{"script 10-a.sh has changed", "script 20-b.sh is gone", "script 30-c.sh is new"}
	if !slices.Equal(m.Changes(), want) {
		t.Errorf("%q, want %q", m.Changes(), want)
	}
	if !slices.Equal(m.RemovedScripts(), []string{"20-b.sh"}) || len(m.NewValues()) != 1 || m.NewValues()[0].State() != "was app, set to other" || !m.NewPackages() {
		t.Errorf("%q, %v, %v", m.RemovedScripts(), m.NewValues(), m.NewPackages())
	}
}

func TestNoJobOnRecord(t *testing.T) {
	w := newWorld(t)
	_, err := w.record.Remember(t.Context(), w.c, Today{})
	var none NoJob
	if !errors.As(err, &none) || none.ExitStatus() != 2 {
		t.Errorf("%v", err)
	}
}

func TestRestorePast(t *testing.T) {
	w := newWorld(t)
	first, second := map[string]string{"db_password": "first-secret"}, map[string]string{"db_password": "second-secret"}
	at := time.Now()
	w.save(t, w.job(t, first))
	set := func(item string, state store.StepState) {
		err := w.store.SetStep(t.Context(), store.Step{RecordID: w.c.RecordID, Phase: "syncing", Item: item, State: state, Detail: json.RawMessage(`{}`)})
		if err != nil {
			t.Fatal(err)
		}
	}
	set("10-a.sh", "done")
	if err := w.record.SaveServices(t.Context(), []lxc.Service{{Name: "old"}}, nil, at); err != nil {
		t.Fatal(err)
	}
	if err := w.record.KeepPast(t.Context(), "snap"); err != nil {
		t.Fatal(err)
	}
	w.save(t, w.job(t, second))
	set("10-a.sh", "failed")
	set("30-c.sh", "done")
	if err := w.record.SaveServices(t.Context(), []lxc.Service{{Name: "new"}}, nil, at); err != nil {
		t.Fatal(err)
	}
	if ok, err := w.record.RestorePast(t.Context(), "another"); ok || err != nil {
		t.Errorf("restored for another snapshot: %v, %v", ok, err)
	}
	for range 2 { // a killed rollback restores again
		if ok, err := w.record.RestorePast(t.Context(), "snap"); !ok || err != nil {
			t.Fatalf("%v, %v", ok, err)
		}
	}
	if got, _ := w.remember(t, nil).Values.Get("db_password"); got != "first-secret" {
		t.Errorf("db_password is %q", got)
	}
	marks, err := w.record.Marks(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range marks {
		if want := map[string]plan.MarkState{"10-a.sh": plan.Done, "30-c.sh": ""}[m.Item]; m.State != want {
			t.Errorf("%s is %q, want %q", m.Item, m.State, want)
		}
	}
	services, _, err := w.store.Services(t.Context(), w.c.RecordID)
	if err != nil || len(services) != 1 || services[0].Name != "old" {
		t.Errorf("%+v, %v", services, err)
	}
}

// A run that only looks leaves the record as it is.
func TestReadOnly(t *testing.T) {
	w := newWorld(t)
	w.save(t, w.job(t, map[string]string{"db_password": "s3cret-value"}))
	look := w.record.ReadOnly()
	ctx := t.Context()
	restored, err := look.RestorePast(ctx, "snap")
	err = errors.Join(err,
		look.Update(ctx, func(c *lxc.Container) { c.Hostname = "changed" }),
		look.SaveJob(ctx, plan.Job{}), look.KeepPast(ctx, "snap"), look.SealPassword(ctx, "changed"),
		look.PinHostKeys(ctx, []string{"SHA256:x"}), look.Mark(ctx, plan.Mark{Phase: "syncing", Item: "x", State: plan.Done}),
		look.ScrubLog(ctx, func(string) string { return "changed" }),
		look.SaveServices(ctx, []lxc.Service{{Name: "x"}}, map[string]map[string]string{"x": {"k": "v"}}, time.Now()))
	if restored || err != nil {
		t.Errorf("%v, %v", restored, err)
	}
	c, err := w.store.Record(ctx, w.c.RecordID)
	keys, keysErr := look.HostKeys(ctx)
	marks, marksErr := look.Marks(ctx)
	password, passwordErr := look.RootPassword(ctx)
	if err := errors.Join(err, keysErr, marksErr, passwordErr); err != nil {
		t.Fatal(err)
	}
	if c.Hostname != "web" || len(keys)+len(marks) != 0 || password != "root-secret" || w.remember(t, nil).Spec.Cores != 3 {
		t.Errorf("%+v, %q, %+v, %q", c, keys, marks, password)
	}
}
