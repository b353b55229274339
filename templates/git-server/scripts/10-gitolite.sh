#!/bin/sh
set -eu

id git >/dev/null 2>&1 || useradd --system --create-home --home-dir /srv/git --shell /bin/sh git
chmod 0750 /srv/git
if ! cmp -s /etc/git-server/admin.pub /srv/git/.admin.pub; then
	log_info "Setting up gitolite for its administrator"
	install -m 0644 /etc/git-server/admin.pub /srv/git/admin.pub
	runuser -u git -- sh -c 'cd && git config --global init.defaultBranch main && gitolite setup -pk admin.pub'
	mv /srv/git/admin.pub /srv/git/.admin.pub
fi
printf '%s\n' "$admin" | save_credential git ADMIN_KEY -
