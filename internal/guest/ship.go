package guest

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"sort"
	"strings"
	"time"
)

// File is one file to ship. Its content is that of Open, with Size bytes, if Open is not nil,
// else Content.
type File struct {
	Path    string      // relative to the staging folder, slashes, no ".."
	Mode    fs.FileMode // permission bits
	UID     int
	GID     int
	User    string // a name of the guest; wins over UID where the guest knows it
	Group   string
	Content []byte
	Open    func() (io.ReadCloser, error)
	Size    int64
}

func (f File) size() int64 {
	if f.Open != nil {
		return f.Size
	}
	return int64(len(f.Content))
}

// Shipment is a set of files and the program that uses them.
type Shipment struct {
	Label   string
	Staging string // absolute; made afresh, 0700: anything there before is removed
	Files   []File
	NoTar   bool      // the container has no tar: see Means
	Then    string    // POSIX sh, run in Staging once every file is there
	Stdout  io.Writer // of Then
	Stderr  io.Writer
}

// unshipped is the exit status for files that did not arrive whole. A Then that ends with it
// counts as the same.
const unshipped = 121

// Ship sends every file in one stream and runs Then, all in one remote command. The
// status is Then's; files that did not arrive whole are an error. Then or the caller must
// remove Staging. Ship never retries; it may be repeated if Then may.
func Ship(ctx context.Context, g Guest, s Shipment) (status int, err error) {
	files, err := s.ordered()
	if err != nil {
		return 0, err
	}
	write, size := pack, packedSize
	if s.NoTar {
		write, size = line, linedSize
	}
	pr, pw := io.Pipe()
	go func() {
		b := bufio.NewWriterSize(pw, payloadBlock) // a write is an SSH packet
		pw.CloseWithError(errors.Join(write(b, files), b.Flush()))
	}()
	defer pr.Close()
	var said tail
	status, err = g.Run(ctx, Cmd{
		Label: s.label(), Script: s.command(len(files)),
		Stdin: pr, Size: size(files),
		Stdout: s.Stdout, Stderr: both(&said, s.Stderr),
	})
	if err == nil && status == unshipped {
		err = &Error{Kind: Failed, Transport: g.Transport(), Tail: said.String(),
			Message: "cannot " + s.label() + ": the files did not arrive whole", Fix: "is there room on the guest's disk?"}
	}
	return status, err
}

func (s Shipment) label() string {
	if s.Label == "" {
		return "ship files"
	}
	return s.Label
}

// ordered are the files by path, checked.
func (s Shipment) ordered() ([]File, error) {
	if !path.IsAbs(s.Staging) || path.Clean(s.Staging) == "/" {
		return nil, fmt.Errorf("cannot %s: the staging folder %q is not absolute", s.label(), s.Staging)
	}
	files := slices.Clone(s.Files)
	sort.Slice(files, func(i, j int) bool { return files[i].Path < files[j].Path })
	for i, f := range files {
		if !fs.ValidPath(f.Path) || f.Path == "." || strings.ContainsAny(f.Path, "\x00\n") {
			return nil, fmt.Errorf("cannot %s: %q is no path below the staging folder", s.label(), f.Path)
		}
		if i > 0 && files[i-1].Path == f.Path {
			return nil, fmt.Errorf("cannot %s: %s comes twice", s.label(), f.Path)
		}
	}
	return files, nil
}

// command makes the folder, unpacks into it, counts the files, and runs Then there. mkdir
// fails if anything is in the folder's place, and the folder above must be our own and no
// link. So no planted link is followed, not even by rm. Images of one application often have
// no find, so that the shell counts.
func (s Shipment) command(n int) string {
	dir := Quote(path.Clean(s.Staging))
	up := Quote(path.Dir(path.Clean(s.Staging)))
	unpack := "tar -xmpf -"
	if s.NoTar {
		unpack = "ih_unline"
	}
	return fmt.Sprintf(`umask 077
ih_count() {
	for ih_f in "$1"/* "$1"/.[!.]* "$1"/..?*; do
		if [ -d "$ih_f" ]; then ih_count "$ih_f"; elif [ -f "$ih_f" ]; then ih_files=$((ih_files + 1)); fi
	done
}
ih_unline() {
	while IFS=' ' read -r ih_mode ih_blocks ih_left ih_f && [ "$ih_mode" != end ]; do
		ih_f=${ih_f%%/}
		mkdir -p "${ih_f%%/*}" && ih_payload "$ih_blocks" "$ih_left" >"$ih_f" && chmod "$ih_mode" "$ih_f" || return 1
	done
	[ "$ih_mode" = end ]
}
mkdir -p %s && { [ ! -L %s ] && [ -O %s ] || { echo "the folder above is a link, or somebody else's" >&2; false; }; } &&
rm -rf %s && mkdir %s && cd %s && %s && ih_files=0 && { ih_count . || :; } && [ "$ih_files" -eq %d ] || exit %d
umask 022
%s`, up, up, up, dir, dir, dir, unpack, n, unshipped, s.Then)
}

// line writes the files for a container without tar: before each a line of its mode, its size
// in blocks and the rest, and its path between ./ and /, so that read keeps every blank.
func line(w io.Writer, files []File) error {
	for _, f := range files {
		if _, err := io.WriteString(w, f.head()); err != nil {
			return err
		}
		if err := f.copyTo(w); err != nil {
			return fmt.Errorf("cannot read %s: %w", f.Path, err)
		}
	}
	_, err := io.WriteString(w, lineEnd)
	return err
}

// lineEnd is the last line.
const lineEnd = "end 0 0 ./\n"

func (f File) head() string {
	return fmt.Sprintf("%o %d %d ./%s/\n", f.Mode.Perm(), f.size()/payloadBlock, f.size()%payloadBlock, f.Path)
}

func linedSize(files []File) int64 {
	n := int64(len(lineEnd))
	for _, f := range files {
		n += int64(len(f.head())) + f.size()
	}
	return n
}

// pack writes the archive: regular files only, in order; tar makes their folders, 0700.
func pack(w io.Writer, files []File) error {
	tw := tar.NewWriter(w)
	for _, f := range files {
		if err := tw.WriteHeader(f.header()); err != nil {
			return err
		}
		if err := f.copyTo(tw); err != nil {
			return fmt.Errorf("cannot read %s: %w", f.Path, err)
		}
	}
	return tw.Close()
}

func (f File) copyTo(w io.Writer) error {
	if f.Open == nil {
		_, err := w.Write(f.Content)
		return err
	}
	r, err := f.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	n, err := io.Copy(w, r)
	if err == nil && n != f.Size {
		err = errors.New("its size changed")
	}
	return err
}

// header is plain ustar if the name allows it, else GNU's format; every tar reads both,
// busybox's included. tar -m does not restore the time, so that it does not warn about a
// clock that is behind.
func (f File) header() *tar.Header {
	h := &tar.Header{
		Typeflag: tar.TypeReg, Name: f.Path, Size: f.size(), Mode: int64(f.Mode.Perm()),
		Uid: f.UID, Gid: f.GID, Uname: f.User, Gname: f.Group,
		ModTime: time.Unix(1e9, 0), Format: tar.FormatUSTAR,
	}
	if tar.NewWriter(io.Discard).WriteHeader(h) != nil {
		h.Format = tar.FormatGNU
	}
	return h
}

// packedSize is the length of the archive in bytes, found without reading the files.
func packedSize(files []File) int64 {
	var n int64
	for _, f := range files {
		var b bytes.Buffer
		tw := tar.NewWriter(&b)
		if tw.WriteHeader(f.header()) != nil {
			continue // pack says why
		}
		n += int64(b.Len()) + (f.size()+511)/512*512
	}
	return n + 1024
}

// both writes to two writers; the second may be nil.
func both(a, b io.Writer) io.Writer {
	if b == nil {
		return a
	}
	return io.MultiWriter(a, b)
}
