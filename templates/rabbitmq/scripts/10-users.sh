#!/bin/sh
set -eu

rabbitmqctl -q await_startup --timeout 120
rabbitmqctl -q import_definitions /etc/rabbitmq/definitions.json
if rabbitmqctl -q list_users | grep -q '^guest[[:space:]]'; then
	log_info "Removing the user guest, whom everybody knows"
	rabbitmqctl -q delete_user guest
fi
save_credential rabbitmq USER "$user"
save_credential rabbitmq PASSWORD "$password"
save_credential rabbitmq PORT "$port"
