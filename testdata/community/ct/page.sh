#!/usr/bin/env bash
source <(curl -fsSL https://raw.githubusercontent.com/community-scripts/ProxmoxVE/main/misc/build.func)
# License: this repository's

APP="My Page"
var_tags="${var_tags:-web;Demo Site}"
var_cpu="${var_cpu:-2}"
var_ram="${var_ram:-768}"
var_disk="${var_disk:-3}"
var_os="${var_os:-debian}"
var_version="${var_version:-12}"
var_unprivileged="${var_unprivileged:-1}"

header_info "$APP"
variables
color
catch_errors

function update_script() {
  header_info
  check_container_storage
  check_container_resources
  if check_for_gh_release "page" "example/page"; then
    echo "newer" >/srv/version
    rm -f /srv/newer-page
  fi
  $STD apt-get upgrade -y
  exit
}

start
build_container
description

msg_ok "Completed successfully!\n"
echo -e "${INFO}${YW} Access it using the following URL:${CL}"
echo -e "${GATEWAY}${BGN}http://${IP}:8080/admin${CL}"
echo -e "${GATEWAY}${BGN}https://${IP}:8443${CL}"
