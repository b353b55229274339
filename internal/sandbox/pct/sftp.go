package pct

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/fsys"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

// serveSFTP serves the node's simulated files to root.
func serveSFTP(ch ssh.Channel, m *kernel.Machine) {
	h := files{&fsys.View{FS: m.FS, Cwd: "/root", Umask: 0o022}}
	server := sftp.NewRequestServer(ch, sftp.Handlers{FileGet: h, FilePut: h, FileCmd: h, FileList: h}, sftp.WithStartDirectory("/root"))
	_ = server.Serve()
	_ = server.Close()
	_ = m.FS.Flush()
}

type files struct{ v *fsys.View }

func (f files) Fileread(r *sftp.Request) (io.ReaderAt, error) {
	return f.open(r.Filepath, os.O_RDONLY)
}

func (f files) Filewrite(r *sftp.Request) (io.WriterAt, error) {
	p := r.Pflags()
	flag := os.O_WRONLY
	if p.Read {
		flag = os.O_RDWR
	}
	for _, x := range []struct {
		on   bool
		flag int
	}{{p.Creat, os.O_CREATE}, {p.Trunc, os.O_TRUNC}, {p.Excl, os.O_EXCL}} {
		if x.on {
			flag |= x.flag
		}
	}
	return f.open(r.Filepath, flag)
}

func (f files) open(path string, flag int) (*fsys.File, error) {
	x, err := f.v.Open(path, flag, 0o666)
	if err != nil {
		return nil, status(err)
	}
	return x, nil
}

// status returns an error in the form that the protocol has.
func status(err error) error {
	switch {
	case err == nil, err == io.EOF: //nolint:errorlint // the protocol needs io.EOF itself
		return err
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOENT), errors.Is(err, syscall.ENOTDIR):
		return sftp.ErrSSHFxNoSuchFile
	case errors.Is(err, fs.ErrPermission):
		return sftp.ErrSSHFxPermissionDenied
	}
	return sftp.ErrSSHFxFailure
}

func (f files) Filecmd(r *sftp.Request) error {
	switch r.Method {
	case "Setstat":
		return status(f.setstat(r))
	case "Rename":
		if _, err := f.v.Lstat(r.Target); err == nil { // version 3 never overwrites
			return sftp.ErrSSHFxFailure
		}
		return status(f.v.Rename(r.Filepath, r.Target))
	case "Rmdir", "Remove":
		i, err := f.v.Lstat(r.Filepath)
		if err == nil && i.IsDir() != (r.Method == "Rmdir") {
			return sftp.ErrSSHFxFailure
		}
		return status(f.v.Remove(r.Filepath))
	case "Mkdir":
		return status(f.v.Mkdir(r.Filepath, 0o777))
	case "Symlink":
		return status(f.v.Symlink(r.Filepath, r.Target))
	case "Link":
		return status(f.v.Link(r.Filepath, r.Target))
	}
	return sftp.ErrSSHFxOpUnsupported
}

// PosixRename is OpenSSH's extension: it replaces an existing file.
func (f files) PosixRename(r *sftp.Request) error { return status(f.v.Rename(r.Filepath, r.Target)) }

func (f files) setstat(r *sftp.Request) error {
	a, has := r.Attributes(), r.AttrFlags()
	var errs []error
	if has.Size {
		errs = append(errs, f.v.Truncate(r.Filepath, int64(a.Size)))
	}
	if has.UidGid {
		errs = append(errs, f.v.Chown(r.Filepath, int(a.UID), int(a.GID), true))
	}
	if has.Permissions {
		errs = append(errs, f.v.Chmod(r.Filepath, a.FileMode()))
	}
	if has.Acmodtime {
		errs = append(errs, f.v.Chtimes(r.Filepath, time.Unix(int64(a.Atime), 0), time.Unix(int64(a.Mtime), 0)))
	}
	return errors.Join(errs...)
}

func (f files) Filelist(r *sftp.Request) (sftp.ListerAt, error) {
	switch r.Method {
	case "List":
		infos, err := f.v.ReadDir(r.Filepath)
		l := make(lister, len(infos))
		for i, x := range infos {
			l[i] = x
		}
		return l, status(err)
	case "Stat":
		i, err := f.v.Stat(r.Filepath)
		return lister{i}, status(err)
	}
	return nil, sftp.ErrSSHFxOpUnsupported
}

// Lstat and Readlink are for requests that do not follow links.
func (f files) Lstat(r *sftp.Request) (sftp.ListerAt, error) {
	i, err := f.v.Lstat(r.Filepath)
	return lister{i}, status(err)
}

// Readlink returns a link's target unchanged.
func (f files) Readlink(path string) (string, error) {
	t, err := f.v.Readlink(path)
	return t, status(err)
}

type lister []fs.FileInfo

func (l lister) ListAt(to []fs.FileInfo, offset int64) (int, error) {
	if offset >= int64(len(l)) {
		return 0, io.EOF
	}
	n := copy(to, l[offset:])
	if n < len(to) {
		return n, io.EOF
	}
	return n, nil
}
