# Packages, for config-sync.sh and for DriftScript. A list is a sh program of calls
#   packages MANAGER SPEC…
#   custom NAME TIMEOUT CHECK INSTALL
# Only packages that are missing, or that do not match their pin, are installed. An index
# is updated once, and only if something is installed. With CHECK, nothing is installed:
# each package of the list, counted from 0, gets a line
#   P NUMBER same|missing|other [VERSION]
# Packages for the manager of another system get no line.
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
	[ "$native" != yum ] || native=dnf
	case $m in
	apt | apk | dnf)
		if [ "$m" != "$native" ]; then
			if [ -n "${CHECK-}" ]; then
				count=$((count + $#))
			else
				log_info "Packages for $m are left out: this is a system with ${native:-no package manager}"
			fi
			return 0
		fi
		;;
	esac
	if [ -n "${CHECK-}" ]; then
		"look_$m" "$@" 2>/dev/null
		for s in "$@"; do
			has=
			if "${m}_there" "$s" 2>/dev/null; then said same "$has"
			elif [ -n "$has" ]; then said other "$has"
			else said missing; fi
		done
	elif "with_$m" "$@"; then
		log_info "Packages ($m): all $# are installed"
	else
		failed="$failed $m ($*)"
	fi
}

said() { # state [version]
	printf 'P %s %s\n' "$count" "$*"
	count=$((count + 1))
}

# Each manager M has three functions. look_M SPEC… queries the manager once. M_there SPEC
# succeeds if the package is satisfied, and sets has to the installed version. with_M
# SPEC… installs the packages.

look_apt() {
	names=
	for s in "$@"; do
		s=${s%%=*} names="$names ${s%%/*}"
	done
	# dpkg-query reports unknown names on stderr, and prints the others.
	# shellcheck disable=SC2086,SC2016
	there=$NL$(dpkg-query -W -f='${Package} ${Version} ${Status}\n' $names 2>/dev/null)$NL
}

apt_there() { # spec: name, name:arch, name=version (globs), name/suite
	n=${1%%=*} pin=
	[ "$n" = "$1" ] || pin=${1#*=}
	n=${n%%/*}
	n=${n%%:*}
	case $there in
	*"$NL$n "*) ;;
	*) return 1 ;;
	esac
	l=${there#*"$NL$n "}
	l=${l%%"$NL"*}
	case $l in *' installed') ;; *) return 1 ;; esac
	has=${l%% *}
	[ -z "$pin" ] && return 0
	# The pin is a pattern.
	# shellcheck disable=SC2254
	case $has in $pin) return 0 ;; esac
	return 1
}

with_apt() {
	look_apt "$@"
	for s in "$@"; do
		shift
		apt_there "$s" || set -- "$@" "$s"
	done
	[ $# -gt 0 ] || return 0
	log_info "Installing with apt: $*"
	wait_for_apt_lock || return 1
	_ih_mend_dpkg
	_ih_apt update || return 1
	[ -z "$_ih_broken" ] || _ih_apt -f install || return 1
	_ih_apt install --allow-downgrades "$@"
}

# apk's own check understands pins: it prints only the satisfied packages.
look_apk() {
	there=
	n=0
	for s in $(apk info -e "$@" 2>/dev/null); do n=$((n + 1)); done
	[ "$n" -lt $# ] || there=all
}

apk_there() { # spec: name, name=version, name~version, name>version …
	n=${1%%[=<>~@]*}
	has=$(apk info -e -v "$n" 2>/dev/null)
	has=${has#"$n"}
	has=${has#-}
	[ -n "$there" ] || apk info -e "$1" >/dev/null 2>&1
}

with_apk() {
	look_apk "$@"
	[ -z "$there" ] || return 0
	log_info "Installing with apk: $*"
	apk update --no-progress && apk add --no-progress "$@"
}

look_dnf() { :; }

dnf_there() { # spec: name, name-version, or something that a package provides
	rpm -q "$1" >/dev/null 2>&1 || rpm -q --whatprovides "$1" >/dev/null 2>&1 && return 0
	has=$(rpm -q --qf '%{VERSION}-%{RELEASE}' "${1%%-[0-9]*}" 2>/dev/null) || has=
	return 1
}

with_dnf() {
	for s in "$@"; do
		shift
		dnf_there "$s" || set -- "$@" "$s"
	done
	[ $# -gt 0 ] || return 0
	log_info "Installing with dnf: $*"
	c=dnf
	have dnf || c=yum
	"$c" install -y -q "$@"
}

look_npm() {
	there=$NL
	have npm || return 1
	# Each line is PATH:NAME@VERSION:…, which needs no jq.
	there=$NL$(npm list -g --depth=0 --parseable --long 2>/dev/null)$NL
}

npm_there() { # spec: name, @scope/name, either with @version
	n=$1 pin=
	case $n in @*/*@* | [!@]*@*) pin=${n##*@} n=${n%@*} ;; esac
	case $there in
	*:"$n"@*) ;;
	*) return 1 ;;
	esac
	has=${there#*:"$n"@}
	has=${has%%[:"$NL"]*}
	[ -z "$pin" ] || [ "$pin" = "$has" ]
}

with_npm() {
	if ! look_npm; then
		log_error "npm is not installed: name it in the template's system packages" >&2
		return 1
	fi
	for s in "$@"; do
		shift
		npm_there "$s" || set -- "$@" "$s"
	done
	[ $# -gt 0 ] || return 0
	log_info "Installing with npm: $*"
	npm install -g --no-fund --no-audit --no-progress "$@"
}

look_pip() {
	there=$NL pip=
	for c in pip3 pip; do
		if have "$c"; then
			pip=$c
			break
		fi
	done
	[ -n "$pip" ] || return 1
	# Each line is NAME==VERSION, with the name in the form in which pip compares names.
	there=$NL$("$pip" list --format=freeze --disable-pip-version-check 2>/dev/null |
		sed 'h;y/ABCDEFGHIJKLMNOPQRSTUVWXYZ_./abcdefghijklmnopqrstuvwxyz--/;s/==.*/==/;G;s/\n.*==//')$NL
}

# pip_there compares names and exact pins itself. Ranges and extras are left to pip, which
# is fast if they are satisfied.
pip_there() { # spec
	n=$(printf '%s' "$1" | tr 'A-Z_.' 'a-z--')
	name=${n%%[[<>=!~;]*}
	case $there in *"$NL$name=="*)
		has=${there#*"$NL$name=="}
		has=${has%%"$NL"*}
		;;
	esac
	case $n in
	*\[* | *[\<\>!~\;]*) [ -n "${CHECK-}" ] && [ -n "$has" ] && pip_satisfied "$1" ;;
	*==*) [ -n "$has" ] && [ "$has" = "${1#*==}" ] ;;
	*) [ -n "$has" ] ;;
	esac
}

# pip_satisfied asks pip to install without any source of packages, so that nothing can be
# installed.
pip_satisfied() { # spec
	case $1 in *[/@]* | *.whl* | *.zip* | *.tar*) return 1 ;; esac
	set -- "$1"
	externally_managed && set -- --break-system-packages "$1"
	PIP_CONFIG_FILE=/dev/null "$pip" --isolated install -q --no-index --disable-pip-version-check "$@" >/dev/null 2>&1
}

externally_managed() {
	for f in /usr/lib/python3*/EXTERNALLY-MANAGED; do
		[ ! -e "$f" ] || return 0
	done
	return 1
}

with_pip() {
	if ! look_pip; then
		log_error "pip is not installed: name python3-pip in the template's system packages" >&2
		return 1
	fi
	for s in "$@"; do
		shift
		has=
		pip_there "$s" || set -- "$@" "$s"
	done
	[ $# -gt 0 ] || return 0
	log_info "Installing with pip: $*"
	! externally_managed || set -- --break-system-packages "$@"
	"$pip" install -q --disable-pip-version-check --root-user-action=ignore "$@"
}

custom() { # name timeout check install
	sh=sh
	! have bash || sh=bash
	if [ -n "${CHECK-}" ]; then
		set -- "$sh" -c "$3"
		! have timeout || set -- timeout 30 "$@"
		if "$@" >/dev/null 2>&1; then said same; else said missing; fi
		return
	fi
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
