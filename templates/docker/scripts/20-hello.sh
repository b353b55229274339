#!/bin/sh
set -eu

# The image has one static program, so that nothing need be pulled from a registry.
log_info "Making the image hello"
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
mkdir -p "$root/bin" "$root/www"
cp /bin/busybox "$root/bin/busybox"
cp -R /opt/hello/www/. "$root/www"
tar -C "$root" -c . | docker import - hello:1

docker rm -f hello >/dev/null 2>&1 || :
log_info "Running it on port $port"
docker run -d --name hello --restart unless-stopped -p "$port:8080" hello:1 /bin/busybox httpd -f -p 8080 -h /www
