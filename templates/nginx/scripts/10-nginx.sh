#!/bin/sh
set -eu

# Debian's default site listens on [::], too. nginx would not start in a guest without IPv6.
site=/etc/nginx/sites-available/default
if [ ! -e /proc/net/if_inet6 ] && [ -f "$site" ]; then
	log_info "There is no IPv6 here: the default site listens on IPv4 alone"
	sed -i '/listen \[::\]/d' "$site"
fi

log_info "Starting nginx"
systemctl enable nginx
systemctl restart nginx
