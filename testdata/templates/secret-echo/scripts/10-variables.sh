#!/bin/sh
set -eu
echo "token=$token"
echo "made=$made and plain=$plain" >&2
echo "$INFRAHAUS_VAR_TOKEN$INFRAHAUS_VAR_MADE"
# In halves, in two writes with time between them, across a chunk's border.
half=$((${#token} / 2))
first=$(printf '%s' "$token" | cut -c "1-$half")
printf '%s' "$first"
sleep 0.3
printf '%s\n' "${token#"$first"}"
# In halves across a line's border.
printf '%s\n%s\n' "$first" "${token#"$first"}"
printf '%s\r%s\n' "$token" "$made"
