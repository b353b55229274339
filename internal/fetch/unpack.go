package fetch

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"
)

// limits bound what one source may write to this machine.
type limits struct {
	entries int   // files, links and folders
	total   int64 // bytes of all files
	file    int64 // bytes of one file
	depth   int   // folders above a file
	name    int   // bytes of a path
}

// standard is what template.Load accepts, with less in total: a template is text.
var standard = limits{entries: 20_000, total: 512 << 20, file: 256 << 20, depth: 32, name: 1024}

// unpacker writes the files of an archive or a commit below a new folder. It accepts only
// names that stay there on every system, so that one template is the same on all.
type unpacker struct {
	root  *os.Root
	limit limits
	count int
	total int64
	kinds map[string]bool   // by path: whether it is a folder
	cases map[string]string // by path in lower case: the path
	links map[string]string // by path: the target. They are made last, so that nothing is written through one.
	order []string          // of links
}

func newUnpacker(root *os.Root, l limits) *unpacker {
	return &unpacker{root: root, limit: l, kinds: map[string]bool{}, cases: map[string]string{}, links: map[string]string{}}
}

// errUnsafe is in the chain of every error about content that is not written.
var errUnsafe = errors.New("it is not unpacked")

func refuse(name, format string, args ...any) error {
	return fmt.Errorf("%w: %q %s", errUnsafe, name, fmt.Sprintf(format, args...))
}

// checkName returns the reason why a path is not written, or "".
func (u *unpacker) checkName(name string) string {
	switch {
	case name == "" || strings.HasPrefix(name, "/") || path.Clean(name) != name || name == "." || name == ".." || strings.HasPrefix(name, "../"):
		return "leads out of its folder or has empty parts"
	case len(name) > u.limit.name:
		return fmt.Sprintf("is longer than %d bytes", u.limit.name)
	case !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) || r == '\\' || r == ':' }):
		return "has a character that not every system can write"
	case strings.Count(name, "/") >= u.limit.depth:
		return fmt.Sprintf("lies deeper than %d folders", u.limit.depth)
	}
	for part := range strings.SplitSeq(name, "/") {
		if strings.EqualFold(part, ".git") {
			return "is git's own"
		}
	}
	return ""
}

// claim counts an entry and refuses names that are taken, or that some systems take for the
// same.
func (u *unpacker) claim(name string, folder bool) error {
	if why := u.checkName(name); why != "" {
		return refuse(name, "%s", why)
	}
	if u.count++; u.count > u.limit.entries {
		return fmt.Errorf("%w: it holds more than %d files", errUnsafe, u.limit.entries)
	}
	if parent := path.Dir(name); parent != "." {
		if err := u.folder(parent); err != nil {
			return err
		}
	}
	lower := strings.ToLower(name)
	if other, ok := u.cases[lower]; ok && !(other == name && folder && u.kinds[name]) {
		if other == name {
			return refuse(name, "is there twice")
		}
		return refuse(name, "and %q are one name on some systems", other)
	}
	u.cases[lower], u.kinds[name] = name, folder
	return nil
}

// folder makes a folder and those above it.
func (u *unpacker) folder(name string) error {
	if u.kinds[name] {
		return nil
	}
	if err := u.claim(name, true); err != nil {
		return err
	}
	return u.root.Mkdir(name, 0o755)
}

// directory takes an entry for a folder, which may be there already.
func (u *unpacker) directory(name string) error {
	if name == "" || name == "." {
		return nil
	}
	if err := u.claim(name, true); err != nil {
		return err
	}
	if err := u.root.Mkdir(name, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return nil
}

// file writes one file. Of its mode only the executable bit counts.
func (u *unpacker) file(name string, exec bool, r io.Reader) error {
	if err := u.claim(name, false); err != nil {
		return err
	}
	mode := fs.FileMode(0o644)
	if exec {
		mode = 0o755
	}
	f, err := u.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	n, err := io.Copy(f, io.LimitReader(r, min(u.limit.file, u.limit.total-u.total)+1))
	if failed := f.Close(); err == nil {
		err = failed
	}
	u.total += n
	switch {
	case err != nil:
		return err
	case n > u.limit.file:
		return refuse(name, "is larger than %d MiB", u.limit.file>>20)
	case u.total > u.limit.total:
		return fmt.Errorf("%w: it holds more than %d MiB", errUnsafe, u.limit.total>>20)
	}
	return nil
}

// link notes a symbolic link for finish.
func (u *unpacker) link(name, target string) error {
	if err := u.claim(name, false); err != nil {
		return err
	}
	to := path.Join(path.Dir(name), target)
	if target == "" || path.IsAbs(target) || strings.ContainsAny(target, "\\:\x00") || to == ".." || strings.HasPrefix(to, "../") {
		return refuse(name, "is a link out of its folder, to %q", target)
	}
	u.links[name] = target
	u.order = append(u.order, name)
	return nil
}

// finish makes the links and refuses those that lead nowhere or, by way of another link,
// outside.
func (u *unpacker) finish() error {
	for _, name := range u.order {
		if err := u.root.Symlink(u.links[name], name); err != nil {
			return err
		}
	}
	for _, name := range u.order {
		if _, err := u.root.Stat(name); err != nil {
			return refuse(name, "is a link that leads nowhere or out of its folder, to %q", u.links[name])
		}
	}
	return nil
}
