package cli

import (
	"context"
	"errors"
	"time"

	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/fetch"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/oci"
	"github.com/infrahaus/infrahaus/internal/template"
)

// pinImages adds to a spec what the lock files say of its images: that of the current folder,
// then those beside the template and the templates that it extends. An image that names a
// digest itself needs no lock. With --locked, every other one has to be there.
func (a *app) pinImages(s lxc.Spec, t *template.Template) (lxc.Spec, error) {
	if a.carried != nil { // the lock files are on another machine
		s.Pins = a.carried.Pins
		return s, nil
	}
	s.Pins = nil
	var locks []*fetch.Lock
	for _, os := range s.OSChoices() {
		ref, err := oci.Parse(os)
		if !oci.Is(os) || err != nil || ref.Digest != "" {
			continue // a faulty name is for the check of the spec
		}
		if locks == nil {
			if locks, err = a.locks(t.Beside, false); err != nil {
				return s, err
			}
		}
		digest := ""
		for _, l := range locks {
			if digest = l.Image(ref.Tagged()); digest != "" {
				break
			}
		}
		switch {
		case digest == "" && a.locked:
			return s, fetch.MissingImage(oci.Prefix+ref.Short(), locks)
		case digest == "":
			continue
		case s.Pins == nil:
			s.Pins = map[string]string{}
		}
		s.Pins[os] = oci.Prefix + ref.Pinned(digest).String()
	}
	return s, nil
}

// imagesOf are the images of a template whose tags a lock file can pin, by their whole names.
func imagesOf(t *template.Template) (names []string) {
	for _, os := range t.Spec().OSChoices() {
		if ref, err := oci.Parse(os); oci.Is(os) && err == nil && ref.Digest == "" {
			names = append(names, ref.Tagged())
		}
	}
	return names
}

// lockImage asks the registry what a tag stands for, and puts that into a lock. name is the
// image's whole name with its tag.
func (w *lockWriter) lockImage(ctx context.Context, lock *fetch.Lock, name string) error {
	source := oci.Prefix + name
	if w.has(lock, source) {
		return nil
	}
	ref, err := oci.Parse(name)
	if err != nil {
		return err
	}
	done := w.app.waiting("the registry "+ref.Host+" to answer", 20*time.Second)
	digest, err := oci.NewRegistry().Digest(ctx, ref)
	done()
	if err != nil {
		return unlockable(err, ref)
	}
	was := lock.Image(name)
	lock.SetImage(name, digest)
	w.rows = append(w.rows, lockRow{
		Entry: fetch.Entry{Source: source, Digest: digest}, File: lock.Path, State: lockState(was != "", was == digest),
	})
	return nil
}

// unlockable is the error for an image whose digest the registry does not tell.
func unlockable(err error, ref oci.Reference) error {
	var f *oci.Failure
	if !errors.As(err, &f) {
		return err
	}
	status := exit.Usage
	if f.Kind == oci.Unreachable || f.Kind == oci.Denied {
		status = exit.Unreachable
	}
	e := failf(status, "cannot lock %s%s: %s", oci.Prefix, ref.Short(), f.Reason)
	if f.Kind == oci.Denied {
		e = e.hint("name its digest in the template instead, as %s%s@sha256:…; docker or skopeo inspect shows it", oci.Prefix, ref.Short())
	}
	return e
}

// lockedImage reads the argument of template lock that names an image.
func lockedImage(text string) (name string, err error) {
	ref, err := oci.Parse(text)
	switch {
	case err != nil:
		return "", usagef("cannot lock %w", err)
	case ref.Digest != "":
		return "", usagef("cannot lock %s: it names its digest itself, so that nothing can move", text)
	}
	return ref.Tagged(), nil
}

func lockState(had, same bool) string {
	switch {
	case !had:
		return "new"
	case same:
		return "same"
	}
	return "changed"
}
