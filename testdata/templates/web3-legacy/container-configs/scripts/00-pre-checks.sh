#!/usr/bin/env bash
set -euo pipefail
log_info "Pre-checks on $CONTAINER_OS $CONTAINER_OS_VERSION, packages by $_PKG_MGR"
if ! is_installed sh; then
	log_error "no sh"
	exit 1
fi
