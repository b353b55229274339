#!/bin/sh
# sign.sh FILE SIGNATURE signs a file with the key that INFRAHAUS_SIGN_KEY names in the
# keyring of gpg. Without a key it does nothing.
set -eu
[ -n "${INFRAHAUS_SIGN_KEY:-}" ] || { echo "not signed, INFRAHAUS_SIGN_KEY is not set: ${1##*/}"; exit 0; }
exec gpg --batch --yes --local-user "$INFRAHAUS_SIGN_KEY" --output "$2" --detach-sign "$1"
