#!/bin/sh
# pictures.sh INFRAHAUS PICTURE: draws the pictures of the README and docs from real runs on
# a sandbox, in a tmux of its own. PICTURE is the program internal/ui/picture.
set -eu
bin=$(realpath "$1") picture=$(realpath "$2") out=$(cd "$(dirname "$0")" && pwd)
home=$(mktemp -d)
mux() { env -i HOME="$home" PATH="$home/bin:$PATH" TERM=xterm-256color LC_ALL=C.UTF-8 tmux -L "infrahaus-pictures-$$" -f /dev/null "$@"; }
end() {
	mux kill-server 2>/dev/null || :
	[ -z "${serve-}" ] || kill "$serve" 2>/dev/null || :
	wait 2>/dev/null || :
	rm -rf "$home"
}
trap end EXIT
mkdir -p "$home/bin" "$home/.config/infrahaus"
ln -s "$bin" "$home/bin/infrahaus"
env -i HOME="$home" PATH="$PATH" "$bin" sandbox serve --state-dir "$home/node" >"$home/env" 2>/dev/null &
serve=$!
until grep -q TOKEN "$home/env"; do sleep 0.1; done
# shellcheck disable=SC1091
. "$home/env"
cat >"$home/.config/infrahaus/config.yaml" <<END
hosts:
  homelab:
    url: $INFRAHAUS_URL
    token: $INFRAHAUS_TOKEN
    fingerprint: $INFRAHAUS_FINGERPRINT
    ssh: {node: $INFRAHAUS_SSH_NODE, identity: $INFRAHAUS_SSH_IDENTITY, known_hosts: $INFRAHAUS_SSH_KNOWN_HOSTS}
END
chmod 600 "$home/.config/infrahaus/config.yaml"

# shot NAME LINES COMMAND: types a command, waits for its end, draws the screen.
shot() {
	mux new-session -d -s "$1" -x 100 -y "$2" "PS1='$ ' ENV= sh"
	sleep 1
	mux send-keys -t "$1" "clear; $3; touch $home/$1.done" Enter
	n=0
	until [ -e "$home/$1.done" ]; do
		sleep 0.2
		n=$((n + 1))
		[ "$n" -lt 300 ] || { echo "pictures.sh: $3 does not end" >&2; exit 1; }
	done
	sleep 0.5
	# The prompt that waits now is not part of the picture; the command line is. Addresses of
	# the sandbox become those for documentation, as wide as they were.
	{
		printf '$ %s\n' "$3"
		mux capture-pane -t "$1" -pe
	} | PICTURED=$home perl -0pe '
		s/\n(\e\[[0-9;]*m|\$|\s)*\z/\n/;
		s{(127\.\d+\.\d+\.(\d+))(\S*)}{ my $to = "192.0.2.$2"; $to . $3 . " " x (length($1) - length($to)) }ge;
		s{\Q$ENV{PICTURED}\E}{/home/me}g;
		s{(https://192\.0\.2\.1):\d+}{$1:8006}g; s{(root\@192\.0\.2\.1):\d+}{$1}g;
	' | "$picture" >"$out/$1.svg"
}
shot picture 40 'infrahaus create web --template nginx'
shot picture-show 40 'infrahaus show web'
shot picture-doctor 45 'infrahaus doctor'
