# shellcheck shell=sh disable=SC2154,SC2016

# Installers are not made to run twice.
done="$COMMUNITY_DIR/installed"
if [ -e "$done" ]; then
	log_info "$APPLICATION is installed, and its installer is not run again"
	exit 0
fi
status=0
bash "$COMMUNITY_DIR/$installer" </dev/null || status=$?

# Credentials that the installer wrote to a file: "Label: value" lines become keys, and a
# file with anything else is kept whole.
for file in /root/*.creds; do
	[ -f "$file" ] || continue
	chmod 600 "$file"
	service=$(basename "$file" .creds)
	esc=$(printf '\033')
	if plain=$(sed "s/$esc\[[0-9;]*m//g" "$file") && [ -n "$plain" ] &&
		! printf '%s\n' "$plain" | grep -v '^ *$' | grep -qv '^[A-Za-z][A-Za-z0-9 ._-]*: *[^ ]'; then
		printf '%s\n' "$plain" | grep -v '^ *$' | while IFS= read -r line; do
			key=$(printf %s "${line%%:*}" | tr '[:lower:]' '[:upper:]' | tr -c 'A-Z0-9' _)
			value=${line#*:}
			save_credential "$service" "$key" "${value# }"
		done
	else
		save_credential "$service" CONTENT - <"$file"
	fi
done
[ "$status" -eq 0 ] || exit "$status"

# The original's own command fetches a script from a branch and runs it.
if [ -e /usr/bin/update ]; then
	cat >/usr/bin/update <<'END'
#!/bin/sh
echo "This would run a script from a branch; infrahaus has replaced it." >&2
exit 1
END
	chmod 755 /usr/bin/update
fi
: >"$done"
