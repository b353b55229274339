# Packages, for config-sync.sh. A list is a sh program of calls
#   packages MANAGER SPEC…
#   custom NAME TIMEOUT CHECK INSTALL
# Only what is missing, or has another version than its pin, is installed; an
# index is updated once, and only then.
# shellcheck shell=sh

apply_packages() { # file
	failed=
	. "$1"
	[ -z "$failed" ] || log_error "Packages that could not be installed:$failed" >&2
	[ -z "$failed" ]
}

have() { command -v "$1" >/dev/null 2>&1; }

packages() { # manager spec…
	m=$1
	shift
	native=
	for c in apt-get apk dnf yum; do
		if have "$c"; then
			native=${c%-get}
			break
		fi
	done
	case $m in
	apt | apk | dnf)
		[ "$native" != yum ] || native=dnf
		if [ "$m" != "$native" ]; then
			log_info "Packages for $m are left out: this is a system with ${native:-no package manager}"
			return 0
		fi
		;;
	esac
	if "with_$m" "$@"; then
		log_info "Packages ($m): all $# are installed"
	else
		failed="$failed $m ($*)"
	fi
}

with_apt() {
	names=
	for s in "$@"; do
		s=${s%%=*} names="$names ${s%%/*}"
	done
	# Unknown names are told on stderr and left out.
	# shellcheck disable=SC2086,SC2016
	there=$NL$(dpkg-query -W -f='${Package} ${Version} ${Status}\n' $names 2>/dev/null)$NL
	for s in "$@"; do
		shift
		apt_there "$s" || set -- "$@" "$s"
	done
	[ $# -gt 0 ] || return 0
	log_info "Installing with apt: $*"
	wait_for_apt_lock || return 1
	_ih_apt update || return 1
	_ih_apt install --allow-downgrades "$@"
}

apt_there() { # spec: name, name:arch, name=version (globs), name/suite
	n=${1%%=*} pin=
	[ "$n" = "$1" ] || pin=${1#*=}
	n=${n%%/*}
	n=${n%%:*}
	case $there in
	*"$NL$n "*' installed'"$NL"*) ;;
	*) return 1 ;;
	esac
	l=${there#*"$NL$n "}
	l=${l%%"$NL"*}
	case $l in *' installed') ;; *) return 1 ;; esac
	[ -z "$pin" ] && return 0
	# The pin is a pattern.
	# shellcheck disable=SC2254
	case ${l%% *} in $pin) return 0 ;; esac
	return 1
}

with_apk() {
	# apk's own check understands pins: it prints those that are satisfied.
	if there=$(apk info -e "$@" 2>/dev/null); then
		n=0
		for s in $there; do n=$((n + 1)); done
		[ "$n" -lt $# ] || return 0
	fi
	log_info "Installing with apk: $*"
	apk update --no-progress && apk add --no-progress "$@"
}

with_dnf() {
	for s in "$@"; do
		shift
		rpm -q "$s" >/dev/null 2>&1 || rpm -q --whatprovides "$s" >/dev/null 2>&1 || set -- "$@" "$s"
	done
	[ $# -gt 0 ] || return 0
	log_info "Installing with dnf: $*"
	c=dnf
	have dnf || c=yum
	"$c" install -y -q "$@"
}

with_npm() {
	if ! have npm; then
		log_error "npm is not installed: name it in the template's system packages" >&2
		return 1
	fi
	# PATH:NAME@VERSION:… a line, without jq
	there=$NL$(npm list -g --depth=0 --parseable --long 2>/dev/null)$NL
	for s in "$@"; do
		shift
		case $s in
		@*/*@* | [!@]*@*) case $there in *:"$s"[:"$NL"]*) continue ;; esac ;;
		*) case $there in *:"$s"@*) continue ;; esac ;;
		esac
		set -- "$@" "$s"
	done
	[ $# -gt 0 ] || return 0
	log_info "Installing with npm: $*"
	npm install -g --no-fund --no-audit --no-progress "$@"
}

with_pip() {
	pip=
	for c in pip3 pip; do
		if have "$c"; then
			pip=$c
			break
		fi
	done
	if [ -z "$pip" ]; then
		log_error "pip is not installed: name python3-pip in the template's system packages" >&2
		return 1
	fi
	there=$NL$("$pip" list --format=freeze --disable-pip-version-check 2>/dev/null | tr 'A-Z_.' 'a-z--')$NL
	for s in "$@"; do
		shift
		pip_there "$s" || set -- "$@" "$s"
	done
	[ $# -gt 0 ] || return 0
	log_info "Installing with pip: $*"
	for f in /usr/lib/python3*/EXTERNALLY-MANAGED; do
		if [ -e "$f" ]; then
			set -- --break-system-packages "$@"
			break
		fi
	done
	"$pip" install -q --disable-pip-version-check --root-user-action=ignore "$@"
}

# Names and exact pins are compared here; of ranges pip knows best, and is quick
# where they are satisfied.
pip_there() { # spec
	n=$(printf '%s' "$1" | tr 'A-Z_.' 'a-z--')
	case $n in
	*\[* | *[\<\>!~\;]*) return 1 ;;
	*==*) case $there in *"$NL$n$NL"*) return 0 ;; esac ;;
	*) case $there in *"$NL$n=="*) return 0 ;; esac ;;
	esac
	return 1
}

custom() { # name timeout check install
	sh=sh
	! have bash || sh=bash
	"$sh" -c "$3" >/dev/null 2>&1 && {
		log_info "$1 is installed"
		return 0
	}
	log_info "Installing $1"
	if have timeout; then
		timeout "$2" "$sh" -c "$4"
	else
		"$sh" -c "$4"
	fi
	st=$?
	case $st in
	0) ;;
	124 | 143) why="it took more than $2 s" ;;
	*) why="exit status $st" ;;
	esac
	if [ "$st" = 0 ]; then
		"$sh" -c "$3" >/dev/null 2>&1 && return 0
		why="its check still fails"
	fi
	log_error "cannot install $1: $why" >&2
	failed="$failed $1"
}
