#!/bin/sh
set -eu

systemctl disable --now nmbd 2>/dev/null || :
id "$user" >/dev/null 2>&1 || useradd --system --no-create-home --shell /usr/sbin/nologin "$user"
install -d -o "$user" -g "$user" -m 0770 "/srv/samba/$share"
printf '%s\n%s\n' "$password" "$password" | smbpasswd -s -a "$user"
log_info "The share $share belongs to $user"

save_credential samba USER "$user"
save_credential samba PASSWORD "$password"
save_credential samba SHARE "$share"
