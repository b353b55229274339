# shellcheck shell=sh
# Runs on the node. It packs a container into the folder of a storage's OS templates: first into
# a file whose name Proxmox does not list. The file gets its name once "store" comes on stdin. If
# stdin ends before that, or anything fails, the file is removed. Lines on stdout that begin with
# M are answers; pct and the container print the others. P is pct, C the container, E the env
# command that gives it a clean environment, V the volume, T the script that packs.
umask 022
no() {
	printf '%s no %s\n' "$M" "$1"
	exit 0
}
name=${V##*/}
to=$(pvesm path "$V" 2>&1 </dev/null) || no "pvesm path fails: $to"
case $to in
/*/"$name") ;;
*) no "pvesm names no file: $to" ;;
esac
dir=${to%/*}
mkdir -p "$dir" 2>/dev/null
if [ ! -d "$dir" ] || [ ! -w "$dir" ]; then no "cannot write to $dir on the node"; fi

# Files of earlier runs of this script that were killed.
mine=$dir/.$name.$(uname -n)
for f in "$mine".*; do
	[ ! -f "$f" ] || kill -0 "${f##*.}" 2>/dev/null || rm -f "$f"
done
file=$mine.$$
trap 'rm -f "$file"' 0
trap 'exit 9' 1 2 15
exec 3<&0 4>&1

# The container writes to a pipe: with the file itself it could change the image later.
# shellcheck disable=SC2086 # E is several words
$P exec "$C" -- $E /bin/sh -c "$T" 2>&4 </dev/null | cat >"$file" 4>&- &
writer=$!
# A writer that is killed ends the packing, too: nobody reads the pipe any more.
{
	trap - 0
	IFS= read -r word
	[ "$word" = store ] || { kill "$writer" 2>/dev/null; exit 1; }
} <&3 &
asker=$!
wait "$writer" || { kill "$asker" 2>/dev/null; exit 9; }
printf '%s packed %s\n' "$M" "$(($(wc -c <"$file")))"
wait "$asker" || exit 9
mv -f "$file" "$to" || exit 9
printf '%s stored\n' "$M"
