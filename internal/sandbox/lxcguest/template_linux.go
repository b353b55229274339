package lxcguest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/gofrs/flock"
)

// TemplateName is the archive that EnsureTemplate makes where no other is asked for. It is
// named as Proxmox names its own.
const TemplateName = "debian-12-standard_12.7-1_amd64.tar.zst"

// suites are the releases that EnsureTemplate can make, by how an archive's name begins.
var suites = map[string]string{"debian-12-standard_": "bookworm", "debian-13-standard_": "trixie"}

// suiteOf is the release of Debian of an archive, or "".
func suiteOf(file string) string {
	for prefix, suite := range suites {
		if strings.HasPrefix(file, prefix) {
			return suite
		}
	}
	return ""
}

// packages are what Proxmox's Debian template has and this tool's users meet:
// systemd, sshd, ifupdown with a DHCP client, wget.
const packages = "systemd,systemd-sysv,dbus,openssh-server,iproute2,ca-certificates,netbase,ifupdown,isc-dhcp-client,procps,curl,wget,iputils-ping,less"

// EnsureTemplate makes the OS template with debootstrap, once, and again if an earlier
// version of this program made it with other packages: about a minute, 65 MB. It returns
// the archive's path under dir ("": DefaultDir). file is its name, of Debian 12 or 13 ("":
// TemplateName), or of Alpine, for which a smaller system stands in (see openRC). Many processes may call it at once; one
// works, the others wait for it.
func EnsureTemplate(ctx context.Context, dir, file string, log func(string)) (string, error) {
	file = cmp.Or(file, TemplateName)
	suite, content := suiteOf(file), packages
	openRC := strings.HasPrefix(file, openRC)
	switch {
	case openRC:
		content = openRCContent()
	case suite == "":
		return "", fmt.Errorf("the sandbox has real guests of Debian 12 and 13, and a stand-in for Alpine, not of %s", file)
	}
	if dir == "" {
		dir = DefaultDir
	}
	if log == nil {
		log = func(string) {}
	}
	cache := filepath.Join(dir, "template", "cache")
	if err := openDir(cache); err != nil {
		return "", err
	}
	archive := filepath.Join(cache, file)
	lock := flock.New(archive + ".lock")
	if ok, err := lock.TryLockContext(ctx, 200*time.Millisecond); !ok {
		return "", fmt.Errorf("cannot wait for the OS template: %w", err)
	}
	defer func() { _ = lock.Close() }()
	made := archive + ".packages" // says which packages the archive has
	if b, err := os.ReadFile(made); err == nil && string(b) == content {
		if _, err := os.Stat(archive); err == nil {
			return archive, nil
		}
	}
	need, how := map[string]string{"debootstrap": "debootstrap", "zstd": "zstd", "tar": "tar"}, "debootstrap; this takes a minute or two, once"
	if openRC {
		need, how = map[string]string{"apt-get": "apt", "ldd": "libc-bin", "xz": "xz-utils", "tar": "tar"}, "Debian's busybox and OpenRC"
	}
	if err := missing(need); err != nil {
		return "", fmt.Errorf("cannot make the OS template: %w", err)
	}
	log("making the OS template " + file + " with " + how)
	stale, _ := filepath.Glob(filepath.Join(cache, ".debootstrap-*"))
	for _, s := range stale {
		clearWork(s)
	}
	work, err := os.MkdirTemp(cache, ".debootstrap-")
	if err != nil {
		return "", err
	}
	defer clearWork(work)
	root := filepath.Join(work, "rootfs")
	if openRC {
		err = openRCRoot(ctx, root)
	} else if err = bootstrap(ctx, suite, root); err == nil {
		err = copyApt(ctx, suite, root)
	}
	if err != nil {
		return "", err
	}
	tmp := filepath.Join(work, "archive")
	if err := run(ctx, "tar", "--numeric-owner", compression(file), "-C", root, "-cf", tmp, "."); err != nil {
		return "", err
	}
	if err := os.Rename(tmp, archive); err != nil {
		return "", err
	}
	return archive, os.WriteFile(made, []byte(content), 0o644)
}

// clearWork removes a folder that debootstrap worked in, and before that what it
// may have left mounted there.
func clearWork(work string) {
	for _, m := range []string{"proc", "sys", "dev/pts", "dev"} {
		_ = unmount(filepath.Join(work, "rootfs", m))
	}
	_ = os.RemoveAll(work)
}

func bootstrap(ctx context.Context, suite, root string) error {
	args := []string{"--variant=minbase", "--include=" + packages, suite, root}
	if m := mirror(); m != "" {
		args = append(args, m)
	}
	cmd := exec.CommandContext(ctx, "debootstrap", args...)
	cmd.WaitDelay = 5 * time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	out, err := cmd.CombinedOutput()
	if err != nil {
		tail := strings.Split(strings.TrimSpace(string(out)), "\n")
		return fmt.Errorf("debootstrap: %w: %s", err, tail[len(tail)-1])
	}
	// Debian's images ship no host keys and no machine id: each guest has its own.
	keys, _ := filepath.Glob(filepath.Join(root, "etc/ssh/ssh_host_*"))
	for _, f := range append(keys, filepath.Join(root, "var/lib/dbus/machine-id")) {
		_ = os.Remove(f)
	}
	for _, dir := range []string{"var/cache/apt/archives/*.deb", "var/lib/apt/lists/*_*"} {
		old, _ := filepath.Glob(filepath.Join(root, dir))
		for _, f := range old {
			_ = os.Remove(f)
		}
	}
	return os.WriteFile(filepath.Join(root, "etc/machine-id"), nil, 0o444)
}

// extract unpacks as the guest's own root, in a user namespace, as Proxmox does
// with lxc-usernsexec: owners come out shifted.
func extract(ctx context.Context, archive, dir string, unprivileged bool) error {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	f, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := untar(ctx, f, dir, unprivileged, compression(archive), "--exclude=./dev/*"); err != nil {
		return fmt.Errorf("cannot unpack %s: %w", filepath.Base(archive), err)
	}
	return nil
}

// compression is tar's option for an archive.
func compression(file string) string {
	switch filepath.Ext(file) {
	case ".zst":
		return "--zstd"
	case ".xz":
		return "-J"
	}
	return "-z"
}

// untar unpacks a stream as root of the guests.
func untar(ctx context.Context, in io.Reader, dir string, unprivileged bool, options ...string) error {
	cmd := exec.CommandContext(ctx, "tar", append(options, "-xpf", "-", "--numeric-owner", "-C", dir)...)
	cmd.Stdin = in
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if unprivileged {
		if err := os.Chown(dir, idBase, idBase); err != nil {
			return err
		}
		inUserNamespace(cmd)
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, firstLine(out))
	}
	return nil
}

// inUserNamespace makes a command run as root of the unprivileged guests.
func inUserNamespace(cmd *exec.Cmd) {
	ids := []syscall.SysProcIDMap{{ContainerID: 0, HostID: idBase, Size: idCount}}
	cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
	cmd.SysProcAttr.UidMappings = ids
	cmd.SysProcAttr.GidMappings = ids
	cmd.SysProcAttr.GidMappingsEnableSetgroups = true
	cmd.SysProcAttr.Credential = &syscall.Credential{}
}

func firstLine(b []byte) string {
	line, _, _ := strings.Cut(strings.TrimSpace(string(b)), "\n")
	return line
}

func copyFile(dst, src string, mode os.FileMode) error {
	in, err := os.Open(src)
	if err != nil {
		return err
	}
	defer in.Close()
	if err := os.MkdirAll(filepath.Dir(dst), 0o755); err != nil {
		return err
	}
	out, err := os.OpenFile(dst, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
