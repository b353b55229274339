package cli

import (
	"context"
	"errors"
	"os"

	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/provision/plan"
	"github.com/infrahaus/infrahaus/internal/store"
	"github.com/infrahaus/infrahaus/internal/template"
)

// carriedTemplate is the template of a job, as it was when the job was queued. It is sealed with
// the job's request, so that a person without the encryption key cannot give a job another
// template, not even by writing to the catalogue.
type carriedTemplate struct {
	Archive  string            `json:"archive"` // the digest of the archive in the catalogue
	Digest   string            `json:"digest"`  // of the template
	Path     string            `json:"path,omitempty"`
	Source   string            `json:"source,omitempty"`
	Resolved string            `json:"resolved,omitempty"`
	Parents  []template.Pin    `json:"parents,omitempty"`
	Pins     map[string]string `json:"pins,omitempty"` // of images, by the lock files beside the command
}

// archives are what one command has packed: the containers of a fleet share templates.
type archives map[*template.Template]template.Archive

// pack packs a template, once.
func (q *enqueuing) pack(t *template.Template) (template.Archive, error) {
	if a, ok := q.packed[t]; ok || t.IsNone() {
		return a, nil
	}
	a, err := t.Pack()
	var large *template.TooLarge
	if errors.As(err, &large) {
		return a, usagef("cannot enqueue: %w", err).hint("without --enqueue, this command does it")
	}
	if err == nil {
		q.packed[t] = a
	}
	return a, err
}

// carry puts the template of a job into its request, and its archive beside the job.
func (q *enqueuing) carry(j *store.NewJob, job *plan.Job) error {
	if job == nil || job.Template.IsNone() {
		return nil
	}
	t := job.Template
	a, err := q.pack(t)
	if err != nil {
		return err
	}
	j.Template, j.Archive = a.Digest, a.Data
	q.request.Template = &carriedTemplate{
		Archive: a.Digest, Digest: t.Digest, Path: t.Path, Source: t.Source, Resolved: t.Resolved,
		Parents: t.Fetched, Pins: job.Spec.Pins,
	}
	return nil
}

// carried is the template of the job that a worker does.
type carried struct {
	carriedTemplate
	unpacked *template.Unpacked // nil: the catalogue does not have it any more
}

// takeTemplate unpacks the template of a job for its run. done removes it.
func (a *app) takeTemplate(ctx context.Context, q jobRequest) (done func(), err error) {
	if q.Template == nil {
		return func() {}, nil
	}
	c := &carried{carriedTemplate: *q.Template}
	data, err := a.store.Archive(ctx, c.Archive)
	var gone *store.NoArchive
	if errors.As(err, &gone) { // a retry after a long time
		a.carried = c
		return func() {}, nil
	}
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "infrahaus-template-") // 0700
	if err != nil {
		return nil, failf(exit.Other, "cannot make a folder for the template of the job: %w", err)
	}
	c.unpacked, err = template.Archive{Digest: c.Archive, Data: data}.Unpack(dir)
	if err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	t := c.unpacked.Template
	t.Path, t.Source, t.Resolved, t.Fetched = c.Path, c.Source, c.Resolved, c.Parents
	a.carried = c
	return func() {
		c.unpacked.Close()
		os.RemoveAll(dir)
	}, nil
}

// find is lookTemplate for a job that carries its template. A worker that wants signatures
// takes it only if there is one in it, and else looks for the template itself. It is never
// another version.
func (c *carried) find(ctx context.Context, a *app, ref string, how lookUp) (*template.Template, error) {
	if c.unpacked == nil {
		return c.same(ctx, a, ref, how)
	}
	t := c.unpacked.Template
	if t.Digest != c.Digest {
		return nil, failf(exit.Other, "cannot use the template of the job: its digest is %s, and was %s when the job was queued", t.Digest, c.Digest)
	}
	if err := checkRequires(t, versionName()); err != nil {
		return nil, err
	}
	if err := a.trust().VerifyFolder(ref, c.unpacked.Folder, t.Digest); err != nil {
		if found, other := c.same(ctx, a, ref, how); other == nil {
			return found, nil
		}
		return nil, err
	}
	return t, nil
}

// same looks for the template where this machine has it, in the version of the job.
func (c *carried) same(ctx context.Context, a *app, ref string, how lookUp) (*template.Template, error) {
	t, err := a.lookTemplate(ctx, ref, how)
	if err == nil && t.Digest != c.Digest {
		err = failf(exit.Other, "cannot use template %s: it has changed since the job was queued, and the catalogue keeps the template of a job that failed for 30 days", t.Name)
	}
	return t, err
}
