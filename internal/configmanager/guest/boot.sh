# The part of config-sync.sh that runs at boot, without a request. It records drift. With
# syncOnBoot in the template, it applies the files that were shipped last again. With
# CONFIG_REPO_URL, it pulls the repository and applies it.
# shellcheck shell=sh

at_boot() {
	KEEP=1
	drift
	if [ -n "${CONFIG_REPO_URL-}" ]; then
		from_repository
	elif [ "${SYNC_ON_BOOT-}" = true ] && [ -f "$S/current/manifest" ]; then
		STAGE=$S/current
		apply
	fi
}

# drift compares the deployed files with the present ones, in one process. A file of which
# the user kept the guest's version is no drift until it changes again.
drift() {
	[ -s "$S/state/checksums" ] || return 0
	found=$(sha256sum -c "$S/state/checksums" 2>/dev/null | grep -v ': OK$')
	changed=
	while IFS= read -r l; do
		[ -n "$l" ] && ! taken "${l%: FAILED*}" || continue
		changed=$changed$l$NL
	done <<-END
		$found
	END
	if [ -z "$changed" ]; then
		rm -f "$S/drift"
		return 0
	fi
	printf '%s' "$changed" >"$S/drift"
	log_warn "These files are not as they were deployed:"
	printf '%s' "$changed"
}

taken() { # target
	[ -s "$S/state/kept" ] && [ -f "$1" ] || return 1
	x=$(sha256sum "$1" 2>/dev/null) || return 1
	x=${x#\\}
	grep -qF " ${x%% *}  $1" "$S/state/kept"
}

from_repository() {
	case $CONFIG_REPO_URL in
	http://* | https://* | git@* | ssh://* | file://*) ;;
	*)
		log_error "CONFIG_REPO_URL is no repository's address"
		return 3
		;;
	esac
	repo=$R/opt/config-manager/repo
	if ! command -v git >/dev/null 2>&1; then
		ensure_installed git || return 4
	fi
	if ! pull; then
		if [ ! -d "$repo/.git" ]; then
			log_error "cannot clone the repository, and there is no copy of it"
			return 4
		fi
		log_warn "The repository cannot be reached: going on with what was pulled last"
	fi
	c=$repo/${CONFIG_PATH:-.}
	case $CONFIG_PATH in */../* | ../* | */.. | ..)
		log_error "CONFIG_PATH leads out of the repository"
		return 3
		;;
	esac
	[ ! -d "$c/container-configs" ] || c=$c/container-configs
	if [ ! -d "$c" ]; then
		log_error "the repository has no folder $CONFIG_PATH"
		return 3
	fi
	STAGE=$S/pulled FROM_REPO=repository
	rm -rf "$STAGE"
	mkdir -p "$STAGE/root" || return 1
	: >"$STAGE/manifest"
	: >"$STAGE/packages"
	repo_files "$c"
	repo_packages "$c"
	# A conflict must be found before any script runs.
	. "$LIB/files.sh" || return 1
	check_files "$STAGE" || return $?
	repo_scripts "$c" || return 1
	apply
	rc=$?
	[ "$rc" != 0 ] || rm -rf "$STAGE"
	return "$rc"
}

# pull tries for half a minute, because at boot the network may start later than this.
pull() {
	GIT_TERMINAL_PROMPT=0 GIT_SSH_COMMAND='ssh -oBatchMode=yes -oConnectTimeout=10'
	export GIT_TERMINAL_PROMPT GIT_SSH_COMMAND
	for n in 1 2 3 4 5 6; do
		if [ -d "$repo/.git" ]; then
			git -C "$repo" remote set-url origin "$CONFIG_REPO_URL" &&
				git -C "$repo" fetch -q --depth 1 origin "${CONFIG_BRANCH:-main}" &&
				git -C "$repo" reset -q --hard FETCH_HEAD && return 0
		else
			# Clone into another folder first, so that half a clone is never used. Its
			# .git contains the address, and with it perhaps a password.
			rm -rf "$repo.new"
			if mkdir -p "${repo%/*}" && mkdir -m 0700 "$repo.new" &&
				git clone -q --depth 1 -b "${CONFIG_BRANCH:-main}" -- "$CONFIG_REPO_URL" "$repo.new" &&
				chmod 0700 "$repo.new/.git" && chmod 0755 "$repo.new"; then
				[ ! -e "$repo" ] || mv "$repo" "$repo.before-$(date +%Y%m%d-%H%M%S)"
				mv "$repo.new" "$repo" && return 0
			fi
		fi
		[ "$n" = 6 ] || sleep 5
	done
	return 1
}

quote() { printf "'"; printf '%s' "$1" | sed "s/'/'\\\\''/g"; printf "'"; }

# repo_files writes a manifest from the files NAME, NAME.path and NAME.policy.
repo_files() { # folder
	for f in "$1"/files/* "$1"/files/.[!.]*; do
		[ -f "$f" ] && [ ! -L "$f" ] || continue
		case ${f##*/} in *.path | *.policy | .gitkeep | README.md) continue ;; esac
		d= p=default
		read -r d 2>/dev/null <"$f.path"
		read -r p 2>/dev/null <"$f.policy"
		case $d in
		/*) ;;
		*)
			log_warn "${f##*/} is left out: it has no .path that begins with /"
			continue
			;;
		esac
		case $d/ in */../*) log_warn "${f##*/} is left out: its .path climbs"; continue ;; esac
		case $p in replace | default | backup) ;; *) log_warn "${f##*/} is left out: unknown policy"; continue ;; esac
		d=${d%/}
		mkdir -p "$STAGE/root$d" && cp -p "$f" "$STAGE/root$d/" || continue
		printf 'group %s "" %s %s %s\n' "$(quote "$d")" "$p" "$(sha256sum <"$f" | cut -c1-64)" "$(quote "${f##*/}")" >>"$STAGE/manifest"
	done
}

# repo_packages writes a list from packages/*.{apt,apk,dnf,npm,pip,custom}.
repo_packages() { # folder
	for m in apt apk dnf npm pip; do
		for f in "$1/packages"/*."$m"; do
			[ -f "$f" ] || continue
			sed -e 's/#.*//' -e 's/[[:space:]]//g' -e '/^$/d' -e '/^-/d' "$f" | while read -r s; do
				printf ' %s' "$(quote "$s")"
			done | { read -r l || :; [ -z "$l" ] || printf 'packages %s %s\n' "$m" "$l" >>"$STAGE/packages"; }
		done
	done
	for f in "$1/packages"/*.custom; do
		[ -f "$f" ] || continue
		while IFS='|' read -r name check install; do
			case $name in '' | '#'*) continue ;; esac
			t=300 last=${install##*|}
			last=${last# }
			case $last in '' | *[!0-9]*) ;; *) t=$last install=${install%|*} ;; esac
			printf 'custom %s %s %s %s\n' "$(quote "$name")" "$t" "$(quote "$check")" "$(quote "$install")" >>"$STAGE/packages"
		done <"$f"
	done
}

repo_scripts() { # folder
	for f in "$1"/scripts/*.sh; do
		[ -f "$f" ] || continue
		log_info "Running ${f##*/}"
		if [ -x /bin/bash ]; then sh=bash; else sh=sh; fi
		# shellcheck disable=SC2016
		if ! INFRAHAUS_HELPERS=$LIB/helpers.sh "$sh" -c '. "$INFRAHAUS_HELPERS"; . "$0"' "$f"; then
			log_error "${f##*/} failed; nothing after it runs"
			return 1
		fi
	done
}
