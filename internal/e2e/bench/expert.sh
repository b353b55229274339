#!/bin/bash
# The reference job as an expert would script it: everything batched, nothing
# recorded, streamed or resumable. expert.sh prepare|guest|node|destroy; the
# environment has DIR JOB CTID IP GW, and PACKAGES for those that come first.
set -euo pipefail
node() { ssh -F "$DIR/ssh_config" pve "$@"; }
mux=$DIR/g$CTID
guest() {
	ssh -i "$DIR/key" -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -o ConnectTimeout=2 \
		-o ControlMaster=auto -o ControlPath="$mux" -o ControlPersist=30 "root@$IP" "$@"
}
usable='i=0; while [ $i -lt 300 ]; do case $(systemctl is-system-running 2>/dev/null) in running|degraded) exit 0;; esac; i=$((i+1)); sleep 0.1; done; exit 1'
place='mkdir -p /etc/app /root/.job && tar -xf - -C /root/.job && cp /root/.job/files/*.conf /etc/app/'
# The scripts use the helper that saves a credential; the expert has an own one.
work='set -e
save_credential() { mkdir -p -m 700 /etc/infrahaus/credentials; (umask 077; echo "$2=$3" >>"/etc/infrahaus/credentials/$1"); }
export -f save_credential
'"${PACKAGES:+apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends $PACKAGES >/dev/null}"'
for s in /root/.job/scripts/*.sh; do bash "$s"; done
rm -rf /root/.job
systemctl list-units --type=service --state=running --no-pager --no-legend
ss -tlnp
cat /etc/infrahaus/credentials/*'
make() {
	node "pct create $CTID local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst --hostname e$CTID --memory 512 --cores 1 --unprivileged 1 --features nesting=1 --rootfs local-lvm:2 --net0 name=eth0,bridge=vmbr0,ip=$IP/24,gw=$GW --ssh-public-keys /root/key.pub" >/dev/null
	node "pct start $CTID"
}
case $1 in
prepare) node 'mkdir -p /root && cat >/root/key.pub' <"$DIR/key.pub" ;;
guest)
	make
	n=0
	until guest true 2>/dev/null; do
		n=$((n + 1))
		[ "$n" -lt 200 ]
		sleep 0.1
	done
	guest "$usable"
	tar -C "$JOB" -cf - files scripts | guest "$place"
	guest "bash -c '${work//\'/\'\\\'\'}'"
	guest -O exit 2>/dev/null || true
	;;
node)
	make
	tar -C "$JOB" -cf - files scripts | node "pct exec $CTID -- sh -c '( $usable ) </dev/null && $place'"
	node "pct exec $CTID -- bash -c '${work//\'/\'\\\'\'}'"
	;;
destroy) node "pct stop $CTID; pct destroy $CTID" >/dev/null ;;
esac
