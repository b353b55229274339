#!/bin/sh
# Runs once, at the first start of a container that was made from a baked image, before any
# service. It makes what must be each container's own, and removes itself. It begins again if
# it was killed.
state=/var/lib/infrahaus
exec >"$state/log" 2>&1
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH
umask 022
failed=
for script in "$state"/anew/*; do
	[ -f "$script" ] || continue
	name=${script##*/}
	keep=$state/keep/$name sh -eu "$script" || failed="$failed $name"
done
if [ -n "$failed" ]; then
	echo "could not make anew:$failed"
	mv "$state/log" "$state/failed"
else
	rm -f "$state/log"
fi
rm -rf "$state/anew" "$state/keep"
# settle waits until first-boot is gone, and looks for failed then.
rm -f "$state/first-boot"
rm -f /etc/systemd/system-preset/00-infrahaus.preset /etc/systemd/system/infrahaus-first-boot.service \
	/etc/systemd/system/sysinit.target.wants/infrahaus-first-boot.service \
	/etc/init.d/infrahaus-first-boot /etc/runlevels/boot/infrahaus-first-boot
rmdir /etc/systemd/system-preset 2>/dev/null
exit 0
