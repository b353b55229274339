package lxcguest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
)

// openRC is how the archives begin that stand in for those of Alpine: without systemd, bash,
// coreutils and a package manager. They are made of Debian's busybox and OpenRC.
const openRC = "alpine-"

// openRCPackages are what such a system is made of. The libraries that these programs need
// besides are this machine's.
const openRCPackages = "busybox-static openrc librc1 libeinfo1 dropbear-bin libtomcrypt1 libtommath1"

// openRCFiles are what Alpine's own packages would have. Debian's OpenRC has only the files
// that are not in Debian's other packages.
var openRCFiles = []struct {
	name, text string
	mode       os.FileMode
}{
	{"etc/inittab", "::sysinit:/sbin/openrc sysinit\n::sysinit:/sbin/openrc boot\n::wait:/sbin/openrc default\n" +
		"tty1::respawn:/sbin/getty 38400 tty1\ntty2::respawn:/sbin/getty 38400 tty2\n::ctrlaltdel:/sbin/reboot\n::shutdown:/sbin/openrc shutdown\n", 0o644},
	{"etc/rc.conf", "rc_sys=lxc\nrc_tty_number=2\n", 0o644},
	{"etc/insserv.conf", "", 0o644}, // Debian's OpenRC complains without it
	{"etc/passwd", "root:x:0:0:root:/root:/bin/ash\nnobody:x:65534:65534:nobody:/:/sbin/nologin\n", 0o644},
	{"etc/group", "root:x:0:\ntty:x:5:\nuucp:x:10:\nutmp:x:43:\nnogroup:x:65534:\n", 0o644},
	{"etc/shadow", "root:*:19000:0:99999:7:::\nnobody:*:19000:0:99999:7:::\n", 0o640},
	{"etc/profile", "export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n", 0o644},
	{"etc/shells", "/bin/sh\n/bin/ash\n", 0o644},
	{"etc/os-release", "ID=busybox-openrc\nNAME=\"busybox and OpenRC\"\nPRETTY_NAME=\"busybox and OpenRC of Debian\"\nVERSION_ID=1\n", 0o644},
	{"etc/nsswitch.conf", "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n", 0o644},
	{"etc/init.d/networking", `#!/sbin/openrc-run
description="interfaces of /etc/network/interfaces"
depend() { provide net; }
start() {
	ebegin "Starting networking"
	failed=
	for i in $(sed -n 's/^auto //p' /etc/network/interfaces); do
		case $i in lo) continue ;; esac # LXC has set it up
		ifup "$i" >/dev/null || failed=1
	done
	eend ${failed:-0}
}
`, 0o755},
	{"etc/init.d/dropbear", `#!/sbin/openrc-run
description="SSH server"
command=/usr/sbin/dropbear
command_args="-R -F -E"
command_background=yes
pidfile=/run/dropbear.pid
depend() { need net; }
`, 0o755},
	{"etc/udhcpc/default.script", `#!/bin/sh
case $1 in
deconfig) ip addr flush dev "$interface"; ip link set "$interface" up ;;
bound | renew)
	ip addr flush dev "$interface"
	ip addr add "$ip/${mask:-24}" dev "$interface"
	for r in $router; do ip route replace default via "$r" dev "$interface"; break; done
	;;
esac
exit 0
`, 0o755},
}

// openRCContent tells the archives of two versions of this program apart.
func openRCContent() string { return fmt.Sprint("3 ", openRCPackages, openRCFiles) }

// openRCRoot makes the root file system of such an archive.
func openRCRoot(ctx context.Context, root string) error {
	work := root + ".packages"
	if err := errors.Join(os.MkdirAll(work, 0o755), os.MkdirAll(root, 0o755)); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "apt-get", append([]string{"-qq", "-o", "APT::Sandbox::User=root", "download"}, strings.Fields(openRCPackages)...)...)
	cmd.Dir = work
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("cannot download %s: %w: %s", openRCPackages, err, firstLine(out))
	}
	packages, err := filepath.Glob(filepath.Join(work, "*.deb"))
	if err != nil {
		return err
	}
	for _, p := range packages {
		if err := run(ctx, "dpkg-deb", "-x", p, root); err != nil {
			return err
		}
	}
	for _, dir := range []string{"usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/lintian", "etc/runlevels/nonetwork"} {
		if err := os.RemoveAll(filepath.Join(root, dir)); err != nil {
			return err
		}
	}
	for _, dir := range []string{"dev", "etc/dropbear", "etc/network/if-pre-up.d", "etc/network/if-up.d", "etc/network/if-down.d", "etc/network/if-post-down.d",
		"etc/runlevels/boot", "etc/runlevels/default", "etc/runlevels/sysinit", "etc/runlevels/shutdown", "lib64", "mnt", "proc", "run", "sys", "usr/bin", "usr/sbin", "usr/local/bin",
		"etc/rc0.d", "etc/rc1.d", "etc/rc2.d", "etc/rc3.d", "etc/rc4.d", "etc/rc5.d", "etc/rc6.d", "etc/rcS.d", // Debian's OpenRC looks into them
		"var/cache", "var/lib", "var/log", "var/tmp"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			return err
		}
	}
	for _, f := range openRCFiles {
		if err := errors.Join(os.MkdirAll(filepath.Dir(filepath.Join(root, f.name)), 0o755), os.WriteFile(filepath.Join(root, f.name), []byte(f.text), f.mode)); err != nil {
			return err
		}
	}
	return errors.Join(os.MkdirAll(filepath.Join(root, "root"), 0o700), os.MkdirAll(filepath.Join(root, "tmp"), 0o755), os.Chmod(filepath.Join(root, "tmp"), os.ModeSticky|0o777),
		os.Symlink("../run", filepath.Join(root, "var/run")),
		os.Symlink("/etc/init.d/networking", filepath.Join(root, "etc/runlevels/boot/networking")), os.Symlink("/etc/init.d/dropbear", filepath.Join(root, "etc/runlevels/default/dropbear")),
		applets(ctx, root), libraries(ctx, root))
}

// applets links busybox's programs where Alpine has them, unless a package has its own.
func applets(ctx context.Context, root string) error {
	out, err := exec.CommandContext(ctx, filepath.Join(root, "bin/busybox"), "--list-full").Output()
	if err != nil {
		return fmt.Errorf("cannot ask busybox for its applets: %w", err)
	}
	// busybox's own has not the options of OpenRC's.
	ours := []string{"busybox", "linuxrc", "start-stop-daemon", "rpm", "dpkg", "dpkg-deb"}
	for applet := range strings.FieldsSeq(string(out)) {
		link := filepath.Join(root, applet)
		if _, err := os.Lstat(link); err == nil || slices.Contains(ours, filepath.Base(applet)) {
			continue
		}
		if err := errors.Join(os.MkdirAll(filepath.Dir(link), 0o755), os.Symlink("/bin/busybox", link)); err != nil {
			return err
		}
	}
	return nil
}

// libraries copies what the programs are linked with and the packages do not have.
func libraries(ctx context.Context, root string) error {
	var programs []string
	for _, pattern := range []string{"sbin/openrc*", "sbin/supervise-daemon", "lib/rc/bin/*", "lib/rc/sbin/*", "usr/sbin/dropbear"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			return err
		}
		programs = append(programs, found...)
	}
	cmd := exec.CommandContext(ctx, "ldd", programs...)
	cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+filepath.Join(root, "lib/x86_64-linux-gnu")+":"+filepath.Join(root, "usr/lib/x86_64-linux-gnu"))
	out, _ := cmd.Output() // fails for the scripts among them
	for word := range strings.FieldsSeq(string(out)) {
		if !strings.HasPrefix(word, "/") || strings.HasPrefix(word, root) || strings.HasSuffix(word, ":") {
			continue
		}
		if _, err := os.Stat(filepath.Join(root, word)); err == nil {
			continue
		}
		if err := copyFile(filepath.Join(root, word), word, 0o755); err != nil {
			return err
		}
	}
	return nil
}

// isOpenRC reports whether a guest has no systemd.
func isOpenRC(r rootfs) bool {
	_, err := r.Stat("sbin/openrc")
	return err == nil
}

// openRCFaults sets the faults of an SSH server that OpenRC starts.
func openRCFaults(r rootfs, faults *driver.Faults) error {
	const off, on = "etc/conf.d/dropbear", "exit 1\n"
	if err := r.Remove(off); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if _, ok := faults.Take(driver.FaultNoSSHD); ok {
		return r.write(off, on, 0o644)
	}
	return nil
}
