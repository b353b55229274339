package guest

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// sumName is the archive's last entry: the sum over all files of data, for the guest.
const (
	dataName = "data"
	sumName  = "sum"
)

// PackSize is the number of bytes of the files that Pack would send.
func PackSize(src string) (files, bytes int64, err error) {
	err = filepath.WalkDir(src, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files++
		if info, err := d.Info(); err == nil && d.Type().IsRegular() {
			bytes += info.Size()
		}
		return nil
	})
	return files, bytes, err
}

// Pack writes the file or folder src as an archive for place.sh: src is the entry data, and
// the last entry is the sum of all files. Links stay links, except src itself where follow
// says so. The owner is root. Devices and the like are an error.
func Pack(w io.Writer, src string, follow bool) error {
	tw := tar.NewWriter(w)
	var sums []string
	err := filepath.WalkDir(src, func(at string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(src, at)
		if err != nil {
			return err
		}
		info, err := d.Info()
		if at == src && follow {
			info, err = os.Stat(src)
		}
		if errors.Is(err, fs.ErrNotExist) && at != src {
			return nil // removed since the folder was read
		}
		if err != nil {
			return err
		}
		sum, err := packOne(tw, at, path.Join(dataName, filepath.ToSlash(rel)), info)
		if sum != "" {
			sums = append(sums, sum)
		}
		return err
	})
	if err != nil {
		return err
	}
	text := sumOfSums(sums) + "\n"
	if err := tw.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: sumName, Mode: 0o600, Size: int64(len(text))}); err != nil {
		return err
	}
	if _, err := io.WriteString(tw, text); err != nil {
		return err
	}
	return tw.Close()
}

// sumOfSums is what `sort | sha256sum` makes of them.
func sumOfSums(sums []string) string {
	slices.Sort(sums)
	text := ""
	if len(sums) > 0 {
		text = strings.Join(sums, "\n") + "\n"
	}
	s := sha256.Sum256([]byte(text))
	return hex.EncodeToString(s[:])
}

func packOne(tw *tar.Writer, at, name string, info fs.FileInfo) (sum string, err error) {
	link := ""
	if info.Mode()&fs.ModeSymlink != 0 {
		if link, err = os.Readlink(at); err != nil {
			return "", err
		}
	}
	if info.Mode()&(fs.ModeDevice|fs.ModeNamedPipe|fs.ModeSocket|fs.ModeIrregular) != 0 {
		return "", fmt.Errorf("cannot copy %s: it is no file, folder or link", at)
	}
	h, err := tar.FileInfoHeader(info, link)
	if err != nil {
		return "", err
	}
	h.Name, h.Uid, h.Gid, h.Uname, h.Gname = name, 0, 0, "", ""
	if info.IsDir() {
		h.Name += "/"
	}
	// Whole seconds, and GNU's format for long names: every tar reads both.
	h.ModTime, h.Format = h.ModTime.Truncate(1e9), tar.FormatUSTAR
	if tar.NewWriter(io.Discard).WriteHeader(h) != nil {
		h.Format = tar.FormatGNU
	}
	if err := tw.WriteHeader(h); err != nil || !info.Mode().IsRegular() {
		return "", err
	}
	f, err := os.Open(at)
	if err != nil {
		return "", err
	}
	defer f.Close()
	hash := sha256.New()
	n, err := io.Copy(io.MultiWriter(tw, hash), io.LimitReader(f, info.Size()))
	if err == nil && n < info.Size() {
		err = fmt.Errorf("cannot copy %s: it became shorter meanwhile", at)
	}
	return hex.EncodeToString(hash.Sum(nil)), err
}
