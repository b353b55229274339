#!/bin/sh
set -eu
umask 077
cd /etc/wireguard

key() { [ -s "$1.key" ] || wg genkey >"$1.key"; wg pubkey <"$1.key"; }
server=$(key server)
client=$(key client)
# put FILE writes stdin there, and fails if that changes nothing.
put() { cat >"$1.new"; if cmp -s "$1.new" "$1"; then rm "$1.new"; return 1; fi; mv "$1.new" "$1"; }

changed=
put wg0.conf <<CONF && changed=1
[Interface]
Address = $net.1/24
ListenPort = $port
PrivateKey = $(cat server.key)
PostUp = nft -f /etc/wireguard/nat.nft
PostDown = nft delete table ip infrahaus-wg

[Peer]
PublicKey = $client
AllowedIPs = $net.2/32
CONF
save_credential wireguard CLIENT_CONFIG - <<CONF
[Interface]
Address = $net.2/32
PrivateKey = $(cat client.key)

[Peer]
PublicKey = $server
Endpoint = ${endpoint:-$INFRAHAUS_ADDRESS}:$port
AllowedIPs = $routes
PersistentKeepalive = 25
CONF

sysctl -q -w net.ipv4.ip_forward=1
if ip link add wgtest type wireguard 2>/dev/null; then
	ip link del wgtest
	rm -f no-kernel
	systemctl enable -q wg-quick@wg0
	[ -z "$changed" ] && systemctl is-active -q wg-quick@wg0 || systemctl restart wg-quick@wg0
elif [ "$need_kernel" = true ]; then
	log_error "The node's kernel has no wireguard here: run modprobe wireguard on the node, then resume"
	exit 1
else
	log_warn "The node's kernel has no wireguard: the tunnel is set up, and does not run"
	touch no-kernel
fi
