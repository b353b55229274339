//go:build e2e

package packages

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// segment is one of the gzip streams that an apk consists of.
type segment struct {
	names []string
	info  string // .PKGINFO
	hash  string // of the compressed bytes
}

func apkSegments(t *testing.T, path string) (segments []segment) {
	t.Helper()
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for rest := whole; len(rest) > 0; {
		src := bytes.NewReader(rest)
		buffered := bufio.NewReader(src)
		z, err := gzip.NewReader(buffered)
		if err != nil {
			t.Fatal(err)
		}
		z.Multistream(false)
		s := readSegment(t, z)
		used := len(rest) - src.Len() - buffered.Buffered()
		sum := sha256.Sum256(rest[:used])
		s.hash = hex.EncodeToString(sum[:])
		segments, rest = append(segments, s), rest[used:]
	}
	return segments
}

func readSegment(t *testing.T, z io.Reader) (s segment) {
	t.Helper()
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	for tr := tar.NewReader(bytes.NewReader(text)); ; {
		h, err := tr.Next()
		// Only the last segment has the end of a tar archive.
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return s
		}
		if err != nil {
			t.Fatal(err)
		}
		s.names = append(s.names, h.Name)
		if h.Name == ".PKGINFO" {
			info, err := io.ReadAll(tr)
			if err != nil {
				t.Fatal(err)
			}
			s.info = string(info)
		}
	}
}

// TestApk reads the packages for Alpine, whose tool is not in Debian: the version is one
// that apk accepts, the hash is that of the files, and the files are all there.
func TestApk(t *testing.T) {
	// From apk-tools: digits, a letter, suffixes, a revision.
	valid := regexp.MustCompile(`^\d+(\.\d+)*[a-z]?(_(alpha|beta|pre|rc|cvs|svn|git|hg|p)\d*)*(-r\d+)?$`)
	want := []string{"0.2.0_rc1", "0.2.0_rc1-r1", "0.2.0", "0.2.0.1"} // in apk's order too: -r1 is a revision of rc1
	for i, r := range releases(t) {
		segments := apkSegments(t, r.only(t, "*.apk"))
		control, data := segments[len(segments)-2], segments[len(segments)-1]
		value := func(key string) string {
			_, after, _ := strings.Cut(control.info, "\n"+key+" = ")
			line, _, _ := strings.Cut(after, "\n")
			return line
		}
		if got := value("pkgver"); got != want[i] || !valid.MatchString(got) {
			t.Errorf("%s: pkgver %q, want %q", r.version, got, want[i])
		}
		if value("datahash") != data.hash {
			t.Errorf("%s: datahash %s, the files have %s", r.version, value("datahash"), data.hash)
		}
		for _, name := range []string{"usr/bin/infrahaus", "usr/share/man/man1/infrahaus.1.gz", "usr/share/man/man7/infrahaus-config.7.gz",
			"usr/share/bash-completion/completions/infrahaus", "usr/share/zsh/site-functions/_infrahaus",
			"usr/share/fish/vendor_completions.d/infrahaus.fish", "usr/share/licenses/infrahaus/NOTICES"} {
			if !slices.Contains(data.names, name) {
				t.Errorf("%s has no %s", r.version, name)
			}
		}
	}
}
