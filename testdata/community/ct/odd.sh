#!/usr/bin/env bash
source <(curl -fsSL https://raw.githubusercontent.com/community-scripts/ProxmoxVE/main/misc/build.func)
# License: this repository's

APP="Odd"
var_tags="${var_tags:-web}"
var_cpu="${var_cpu:-many}"
var_ram="${var_ram:-512}"
var_disk="${var_disk:-0}"
var_os="${var_os:-plan9}"
var_version="${var_version:-4}"
var_unprivileged="${var_unprivileged:-1}"

header_info "$APP"
variables
color
catch_errors

function update_script() {
  header_info
  check_container_storage
  check_container_resources
  :
  exit
}

start
build_container
description

msg_ok "Completed successfully!\n"

