#!/bin/sh
set -eu

file=/etc/unbound/unbound.conf.d/infrahaus-allow.conf
{
	printf 'server:\n\taccess-control: 127.0.0.0/8 allow\n'
	for net in $allow; do printf '\taccess-control: %s allow\n' "$net"; done
} >"$file.new"
if cmp -s "$file.new" "$file"; then
	rm "$file.new"
else
	mv "$file.new" "$file"
	unbound-checkconf
	systemctl restart unbound
fi
