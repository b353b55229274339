#!/bin/sh
set -eu

systemctl enable --now docker
if ! docker info >/dev/null 2>&1; then
	log_error "Docker does not run here: it needs the nesting feature and a node that lets it nest"
	docker info || :
	exit 1
fi
log_info "Docker $(docker version --format '{{.Server.Version}}'), storage driver $(docker info --format '{{.Driver}}')"
