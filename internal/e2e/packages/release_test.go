//go:build e2e

package packages

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// release is one version of a history of four commits.
type release struct {
	version string // GoReleaser's and infrahaus's
	tag     string // of its commit, "" for none
	dist    string
}

// history is built once for all tests, in the order of its versions.
var history struct {
	once     sync.Once
	releases []*release
	again    *release // the first one, built in another folder
	keys     *keys    // have signed the third
	dir      string
	err      error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if history.dir != "" {
		os.RemoveAll(history.dir)
	}
	os.Exit(code)
}

// releases returns v0.2.0-rc1, a commit after it, v0.2.0, and a commit after that.
func releases(t *testing.T) []*release {
	t.Helper()
	history.once.Do(func() { history.err = makeHistory() })
	if history.err != nil {
		t.Fatal(history.err)
	}
	return history.releases
}

func makeHistory() (err error) {
	if history.dir, err = os.MkdirTemp("", "infrahaus-packages-"); err != nil {
		return err
	}
	if history.keys, err = newKeys(filepath.Join(history.dir, "keys")); err != nil {
		return err
	}
	repo, err := newRepo(filepath.Join(history.dir, "repo"))
	if err != nil {
		return err
	}
	second, err := newRepo(filepath.Join(history.dir, "elsewhere", "a longer path"))
	if err != nil {
		return err
	}
	history.releases = []*release{
		{version: "0.2.0-rc1", tag: "v0.2.0-rc1"}, {version: "0.2.0-rc1-r1"}, {version: "0.2.0", tag: "v0.2.0"}, {version: "0.2.0.1"},
	}
	for i, r := range history.releases {
		if err := repo.commit(i, r.tag); err != nil {
			return err
		}
		var env, options []string
		if i > 0 { // the first has shown what these do
			options = []string{"--skip=archive,sbom,homebrew"}
		}
		if i == 2 {
			env = history.keys.env
		}
		if r.dist, err = repo.build(r.version, env, options...); err != nil {
			return err
		}
	}
	first := history.releases[0]
	if err := second.commit(0, first.tag); err != nil {
		return err
	}
	history.again = &release{version: first.version, tag: first.tag}
	history.again.dist, err = second.build(first.version, []string{"TZ=Asia/Tokyo", "GOMAXPROCS=1", "LC_ALL=C"})
	return err
}

// repo is a repository with the files of this checkout, and a configuration that builds for
// this platform only.
type repo struct{ dir, config string }

// root is the checkout that the tests are in.
func root() string {
	_, file, _, _ := runtime.Caller(0)
	if filepath.IsAbs(file) {
		return filepath.Join(filepath.Dir(file), "../../..")
	}
	dir, _ := filepath.Abs("../../..") // -trimpath
	return dir
}

func newRepo(dir string) (*repo, error) {
	list, err := output(root(), nil, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	if err != nil {
		return nil, err
	}
	for name := range strings.SplitSeq(strings.TrimRight(list, "\x00"), "\x00") {
		if err := copyFile(filepath.Join(root(), name), filepath.Join(dir, name)); err != nil {
			return nil, err
		}
	}
	// The tools are built once, in the checkout.
	if err := os.MkdirAll(filepath.Join(dir, ".cache"), 0o755); err != nil {
		return nil, err
	}
	tools, err := filepath.Glob(filepath.Join(root(), ".cache", "*"))
	if err != nil {
		return nil, err
	}
	for _, tool := range tools {
		if err := os.Symlink(tool, filepath.Join(dir, ".cache", filepath.Base(tool))); err != nil {
			return nil, err
		}
	}
	r := &repo{dir: dir}
	if err := r.narrow(); err != nil {
		return nil, err
	}
	_, err = output(dir, nil, "git", "init", "-q", "-b", "main")
	return r, err
}

// narrow leaves one platform in the configuration.
func (r *repo) narrow() error {
	r.config = filepath.Join(r.dir, ".goreleaser.yaml")
	text, err := os.ReadFile(r.config)
	if err != nil {
		return err
	}
	for _, change := range [][2]string{
		{`(?m)^    goos: \[.*\]$`, "    goos: [linux]"},
		{`(?m)^    goarch: \[.*\]$`, "    goarch: [" + runtime.GOARCH + "]"},
		{`(?m)^( +sh packaging/prepare.sh .*)\n( +\w+/\w+.*\n)+`, "$1 linux/" + runtime.GOARCH + "\n"},
		{`(?m)^    platforms: \[.*\]$`, "    platforms: [linux/" + runtime.GOARCH + "]"},
	} {
		narrow := regexp.MustCompile(change[0])
		if !narrow.Match(text) {
			return fmt.Errorf(".goreleaser.yaml has nothing like %s", change[0])
		}
		text = narrow.ReplaceAll(text, []byte(change[1]))
	}
	return os.WriteFile(r.config, text, 0o644)
}

// commit makes commit n, the same in each repository.
func (r *repo) commit(n int, tag string) error {
	when := fmt.Sprintf("2026-01-0%dT10:00:00+01:00", n+1)
	env := []string{"GIT_AUTHOR_DATE=" + when, "GIT_COMMITTER_DATE=" + when}
	who := []string{"-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false", "-c", "tag.gpgsign=false"}
	if _, err := output(r.dir, env, "git", append(who, "add", "-A")...); err != nil {
		return err
	}
	if _, err := output(r.dir, env, "git", append(who, "commit", "-q", "--allow-empty", "-m", fmt.Sprint("commit ", n))...); err != nil {
		return err
	}
	if tag == "" {
		return nil
	}
	_, err := output(r.dir, env, "git", append(who, "tag", "-a", "-m", tag, tag)...)
	return err
}

// build runs GoReleaser, and returns the folder of what it made.
func (r *repo) build(version string, env []string, options ...string) (string, error) {
	makefile, err := os.ReadFile(filepath.Join(r.dir, "Makefile"))
	if err != nil {
		return "", err
	}
	tool := regexp.MustCompile(`(?m)^GORELEASER = (\S+)$`).FindSubmatch(makefile)
	if tool == nil {
		return "", fmt.Errorf("the Makefile has no version of GoReleaser")
	}
	args := []string{filepath.Join(root(), "packaging/goreleaser.sh"), string(tool[1]), "release", "--snapshot", "--clean"}
	text, err := output(r.dir, env, "sh", append(args, options...)...)
	if err != nil {
		return "", err
	}
	if strings.Contains(strings.ToLower(text), "deprecat") {
		return "", fmt.Errorf("GoReleaser deprecates something:\n%s", text)
	}
	dist := filepath.Join(filepath.Dir(r.dir), "dist-"+version)
	return dist, os.Rename(filepath.Join(r.dir, "dist"), dist)
}

// only returns the file that a pattern of the release matches.
func (r *release) only(t *testing.T, pattern string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(r.dist, pattern))
	if err != nil || len(found) != 1 {
		t.Fatalf("%s has %q for %s, err %v", r.version, found, pattern, err)
	}
	return found[0]
}

func output(dir string, env []string, name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	var all bytes.Buffer
	cmd.Stdout, cmd.Stderr = &all, &all
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, all.String())
	}
	return all.String(), nil
}

func succeed(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := output("", nil, name, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func copyFile(from, to string) error {
	info, err := os.Lstat(from)
	if os.IsNotExist(err) { // removed, and that is not committed yet
		return nil
	}
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	if info.Mode()&os.ModeSymlink != 0 {
		target, err := os.Readlink(from)
		if err != nil {
			return err
		}
		return os.Symlink(target, to)
	}
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, text, info.Mode().Perm())
}
