# Takes an archive from stdin into the guest: DST BASE KIND, where KIND is file (data is a
# file), dir (data is a folder, which goes to DST or into it), contents (what is in data goes
# into DST), or tar (a user's archive goes into the folder DST). Everything is unpacked
# beside the destination and compared with its sum; files get their names by rename. A file
# that is replaced keeps its owner.
dst=$1 base=$2 kind=$3
LC_ALL=C
export LC_ALL
fail() {
	echo "$*" >&2
	exit 1
}
case $dst in '') dst=/root ;; /*) ;; *) dst=/root/$dst ;; esac
target=$dst
if [ -d "$dst" ]; then
	case $kind in file | dir) target=${dst%/}/$base ;; esac
else
	case $kind,$dst in
	tar,*) fail "$dst is no folder" ;;
	*/) [ "$kind" != file ] || fail "there is no folder $dst" ;;
	esac
fi
while :; do case $target in ?*/) target=${target%/} ;; *) break ;; esac; done
if [ "$kind" = file ]; then
	if [ -d "$target" ]; then fail "$target is a folder"; fi
	if [ -L "$target" ]; then target=$(readlink -f "$target") || fail "$target is a link to nowhere"; fi
elif [ -e "$target" ] && [ ! -d "$target" ]; then
	fail "$target is no folder"
fi
up=${target%/*}
[ -d "${up:-/}" ] || fail "there is no folder ${up:-/}"
case $kind in tar | contents) [ ! -d "$target" ] || up=$target ;; esac
umask 077
stage=$(mktemp -d "${up%/}/.infrahaus-cp-XXXXXX") || exit 1
trap 'rm -rf "$stage"' EXIT
trap 'exit 1' HUP INT TERM
if [ "$kind" = tar ]; then
	mkdir "$stage/data" && tar -xpf - -C "$stage/data" || fail "the archive cannot be unpacked"
else
	tar -xpf - -C "$stage" || fail "not all of it arrived: is there room on the disk?"
	[ -f "$stage/sum" ] || fail "not all of it arrived"
	IFS= read -r want <"$stage/sum"
	if command -v sha256sum >/dev/null 2>&1; then
		got=$(find "$stage/data" -type f -exec sha256sum {} + | tr -d '\\' | cut -c1-64 | sort | sha256sum)
		[ "${got%% *}" = "$want" ] || fail "what arrived differs from what was sent"
	fi
fi
cd "$stage/data" 2>/dev/null || cd "$stage" || exit 1
keep() { # NEW OLD: the owner of a file that is replaced
	if [ -f "$2" ] && [ ! -L "$2" ]; then chown "$(stat -c %u:%g "$2")" "$1" || exit 1; fi
}
if [ "$kind" = file ]; then
	keep "$stage/data" "$target"
	mv -f "$stage/data" "$target" || exit 1
elif [ ! -e "$target" ]; then
	mv "$stage/data" "$target" || exit 1
else
	# shellcheck disable=SC2016 # another shell expands them
	find . ! -type d -exec sh -c 't=$0
	for f; do if [ -d "$t/$f" ] && [ ! -L "$t/$f" ]; then echo "$t/${f#./} is a folder" >&2; kill $PPID; exit 1; fi; done' "$target" {} + || exit 1
	# shellcheck disable=SC2016
	find . -type d -exec sh -c 't=$0
	for f; do
		[ -d "$t/$f" ] || { mkdir "$t/$f" && chmod "$(stat -c %a "$f")" "$t/$f"; } || { echo "cannot make the folder $t/${f#./}" >&2; exit 1; }
	done' "$target" {} + || exit 1
	# shellcheck disable=SC2016
	find . ! -type d -exec sh -c 't=$0
	for f; do
		if [ -L "$t/$f" ]; then rm -f "$t/$f"
		elif [ -f "$t/$f" ] && [ ! -L "$f" ]; then chown "$(stat -c %u:%g "$t/$f")" "$f" || exit 1
		fi
		mv -f "$f" "$t/$f" || exit 1
	done' "$target" {} + || exit 1
fi
