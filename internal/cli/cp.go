package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	xterm "golang.org/x/term"

	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/guest"
)

type cpOptions struct {
	app          *app
	recursive    bool
	passwordFile string
	progress     *progress
}

func newCpCmd(a *app) *cobra.Command {
	o := &cpOptions{app: a}
	cmd := &cobra.Command{
		Use:   "cp SOURCE DESTINATION",
		Short: "Copy files between a container and this machine",
		Long: `Copy a file, or with -r a folder, into a running container or out of it. One side is
CONTAINER:PATH, where a relative path begins in /root; the container is one on record, or
by its ctid any that the host can reach. Nothing is recorded.

As with docker cp, a destination that is a folder gets the source by its name; SOURCE/. is
what is in a folder; - is a tar archive on stdin or stdout, for which -r is not needed.
A name with a colon on this machine is written ./NAME.

Modes and times are kept. Links in a folder stay links; a link that is named itself is
followed without -r. In the container new files belong to root, and a file that is
replaced keeps its owner. A file gets its name once it is whole, and what arrives in the
container is compared by its sums before that. From a container nothing is written outside
the destination, and no devices, setuid or setgid bits are taken over.` + exitStatuses(0, 1, 2, 3, 4, 5, 130, 143),
		Example: `  infrahaus cp nginx.conf web:/etc/nginx/nginx.conf
  infrahaus cp -r web:/var/log ./logs
  infrahaus cp web:/etc - | tar -t`,
		Args: exactArgs("a source", "a destination"),
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), args[0], args[1]) },
	}
	cmd.Flags().BoolVarP(&o.recursive, "recursive", "r", false, "copy folders")
	passwordFlag(cmd.Flags(), &o.passwordFile)
	return cmd
}

// side is one argument of cp.
type side struct {
	container string // "": this machine
	path      string
	stream    bool // -
}

// parseSide reads an argument as docker does: what begins with . or / is on this machine,
// and so is what has no colon.
func parseSide(arg string) (side, error) {
	if arg == "-" {
		return side{stream: true}, nil
	}
	container, at, found := strings.Cut(arg, ":")
	if !found || strings.HasPrefix(arg, ".") || strings.HasPrefix(arg, "/") || filepath.VolumeName(arg) != "" || strings.Contains(container, "/") {
		return side{path: homePath(arg)}, nil
	}
	switch {
	case container == "":
		return side{}, usagef("%q names no container", arg).hint("a file of this machine: %s", shellWord("./"+arg))
	case strings.ContainsRune(at, 0):
		return side{}, usagef("%q has a NUL byte", arg)
	case at == "":
		at = "."
	}
	return side{container: container, path: at}, nil
}

func parseSides(src, dst string) (from, to side, err error) {
	if from, err = parseSide(src); err == nil {
		to, err = parseSide(dst)
	}
	switch {
	case err != nil:
	case from.container == "" && to.container == "":
		err = usagef("neither %s nor %s is in a container", shellWord(src), shellWord(dst)).hint("a path in a container is written web:/path")
	case from.container != "" && to.container != "":
		err = usagef("one side must be on this machine").hint("copy it here first, and then to the other container")
	}
	return from, to, err
}

func (o *cpOptions) run(ctx context.Context, src, dst string) error {
	a := o.app
	from, to, err := parseSides(src, dst)
	if err != nil {
		return err
	}
	switch {
	case from.stream && o.passwordFile == "-":
		return usagef("--password-file - and the archive cannot both be stdin")
	case to.stream && xterm.IsTerminal(int(a.out.Fd())):
		return usagef("stdout is a terminal, which cannot take an archive").hint("redirect it: infrahaus cp %s - >archive.tar", shellWord(src))
	case from.stream && xterm.IsTerminal(int(a.in.Fd())):
		return usagef("stdin is a terminal, which is no archive")
	}
	var size int64
	if from.container == "" && !from.stream {
		if size, err = o.checkSource(from.path); err != nil {
			return err
		}
	}
	in, err := a.enterGuest(ctx, from.container+to.container, o.passwordFile)
	if err != nil {
		return err
	}
	defer in.close()
	o.progress = newProgress(a, size)
	if from.container == "" {
		err = o.upload(ctx, in, from, to)
	} else {
		err = o.download(ctx, in, from, to)
	}
	o.progress.end()
	if err != nil {
		return o.explain(err, src, dst)
	}
	if !a.global.quiet && !to.stream {
		text := fmt.Sprintf("copied %s to %s", src, dst)
		if size > 0 { // what was sent is an archive, which is larger
			text += " (" + bytesText(size) + ")"
		}
		a.note(text)
	}
	return nil
}

// explain turns an error of the guest's side into one of this command.
func (o *cpOptions) explain(err error, src, dst string) error {
	var refused *guest.Refusal
	if errors.As(err, &refused) {
		return failf(exit.Guest, "cannot copy %s to %s: %w", src, dst, refused)
	}
	return err
}

// checkSource looks at a file or folder of this machine.
func (o *cpOptions) checkSource(at string) (size int64, err error) {
	info, err := os.Stat(at)
	switch {
	case err != nil:
		if _, lerr := os.Lstat(at); lerr != nil || !o.recursive {
			return 0, failf(exit.Other, "cannot copy %s: %w", at, plainPath(err))
		}
		return 0, nil
	case info.IsDir() && !o.recursive:
		return 0, usagef("%s is a folder", at).hint("add -r")
	case !info.IsDir() && !info.Mode().IsRegular():
		return 0, usagef("%s is no file and no folder", at)
	}
	if !info.IsDir() {
		return info.Size(), nil
	}
	_, size, err = guest.PackSize(at)
	return size, err
}

// plainPath is the reason of a file's error, without its name.
func plainPath(err error) error {
	var at *os.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}

func (o *cpOptions) upload(ctx context.Context, in *inside, from, to side) error {
	if from.stream {
		return guest.Place(ctx, in.guest, to.path, "", "tar", func(w io.Writer) error {
			_, err := io.Copy(o.progress.writer(w), o.app.in)
			return err
		})
	}
	kind := "file"
	if info, err := os.Stat(from.path); err == nil && info.IsDir() {
		kind = "dir"
		if isContents(from.path) {
			kind = "contents"
		}
	}
	full, err := filepath.Abs(from.path)
	if err != nil {
		return err
	}
	walk := from.path
	if kind != "file" { // a link to a folder is followed where it is named itself
		if walk, err = filepath.EvalSymlinks(from.path); err != nil {
			return err
		}
	}
	return guest.Place(ctx, in.guest, to.path, filepath.Base(full), kind, func(w io.Writer) error {
		return guest.Pack(o.progress.writer(w), walk, kind == "file" && !o.recursive)
	})
}

// isContents reports whether a path means what is in a folder.
func isContents(at string) bool {
	at = filepath.ToSlash(at)
	return at == "." || strings.HasSuffix(at, "/.")
}

func (o *cpOptions) download(ctx context.Context, in *inside, from, to side) error {
	e, err := guest.LookAt(ctx, in.guest, from.path)
	switch {
	case err != nil:
		return err
	case e.Kind == "none":
		return failf(exit.Other, "cannot copy %s:%s: there is no such file in the container", from.container, from.path)
	case e.Kind == "other":
		return failf(exit.Other, "cannot copy %s:%s: it is no file and no folder", from.container, from.path)
	case e.Kind == "dir" && !o.recursive && !to.stream:
		return usagef("%s:%s is a folder", from.container, from.path).hint("add -r")
	}
	o.progress.size = e.Size
	if to.stream {
		return guest.FetchTar(ctx, in.guest, from.path, func(r io.Reader) error {
			_, err := io.Copy(o.progress.writer(o.app.out), r)
			return err
		})
	}
	dir, name, err := o.destination(from.path, to.path, e.Kind == "dir")
	if err != nil {
		return err
	}
	if e.Kind == "dir" {
		return o.fetchFolder(ctx, in, from.path, filepath.Join(dir, name))
	}
	return o.fetchFile(ctx, in, from.path, dir, name)
}

// destination is the folder of this machine and the name in it for what comes out of a
// container.
func (o *cpOptions) destination(src, dst string, folder bool) (dir, name string, err error) {
	base := path.Base(path.Clean("/root/" + src))
	if path.IsAbs(src) {
		base = path.Base(path.Clean(src))
	}
	info, err := os.Stat(dst)
	switch {
	case err == nil && info.IsDir() && folder && isContents(src):
		return dst, ".", nil
	case err == nil && info.IsDir() && base == "/":
		return dst, ".", nil
	case err == nil && info.IsDir():
		return dst, base, nil
	case err == nil && folder:
		return "", "", failf(exit.Other, "cannot copy a folder to %s: it is a file", dst)
	case err != nil && !errors.Is(err, os.ErrNotExist):
		return "", "", failf(exit.Other, "cannot copy to %s: %w", dst, plainPath(err))
	case err != nil && !folder && strings.HasSuffix(filepath.ToSlash(dst), "/"):
		return "", "", failf(exit.Other, "cannot copy to %s: there is no such folder", dst)
	}
	dir = filepath.Dir(filepath.Clean(dst))
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return "", "", failf(exit.Other, "cannot copy to %s: there is no folder %s", dst, dir)
	}
	return dir, filepath.Base(filepath.Clean(dst)), nil
}

func (o *cpOptions) fetchFolder(ctx context.Context, in *inside, src, target string) error {
	if err := os.Mkdir(target, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return failf(exit.Other, "cannot make the folder %s: %w", target, plainPath(err))
	}
	root, err := os.OpenRoot(target)
	if err != nil {
		return failf(exit.Other, "cannot copy to %s: %w", target, plainPath(err))
	}
	defer root.Close()
	var done guest.Unpacked
	err = guest.Fetch(ctx, in.guest, src, true, func(r io.Reader) (err error) {
		done, err = guest.Unpack(o.progress.reader(r), root)
		return err
	})
	return errors.Join(err, refusedEntries(done.Refused))
}

// refusedEntries is the error for what was left out.
func refusedEntries(list []string) error {
	if len(list) == 0 {
		return nil
	}
	more := ""
	if len(list) > 1 {
		more = fmt.Sprintf(", and %d more", len(list)-1)
	}
	return failf(exit.Other, "cannot copy everything: %s%s", list[0], more)
}

// fetchFile unpacks into a folder of its own, because the archive has the name that the file
// has in the container.
func (o *cpOptions) fetchFile(ctx context.Context, in *inside, src, dir, name string) error {
	stage, err := os.MkdirTemp(dir, ".infrahaus-cp-")
	if err != nil {
		return failf(exit.Other, "cannot copy to %s: %w", dir, plainPath(err))
	}
	defer os.RemoveAll(stage)
	root, err := os.OpenRoot(stage)
	if err != nil {
		return err
	}
	defer root.Close()
	var done guest.Unpacked
	err = guest.Fetch(ctx, in.guest, src, false, func(r io.Reader) (err error) {
		done, err = guest.Unpack(o.progress.reader(r), root)
		return err
	})
	if err != nil {
		return err
	}
	list, err := os.ReadDir(stage)
	if err == nil && (len(list) != 1 || !list[0].Type().IsRegular()) {
		return failf(exit.Other, "cannot copy %s: the container did not send one file", src)
	}
	if err != nil {
		return errors.Join(err, refusedEntries(done.Refused))
	}
	target := filepath.Join(dir, name)
	if real, err := filepath.EvalSymlinks(target); err == nil { // a link that the user has there is followed
		target = real
	}
	return os.Rename(filepath.Join(stage, list[0].Name()), target)
}
