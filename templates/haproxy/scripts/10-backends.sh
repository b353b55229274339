#!/bin/sh
set -eu

file=/etc/haproxy/backends.cfg
{
	printf 'backend servers\n\tbalance roundrobin\n'
	n=0
	for b in $backends; do
		n=$((n + 1))
		printf '\tserver s%d %s check\n' "$n" "$b"
	done
} >"$file.new"
if cmp -s "$file.new" "$file"; then
	rm "$file.new"
else
	mv "$file.new" "$file"
	systemctl restart haproxy
fi
save_credential haproxy USER admin
save_credential haproxy PASSWORD "$password"
