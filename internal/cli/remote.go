package cli

import (
	"context"
	"os"
	"path"
	"strings"

	"github.com/spf13/pflag"
	"golang.org/x/crypto/ssh"

	"github.com/infrahaus/infrahaus/internal/catalogue"
	"github.com/infrahaus/infrahaus/internal/fetch"
	"github.com/infrahaus/infrahaus/internal/guest"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/template"
	"github.com/infrahaus/infrahaus/templates"
)

// lookUp says how a template is looked up.
type lookUp struct {
	known map[string]string // by address: the same on record, pinned to its content
	mode  fetch.Mode        // where the content of an address is looked up
	use   bool              // it goes into a container, so that a folder needs its signature, too, and requires holds
	anew  bool              // the user's own lock files do not decide: they are about to be written
	ref   string            // what template lock is told, to write the lock of all that is fetched
}

// findTemplate finds a template by the name, path or address that the user typed.
func (a *app) findTemplate(ctx context.Context, ref string) (*template.Template, error) {
	return a.lookTemplate(ctx, ref, lookUp{})
}

// lookTemplate finds a template. A remote one has been checked against the lock file and for
// its signature. One that goes into a container has to be for this version of the tool.
func (a *app) lookTemplate(ctx context.Context, ref string, how lookUp) (*template.Template, error) {
	if _, err := a.config(); err != nil {
		return nil, err
	}
	how.ref = ref
	t, err := template.Find(homePath(ref), a.templateSources(ctx, how))
	if err != nil || !how.use {
		return t, err
	}
	if err := checkRequires(t, versionName()); err != nil {
		return nil, err
	}
	if t.Path == "" || t.Source == template.Remote {
		return t, nil
	}
	return t, a.trust().VerifyFolder(ref, t.Path, t.Digest)
}

// templateSources are the places where templates are looked for, in order.
func (a *app) templateSources(ctx context.Context, how lookUp) []template.Source {
	sources := []template.Source{{Name: "user", Dir: a.cfg.Paths.Templates()}}
	if a.cfg.TemplatesRoot != "" {
		sources = append(sources, template.Source{Name: "TEMPLATES_ROOT", Dir: a.cfg.TemplatesRoot})
	}
	return append(sources, template.Source{Name: "built-in", FS: templates.FS}, template.Source{
		Name: template.Remote,
		Fetch: func(ref string, beside []template.Beside) (template.Fetched, bool, error) {
			return a.fetch(ctx, ref, beside, how)
		},
		Key: func(address, sha256 string) ([]byte, error) {
			f, err := a.fetcher(ctx, nil, how)
			if err != nil {
				return nil, err
			}
			return f.File(ctx, address, sha256, how.mode)
		},
	})
}

// fetch brings a remote template to this machine. Its notes are shown.
func (a *app) fetch(ctx context.Context, ref string, beside []template.Beside, how lookUp) (out template.Fetched, ok bool, err error) {
	if !fetch.IsRemote(ref) {
		return out, false, nil
	}
	f, err := a.fetcher(ctx, beside, how)
	if err != nil {
		return out, true, err
	}
	found, err := f.Resolve(ctx, ref, how.known[shortest(ref)], how.mode)
	if err != nil {
		return out, true, err
	}
	for _, n := range found.Notes {
		a.warn(n, "")
	}
	if found.Resolved != found.Source && a.global.verbose {
		a.note("template " + found.Resolved)
	}
	return template.Fetched{
		Dir: found.Dir, Source: found.Source, Resolved: found.Resolved, Name: nameOf(found.Source), Loose: found.Loose(),
		Check: func(digest string) error {
			if err := f.CheckDigest(found, digest); err != nil {
				return err
			}
			return f.Verify(ctx, found, digest)
		},
	}, true, nil
}

// addressOf is the pinned address of the template on record, "" if it is not remote.
func (a *app) addressOf(ctx context.Context, c lxc.Container) string {
	if ref, _ := catalogue.JobNames(ctx, a.store, c.RecordID); fetch.IsRemote(ref) {
		return ref
	}
	return ""
}

// nameOf is the last word of an address: of its folder, or of the repository or archive.
func nameOf(source string) string {
	s, err := fetch.Parse(source)
	if err != nil {
		return source
	}
	name, _, _ := strings.Cut(path.Base(path.Join(s.Path, s.Dir)), ".")
	return name
}

func (a *app) trust() fetch.Trust {
	s := a.cfg.Templates
	return fetch.Trust{Required: s.RequireSignature, Signers: s.AllowedSigners, Minisign: s.MinisignKeys}
}

// fetcher is made anew for each template, so that nothing is looked up where none is remote.
func (a *app) fetcher(ctx context.Context, beside []template.Beside, how lookUp) (*fetch.Fetcher, error) {
	o := fetch.Options{
		Cache: a.cfg.Paths.Fetched(), Trust: a.trust(), Locked: a.locked,
		Waiting: a.waiting,
		SSH: func(ctx context.Context, user, host string, port int) (*ssh.Client, error) {
			return guest.DialServer(ctx, "the git server", user, host, port)
		},
	}
	if how.mode != fetch.Local {
		host, token, err := a.cfg.GitLogin(ctx)
		if err != nil {
			return nil, err
		}
		o.Login = fetch.Login{Host: host, Token: token.Reveal()}
	}
	if beside != nil && how.ref != "" {
		o.Again = []string{how.ref}
	}
	var err error
	o.Locks, err = a.locks(beside, how.anew)
	return fetch.New(o), err
}

// locks are the lock files that decide about an address, the first before the others: that of
// the current folder, then those beside the templates that led to it. With anew, that of the
// current folder and that beside the user's own template do not count.
func (a *app) locks(beside []template.Beside, anew bool) (locks []*fetch.Lock, err error) {
	if !anew {
		here, err := a.lockHere()
		if err != nil {
			return nil, err
		}
		locks = append(locks, here)
	}
	for i, b := range beside {
		if anew && i == 0 && !b.Remote {
			continue
		}
		l, err := fetch.ReadLock(b.Dir)
		if err != nil {
			return nil, err
		}
		locks = append(locks, l)
	}
	return locks, nil
}

// shortest is an address as records and locks have it.
func shortest(ref string) string {
	s, err := fetch.Parse(ref)
	if err != nil {
		return ref
	}
	return s.String()
}

// lockHere reads the lock file of the current folder. It is nil if there is none.
func (a *app) lockHere() (*fetch.Lock, error) {
	here, err := os.Getwd()
	if err != nil {
		return nil, failf(1, "cannot find the current folder: %w", err)
	}
	return fetch.ReadLock(here)
}

// lockedFlag adds --locked.
func (a *app) lockedFlag(f *pflag.FlagSet) {
	f.BoolVar(&a.locked, "locked", false, "refuse templates that are fetched and images that are not in "+fetch.LockName+" of this folder or beside the template as they are")
}
