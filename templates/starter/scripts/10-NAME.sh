#!/bin/sh
# Runs as root in the container, once its files and packages are there. For the functions
# and variables that it can use:  infrahaus help helpers
set -eu

log_info "Starting nginx on port $port"
systemctl enable nginx
systemctl restart nginx

# A credential is sealed in the catalogue, and hidden in all output from here on:
# save_credential NAME PASSWORD "$password"
