#!/usr/bin/env bash

source /dev/stdin <<<"$FUNCTIONS_FILE_PATH"
color
verb_ip6
catch_errors
setting_up_container
network_check
update_os

msg_info "Installing Dependencies"
$STD apt-get install -y nginx-light
msg_ok "Installed Dependencies"

read -r -p "${TAB3}Would you like to add a banner? <y/N> " prompt
if [[ "${prompt,,}" =~ ^(y|yes)$ ]]; then
  read -rp "${TAB3}Enter the banner's text: " banner </dev/tty
  echo "$banner" >/srv/banner
fi
while true; do
  read -r -p "${TAB3}Which version would you like? (1/2.5/3): " version
  [[ "$version" =~ ^(1|2.5|3)$ ]] && break
done
read -rp "${TAB3}Enter the port [8080]: " PORT
PORT="${PORT:-8080}"
read -rsp "Enter the API token: " API_TOKEN
echo "Choose the owner:"
read -r OWNER
if prompt_confirm "Install the extra?" "n" 60; then
  bash -c "$(curl -fsSL https://raw.githubusercontent.com/community-scripts/ProxmoxVE/main/tools/addon/extra.sh)" <<<"y"
fi
COLOR=$(prompt_select "Which colour?" 2 60 "red" "green")
NAME=$(prompt_input "Enter the name" "page" 30)
while read -r line; do
  echo "$line" >>/srv/lines
done <<<"one
two"
echo "three" | read -r third

ADMIN_PASS="admin-$(hostname)-pass"
SSL_KEY="/etc/ssl/private/page.key"
APP_KEY="/etc/page/app.key"
PG_DB_NAME="page_db" setup_postgresql_db
cat <<END >~/page.creds
Page Admin User: admin
Page Admin Password: $ADMIN_PASS
END
printf 'plain-%s-text\n' "$(hostname)" >~/recovery.creds
echo "$version $PORT $OWNER $COLOR $NAME $APPLICATION $app $CTID $PCT_OSTYPE $VERBOSE" >/srv/page
echo "${#API_TOKEN}" >/srv/token-length

cat <<END >/etc/nginx/conf.d/page.conf
server {
	listen $PORT;
	return 200 "$NAME $COLOR";
}
END
systemctl enable -q --now nginx
systemctl restart nginx
msg_ok "Page answers"

motd_ssh
customize
cleanup_lxc
