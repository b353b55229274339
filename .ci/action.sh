#!/usr/bin/env bash
# action.sh is what action.yml runs: a create, and a sync of a container that was there
# already if that is wanted. Its settings are the variables IN_…; its results go to the file
# that GITHUB_OUTPUT names.
set -euo pipefail
common=()
[ "${IN_SANDBOX:-false}" != true ] || common+=(--sandbox)
args=(create "$IN_NAME" --template "$IN_TEMPLATE" --if-exists "${IN_IF_EXISTS:-resume}" --on-failure "${IN_ON_FAILURE:-keep}")
while IFS= read -r line; do
	[ -z "$line" ] || args+=(--set "$line")
done <<<"${IN_SET:-}"
there=$(infrahaus "${common[@]}" list -o name --filter "name=$IN_NAME")
status=0
infrahaus "${common[@]}" "${args[@]}" --junit "${IN_JUNIT:-infrahaus.xml}" >/dev/null || status=$?
if [ "$status" = 0 ] && [ -n "$there" ] && [ "${IN_SYNC:-false}" = true ]; then
	infrahaus "${common[@]}" sync "$IN_NAME" --junit "${IN_JUNIT:-infrahaus.xml}" >/dev/null || status=$?
fi
echo "exit-status=$status" >>"$GITHUB_OUTPUT"
if [ "$status" = 0 ] || [ "$status" = 6 ]; then
	for column in address ctid; do
		# A guest cannot choose these texts: they are checked by infrahaus.
		echo "$column=$(infrahaus "${common[@]}" list --filter "name=$IN_NAME" --columns "$column" -o tsv)" >>"$GITHUB_OUTPUT"
	done
fi
exit "$status"
