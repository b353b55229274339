package cli

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/infrahaus/infrahaus/internal/fetch"
	"github.com/infrahaus/infrahaus/internal/oci"
	"github.com/infrahaus/infrahaus/internal/template"
	"github.com/infrahaus/infrahaus/internal/ui"
)

func newTemplateLockCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "lock [<template> | oci:<image>]...",
		Short: "Pin what is fetched from elsewhere in " + fetch.LockName,
		Long: `Look up what the branches, tags and archives of remote templates are now, and what the tags
of OCI images stand for, and write that to ` + fetch.LockName + `: the commit or checksum and the
digest of a template, the digest of an image. Of an address, with those that it extends, and of
an image (oci:nginx:1.29) that is the file in the current folder; of any other template, the one
beside its template.yaml, with the addresses that it extends and the images of its os. Without
an argument, every entry of the file in the current folder is looked up anew.

A command uses what the first file says that has an address: that of the current folder, then
those beside the templates, the outermost first. With --locked, it refuses everything else.
Keep the file under version control. Where the tag of an image has moved, sync says so, and
update replaces the root file system once the lock has the new digest.` + exitStatuses(0, 1, 2, 4),
		Example: `  infrahaus template lock git+https://git.example.org/ops/templates.git//web@main
  infrahaus template lock ./shop
  infrahaus template lock oci:nginx:1.29
  infrahaus template lock
  infrahaus create web --template git+https://git.example.org/ops/templates.git//web@main --locked`,
		Args: anyArgs("templates"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.lockTemplates(cmd.Context(), args) },
	}
	cmd.ValidArgsFunction = a.completeTemplates
	return cmd
}

// lockRow is what `template lock --json` prints of an entry.
type lockRow struct {
	fetch.Entry
	File  string `json:"file"`  // the lock file
	State string `json:"state"` // new, changed or same
}

func (a *app) lockTemplates(ctx context.Context, refs []string) error {
	if _, err := a.config(); err != nil {
		return err
	}
	here, err := os.Getwd()
	if err != nil {
		return failf(1, "cannot find the current folder: %w", err)
	}
	w := &lockWriter{app: a, here: here, locks: map[string]*fetch.Lock{}}
	if len(refs) == 0 {
		if refs, err = w.all(); err != nil {
			return err
		}
	}
	if len(refs) == 0 {
		return usagef("there is no %s in this folder, and no template is given", fetch.LockName).
			hint("%s", a.command("template", "lock", "git+https://git.example.org/ops/templates.git//web@main"))
	}
	for _, ref := range refs {
		if err := w.lock(ctx, ref); err != nil {
			return err
		}
	}
	for _, l := range w.locks {
		if err := l.Write(); err != nil {
			return err
		}
	}
	return a.showLocked(w.rows)
}

// lockWriter collects what becomes of lock files. Nothing is written before all is known.
type lockWriter struct {
	app   *app
	here  string                 // the current folder
	locks map[string]*fetch.Lock // by folder
	rows  []lockRow
}

// all is what the current folder locks: its template, if it is one, and the entries of its
// lock file.
func (w *lockWriter) all() (refs []string, err error) {
	lock, err := w.at(w.here)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(w.here, "template.yaml")); err == nil && len(lock.Entries)+len(lock.Images) > 0 {
		refs = append(refs, ".")
	}
	for _, e := range lock.Entries {
		refs = append(refs, e.Source)
	}
	for _, i := range lock.Images {
		refs = append(refs, oci.Prefix+i.Image)
	}
	return refs, nil
}

// at is the lock of a folder, which need not be there yet.
func (w *lockWriter) at(dir string) (*fetch.Lock, error) {
	if l := w.locks[dir]; l != nil {
		return l, nil
	}
	l, err := fetch.ReadLock(dir)
	if err != nil {
		return nil, err
	}
	if l == nil {
		l = &fetch.Lock{Path: filepath.Join(dir, fetch.LockName)}
	}
	w.locks[dir] = l
	return l, nil
}

// lock looks one template up and puts what was fetched for it into its lock.
func (w *lockWriter) lock(ctx context.Context, ref string) error {
	if oci.Is(ref) {
		name, err := lockedImage(ref)
		if err != nil {
			return err
		}
		lock, err := w.at(w.here)
		if err != nil {
			return err
		}
		return w.lockImage(ctx, lock, name)
	}
	t, err := w.app.lookTemplate(ctx, ref, lookUp{anew: true}) // what is locked now must not decide
	if err != nil {
		return err
	}
	pins, dir := t.Fetched, t.Path
	if dir == "" { // a built-in one has no folder
		dir = w.here
	}
	if t.Source == template.Remote {
		pins, dir = append([]template.Pin{{Source: t.Path, Resolved: t.Resolved, Digest: t.Digest}}, pins...), w.here
	}
	images := imagesOf(t)
	if len(pins)+len(images) == 0 {
		return usagef("cannot lock %s: neither it nor a template that it extends is fetched from elsewhere, and its os names no tag of an OCI image", ref).
			hint("an address, such as git+https://git.example.org/ops/templates.git//web@main, or an image, such as oci:nginx:1.29")
	}
	lock, err := w.at(dir)
	if err != nil {
		return err
	}
	for _, p := range pins {
		if w.has(lock, p.Source) {
			continue // by another template already
		}
		was := lock.Find(p.Source)
		row := lockRow{File: lock.Path}
		if row.Entry, err = lock.Set(p.Source, p.Resolved, p.Digest); err != nil {
			return err
		}
		row.State = lockState(was != nil, was != nil && *was == row.Entry)
		w.rows = append(w.rows, row)
	}
	for _, name := range images {
		if err := w.lockImage(ctx, lock, name); err != nil {
			return err
		}
	}
	return nil
}

// has reports whether a source was put into a lock already.
func (w *lockWriter) has(lock *fetch.Lock, source string) bool {
	return slices.ContainsFunc(w.rows, func(r lockRow) bool { return r.File == lock.Path && r.Source == source })
}

func (a *app) showLocked(rows []lockRow) error {
	if a.global.json {
		return ui.WriteJSON(a.streams, rows)
	}
	t := ui.Table{Columns: []ui.Column{{Title: "TEMPLATE", Keep: true}, {Title: "CONTENT", Keep: true}, {Title: "STATE", Keep: true}}}
	for _, r := range rows {
		content := r.ID()
		if content == "" { // of an image
			content = strings.TrimPrefix(r.Digest, "sha256:")
		}
		t.Rows = append(t.Rows, []string{r.Source, content[:12], r.State})
	}
	return ui.WriteTable(a.streams, t)
}

func newTemplateDigestCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "digest <template>",
		Short: "Print the digest of a template, for a signature",
		Long: `Print the SHA-256 digest over the names, executable bits and contents of the files that
belong to a template. It is the same on every machine. It is what is signed:

  infrahaus template digest ./web | ssh-keygen -Y sign -n infrahaus -f ~/.ssh/id_ed25519 >web/template.sig` + exitStatuses(0, 1, 2, 4),
		Example: "  infrahaus template digest ./web",
		Args:    exactArgs("one template"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, err := a.config(); err != nil {
				return err
			}
			t, err := a.findTemplate(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if a.global.json {
				return ui.WriteJSON(a.streams, map[string]string{"name": t.Name, "digest": t.Digest})
			}
			return ui.WriteRow(a.streams, t.Digest)
		},
	}
	a.lockedFlag(cmd.Flags())
	cmd.ValidArgsFunction = a.completeTemplates
	return cmd
}
