package bake

import (
	_ "embed"
	"fmt"
	"strings"
)

//go:embed prepare.sh
var prepare string

//go:embed firstboot.sh
var firstBootScript string

//go:embed settle.sh
var settle string

//go:embed release.sh
var release string

// unit runs the first boot's script under systemd before any ordinary service: those come
// after sysinit.target. systemd-tmpfiles empties /tmp and makes the folders below /run, so it
// comes first: beside it, what makes a database could lose its temporary files.
const unit = `[Unit]
Description=Make what a baked image must not share
DefaultDependencies=no
After=local-fs.target systemd-machine-id-commit.service systemd-sysusers.service systemd-tmpfiles-setup.service
Before=sysinit.target
ConditionPathExists=/var/lib/infrahaus/first-boot

[Service]
Type=oneshot
ExecStart=/bin/sh /var/lib/infrahaus/first-boot
TimeoutStartSec=300

[Install]
WantedBy=sysinit.target
`

// openrc is the same under OpenRC, in the runlevel boot.
const openrc = `#!/sbin/openrc-run
description="Make what a baked image must not share"
depend() {
	need localmount
	after hostname
}
start() {
	/bin/sh /var/lib/infrahaus/first-boot
}
`

// Leftovers is the exit status of PrepareScript for private keys that nothing makes anew;
// they are named on stderr.
const Leftovers = 3

// PrepareScript returns shell text that makes a container ready to be packed. It can run once:
// then the container has lost what this tool needs to go on with it. late are the files that
// a create writes only if they are absent, or keeps a copy of: those that packages have made
// since are removed, because a cold create writes them before it installs packages.
func PrepareScript(late []string) string {
	var b strings.Builder
	for _, c := range cleaners {
		fmt.Fprintf(&b, "# %s: %s\n", c.name, c.why)
		fmt.Fprintf(&b, "set -- %s\nif [ -e \"$1\" ]; then\n\tkeep=$state/keep/%s\n%s\n", c.has, c.name, c.clean)
		if c.anew != "" {
			b.WriteString(here("$state/anew/"+c.name, c.anew))
		}
		b.WriteString("fi\n\n")
	}
	for _, target := range late {
		fmt.Fprintf(&b, "if newer %[1]s; then rm -f %[1]s; fi\n", quote(target))
	}
	return strings.Replace(prepare, "#CLEANERS#\n", b.String(), 1) + firstBoot()
}

// Settle is shell text for the beginning of the first step of a sync. It has a container from an
// image wait for what is made at its first start; it does nothing in any other container.
const Settle = `#!/bin/sh
if [ -f /var/lib/infrahaus/settle ]; then sh /var/lib/infrahaus/settle </dev/null || exit 1; fi
`

// firstBoot writes the first boot's script and what starts it. The config-manager runs release
// between files and packages.
func firstBoot() string {
	return here("$state/first-boot", firstBootScript) + here("$state/settle", settle) + here("$state/release", release) + `if [ -d /run/systemd/system ]; then
` + here("/etc/systemd/system/infrahaus-first-boot.service", unit) + `mkdir -p /etc/systemd/system/sysinit.target.wants
ln -sf ../infrahaus-first-boot.service /etc/systemd/system/sysinit.target.wants/infrahaus-first-boot.service
echo 'enable infrahaus-first-boot.service' >>/etc/systemd/system-preset/00-infrahaus.preset
elif [ -d /etc/runlevels/boot ]; then
` + here("/etc/init.d/infrahaus-first-boot", openrc) + `chmod 0755 /etc/init.d/infrahaus-first-boot
ln -sf /etc/init.d/infrahaus-first-boot /etc/runlevels/boot/infrahaus-first-boot
fi
`
}

// here writes a file from a here document.
func here(path, text string) string {
	return fmt.Sprintf("cat >\"%s\" <<'INFRAHAUS_END'\n%s\nINFRAHAUS_END\n", path, strings.TrimSuffix(text, "\n"))
}

// Packed is what PackScript prints on stderr in the end if the archive is whole. The exit
// status would be that of gzip alone.
const Packed = "infrahaus: packed"

// PackScript writes the container's root file system to stdout as a .tar.gz. What is mounted in
// it is left out, but for its folder.
const PackScript = `cd / || exit 1
rc=/run/infrahaus-pack.rc
options=--numeric-owner
for o in --one-file-system --xattrs --xattrs-include=\* --acls; do
	if tar $o -cf /dev/null --files-from /dev/null >/dev/null 2>&1; then options="$options $o"; fi
done
{
	tar $options --exclude='./proc/*' --exclude='./sys/*' --exclude='./dev/*' --exclude='./run/*' --exclude='./tmp/*' --exclude='./var/tmp/*' --exclude=./lost+found -cf - .
	echo "$?" >"$rc"
} | gzip -1 || exit 1
read -r st <"$rc"
rm -f "$rc"
# 1 is a file that changed while it was read, such as a log.
case $st in 0 | 1) echo '` + Packed + `' >&2 ;; *) exit 1 ;; esac
`

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
