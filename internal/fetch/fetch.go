package fetch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"net/http"

	"golang.org/x/crypto/ssh"
)

// Options say how templates are fetched.
type Options struct {
	Cache string // the folder of the cache
	Login Login
	Trust Trust
	Locks []*Lock // of several that have a source, the first decides; nil ones are not there
	// Locked refuses every source that no lock has.
	Locked bool
	// Again is what `template lock` is told to write the lock that decides; nil: the source.
	Again []string
	// SSH logs in to a git server as ssh would. An empty user and port 0 are for the user's
	// own settings.
	SSH func(ctx context.Context, user, host string, port int) (*ssh.Client, error)
	// Waiting shows what is waited for, until done is called.
	Waiting func(what string, most time.Duration) (done func())
	// Deadline bounds one fetch. 0: two minutes.
	Deadline time.Duration
}

// Fetcher finds the folders of remote templates, from the cache if it has them.
type Fetcher struct {
	o      Options
	cache  cache
	client *http.Client
}

// New makes a Fetcher. It opens nothing.
func New(o Options) *Fetcher {
	if o.Waiting == nil {
		o.Waiting = func(string, time.Duration) func() { return func() {} }
	}
	if o.Deadline == 0 {
		o.Deadline = 2 * time.Minute
	}
	return &Fetcher{o: o, cache: cache{o.Cache}, client: newClient(o.Login)}
}

// Mode says where the content of a source that is not pinned is looked up.
type Mode int

// The modes.
const (
	Anew  Mode = iota // the server is asked what the branch, tag or archive is now
	Known             // the content that is on record; without one, as Anew
	Local             // as Known, but only from the cache: nothing is asked
)

// Found is a template's folder on this machine. Nobody may write in it.
type Found struct {
	Dir      string
	Source   string   // the address as it was asked for
	Resolved string   // the same, pinned to the content
	Notes    []string // for the user: what was used instead of what was asked for

	pinned Source
	locked *Entry // of a lock file, nil if none has it
	lock   *Lock
}

// Loose reports that neither the address nor a lock file says which content is meant: it may
// be another one tomorrow.
func (f *Found) Loose() bool {
	s, err := Parse(f.Source)
	return err == nil && !s.Pinned() && f.locked == nil
}

var errTooLong = errors.New("it did not answer in time")

// Resolve finds the folder of a source. known is the resolved form on record, or "". The
// lock file decides over the server. A server that cannot be asked is replaced by content
// that is known and cached, with a note. The error is an *Error or the context's cause.
func (f *Fetcher) Resolve(ctx context.Context, text, known string, mode Mode) (*Found, error) {
	s, err := Parse(text)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, f.o.Deadline, errTooLong)
	defer cancel()
	found := &Found{Source: s.String()}
	for _, l := range f.o.Locks {
		if found.locked = l.Find(s.String()); found.locked != nil {
			found.lock = l
			break
		}
	}
	if f.o.Locked && found.locked == nil {
		return nil, f.missing(s)
	}
	if found.pinned, err = f.pin(ctx, s, known, mode, found); err != nil {
		return nil, err
	}
	found.Resolved = found.pinned.String()
	a, err := f.content(ctx, found.pinned, s, mode)
	if err != nil {
		return nil, err
	}
	return found, f.enter(found, a)
}

// pin decides which content a source stands for.
func (f *Fetcher) pin(ctx context.Context, s Source, known string, mode Mode, found *Found) (Source, error) {
	if s.Pinned() {
		if e := found.locked; e != nil && e.ID() != s.ID() {
			return s, f.differs(found, s, "it is locked as "+e.ID())
		}
		return s, nil
	}
	recorded, err := Parse(known)
	if known != "" && err != nil {
		return s, err
	}
	switch {
	case known != "" && mode != Anew:
		return s.Pin(recorded.ID()), nil
	case found.locked != nil:
		return s.Pin(found.locked.ID()), nil
	case mode == Local:
		if id := f.cache.noted(s); id != "" {
			return s.Pin(id), nil
		}
		return s, wrong(s, "it is not in the cache")
	}
	id, err := f.ask(ctx, s)
	var e *Error
	if err == nil || !errors.As(err, &e) || !e.away {
		return s.Pin(id), err
	}
	last := f.cache.noted(s)
	if known != "" {
		last = recorded.ID()
	}
	if _, cached := f.cache.has(s.Pin(last)); last == "" || !cached {
		return s, err
	}
	found.Notes = append(found.Notes, fmt.Sprintf("%v; %s from the cache is used", e, short(last)))
	return s.Pin(last), nil
}

// ask finds out what a source is now, and fetches it if the cache does not have it.
func (f *Fetcher) ask(ctx context.Context, s Source) (id string, err error) {
	defer f.o.Waiting(s.Repository(), f.o.Deadline)()
	if s.Kind == Git {
		id, err = f.askGit(ctx, s)
	} else {
		id, err = f.fetchArchive(ctx, s)
	}
	if err != nil {
		return "", err
	}
	return id, f.cache.note(s, id)
}

// content makes sure that the cache has a pinned source. asked is the address that the user
// gave: a server may not give out a commit, but the branch that holds it.
func (f *Fetcher) content(ctx context.Context, s, asked Source, mode Mode) (about, error) {
	if a, ok := f.cache.has(s); ok {
		return a, nil
	}
	if mode == Local {
		return about{}, wrong(s, "it is not in the cache")
	}
	defer f.o.Waiting(s.Repository(), f.o.Deadline)()
	var err error
	if s.Kind == Git {
		err = f.fetchCommit(ctx, s, asked)
	} else {
		_, err = f.fetchArchive(ctx, s)
	}
	if err != nil {
		return about{}, err
	}
	a, ok := f.cache.has(s)
	if !ok {
		return a, f.cache.failed(errors.New("what was written is not there"))
	}
	return a, nil
}

// enter finds the template's folder in the content.
func (f *Fetcher) enter(found *Found, a about) error {
	s := found.pinned
	within := filepath.Join(filepath.FromSlash(a.Top), filepath.FromSlash(s.Dir))
	found.Dir = filepath.Join(f.cache.entry(s), "tree", within)
	root, err := os.OpenRoot(filepath.Join(f.cache.entry(s), "tree"))
	if err != nil {
		return f.cache.failed(err)
	}
	defer root.Close()
	if info, err := root.Stat(orDot(within)); err != nil || !info.IsDir() {
		e := wrong(s, "it has no folder %q", s.Dir)
		e.Hints = append(e.Hints, "its folders: "+foldersOf(root, a.Top))
		return e
	}
	for _, p := range a.Submodules {
		if inside(s.Dir, p) {
			return wrong(s, "%s is a submodule, which is another repository and is not fetched", p)
		}
	}
	for _, p := range a.Pointers {
		if inside(s.Dir, p) {
			return wrong(s, "the content of %s is in Git LFS, which is not fetched", p)
		}
	}
	return nil
}

func orDot(p string) string {
	if p == "" {
		return "."
	}
	return p
}

// inside reports whether p concerns a folder: it lies in it, or the folder lies in p.
func inside(dir, p string) bool {
	return dir == "" || p == dir || strings.HasPrefix(p, dir+"/") || strings.HasPrefix(dir, p+"/")
}

// foldersOf lists a few folders, for a hint.
func foldersOf(root *os.Root, top string) string {
	f, err := root.Open(orDot(top))
	if err != nil {
		return "none"
	}
	defer f.Close()
	entries, _ := f.ReadDir(1000)
	var names []string
	for _, e := range entries {
		if e.IsDir() && len(names) < 10 {
			names = append(names, e.Name())
		}
	}
	if names == nil {
		return "none"
	}
	return strings.Join(names, ", ")
}

func short(id string) string { return id[:min(len(id), 12)] }

// fetchArchive downloads and unpacks an archive. It returns its checksum, which must be that
// of a pinned source.
func (f *Fetcher) fetchArchive(ctx context.Context, s Source) (sum string, err error) {
	body, err := f.get(ctx, s, "")
	if err != nil {
		return "", err
	}
	defer body.Close()
	dir, drop, err := f.cache.aside()
	if err != nil {
		return "", err
	}
	defer drop()
	file := filepath.Join(dir, "archive")
	if sum, err = download(file, body); errors.Is(err, errTooLarge) {
		return "", wrong(s, "%v", err)
	} else if err != nil {
		return "", f.explain(ctx, s, err)
	}
	if s.Pinned() && sum != s.ID() {
		e := wrong(s, "its sha256 is %s", sum)
		e.Hints = []string{"the archive has changed, or the address has a typing error: compare it with what its author says"}
		return "", e
	}
	pinned := s.Pin(sum)
	if _, there := f.cache.has(pinned); there {
		return sum, nil
	}
	a := about{From: s.Repository()}
	if a.Top, err = f.unpackArchive(ctx, pinned, file, filepath.Join(dir, "tree")); err != nil {
		return "", err
	}
	return sum, f.cache.keep(dir, pinned, a)
}

func (f *Fetcher) unpackArchive(ctx context.Context, s Source, file, tree string) (top string, err error) {
	in, err := os.Open(file)
	if err != nil {
		return "", f.cache.failed(err)
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return "", f.cache.failed(err)
	}
	return top, f.unpackTo(s, tree, func(u *unpacker) error {
		if err := unpack(ctx, in, info.Size(), u); err != nil {
			return err
		}
		top = topOf(u.root)
		return nil
	})
}

// unpackTo makes a folder and fills it.
func (f *Fetcher) unpackTo(s Source, tree string, fill func(*unpacker) error) error {
	if err := os.Mkdir(tree, 0o755); err != nil {
		return f.cache.failed(err)
	}
	root, err := os.OpenRoot(tree)
	if err != nil {
		return f.cache.failed(err)
	}
	defer root.Close()
	var at *os.PathError
	var link *os.LinkError
	switch err := fill(newUnpacker(root, standard)); {
	case errors.As(err, &at), errors.As(err, &link):
		return f.cache.failed(err)
	case err != nil:
		if cause := (*Error)(nil); errors.As(err, &cause) {
			return cause
		}
		return wrong(s, "%v", err)
	}
	return nil
}
