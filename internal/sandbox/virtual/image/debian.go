package image

import "strings"

// The programs of a fresh guest. Those of packages come with the package.
const (
	posixBin = `[ awk base64 basename cat chgrp chmod chown chroot cksum clear cmp comm cp cut date dd df diff dirname du echo env expand expr
factor false find flock fold free getconf getent grep egrep fgrep groups gzip gunzip zcat head hexdump hostid hostname id install join kill killall link ln
logger login logname ls md5sum mesg mkdir mkfifo mknod mktemp more mount mountpoint mv nice nl nohup nproc od openssl passwd paste pgrep pidof
ping pkill printenv printf ps pwd readlink realpath renice rev rm rmdir sed seq setsid sha1sum sha256sum sha512sum shred shuf sleep
sort split stat strings stty su sum sync sysctl tac tail tar tee test time timeout top touch tr true truncate tsort tty umount uname uniq
unlink uptime users vmstat watch wc wget which who whoami xargs yes uuidgen`
	debianBin = `apt apt-cache apt-config apt-get apt-key apt-mark bash dash deb-systemd-invoke dpkg dpkg-deb dpkg-query hostnamectl ip journalctl
loginctl localectl ss systemctl systemd-cat systemd-tmpfiles timedatectl
chage chsh gpasswd debconf-set-selections curl`
	debianSbin = `adduser addgroup deluser delgroup chpasswd groupadd groupdel groupmod ifup ifdown ifquery ldconfig locale-gen nologin runuser service
sshd sysctl update-ca-certificates update-rc.d useradd userdel usermod visudo dpkg-reconfigure policy-rc.d reboot poweroff halt shutdown init
dhclient iptables invoke-rc.d cron agetty`
	alpineBin  = `ash apk ip nc netstat adduser addgroup deluser delgroup chpasswd vi less bunzip2 unzip lsof`
	alpineSbin = `rc-service rc-update rc-status openrc openrc-run rc ifup ifdown start-stop-daemon reboot poweroff halt init nologin update-ca-certificates`
)

func programs(l *layout, dir, names string) {
	for _, n := range strings.Fields(names) {
		l.program(dir + "/" + n)
	}
}

func debian(l *layout, s Spec) {
	l.link("usr/bin", "/bin")
	l.link("usr/sbin", "/sbin")
	l.link("usr/lib", "/lib")
	programs(l, "/usr/bin", posixBin)
	programs(l, "/usr/bin", debianBin)
	programs(l, "/usr/sbin", debianSbin)
	l.link("dash", "/usr/bin/sh")
	l.file("/usr/lib/systemd/systemd", stub+"init", 0o755)
	programs(l, "/usr/lib/systemd", "systemd-journald systemd-logind")
	programs(l, "/usr/bin", "dbus-daemon")
	for _, d := range []string{"/etc/systemd/system/multi-user.target.wants", "/usr/lib/systemd/system", "/etc/apt/sources.list.d", "/etc/apt/apt.conf.d",
		"/etc/apt/keyrings", "/etc/apt/preferences.d", "/var/lib/dpkg/info", "/var/lib/apt/lists", "/var/cache/apt/archives", "/etc/default", "/etc/init.d",
		"/etc/profile.d", "/etc/cron.d", "/etc/ssh/sshd_config.d", "/usr/share/keyrings", "/etc/sysctl.d", "/var/log/journal", "/usr/share/doc", "/etc/ssl/certs"} {
		l.dir(d, 0o755)
	}
	l.file("/var/lib/dpkg/lock", "", 0o640)
	l.file("/var/lib/dpkg/lock-frontend", "", 0o640)
	l.file("/var/lib/apt/lists/lock", "", 0o640)
	mirror, comps := "http://deb.debian.org/debian", "main contrib"
	if s.OS.ID == "ubuntu" {
		mirror, comps = "http://archive.ubuntu.com/ubuntu", "main universe"
	}
	l.file("/etc/apt/sources.list", "deb "+mirror+" "+s.OS.Codename+" "+comps+"\n", 0o644)
	if s.OS.ID == "debian" {
		l.file("/etc/debian_version", s.OS.Version+".7\n", 0o644)
	}
	l.file("/etc/profile", "if [ \"$(id -u)\" -eq 0 ]; then PATH=\"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\"; else PATH=\"/usr/local/bin:/usr/bin:/bin\"; fi\nexport PATH\n", 0o644)
	l.file("/root/.profile", "mesg n 2> /dev/null || true\n", 0o644)
	l.file("/root/.bashrc", "# ~/.bashrc\n", 0o644)
	l.file("/etc/skel/.bashrc", "# ~/.bashrc: executed by bash(1) for non-login shells.\n", 0o644)
	l.file("/etc/skel/.profile", "# ~/.profile: executed by the command interpreter for login shells.\n", 0o644)
	l.file("/etc/skel/.bash_logout", "# ~/.bash_logout: executed by bash(1) when login shell exits.\n", 0o644)
	l.file("/etc/ssh/sshd_config", "Include /etc/ssh/sshd_config.d/*.conf\nUsePAM yes\nSubsystem sftp /usr/lib/openssh/sftp-server\n", 0o644)
	for name, u := range debianUnits {
		l.file("/usr/lib/systemd/system/"+name, u, 0o644)
	}
	wants := "/etc/systemd/system/multi-user.target.wants/"
	for _, n := range []string{"ssh.service", "cron.service", "systemd-journald.service"} {
		l.link("/lib/systemd/system/"+n, wants+n)
	}
	l.link("/lib/systemd/system/ssh.service", "/etc/systemd/system/sshd.service")
	l.file("/var/lib/dpkg/status", dpkgStatus(s.OS), 0o644)
}

// debianUnits are the services of a fresh guest, as their packages ship them.
var debianUnits = map[string]string{
	"ssh.service": `[Unit]
Description=OpenBSD Secure Shell server
After=network.target auditd.service

[Service]
ExecStart=/usr/sbin/sshd -D
Restart=on-failure
Type=notify

[Install]
WantedBy=multi-user.target
Alias=sshd.service
`,
	"cron.service":             unit("Regular background program processing daemon", "/usr/sbin/cron -f"),
	"systemd-journald.service": unit("Journal Service", "/lib/systemd/systemd-journald"),
	"systemd-logind.service":   unit("User Login Management", "/lib/systemd/systemd-logind"),
	"dbus.service":             unit("D-Bus System Message Bus", "/usr/bin/dbus-daemon --system"),
	"getty@.service":           unit("Getty on %I", "/sbin/agetty %I"),
	"container-getty@.service": unit("Container Getty on /dev/tty%I", "/sbin/agetty tty%I"),
	"networking.service":       "[Unit]\nDescription=Raise network interfaces\n\n[Service]\nType=oneshot\nExecStart=/bin/true\nRemainAfterExit=yes\n\n[Install]\nWantedBy=multi-user.target\n",
	"multi-user.target":        "[Unit]\nDescription=Multi-User System\n",
	"network-online.target":    "[Unit]\nDescription=Network is Online\n",
	"network.target":           "[Unit]\nDescription=Network\n",
}

func unit(desc, start string) string {
	return "[Unit]\nDescription=" + desc + "\n\n[Service]\nExecStart=" + start + "\n\n[Install]\nWantedBy=multi-user.target\n"
}

// basePackages are installed in a fresh guest.
const basePackages = `adduser apt base-files base-passwd bash bsdutils coreutils cron dash dbus debconf debianutils diffutils dpkg e2fsprogs findutils grep gzip
hostname ifupdown init-system-helpers iproute2 isc-dhcp-client iputils-ping libc6 login mawk mount netbase openssh-server openssl passwd perl-base procps sed
sysvinit-utils curl ca-certificates systemd systemd-sysv tar tzdata util-linux wget`

func dpkgStatus(o OS) string {
	var b strings.Builder
	for _, p := range strings.Fields(basePackages) {
		b.WriteString("Package: " + p + "\nStatus: install ok installed\nPriority: optional\nSection: admin\nArchitecture: amd64\nVersion: 1.0-" + o.Version + "\nDescription: " + p + "\n\n")
	}
	return b.String()
}

func alpine(l *layout, s Spec) {
	l.dir("/bin", 0o755)
	l.dir("/sbin", 0o755)
	l.dir("/lib", 0o755)
	programs(l, "/usr/bin", posixBin)
	programs(l, "/bin", alpineBin)
	programs(l, "/sbin", alpineSbin)
	for _, n := range strings.Fields("cat chmod chown cp date dd df echo false grep gzip kill ln ls mkdir mknod mktemp mount mv ps pwd rm rmdir sed sleep stat su sync tar touch true umount uname hostname") {
		l.link("/usr/bin/"+n, "/bin/"+n)
	}
	l.link("/bin/ash", "/bin/sh")
	for _, d := range []string{"/etc/init.d", "/etc/conf.d", "/etc/runlevels/default", "/etc/runlevels/boot", "/etc/apk/keys", "/lib/apk/db", "/run/openrc", "/etc/ssl/certs"} {
		l.dir(d, 0o755)
	}
	l.file("/run/openrc/softlevel", "default", 0o644)
	ver := strings.Join(strings.Split(s.OS.Version+".0", ".")[:2], ".")
	l.file("/etc/apk/repositories", "https://dl-cdn.alpinelinux.org/alpine/v"+ver+"/main\nhttps://dl-cdn.alpinelinux.org/alpine/v"+ver+"/community\n", 0o644)
	l.file("/etc/apk/world", "alpine-base\n", 0o644)
	l.file("/lib/apk/db/installed", "P:alpine-base\nV:"+s.OS.Version+"-r0\n\nP:busybox\nV:1.37.0-r0\n\nP:openrc\nV:0.55-r0\n\n", 0o644)
	l.file("/etc/profile", "export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n", 0o644)
}

// accounts writes passwd, group and shadow.
func accounts(l *layout, o OS, pass string) {
	shell := "/bin/bash"
	if o.ID == "alpine" {
		shell = "/bin/sh"
	}
	l.file("/etc/passwd", "root:x:0:0:root:/root:"+shell+`
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
bin:x:2:2:bin:/bin:/usr/sbin/nologin
sys:x:3:3:sys:/dev:/usr/sbin/nologin
man:x:6:12:man:/var/cache/man:/usr/sbin/nologin
mail:x:8:8:mail:/var/mail:/usr/sbin/nologin
www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin
backup:x:34:34:backup:/var/backups:/usr/sbin/nologin
sshd:x:102:65534::/run/sshd:/usr/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
`, 0o644)
	l.file("/etc/group", "root:x:0:\ndaemon:x:1:\nbin:x:2:\nsys:x:3:\nadm:x:4:\ntty:x:5:\nmail:x:8:\nman:x:12:\nwheel:x:10:\nsudo:x:27:\nwww-data:x:33:\nbackup:x:34:\nshadow:x:42:\nusers:x:100:\nnogroup:x:65534:\n", 0o644)
	l.file("/etc/shadow", "root:"+pass+":20000:0:99999:7:::\nwww-data:*:20000:0:99999:7:::\nnobody:*:20000:0:99999:7:::\n", 0o640)
	l.own("/etc/shadow", 0, 42)
	l.file("/etc/gshadow", "root:*::\n", 0o640)
}
