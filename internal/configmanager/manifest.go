package configmanager

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"sort"
	"strings"

	"github.com/infrahaus/infrahaus/internal/guest"
)

// Policies that settle a conflict. A sync may give them to a file instead of the
// template's own policy (replace, default or backup).
const (
	PolicyKeep = "keep" // the guest's version stays, and that is recorded
	PolicyTake = "take" // the template's version is written, after a copy of the guest's is made
)

// File is one file of a template. If Open is set, it and Size replace Content.
type File struct {
	Target  string // an absolute path
	Policy  string // replace, default, backup, PolicyKeep or PolicyTake; "" means replace
	Mode    fs.FileMode
	Owner   string // user or user:group; "" means the owner of the target's folder
	SHA256  string // hex; if it is "", Bundle reads the file once more to compute it
	Content []byte
	Open    func() (io.ReadCloser, error)
	Size    int64

	// Check is a shell command that succeeds if the guest accepts the file. Notify are the
	// units that depend on it. See NotifyScript.
	Check  string
	Notify []Notify

	// Unshipped leaves the content out of Bundle, for a file that need not be written.
	// The manifest still names the file, so that the guest does not lose its record. With
	// SyncOnBoot everything is shipped, because the guest applies its own copy at boot.
	Unshipped bool
}

// manifest returns a sh program of calls `group FOLDER OWNER POLICY SHA256 NAME …`, and
// the contents that go with it. A shell reads calls far faster than it splits lines of
// text. Before the calls, the program sets LATER if this is not the first sync, and NOTED if
// something depends on a file.
func (in Input) manifest() ([]byte, []guest.File, error) {
	files := slices.Clone(in.Files)
	sort.SliceStable(files, func(i, j int) bool {
		a, b := files[i], files[j]
		return cmp.Or(strings.Compare(path.Dir(a.Target), path.Dir(b.Target)), strings.Compare(a.Owner, b.Owner)) < 0
	})
	var m bytes.Buffer
	if in.Later {
		m.WriteString("LATER=1\n")
	}
	m.WriteString(in.notes())
	if err := in.folders(&m); err != nil {
		return nil, nil, err
	}
	var contents []guest.File
	seen := map[string]bool{}
	key, n := "", 0
	for _, f := range files {
		if err := f.check(); err != nil {
			return nil, nil, err
		}
		if seen[f.Target] {
			return nil, nil, fmt.Errorf("cannot deploy %s twice", f.Target)
		}
		seen[f.Target] = true
		sum, err := f.sum()
		if err != nil {
			return nil, nil, err
		}
		dir, name := path.Split(f.Target)
		if k := dir + "\x00" + f.Owner; k != key || n == filesInOneGroup {
			key, n = k, 0
			fmt.Fprintf(&m, "\ngroup %s %s", guest.Quote(strings.TrimSuffix(dir, "/")), guest.Quote(f.Owner))
		}
		n++
		fmt.Fprintf(&m, " %s %s %s", f.policy(), sum, guest.Quote(name))
		if f.Unshipped && !in.SyncOnBoot {
			continue
		}
		contents = append(contents, guest.File{
			Path: "root" + f.Target, Mode: f.Mode.Perm(), Content: f.Content, Open: f.Open, Size: f.Size,
		})
	}
	m.WriteByte('\n')
	return m.Bytes(), contents, nil
}

func (f File) policy() string {
	if f.Policy == "" {
		return "replace"
	}
	return f.Policy
}

// check repeats the checks of the template's parser, because these values go into a shell
// script that root runs, and another caller may not have checked them.
func (f File) check() error {
	if !path.IsAbs(f.Target) || path.Clean(f.Target) != f.Target || f.Target == "/" {
		return fmt.Errorf("cannot deploy to %q: not an absolute, clean path", f.Target)
	}
	if strings.ContainsFunc(f.Target, isControl) {
		return fmt.Errorf("cannot deploy to %q: control characters in the path", f.Target)
	}
	if !slices.Contains([]string{"replace", "default", "backup", PolicyKeep, PolicyTake}, f.policy()) {
		return fmt.Errorf("cannot deploy %s: unknown policy %q", f.Target, f.Policy)
	}
	if strings.HasPrefix(f.Owner, "-") || strings.ContainsFunc(f.Owner, isControl) || strings.Contains(f.Owner, " ") {
		return fmt.Errorf("cannot deploy %s: bad owner %q", f.Target, f.Owner)
	}
	if f.SHA256 != "" && !isSum(f.SHA256) {
		return fmt.Errorf("cannot deploy %s: %q is no SHA-256", f.Target, f.SHA256)
	}
	return nil
}

// isSum reports whether s is a SHA-256 in the form that sha256sum prints.
func isSum(s string) bool {
	return len(s) == 2*sha256.Size && strings.Trim(s, "0123456789abcdef") == ""
}

func isControl(c rune) bool { return c < ' ' || c == 0x7f }

func (f File) sum() (string, error) {
	if f.SHA256 != "" {
		return f.SHA256, nil
	}
	h := sha256.New()
	if f.Open == nil {
		h.Write(f.Content)
		return hex.EncodeToString(h.Sum(nil)), nil
	}
	r, err := f.Open()
	if err != nil {
		return "", err
	}
	defer r.Close()
	if _, err := io.Copy(h, r); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
