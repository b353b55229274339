#!/bin/sh
set -eu
pw=$(generate_password 20)
save_credential vault-app USER admin
save_credential vault-app PASSWORD "$pw"
echo "the password is $pw"
half=$(printf '%s' "$pw" | cut -c 1-10)
printf '%s' "$half"
sleep 0.3
printf '%s\n' "${pw#"$half"}"
echo "user admin" >&2
# For the test, which cannot know it otherwise: in the guest alone.
umask 077
printf '%s' "$pw" >/root/generated-password
