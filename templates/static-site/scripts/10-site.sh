#!/bin/sh
set -eu

systemctl daemon-reload
systemctl enable -q --now site-update.timer
[ -L /var/www/site ] || ln -s /var/lib/site/pages /var/www/site
log_info "Fetching the site"
if ! systemctl start site-update; then
	log_error "The site cannot be fetched:"
	journalctl -u site-update -n 20 -o cat
	exit 1
fi
systemctl restart nginx
