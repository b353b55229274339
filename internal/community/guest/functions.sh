# shellcheck shell=bash source=/dev/null
# Installers of community-scripts/ProxmoxVE source this by FUNCTIONS_FILE_PATH: it loads the
# project's own functions, and then replaces some of them. Bash reads this file.

. "$COMMUNITY_DIR/$COMMUNITY_FUNCTIONS"

# The network was waited for before this script. The original asks three public name
# servers and GitHub, and a terminal if they do not answer.
network_check() { :; }

# The original tries other mirrors, and asks a terminal for one in the end.
apt_update_safe() { $STD apt-get update; }

# infrahaus_value VARIABLE prints the value of a variable of the template.
infrahaus_value() {
	local name
	name=INFRAHAUS_VAR_$(printf %s "$1" | tr '[:lower:]' '[:upper:]')
	eval "printf %s \"\${$name-}\""
}

# infrahaus_answer VARIABLE text|needed|yes prints the answer to a question.
infrahaus_answer() {
	local value
	value=$(infrahaus_value "$1")
	case $2 in
	yes) case $value in true | yes | y | 1) value=y ;; *) value=n ;; esac ;;
	needed)
		if [ -z "$value" ]; then
			echo "The installer asks for $1: set it with --set $1=…" >&2
			return 1
		fi
		;;
	esac
	printf '%s\n' "$value"
}

# infrahaus_read VARIABLE HOW ARG… is "read ARG…" with the answer as its input. An answer
# that is asked for again and again is one that the installer does not accept.
infrahaus_read() {
	local infrahaus_variable=$1 infrahaus_text
	if ! infrahaus_text=$(infrahaus_answer "$1" "$2"); then
		exit 1
	fi
	eval "infrahaus_asked_$1=\$((\${infrahaus_asked_$1:-0} + 1))"
	if eval "[ \"\$infrahaus_asked_$1\" -gt 5 ]"; then
		echo "The installer does not accept the value of $infrahaus_variable" >&2
		exit 1
	fi
	shift 2
	# shellcheck disable=SC2162,SC2229
	read "$@" <<<"$infrahaus_text"
}

# infrahaus_ask VARIABLE HOW FUNCTION ARG… answers for one of the project's own functions.
# Where nothing is set, that function takes its default.
infrahaus_ask() {
	local variable=$1 how=$2 function=$3 value
	shift 3
	value=$(infrahaus_value "$variable")
	if [ "$function" = prompt_confirm ]; then
		[ "$(infrahaus_answer "$variable" yes)" = y ]
		return
	fi
	if [ -n "$value" ]; then
		printf '%s\n' "$value"
		return
	fi
	if [ "$how" = needed ]; then
		infrahaus_answer "$variable" "$how"
		return
	fi
	MODE=default "$function" "$@"
}

# infrahaus_keep NAME… saves the values of shell variables as credentials. The installer
# calls it at its end.
infrahaus_keep() {
	local name value
	for name in "$@"; do
		eval "value=\${$name-}"
		# A path to a key is no key.
		case $value in '' | /*) continue ;; esac
		(
			trap - ERR EXIT
			set +eu
			. "$INFRAHAUS_HELPERS"
			save_credential "$app" "$name" "$value"
		)
	done
}
