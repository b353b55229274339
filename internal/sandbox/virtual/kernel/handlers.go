package kernel

import (
	"context"
	"io"
	"io/fs"
	"os"
	"strings"

	"mvdan.cc/sh/v3/interp"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/fsys"
)

func openHandler(ctx context.Context, name string, flag int, perm fs.FileMode) (io.ReadWriteCloser, error) {
	sh, hc := shellOf(ctx), interp.HandlerCtx(ctx)
	if src, ok := strings.CutPrefix(name, nowhere); ok {
		return sh.openSource(ctx, src)
	}
	if n, ok := fdPath(name); ok {
		f, err := sh.openFd(hc, n, n < 3)
		if t := terminalOf(f); err == nil && t != nil && flag == os.O_RDONLY {
			return sh.p.M.stub(t)
		}
		return f, err
	}
	if conn, ok, err := sh.openNet(ctx, name); err != nil {
		return nil, &os.PathError{Op: sh.name, Path: name, Err: shellReason{err}}
	} else if ok {
		return conn, nil
	}
	v := sh.p.View()
	v.Cwd = hc.Dir
	if i, err := v.Stat(name); err == nil && i.Mode()&fs.ModeNamedPipe != 0 {
		return sh.openFifo(v, name, flag)
	}
	f, err := v.Open(name, flag, 0o666)
	if err != nil {
		return nil, &os.PathError{Op: sh.name, Path: "cannot open " + name, Err: shellReason{err}}
	}
	if flag&(os.O_WRONLY|os.O_RDWR) == 0 {
		if t := terminalOf(f); t != nil {
			return sh.p.M.stub(t) // closed by the interpreter
		}
		if f.Host != nil {
			return f.Host, nil
		}
	}
	return f, nil
}

type shellReason struct{ err error }

func (r shellReason) Error() string { return Reason(r.err) }

func (r shellReason) Unwrap() error { return r.err }

func (sh *shell) openFifo(v *fsys.View, name string, flag int) (io.ReadWriteCloser, error) {
	type res struct {
		f   *fsys.File
		err error
	}
	c := make(chan res, 1)
	go func() { f, err := v.Open(name, flag, 0); c <- res{f, err} }()
	select {
	case r := <-c:
		if r.err != nil {
			return nil, r.err
		}
		return r.f, nil
	case <-sh.p.ctx.Done():
		return nil, context.Cause(sh.p.ctx)
	}
}

func readDirHandler(ctx context.Context, name string) ([]fs.DirEntry, error) {
	v := shellOf(ctx).p.View()
	v.Cwd = interp.HandlerCtx(ctx).Dir
	list, err := v.ReadDir(name)
	if err != nil {
		return nil, err
	}
	out := make([]fs.DirEntry, len(list))
	for i, x := range list {
		out[i] = x
	}
	return out, nil
}

func statHandler(ctx context.Context, name string, follow bool) (fs.FileInfo, error) {
	v := shellOf(ctx).p.View()
	v.Cwd = interp.HandlerCtx(ctx).Dir
	var i *fsys.Info
	var err error
	if follow {
		i, err = v.Stat(name)
	} else {
		i, err = v.Lstat(name)
	}
	if err != nil {
		return nil, err
	}
	return i, nil
}

func accessHandler(ctx context.Context, name string, mode interp.AccessMode) error {
	v := shellOf(ctx).p.View()
	v.Cwd = interp.HandlerCtx(ctx).Dir
	return v.Access(name, fs.FileMode(mode))
}
