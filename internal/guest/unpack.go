package guest

import (
	"archive/tar"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"time"
)

// Unpacked says what Unpack has done.
type Unpacked struct {
	Files, Bytes int64
	Refused      []string // entries that are neither files, folders nor links, with the reason
}

// Unpack reads an archive that a guest made into the folder root. It writes nothing outside
// of root, whatever the archive says: a name that leads out, itself or by a link, is an
// error. Devices and the like are left out. Each file gets its name once it is whole. Modes
// (without setuid, setgid and sticky) and times are kept, owners are not. The archive must
// end properly.
func Unpack(r io.Reader, root *os.Root) (Unpacked, error) {
	u := &unpacker{root: root}
	tr := tar.NewReader(r)
	for {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return u.Unpacked, fmt.Errorf("cannot read the archive: %w", err)
		}
		if err := u.entry(h, tr); err != nil {
			return u.Unpacked, err
		}
	}
	for _, d := range slices.Backward(u.folders) { // at last, because files in them change their times
		_ = root.Chmod(d.name, d.mode)
		_ = root.Chtimes(d.name, d.time, d.time)
	}
	return u.Unpacked, nil
}

type unpacker struct {
	Unpacked
	root    *os.Root
	folders []folder
}

type folder struct {
	name string
	mode fs.FileMode
	time time.Time
}

// insideName is an archive's name as one below the root, "." for the root itself.
func insideName(name string) (string, error) {
	clean := path.Clean(strings.TrimPrefix(name, "./"))
	if name == "" || path.IsAbs(name) || strings.ContainsAny(name, "\x00") || !fs.ValidPath(clean) {
		return "", fmt.Errorf("cannot unpack %q: the container sent a name that leads out of the destination", name)
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == ".." {
			return "", fmt.Errorf("cannot unpack %q: the container sent a name that leads out of the destination", name)
		}
	}
	return clean, nil
}

func (u *unpacker) entry(h *tar.Header, r io.Reader) error {
	name, err := insideName(h.Name)
	if err != nil {
		return err
	}
	mode := fs.FileMode(h.Mode) & fs.ModePerm
	switch h.Typeflag {
	case tar.TypeDir:
		return u.dir(name, mode, h.ModTime)
	case tar.TypeReg, tar.TypeGNUSparse:
		n, err := writeWhole(u.root, name, r, mode, h.ModTime)
		u.Bytes += n
		if err != nil {
			return fmt.Errorf("cannot write %s: %w", name, err)
		}
	case tar.TypeSymlink:
		err = u.replace(name, func(temp string) error { return u.root.Symlink(h.Linkname, temp) })
	case tar.TypeLink:
		to, bad := insideName(h.Linkname)
		if bad != nil {
			return bad
		}
		err = u.replace(name, func(temp string) error { return u.root.Link(to, temp) })
	case tar.TypeXGlobalHeader:
		return nil
	default:
		u.Refused = append(u.Refused, name+" is a "+kindName(h.Typeflag))
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot make %s: %w", name, err)
	}
	u.Files++
	return nil
}

func kindName(flag byte) string {
	switch flag {
	case tar.TypeChar, tar.TypeBlock:
		return "device"
	case tar.TypeFifo:
		return "named pipe"
	}
	return "special file"
}

// dir makes a folder that can be written to until the end.
func (u *unpacker) dir(name string, mode fs.FileMode, at time.Time) error {
	if name != "." {
		if err := u.root.MkdirAll(name, 0o700); err != nil {
			return fmt.Errorf("cannot make the folder %s: %w", name, err)
		}
		_ = u.root.Chmod(name, 0o700)
	}
	u.folders = append(u.folders, folder{name, mode, at})
	return nil
}

// replace makes something under a name of its own and then renames it.
func (u *unpacker) replace(name string, make func(temp string) error) error {
	temp := tempName(name)
	if err := make(temp); err != nil {
		return err
	}
	if err := u.root.Rename(temp, name); err != nil {
		_ = u.root.Remove(temp)
		return err
	}
	_ = u.root.Remove(temp) // where both are links to one file, rename does nothing
	return nil
}

func tempName(name string) string {
	var b [6]byte
	rand.Read(b[:]) // never fails
	return path.Join(path.Dir(name), ".infrahaus-cp-"+hex.EncodeToString(b[:]))
}

// writeWhole writes a file under another name and renames it once it is whole.
func writeWhole(root *os.Root, name string, r io.Reader, mode fs.FileMode, at time.Time) (n int64, err error) {
	temp := tempName(name)
	f, err := root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return 0, err
	}
	n, err = io.Copy(f, r)
	err = errors.Join(err, f.Chmod(mode), f.Close())
	if err == nil {
		err = root.Chtimes(temp, at, at)
	}
	if err == nil {
		err = root.Rename(temp, name)
	}
	if err != nil {
		_ = root.Remove(temp)
	}
	return n, err
}
