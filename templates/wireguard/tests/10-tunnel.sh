#!/bin/sh
set -eu

. /etc/infrahaus/credentials/wireguard
cd /etc/wireguard
[ "$(stat -c %a wg0.conf server.key client.key | sort -u)" = 600 ]
printf '%s\n' "$CLIENT_CONFIG" | grep -F "PublicKey = $(wg pubkey <server.key)"
wg-quick strip wg0 | grep -F "PublicKey = $(wg pubkey <client.key)"
if [ -e no-kernel ]; then
	echo "not tested: the tunnel, because this kernel has no wireguard"
	exit 0
fi
# The client is a network namespace of its own.
ip netns add client
trap 'ip netns del client' EXIT
ip link add wgc type wireguard
ip link set wgc netns client
ip netns exec client wg set wgc private-key client.key peer "$(wg pubkey <server.key)" endpoint "127.0.0.1:$port" allowed-ips "$net.0/24"
ip -n client addr add "$net.2/24" dev wgc
ip -n client link set wgc up
ip netns exec client ping -c 1 -W 10 "$net.1"
