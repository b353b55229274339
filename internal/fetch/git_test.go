package fetch

import (
	"context"
	"errors"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-git/go-git/v5/plumbing/filemode"

	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/fetch/fetchtest"
	"github.com/infrahaus/infrahaus/internal/needs"
)

func TestGitRefs(t *testing.T) {
	w := newWorld(t)
	one := w.commit("main", "one")
	if err := w.repo.Tag("v1", one); err != nil {
		t.Fatal(err)
	}
	two := w.commit("main", "two")
	next := w.commit("feature/x", "next")
	f := w.fetcher(Options{})
	for rest, want := range map[string][2]string{
		"//web":               {two, "two"},
		"//web@main":          {two, "two"},
		"//web@v1":            {one, "one"},
		"//web@feature/x":     {next, "next"},
		"//web@refs/tags/v1":  {one, "one"},
		"//web@" + one:        {one, "one"}, // no branch: an old server sends the whole history
		"//web/files@" + next: {next, ""},
	} {
		found := w.resolve(f, w.git(rest), "", Anew)
		if !strings.HasSuffix(found.Resolved, "@"+want[0]) || found.Source != w.git(rest) {
			t.Errorf("%s is %s", rest, found.Resolved)
		}
		if want[1] != "" {
			w.holds(found, "files/index.html", want[1])
		}
	}
	w.holds(w.resolve(f, w.git(""), "", Anew), "web/files/index.html", "two")
}

func TestGitRefuses(t *testing.T) {
	w := newWorld(t)
	one := w.commit("main", "one")
	w.commit("v2", "branch")
	if err := w.repo.Tag("v2", one); err != nil {
		t.Fatal(err)
	}
	f := w.fetcher(Options{})
	for rest, want := range map[string][2]string{
		"//web@none":                          {`no branch or tag "none"`, "it has main, v2"},
		"//web@" + one[:9]:                    {"no branch or tag", "all 40 digits"},
		"//web@v2":                            {"v2 is a branch and a tag", "refs/tags/v2"},
		"//none":                              {`it has no folder "none"`, "its folders: web"},
		"//README":                            {`it has no folder "README"`, ""},
		"@" + strings.Repeat("0123456789", 4): {"the repository has no commit 012345678901", ""},
	} {
		e := w.refused(f, w.git(rest), want[0])
		if !strings.Contains(strings.Join(e.Hints, "\n"), want[1]) || e.ExitStatus() != exit.Usage {
			t.Errorf("%s: status %d, hints %q", rest, e.ExitStatus(), e.Hints)
		}
	}
	w.refused(f, "git+https://"+w.host+"/none.git", "no such repository or archive (404")
	if _, err := fetchtest.Open(filepath.Join(w.root, "empty.git")); err != nil {
		t.Fatal(err)
	}
	w.refused(f, "git+https://"+w.host+"/empty.git", "is empty")
}

func TestGitContent(t *testing.T) {
	w := newWorld(t)
	plain := fetchtest.File{Content: "x"}
	submodule := fetchtest.File{Mode: filemode.Submodule, Content: strings.Repeat("0a", 20)}
	pointer := fetchtest.File{Content: pointerMark + "v1\noid sha256:00\nsize 5\n"}
	link := func(to string) fetchtest.File { return fetchtest.File{Mode: filemode.Symlink, Content: to} }
	f := w.fetcher(Options{})
	for branch, c := range map[string]struct {
		files map[string]fetchtest.File
		why   string // "" if web is accepted
	}{
		"executable":     {map[string]fetchtest.File{"web/x": {Mode: filemode.Executable, Content: "x"}}, ""},
		"link":           {map[string]fetchtest.File{"web/x": plain, "web/l": link("x")}, ""},
		"link-out":       {map[string]fetchtest.File{"web/x": plain, "web/l": link("../../../etc/passwd")}, "link out of its folder"},
		"link-absolute":  {map[string]fetchtest.File{"web/x": plain, "web/l": link("/etc/passwd")}, "link out of its folder"},
		"case":           {map[string]fetchtest.File{"web/x": plain, "web/X": plain}, "one name on some systems"},
		"git":            {map[string]fetchtest.File{"web/.git/config": plain}, "git's own"},
		"submodule":      {map[string]fetchtest.File{"web/x": plain, "web/files": submodule}, "web/files is a submodule"},
		"submodule-else": {map[string]fetchtest.File{"web/x": plain, "other": submodule}, ""},
		"is-submodule":   {map[string]fetchtest.File{"x": plain, "web": submodule}, "web is a submodule"},
		"lfs":            {map[string]fetchtest.File{"web/x": pointer}, "the content of web/x is in Git LFS"},
		"lfs-else":       {map[string]fetchtest.File{"web/x": plain, "other": pointer}, ""},
	} {
		if _, err := w.repo.Commit(branch, c.files, nil); err != nil {
			t.Fatal(err)
		}
		if c.why != "" {
			w.refused(f, w.git("//web@"+branch), c.why)
			continue
		}
		w.holds(w.resolve(f, w.git("//web@"+branch), "", Anew), "x", "x")
	}
	found := w.resolve(f, w.git("//web@executable"), "", Anew)
	if info, err := os.Stat(filepath.Join(found.Dir, "x")); err != nil || info.Mode() != 0o755 {
		t.Errorf("an executable file has mode %v, %v", info.Mode(), err)
	}
}

func TestGitAway(t *testing.T) {
	w := newWorld(t)
	one := w.commit("main", "one")
	f := w.fetcher(Options{})
	w.resolve(f, w.git("//web@main"), "", Anew)
	w.commit("main", "two")
	w.down()
	found := w.resolve(f, w.git("//web@main"), "", Anew)
	w.holds(found, "files/index.html", "one")
	if len(found.Notes) != 1 || !strings.Contains(found.Notes[0], "cannot reach the server of git+https://"+w.host+"/t.git") || !strings.Contains(found.Notes[0], one[:12]) {
		t.Errorf("it notes %q", found.Notes)
	}
	if found = w.resolve(f, w.git("//web@"+one), "", Anew); len(found.Notes) > 0 {
		t.Errorf("a pinned source notes %q", found.Notes)
	}
	if e := w.refused(f, w.git("//web@other"), "cannot reach the server"); e.ExitStatus() != exit.Unreachable {
		t.Errorf("status %d", e.ExitStatus())
	}
}

// A record knows its commit; only a sync asks for the branch again.
func TestGitKnown(t *testing.T) {
	w := newWorld(t)
	w.commit("main", "one")
	f := w.fetcher(Options{})
	first := w.resolve(f, w.git("//web@main"), "", Anew)
	w.commit("main", "two")
	w.holds(w.resolve(f, first.Source, first.Resolved, Known), "files/index.html", "one")
	w.holds(w.resolve(f, first.Source, "", Known), "files/index.html", "two")
	w.holds(w.resolve(f, first.Source, first.Resolved, Anew), "files/index.html", "two")
	w.cache = t.TempDir() // another machine: the commit comes by way of the branch
	w.holds(w.resolve(w.fetcher(Options{}), first.Source, first.Resolved, Known), "files/index.html", "one")
	w.down()
	w.holds(w.resolve(w.fetcher(Options{}), first.Source, first.Resolved, Anew), "files/index.html", "one")
	if _, err := w.fetcher(Options{}).Resolve(t.Context(), w.git("@other"), "", Local); err == nil {
		t.Error("what is not in the cache is found without asking")
	}
}

func TestHTTPRefusals(t *testing.T) {
	w := newWorld(t)
	w.commit("main", "one")
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	for why, answer := range map[string]http.HandlerFunc{
		"wants a login (401": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(401) },
		"answers 418":        func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(418) },
		"which is not https": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, plain.URL+"/t.git", http.StatusFound)
		},
		"more than 5 times":        func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.String(), http.StatusFound) },
		"not as a git server does": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) },
		"is no repository": func(out http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/else" {
				http.Redirect(out, r, "/else", http.StatusFound)
				return
			}
			out.Header().Set("Content-Type", "application/x-git-upload-pack-advertisement")
		},
		"answer as a git server does": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/x-git-upload-pack-advertisement")
			_, _ = w.Write([]byte("zzzz"))
		},
		"the server says: no such repository": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/x-git-upload-pack-advertisement")
			_, _ = w.Write([]byte("001bERR no such repository\n"))
		},
	} {
		w.answer = answer
		w.refused(w.fetcher(Options{}), w.git(""), why)
	}
	w.answer = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) }
	if e := w.refused(w.fetcher(Options{}), w.git(""), "it answers 503"); e.ExitStatus() != exit.Unreachable || !e.away {
		t.Errorf("a server that is busy: status %d", e.ExitStatus())
	}
}

func TestHangs(t *testing.T) {
	w := newWorld(t)
	w.commit("main", "one")
	held := make(chan struct{})
	defer close(held)
	w.answer = func(http.ResponseWriter, *http.Request) { <-held }
	waited := ""
	f := w.fetcher(Options{Deadline: 50 * time.Millisecond, Waiting: func(what string, _ time.Duration) func() { waited = what; return func() {} }})
	w.refused(f, w.git(""), "it did not answer in time")
	if waited != w.git("") {
		t.Errorf("it waits for %q", waited)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("stopped by the user")
	cancel(stop)
	if _, err := w.fetcher(Options{}).Resolve(ctx, w.git(""), "", Anew); !errors.Is(err, stop) {
		t.Errorf("stopped, it says %v", err)
	}
}

// The token must reach its own server only.
func TestToken(t *testing.T) {
	w := newWorld(t)
	w.commit("main", "one")
	var got []string
	other := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = append(got, r.Header.Get("Authorization")) }))
	defer other.Close()
	w.seen = func(r *http.Request) {
		if _, token, _ := r.BasicAuth(); token != "geheim" {
			t.Errorf("%s comes with the token %q", r.URL, token)
		}
	}
	w.resolve(w.fetcher(Options{Login: Login{w.host, "geheim"}}), w.git(""), "", Anew)
	w.seen = func(r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			t.Error("another host's token comes")
		}
	}
	w.cache = t.TempDir()
	w.resolve(w.fetcher(Options{Login: Login{"git.example.org", "geheim"}}), w.git(""), "", Anew)
	w.seen, w.answer = nil, func(out http.ResponseWriter, r *http.Request) {
		http.Redirect(out, r, other.URL+r.URL.String(), http.StatusFound)
	}
	f := w.fetcher(Options{Login: Login{w.host, "geheim"}})
	f.client.Transport.(guarded).next.(*http.Transport).TLSClientConfig.InsecureSkipVerify = true // the other has the same certificate
	w.refused(f, w.git(""), "not as a git server does")
	if len(got) != 1 || got[0] != "" {
		t.Errorf("after a redirect the other server sees %q", got)
	}
	w.answer = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(403) }
	if e := w.refused(f, w.git(""), "does not accept the token (403"); strings.Contains(e.Error()+strings.Join(e.Hints, ""), "geheim") {
		t.Errorf("the error repeats the token: %v", e)
	}
}

func TestUntrusted(t *testing.T) {
	w := newWorld(t)
	w.commit("main", "one")
	e := w.refused(New(Options{Cache: w.cache}), w.git(""), "cannot trust the server of git+https://"+w.host)
	if e.ExitStatus() != exit.Unreachable || e.away {
		t.Errorf("status %d, away %v", e.ExitStatus(), e.away)
	}
}

func TestTogether(t *testing.T) {
	w := newWorld(t)
	w.commit("main", "one")
	var g sync.WaitGroup
	for range 8 {
		g.Go(func() {
			w.holds(w.resolve(w.fetcher(Options{}), w.git("//web@main"), "", Anew), "files/index.html", "one")
		})
	}
	g.Wait()
	if left, _ := filepath.Glob(filepath.Join(w.cache, "new-*")); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

func TestGitFolder(t *testing.T) {
	w := newWorld(t)
	one := w.commit("main", "one")
	if err := w.repo.Tag("v1", one); err != nil {
		t.Fatal(err)
	}
	two := w.commit("main", "two")
	f := w.fetcher(Options{})
	at := "git+file://" + escape(filepath.ToSlash(filepath.Join(w.root, "t.git")))
	for rest, want := range map[string]string{"//web": "two", "//web@main": "two", "//web@v1": "one", "//web@" + one: "one", "//web@" + two: "two"} {
		w.holds(w.resolve(f, at+rest, "", Anew), "files/index.html", want)
	}
	w.refused(f, at+"@none", `no branch or tag "none"`)
	w.refused(f, at+"@"+strings.Repeat("00", 20), "the repository has no commit 000000000000")
	w.refused(f, "git+file:///nowhere/t", "/nowhere/t is no git repository")
	w.refused(f, "git+file://"+escape(filepath.ToSlash(w.root)), "is no git repository")
}

// gitProgram makes a repository with git itself, and returns a command for it.
func gitProgram(t *testing.T, dir string) func(args ...string) string {
	t.Helper()
	needs.Program(t, "git", "git")
	return func(args ...string) string {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "init.defaultBranch=main"}, args...)...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
}

// git's own server does shallow fetches, packs with deltas, and gives out old commits where
// it is told to.
func TestGenuineGit(t *testing.T) {
	dir := t.TempDir()
	work := filepath.Join(dir, "t")
	if err := os.MkdirAll(filepath.Join(work, "web"), 0o755); err != nil {
		t.Fatal(err)
	}
	git := gitProgram(t, work)
	git("init", "-q")
	text := strings.Repeat("a line of a file that git stores as a delta\n", 500)
	for _, n := range []string{"one", "two", "three"} {
		if err := os.WriteFile(filepath.Join(work, "web/index.html"), []byte(text+n), 0o644); err != nil {
			t.Fatal(err)
		}
		git("add", ".")
		git("commit", "-q", "-m", n)
	}
	git("tag", "-a", "v1", "-m", "v1", "HEAD~1")
	git("gc", "-q", "--aggressive")
	first := git("rev-parse", "HEAD~2")
	w := newWorld(t)
	core := git("--exec-path")
	backend := &cgi.Handler{Path: filepath.Join(core, "git-http-backend"), Env: []string{"GIT_PROJECT_ROOT=" + dir, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_GLOBAL=/dev/null"}}
	w.answer = backend.ServeHTTP
	at := "git+https://" + w.host + "/t/.git"
	check := func(f *Fetcher, at string) {
		t.Helper()
		for ref, want := range map[string]string{"": "three", "@v1": "two", "@" + first: "one"} {
			w.holds(w.resolve(f, at+"//web"+ref, "", Anew), "index.html", text+want)
		}
	}
	check(w.fetcher(Options{}), at)
	git("config", "uploadpack.allowAnySHA1InWant", "true")
	w.cache = t.TempDir()
	check(w.fetcher(Options{}), at)
	w.cache = t.TempDir()
	check(w.fetcher(Options{}), "git+file://"+escape(work))
	git("worktree", "add", "-q", "../linked", "v1")
	w.cache = t.TempDir()
	w.holds(w.resolve(w.fetcher(Options{}), "git+file://"+escape(filepath.Join(dir, "linked"))+"//web", "", Anew), "index.html", text+"two")
}
