package kernel

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"

	"github.com/infrahaus/infrahaus/internal/lazy"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/fsys"
)

// Stub begins the file of an implemented program: it can be found, listed and copied. The
// name of its Command follows.
const Stub = "\x7fELF virtual program "

// DefaultPath is searched where PATH is not set.
const DefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// LookPath finds a program in a PATH of the guest.
func (p *Proc) LookPath(name, paths string) (string, error) {
	return lookPath(p.View(), name, paths)
}

func (p *Proc) lookFrom(dir, name, paths string) (string, error) {
	v := p.View()
	v.Cwd = dir
	return lookPath(v, name, paths)
}

func lookPath(v *fsys.View, name, paths string) (string, error) {
	if strings.Contains(name, "/") {
		i, err := v.Stat(name)
		switch {
		case err != nil:
			return "", err
		case i.IsDir():
			return "", syscall.EACCES
		case i.Mode()&0o111 == 0:
			return "", syscall.EACCES
		}
		return name, nil
	}
	if paths == "" {
		paths = DefaultPath
	}
	var denied error
	for _, dir := range strings.Split(paths, ":") {
		if dir == "" {
			dir = "."
		}
		full := path.Join(dir, name)
		if i, err := v.Stat(full); err == nil && !i.IsDir() {
			if i.Mode()&0o111 != 0 && v.Allowed(i, 1) {
				return full, nil
			}
			denied = syscall.EACCES
		}
	}
	if denied != nil {
		return "", denied
	}
	return "", syscall.ENOENT
}

// exec runs argv in this process, as execve would, and returns its status.
func (p *Proc) exec(argv []string) int {
	return p.guard(func() int {
		p.wrapStreams()
		if len(argv) == 0 {
			return 0
		}
		full, err := p.LookPath(argv[0], p.Getenv("PATH"))
		if err != nil {
			return p.cannotExec(argv[0], err)
		}
		return p.execFile(full, argv, 0)
	})
}

func (p *Proc) cannotExec(name string, err error) int {
	if errors.Is(err, syscall.ENOENT) {
		if !strings.Contains(name, "/") {
			p.noteMissing(name)
		}
		fmt.Fprintf(p.Stderr, "%s: %s\n", name, NotFound)
		return 127
	}
	fmt.Fprintf(p.Stderr, "%s: %s\n", name, Reason(err))
	return 126
}

// lacking returns the text after "not found" for a program that the virtual guest never has,
// even if its package is installed.
func (p *Proc) lacking(name string) string {
	if p.M.HasCommand(name) || !programName().MatchString(name) || posixBuiltins[name] {
		return ""
	}
	return " (the virtual guest lacks many programs; they are there with `sandbox serve --driver lxc` or on a Proxmox node)"
}

var programName = lazy.Regexp(`^[a-zA-Z][-a-zA-Z0-9._+]*$`)

// NotFound is how a missing program is reported.
const NotFound = "not found"

func (p *Proc) noteMissing(name string) {
	if !p.M.HasCommand(name) {
		p.M.noteUnknown(name)
	}
}

func (p *Proc) execFile(full string, argv []string, depth int) int {
	v := p.View()
	b, err := v.ReadFile(full)
	if err != nil {
		fmt.Fprintf(p.Stderr, "%s: %s\n", argv[0], Reason(err))
		return 126
	}
	p.mu.Lock()
	p.args = argv
	p.mu.Unlock()
	p.SetComm(path.Base(full))
	switch {
	case bytes.HasPrefix(b, []byte(Stub)):
		name := strings.TrimSpace(string(b[len(Stub):]))
		return p.runCommand(name, argv)
	case bytes.HasPrefix(b, []byte("#!")):
		if depth > 4 {
			fmt.Fprintf(p.Stderr, "%s: %s\n", argv[0], Reason(syscall.ELOOP))
			return 126
		}
		return p.execScript(full, argv, b, depth)
	case bytes.IndexByte(b[:min(len(b), 128)], 0) >= 0 || bytes.HasPrefix(b, []byte("\x7fELF")):
		fmt.Fprintf(p.Stderr, "%s: Exec format error\n", argv[0])
		return 126
	}
	return p.runCommand("sh", append([]string{"sh", full}, argv[1:]...))
}

func (p *Proc) execScript(full string, argv []string, b []byte, depth int) int {
	line, _, _ := bytes.Cut(b[2:], []byte("\n"))
	interp, arg, _ := strings.Cut(strings.TrimSpace(string(line)), " ")
	if interp == "" {
		return p.runCommand("sh", append([]string{"sh", full}, argv[1:]...))
	}
	args := []string{interp}
	if arg = strings.TrimSpace(arg); arg != "" {
		args = append(args, arg)
	}
	args = append(append(args, full), argv[1:]...)
	if _, err := p.LookPath(interp, ""); err != nil {
		fmt.Fprintf(p.Stderr, "%s: %s: bad interpreter: %s\n", argv[0], interp, Reason(err))
		if errors.Is(err, syscall.ENOENT) {
			p.noteMissing(path.Base(interp))
			return 127
		}
		return 126
	}
	st := p.execFile(interp, args, depth+1)
	return st
}

// Shells are the names by which the shell is started.
var Shells = []string{"ash", "bash", "dash", "sh"}

// runCommand runs an implemented program in this process.
func (p *Proc) runCommand(name string, argv []string) int {
	if slices.Contains(Shells, name) {
		return p.runShell(name, argv)
	}
	cmd := p.M.commands[name]
	if cmd == nil {
		p.M.noteUnknown(name)
		fmt.Fprintf(p.Stderr, "sandbox: %s"+NotHere+"\n", name)
		return 127
	}
	st := cmd(p, argv)
	return st & 0xff
}

// Exec replaces the process's program and runs it to its end: for programs such
// as env, nohup or setsid, which end by executing another.
func (p *Proc) Exec(argv []string) int {
	full, err := p.LookPath(argv[0], p.Getenv("PATH"))
	if err != nil {
		if errors.Is(err, syscall.ENOENT) && !strings.Contains(argv[0], "/") {
			p.noteMissing(argv[0])
		}
		if errors.Is(err, syscall.ENOENT) {
			p.Errorf("%s: %s%s", quoteName(argv[0]), Reason(err), p.lacking(argv[0]))
			return 127
		}
		p.Errorf("%s: %s", quoteName(argv[0]), Reason(err))
		return 126
	}
	p.Handle(nil)
	return p.execFile(full, argv, 0)
}

// Applet runs an implemented program by its name, whether a file of that name exists or not.
func (p *Proc) Applet(argv []string) int {
	if !p.M.HasCommand(argv[0]) && !slices.Contains(Shells, argv[0]) {
		p.Errorf("%s: applet not found", argv[0])
		return 127
	}
	return p.runCommand(argv[0], argv)
}

// ExecFile is Exec of a file whose program sees another name, as a login shell does.
func (p *Proc) ExecFile(full string, argv []string) int {
	if _, err := p.LookPath(full, ""); err != nil {
		p.Errorf("%s: %s", full, Reason(err))
		return 127
	}
	p.Handle(nil)
	return p.execFile(full, argv, 0)
}

func quoteName(s string) string { return "‘" + s + "’" }

// Reason is an error as the guest's libc words it.
func Reason(err error) string {
	var no syscall.Errno
	if errors.As(err, &no) {
		if s, ok := reasons[no]; ok {
			return s
		}
		s := no.Error()
		return strings.ToUpper(s[:1]) + s[1:]
	}
	if errors.Is(err, io.EOF) {
		return "End of file"
	}
	if errors.Is(err, os.ErrNotExist) {
		return reasons[syscall.ENOENT]
	}
	return err.Error()
}

var reasons = map[syscall.Errno]string{
	syscall.ENOENT: "No such file or directory", syscall.EACCES: "Permission denied", syscall.EEXIST: "File exists",
	syscall.ENOTDIR: "Not a directory", syscall.EISDIR: "Is a directory", syscall.ENOTEMPTY: "Directory not empty",
	syscall.ENOSPC: "No space left on device", syscall.EPERM: "Operation not permitted", syscall.ELOOP: "Too many levels of symbolic links",
	syscall.EINVAL: "Invalid argument", syscall.EXDEV: "Invalid cross-device link", syscall.EBUSY: "Device or resource busy",
	syscall.ENXIO: "No such device or address", syscall.EBADF: "Bad file descriptor", syscall.EPIPE: "Broken pipe",
	syscall.EIO: "Input/output error", syscall.ENAMETOOLONG: "File name too long", syscall.EAGAIN: "Resource temporarily unavailable",
	syscall.ECONNREFUSED: "Connection refused", syscall.EADDRINUSE: "Address already in use", syscall.EFBIG: "File too large",
}
