#!/usr/bin/env bash
set -euo pipefail
log_warn "Nothing is installed, this is a test"
PASSWORD=$(generate_password 16)
save_credential code-server PASSWORD "$PASSWORD"
