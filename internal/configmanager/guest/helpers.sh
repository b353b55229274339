# Helper functions for setup scripts, in POSIX sh. They are sourced before a script in sh,
# dash, ash or bash, and must work with every option that it sets (-e, -u, pipefail).
# shellcheck shell=sh

_ih_root=${CONFIG_MANAGER_PREFIX-}

# --- environment, without a process ---------------------------------------

_ih_environment() {
	: "${DEBIAN_FRONTEND:=noninteractive}" "${LC_ALL:=C}" "${CONFIG_MANAGER_VERSION:=1.0.0}"
	: "${CONFIG_MANAGER_ROOT:=/opt/config-manager/repo}" "${CONFIG_MANAGER_LOG:=/var/log/config-manager/sync.log}"
	: "${REPO_DIR:=$CONFIG_MANAGER_ROOT}"
	case ":${PATH-}:" in
	*:/usr/sbin:*) ;;
	*) PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin ;;
	esac
	CONFIG_MANAGER_FIRST_RUN=true
	[ ! -e "$_ih_root/var/log/config-manager/.first-run-complete" ] || CONFIG_MANAGER_FIRST_RUN=false
	if [ -z "${CONTAINER_OS-}" ] && [ -r "$_ih_root/etc/os-release" ]; then
		while IFS='=' read -r _ih_k _ih_v || [ -n "${_ih_k-}" ]; do
			_ih_v=${_ih_v#[\"\']} _ih_v=${_ih_v%[\"\']}
			case $_ih_k in
			ID) CONTAINER_OS=$_ih_v ;;
			VERSION_ID) CONTAINER_OS_VERSION=$_ih_v ;;
			esac
		done <"$_ih_root/etc/os-release"
	fi
	if [ -z "${_PKG_MGR-}" ]; then
		_PKG_MGR=unknown
		for _ih_k in apt-get apk dnf yum; do
			if command -v "$_ih_k" >/dev/null 2>&1; then
				_PKG_MGR=${_ih_k%-get}
				break
			fi
		done
	fi
	_ih_container_user
	export DEBIAN_FRONTEND LC_ALL PATH CONFIG_MANAGER_VERSION CONFIG_MANAGER_ROOT CONFIG_MANAGER_LOG \
		CONFIG_MANAGER_FIRST_RUN REPO_DIR CONTAINER_OS CONTAINER_OS_VERSION CONTAINER_USER _PKG_MGR
	unset _ih_k _ih_v
}

# CONTAINER_USER is CONFIG_CONTAINER_USER, or else the first user with an id from 1000 on
# and a shell, or else empty.
_ih_container_user() {
	: "${CONTAINER_OS:=unknown}" "${CONTAINER_OS_VERSION:=}"
	[ -z "${CONTAINER_USER-}" ] || return 0
	CONTAINER_USER=${CONFIG_CONTAINER_USER-}
	if [ -n "$CONTAINER_USER" ] || [ ! -r "$_ih_root/etc/passwd" ]; then return 0; fi
	while read -r _ih_n; do
		_ih_u=${_ih_n#*:*:} _ih_s=${_ih_n##*:}
		_ih_u=${_ih_u%%:*} _ih_n=${_ih_n%%:*}
		case $_ih_u in '' | *[!0-9]*) continue ;; esac
		case $_ih_s in */nologin | */false | '') continue ;; esac
		if [ "$_ih_u" -ge 1000 ] && [ "$_ih_u" -lt 65534 ]; then
			CONTAINER_USER=$_ih_n
			break
		fi
	done <"$_ih_root/etc/passwd"
	unset _ih_n _ih_u _ih_s
}

# --- messages: [YYYY-mm-dd HH:MM:SS] [INFO   ] text -------------------------

_ih_log() {
	_ih_level=$1
	shift
	printf '[%s] [%-7s] %s\n' "$(date '+%Y-%m-%d %H:%M:%S')" "$_ih_level" "$*"
}
log_info() { _ih_log INFO "$@"; }
log_warn() { _ih_log WARNING "$@"; }
log_error() { _ih_log ERROR "$@"; }

# --- packages --------------------------------------------------------------

# is_installed COMMAND
is_installed() {
	if [ $# -ne 1 ]; then
		log_error "is_installed: one command name expected"
		return 2
	fi
	command -v "$1" >/dev/null 2>&1
}

# _ih_locked FILE… succeeds if a process holds a lock on one of the files. It reads the
# kernel's own table, because a minimal guest has neither fuser nor lsof.
_ih_locked() {
	[ -r "$_ih_root/proc/locks" ] || return 1
	for _ih_f in "$@"; do
		[ -e "$_ih_f" ] || continue
		# shellcheck disable=SC2012
		_ih_i=$(ls -i "$_ih_f" 2>/dev/null) || continue
		_ih_i=${_ih_i#"${_ih_i%%[0-9]*}"}
		_ih_i=${_ih_i%%[!0-9]*}
		[ -n "$_ih_i" ] || continue
		while read -r _ _ _ _ _ _ih_w _; do
			case $_ih_w in *:"$_ih_i") return 0 ;; esac
		done <"$_ih_root/proc/locks"
	done
	return 1
}

# wait_for_apt_lock [SECONDS] waits until no other process uses apt or dpkg, by default
# for at most 120 s.
wait_for_apt_lock() {
	_ih_left=$((${1:-120} / 2))
	while _ih_locked "$_ih_root/var/lib/dpkg/lock-frontend" "$_ih_root/var/lib/dpkg/lock" \
		"$_ih_root/var/lib/apt/lists/lock" "$_ih_root/var/cache/apt/archives/lock"; do
		if [ "$_ih_left" -le 0 ]; then
			log_error "apt is still locked by another process"
			return 1
		fi
		[ "$_ih_left" -ne $((${1:-120} / 2 - 1)) ] || log_info "waiting for another process to let go of apt, ${1:-120} s at most"
		_ih_left=$((_ih_left - 1))
		sleep 2
	done
	return 0
}

# _ih_apt ARG… runs apt-get without questions, and waits for the locks. The option of apt
# waits only for dpkg's lock. If another process holds the lock of the lists (for update)
# or of the archives, apt ends at once with status 100.
_ih_apt() {
	_ih_tries=60
	while :; do
		_ih_held=
		case $1 in
		update) _ih_update ;;
		*) _ih_apt_get "$@" ;;
		esac && return 0
		_ih_st=$?
		if [ -z "$_ih_held" ] && [ "$_ih_st" = 100 ] && _ih_locked "$_ih_root/var/lib/apt/lists/lock" "$_ih_root/var/cache/apt/archives/lock"; then
			_ih_held=1
		fi
		_ih_tries=$((_ih_tries - 1))
		[ -n "$_ih_held" ] && [ "$_ih_tries" -gt 0 ] || return "$_ih_st"
		log_info "apt is in use by another process: trying again"
		sleep 2
		wait_for_apt_lock || return 1
	done
}

_ih_apt_get() {
	DEBIAN_FRONTEND=noninteractive APT_LISTCHANGES_FRONTEND=none NEEDRESTART_MODE=a UCF_FORCE_CONFFOLD=1 \
		apt-get -y -q -o DPkg::Lock::Timeout=120 -o Dpkg::Use-Pty=0 -o Acquire::Retries=3 \
		-o APT::Update::Error-Mode=any \
		-o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$@" </dev/null
}

# _ih_update: one update. It sets _ih_held if apt reports a held lock, because the other process
# may have ended since. It passes on both streams line by line. The output of an install is not
# read in this way, because a service that it starts would keep the pipe open.
_ih_update() {
	{
		_ih_end=$(
			{
				_ih_st=0
				LC_ALL=C _ih_apt_get update >&3 || _ih_st=$?
				printf '_ih_status %s\n' "$_ih_st"
			} 2>&1 | while IFS= read -r _ih_line || [ -n "$_ih_line" ]; do
				case $_ih_line in
				'_ih_status '*) printf %s "${_ih_line#* }" ;;
				*)
					printf '%s\n' "$_ih_line" >&4
					case $_ih_line in *'Could not get lock'*) printf 'locked ' ;; esac
					;;
				esac
			done
		)
	} 3>&1 4>&2
	case $_ih_end in 'locked '*) _ih_held=1 ;; esac
	return "${_ih_end##* }"
}

# _ih_mend_dpkg finishes the work of an interrupted dpkg, because apt refuses every
# install until then. It sets _ih_broken if apt must repair more once it has its index. A
# lock file of a dead process does no harm, because the lock itself ended with the
# process.
_ih_mend_dpkg() {
	_ih_broken=
	for _ih_f in "$_ih_root"/var/lib/dpkg/updates/*; do
		[ ! -e "$_ih_f" ] || _ih_broken=1
	done
	[ -n "$_ih_broken" ] || [ -n "$(dpkg --audit 2>/dev/null)" ] || return 0
	log_warn "dpkg was interrupted: finishing what it began"
	_ih_broken=1
	if DEBIAN_FRONTEND=noninteractive UCF_FORCE_CONFFOLD=1 \
		dpkg --force-confdef --force-confold --configure -a </dev/null &&
		[ -z "$(dpkg --audit 2>/dev/null)" ]; then
		_ih_broken=
	fi
}

# ensure_installed PACKAGE…
ensure_installed() {
	if [ $# -eq 0 ]; then
		log_error "ensure_installed: no package named"
		return 2
	fi
	case ${_PKG_MGR-} in
	apt)
		for _ih_p in "$@"; do
			case $(dpkg-query -W -f='${Status}' "${_ih_p%%=*}" 2>/dev/null) in
			*' installed') shift ;;
			*) shift && set -- "$@" "$_ih_p" ;;
			esac
		done
		[ $# -gt 0 ] || return 0
		wait_for_apt_lock || return 1
		_ih_mend_dpkg
		if [ -z "${_IH_APT_UPDATED-}" ]; then
			_ih_apt update || return 1
			_IH_APT_UPDATED=1
			export _IH_APT_UPDATED
		fi
		[ -z "$_ih_broken" ] || _ih_apt -f install || return 1
		_ih_apt install "$@"
		;;
	apk) apk info -e "$@" >/dev/null 2>&1 && [ "$(apk info -e "$@" | wc -l)" -ge $# ] || apk add --no-progress --update-cache "$@" ;;
	dnf | yum) rpm -q "$@" >/dev/null 2>&1 || "$_PKG_MGR" install -y -q "$@" </dev/null ;;
	*)
		log_error "ensure_installed: no package manager that is known here"
		return 1
		;;
	esac
}

# --- users, passwords, credentials ------------------------------------------

# run_as_user COMMAND ARG… runs a command as CONTAINER_USER, with the home and the PATH of
# that user.
run_as_user() {
	if [ $# -eq 0 ]; then
		log_error "run_as_user: no command given"
		return 2
	fi
	_ih_user=${CONTAINER_USER-}
	if [ -z "$_ih_user" ]; then
		log_error "run_as_user: there is no user to run as (set CONFIG_CONTAINER_USER)"
		return 1
	fi
	_ih_home=/home/$_ih_user
	while read -r _ih_n; do
		case $_ih_n in
		"$_ih_user":*)
			_ih_n=${_ih_n%:*}
			_ih_home=${_ih_n##*:}
			;;
		esac
	done <"$_ih_root/etc/passwd"
	set -- env HOME="$_ih_home" USER="$_ih_user" LOGNAME="$_ih_user" \
		PATH="$_ih_home/.local/bin:$_ih_home/.foundry/bin:$_ih_home/.npm-global/bin:$PATH" "$@"
	if [ "$_ih_user" = root ]; then
		"$@"
	elif command -v runuser >/dev/null 2>&1; then
		runuser -u "$_ih_user" -- "$@"
	elif command -v su >/dev/null 2>&1; then
		# shellcheck disable=SC2016
		su -s /bin/sh -c 'exec "$@"' "$_ih_user" -- sh "$@"
	else
		sudo -H -u "$_ih_user" -- "$@"
	fi
}

# generate_password [LENGTH] prints letters and digits, by default 16. Every command of
# the pipe reads its whole input: otherwise one would die by SIGPIPE, and pipefail would
# make the script fail.
generate_password() {
	_ih_len=${1:-16}
	case $_ih_len in
	'' | *[!0-9]* | 0)
		log_error "generate_password: bad length" >&2
		return 2
		;;
	esac
	_ih_pw=
	while [ ${#_ih_pw} -lt "$_ih_len" ]; do
		_ih_pw=$_ih_pw$(head -c $((_ih_len * 6 + 64)) /dev/urandom | LC_ALL=C tr -dc 'A-Za-z0-9') || return 1
	done
	printf '%s\n' "$_ih_pw" | cut -c "1-$_ih_len"
	unset _ih_pw
}

# save_credential SERVICE KEY VALUE updates or appends KEY=VALUE in the credentials file
# of SERVICE. With only KEY VALUE, the service is that of the template. Before the script
# can print the value, the program that follows the script learns it for redaction. VALUE
# may have several lines; - stands for all of stdin, to its last byte.
save_credential() {
	case $# in
	2) set -- "${TEMPLATE_NAME:-credentials}" "$1" "$2" ;;
	3) ;;
	*)
		log_error "save_credential: SERVICE KEY VALUE expected" >&2
		return 2
		;;
	esac
	case $1 in
	'' | [!A-Za-z0-9_]* | *[!A-Za-z0-9._@-]* | *..*)
		log_error "save_credential: a service is named with letters, digits and . _ @ -" >&2
		return 2
		;;
	esac
	case $1 in
	root | root.env | root.json | root.txt | root.conf | _*)
		log_error "save_credential: $1: names that begin with _, and root, are infrahaus's own" >&2
		return 2
		;;
	esac
	case $2 in
	'' | [!A-Za-z_]* | *[!A-Za-z0-9_]*)
		log_error "save_credential: $1: a key is named with letters, digits and _" >&2
		return 2
		;;
	esac
	(_ih_save "$1" "$2" "$3")
}

# _ih_save runs in a subshell of its own. It writes a new file and renames it, so that a
# reader never sees half a file. A lock serializes writers. A lock that stays for 5 s is
# ignored, because its process must be dead.
_ih_save() {
	umask 077
	set +eu
	LC_ALL=C # count bytes, in every shell
	_ih_dir=$_ih_root/etc/infrahaus/credentials
	[ -d "$_ih_dir" ] || mkdir -p "$_ih_dir" && chmod 0700 "$_ih_dir" || exit 1
	_ih_value=$3
	[ "$3" != - ] || _ih_stdin "$1" "$2" "$_ih_dir/.$1.$2.in" || exit 2
	_ih_tell "$2" "$_ih_value" || exit 1
	_ih_n=0
	until mkdir "$_ih_dir/.$1.lock" 2>/dev/null; do
		_ih_n=$((_ih_n + 1))
		[ "$_ih_n" -lt 50 ] || break
		sleep 0.1 2>/dev/null || sleep 1
	done
	_ih_new=$_ih_dir/.$1.new
	_ih_assign "$2" "$_ih_dir/$1" >"$_ih_new"
	_ih_rc=$?
	if [ "$_ih_rc" = 0 ] && [ "$(wc -c <"$_ih_new")" -gt 65536 ]; then
		log_error "save_credential: $1: with $2 the file has more than 64 KiB, which would not be read" >&2
		_ih_rc=1
	fi
	if [ "$_ih_rc" = 0 ]; then mv -f "$_ih_new" "$_ih_dir/$1" || _ih_rc=1; fi
	rm -f "$_ih_new"
	rmdir "$_ih_dir/.$1.lock" 2>/dev/null
	exit "$_ih_rc"
}

# _ih_stdin SERVICE KEY FILE: puts all of stdin into _ih_value. Meanwhile FILE holds it, because
# a shell's variable would silently lose NUL bytes.
_ih_stdin() {
	cat >"$3" || { rm -f "$3"; return 1; }
	_ih_size=$(wc -c <"$3") _ih_text=$(tr -d '\000' <"$3" | wc -c)
	_ih_value=$(cat "$3"; echo x)
	_ih_value=${_ih_value%x}
	rm -f "$3"
	if [ "$_ih_size" -eq 0 ]; then
		log_error "save_credential: $1: stdin holds no value of $2" >&2
		return 1
	elif [ "$_ih_size" -ne "$_ih_text" ]; then
		log_error "save_credential: $1: the value of $2 has a NUL byte; base64 keeps it" >&2
		return 1
	fi
}

# _ih_tell KEY VALUE: writes a line for the program that follows this script. Line ends within
# the value become carriage returns.
_ih_tell() {
	[ -n "${INFRAHAUS_ATTEMPT-}" ] || return 0
	case $2 in
	*"$_ih_nl"*) printf '%s=%s\n' "$1" "$(printf %s "$2" | tr '\n' '\r')" ;;
	*) printf '%s=%s\n' "$1" "$2" ;;
	esac >>"$INFRAHAUS_ATTEMPT/secrets"
}
_ih_nl='
'

# _ih_assign KEY FILE prints FILE with _ih_value, quoted for a shell, as the value of KEY.
# The rest of FILE stays unchanged.
_ih_assign() {
	_ih_open= _ih_found=
	_ih_quote "$_ih_value"
	_ih_from=$2
	[ -f "$2" ] || _ih_from=/dev/null
	# An opening quote that is never closed does not count. Then every line is an entry.
	_ih_lines=
	while IFS= read -r _ih_line || [ -n "$_ih_line" ]; do _ih_entry; done <"$_ih_from"
	[ -z "$_ih_open" ] || _ih_lines=1
	_ih_open= _ih_old=
	while IFS= read -r _ih_line || [ -n "$_ih_line" ]; do
		if [ -z "$_ih_open" ]; then
			_ih_old=
			case $_ih_line in
			"$1="*) _ih_old=1 _ih_x= ;;
			"export $1="*) _ih_old=1 _ih_x='export ' ;;
			esac
			if [ -n "$_ih_old" ] && [ -z "$_ih_found" ]; then
				_ih_found=1
				printf '%s%s=%s\n' "$_ih_x" "$1" "$_ih_quoted"
			fi
		fi
		_ih_entry
		[ -n "$_ih_old" ] || printf '%s\n' "$_ih_line"
	done <"$_ih_from"
	[ -n "$_ih_found" ] || printf '%s=%s\n' "$1" "$_ih_quoted"
}

# _ih_entry: sets _ih_open to the quote that is still open after _ih_line. Only a value that
# begins with a quote can have several lines, because older versions wrote every value unquoted.
_ih_entry() {
	[ -z "$_ih_lines" ] || return 0
	_ih_r=$_ih_line
	if [ -z "$_ih_open" ]; then
		_ih_r=${_ih_r#export }
		case $_ih_r in [A-Za-z_]*=[\'\"]*) ;; *) return 0 ;; esac
		case ${_ih_r%%=*} in *[!A-Za-z0-9_]*) return 0 ;; esac
		_ih_r=${_ih_r#*=}
	fi
	while [ -n "$_ih_r" ]; do
		case $_ih_open in
		"'")
			case $_ih_r in *\'*) ;; *) return 0 ;; esac
			_ih_r=${_ih_r#*\'} _ih_open=
			;;
		'"')
			_ih_a=${_ih_r%%\"*} _ih_b=${_ih_r%%\\*}
			if [ ${#_ih_b} -lt ${#_ih_a} ]; then
				_ih_r=${_ih_r#*\\} _ih_r=${_ih_r#?}
			elif [ ${#_ih_a} -lt ${#_ih_r} ]; then
				_ih_r=${_ih_r#*\"} _ih_open=
			else
				return 0
			fi
			;;
		*)
			case $_ih_r in
			[[:blank:]]*) return 0 ;; # the value has ended
			\\*) _ih_r=${_ih_r#?} ;;
			\'*) _ih_open="'" ;;
			\"*) _ih_open='"' ;;
			esac
			_ih_r=${_ih_r#?}
			;;
		esac
	done
}

# _ih_quote VALUE: sets _ih_quoted to a word that every shell reads as VALUE.
_ih_quote() {
	case $1 in
	'' | *[!A-Za-z0-9_./:@%+,-]*) ;;
	*)
		_ih_quoted=$1
		return 0
		;;
	esac
	_ih_quoted= _ih_r=$1
	while :; do
		case $_ih_r in *\'*) ;; *) break ;; esac
		_ih_quoted=$_ih_quoted${_ih_r%%\'*}"'\\''"
		_ih_r=${_ih_r#*\'}
	done
	_ih_quoted="'$_ih_quoted$_ih_r'"
}

_ih_environment

# The earlier try of this script may have died while dpkg was at work. Then apt refuses
# every install, including those of a script that calls apt itself.
if [ "${INFRAHAUS_TRY:-1}" != 1 ] && [ "$_PKG_MGR" = apt ]; then
	! wait_for_apt_lock || _ih_mend_dpkg
fi
