package fetchtest

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"maps"
	"slices"

	"github.com/go-git/go-git/v5/plumbing/filemode"
)

// Archive makes a .tar.gz of files below one folder, as git hosts do.
func Archive(top string, files map[string]File) ([]byte, error) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		f := files[name]
		h := &tar.Header{Name: top + "/" + name, Mode: 0o644, Size: int64(len(f.Content)), Typeflag: tar.TypeReg}
		if f.Mode == filemode.Executable {
			h.Mode = 0o755
		}
		if err := w.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := w.Write([]byte(f.Content)); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	err := z.Close()
	return b.Bytes(), err
}
