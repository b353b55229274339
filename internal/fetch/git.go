package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	gitcache "github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/storer"
	"github.com/go-git/go-git/v5/storage/filesystem"
)

// advert is what a repository says it has.
type advert struct {
	refs   map[string]string // by full name: the object's id
	peeled map[string]string // of annotated tags: the commit's id
	head   string            // of the default branch, "" if there is none
	caps   *capability.List
}

// wire is one conversation with a git server, in version 0 of its protocol.
type wire interface {
	advert(context.Context) (*packp.AdvRefs, error)
	pack(context.Context, *packp.UploadPackRequest) (io.ReadCloser, error)
	close()
}

// open begins a conversation and reads what the server has.
func (f *Fetcher) open(ctx context.Context, s Source) (wire, advert, error) {
	var w wire = &httpWire{f: f, s: s}
	if s.Scheme == "ssh" {
		var err error
		if w, err = f.overSSH(ctx, s); err != nil {
			return nil, advert{}, err
		}
	}
	adv, err := w.advert(ctx)
	if err != nil {
		w.close()
		return nil, advert{}, err
	}
	a := advert{refs: map[string]string{}, peeled: map[string]string{}, caps: adv.Capabilities}
	for name, id := range adv.References {
		a.refs[name] = id.String()
	}
	for name, id := range adv.Peeled {
		a.peeled[name] = id.String()
	}
	if adv.Head != nil {
		a.head = adv.Head.String()
	}
	return w, a, nil
}

// find is the commit that a source's ref stands for.
func (a advert) find(s Source) (string, error) {
	commit := func(name string) (string, bool) {
		if id, ok := a.peeled[name]; ok {
			return id, true
		}
		id, ok := a.refs[name]
		return id, ok
	}
	branch, isBranch := commit("refs/heads/" + s.Ref)
	tag, isTag := commit("refs/tags/" + s.Ref)
	full, isFull := commit(s.Ref)
	switch {
	case s.Ref == "" && a.head == "":
		e := wrong(s, "the repository is empty, or has no default branch")
		e.Hints = []string{"name a branch: " + s.Pin("main").String()}
		return "", e
	case s.Ref == "":
		return a.head, nil
	case isFull && strings.HasPrefix(s.Ref, "refs/"):
		return full, nil
	case isBranch && isTag && branch != tag:
		e := wrong(s, "%s is a branch and a tag", s.Ref)
		e.Hints = []string{"name one of them: " + s.Pin("refs/heads/"+s.Ref).String() + " or " + s.Pin("refs/tags/"+s.Ref).String()}
		return "", e
	case isBranch:
		return branch, nil
	case isTag:
		return tag, nil
	}
	return "", a.unknown(s)
}

// unknown is the error of a ref that the repository does not have.
func (a advert) unknown(s Source) error {
	e := wrong(s, "the repository has no branch or tag %q", s.Ref)
	if len(s.Ref) >= 7 && strings.Trim(s.Ref, "0123456789abcdef") == "" {
		e.Hints = append(e.Hints, "a commit must be given whole, with all 40 digits")
	}
	var names []string
	for _, full := range slices.Sorted(maps.Keys(a.refs)) {
		for _, kind := range []string{"refs/heads/", "refs/tags/"} {
			if name, ok := strings.CutPrefix(full, kind); ok && len(names) < 12 {
				names = append(names, name)
			}
		}
	}
	if names != nil {
		e.Hints = append(e.Hints, "it has "+strings.Join(names, ", "))
	}
	return e
}

// want is the object to ask for so that a commit comes, and whether nothing but it needs to
// come. Without permission to ask for any commit, everything is fetched.
func (a advert) want(commit string) (wants []string, shallow bool) {
	shallow = a.caps.Supports(capability.Shallow)
	for name, id := range a.refs {
		if id == commit || a.peeled[name] == commit {
			return []string{id}, shallow
		}
	}
	if a.head == commit || a.caps.Supports(capability.AllowReachableSHA1InWant) || a.caps.Supports(anySHA1) {
		return []string{commit}, shallow
	}
	for name, id := range a.refs {
		if strings.HasPrefix(name, "refs/heads/") || strings.HasPrefix(name, "refs/tags/") {
			wants = append(wants, id)
		}
	}
	slices.Sort(wants)
	return slices.Compact(wants), false
}

// anySHA1 is a capability that go-git has no name for.
const anySHA1 capability.Capability = "allow-any-sha1-in-want"

// askGit finds out which commit a ref is, and fetches it in the same conversation.
func (f *Fetcher) askGit(ctx context.Context, s Source) (string, error) {
	if s.Scheme == "file" {
		return f.askFolder(ctx, s)
	}
	w, a, err := f.open(ctx, s)
	if err != nil {
		return "", err
	}
	defer w.close()
	id, err := a.find(s)
	if err != nil {
		return "", err
	}
	if _, there := f.cache.has(s.Pin(id)); there {
		return id, nil
	}
	return id, f.bring(ctx, w, a, s.Pin(id))
}

// fetchCommit fetches a commit that is known. asked is the source as the user wrote it.
func (f *Fetcher) fetchCommit(ctx context.Context, s, asked Source) error {
	if s.Scheme == "file" {
		_, err := f.askFolder(ctx, s)
		return err
	}
	w, a, err := f.open(ctx, s)
	if err != nil {
		return err
	}
	defer w.close()
	return f.bring(ctx, w, a, s)
}

// bring fetches one commit and writes it to the cache.
func (f *Fetcher) bring(ctx context.Context, w wire, a advert, s Source) error {
	dir, drop, err := f.cache.aside()
	if err != nil {
		return err
	}
	defer drop()
	req := packp.NewUploadPackRequest()
	wants, shallow := a.want(s.ID())
	for _, id := range wants {
		req.Wants = append(req.Wants, plumbing.NewHash(id))
	}
	if len(req.Wants) == 0 {
		return wrong(s, "the repository is empty")
	}
	for _, c := range []capability.Capability{capability.Sideband64k, capability.OFSDelta} {
		if a.caps.Supports(c) {
			_ = req.Capabilities.Set(c) // neither takes a value
		}
	}
	if shallow {
		_ = req.Capabilities.Set(capability.Shallow)
		req.Depth = packp.DepthCommits(1)
	}
	pack, err := w.pack(ctx, req)
	if err != nil {
		return f.explain(ctx, s, err)
	}
	defer pack.Close()
	repo := filepath.Join(dir, "repository")
	store := filesystem.NewStorage(osfs.New(repo), gitcache.NewObjectLRU(32*gitcache.MiByte))
	if err := f.storePack(ctx, s, store, filepath.Join(dir, "pack"), pack); err != nil {
		return err
	}
	return f.keepCommit(ctx, s, store, dir)
}

// keepCommit writes the files of a commit below dir and makes dir the cache's entry.
func (f *Fetcher) keepCommit(ctx context.Context, s Source, store storer.EncodedObjectStorer, dir string) error {
	a := about{From: s.Repository()}
	commit, err := readCommit(store, s.ID())
	if err != nil {
		e := wrong(s, "the repository has no commit %s", short(s.ID()))
		e.Err = errUnlessMissing(err)
		return e
	}
	err = f.unpackTo(s, filepath.Join(dir, "tree"), func(u *unpacker) error {
		t := treeWriter{ctx: ctx, store: store, unpacker: u, about: &a}
		if err := t.write(commit.tree, ""); err != nil {
			return err
		}
		return u.finish()
	})
	if err != nil {
		return err
	}
	// git's own signature on the commit is verified from its bytes at each use.
	if err := os.WriteFile(filepath.Join(dir, "commit"), commit.raw, 0o600); err != nil {
		return f.cache.failed(err)
	}
	for _, name := range []string{"pack", "repository"} {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			return f.cache.failed(err)
		}
	}
	return f.cache.keep(dir, s, a)
}

func errUnlessMissing(err error) error {
	if errors.Is(err, plumbing.ErrObjectNotFound) {
		return nil
	}
	return fmt.Errorf("it is damaged: %w", err)
}
