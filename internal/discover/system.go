package discover

import "strings"

// systemNames are services of an operating system that say nothing about a guest's
// purpose: the original's list, and those in Debian, Ubuntu, Alpine, Fedora and Proxmox's
// OS templates. The part before "@" is compared.
var systemNames = names(`
	console-getty container-getty getty serial-getty user user-runtime-dir session
	cron crond anacron atd dbus dbus-broker polkit polkitd networking network NetworkManager
	NetworkManager-wait-online NetworkManager-dispatcher ifup ifup-pre ifplugd wpa_supplicant ModemManager
	dhclient dhcpcd udhcpc resolvconf nscd nslcd sssd connman iwd wicked netplan
	ssh sshd dropbear postfix exim4 exim master sendmail containerd docker podman config-manager
	rsyslog rsyslogd syslog syslog-ng klogd auditd acpid haveged rngd irqbalance tuned lvm2-monitor
	chrony chronyd ntp ntpd ntpsec openntpd timesyncd
	udev udevd eudev mdev kmod modules modprobe hwclock hostname hwdrivers bootmisc localmount local swap
	sysctl sysfs sysfsconf urandom seedrng root procfs devfs devpts cgroups killprocs mount-ro savecache
	loopback machine-id keyboard-setup console-setup keymaps consolefont firewalld nftables iptables ip6tables
	apparmor selinux e2scrub_reap e2scrub_all e2scrub fstrim logrotate man-db apt-daily apt-daily-upgrade
	unattended-upgrades dpkg-db-backup apport whoopsie motd-news packagekit snapd udisks2 upower accounts-daemon
	rc-local rc cloud-config cloud-final cloud-init cloud-init-local qemu-guest-agent open-vm-tools vgauth
	emergency rescue plymouth initrd-switch-root init systemd halt poweroff rpcbind gssproxy nfs-common
	dracut-shutdown ldconfig import-state loadmodules nis-domainname kdump import rhsmcertd dnf-makecache
	screen-cleanup sudo x11-common quotaon rdma-ndd multipathd blk-availability ufw ua-reboot-cmds
	ubuntu-advantage ubuntu-fan pollinate lxd-agent
	procps rc.local bootlogs bootlogd stop-bootlogd stop-bootlogd-single bootclean checkfs checkroot checkroot-bootclean
	mountall mountall-bootclean mountdevsubfs mountkernfs mountnfs mountnfs-bootclean mount-configfs
	umountfs umountnfs umountroot rmnologin sendsigs single reboot brightness motd skeleton hdparm
	cgroupfs-mount lvm2 lvm2-lvmpolld mdadm mdadm-waitidle cryptdisks cryptdisks-early elogind
	agetty binfmt dmesg fsck netmount net-online save-keymaps save-termencoding termencoding swapfiles swclock osclock
	rdate runsvdir s6-svscan staticroute numlock modloop mtab firstboot loadkmap watchdog mdevd devtmpfs-mount
	udev-trigger udev-settle udev-postmount opentmpfiles-setup opentmpfiles-dev lvm-monitoring
	aardvark-dns nfsdcld rpc.statd rpc-statd rpc-statd-notify`)

var systemPrefixes = []string{"systemd-", "snapd.", "plymouth-", "initrd-", "dbus-org.", "ua-", "cloud-init", "agetty.", "tmpfiles."}

func names(s string) map[string]bool {
	m := map[string]bool{}
	for _, n := range strings.Fields(s) {
		m[n] = true
	}
	return m
}

// isSystem reports whether a service or process belongs to the OS.
func isSystem(name string) bool {
	for _, p := range systemPrefixes {
		if strings.HasPrefix(name, p) {
			return true
		}
	}
	base, _, _ := strings.Cut(name, "@")
	return systemNames[base]
}

// keepsSystem reports whether a service stays a system service even if a credentials file
// has its name. No template is about systemd itself.
func keepsSystem(name string) bool { return strings.HasPrefix(name, "systemd-") }
