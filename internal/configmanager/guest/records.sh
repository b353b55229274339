# The records of deployed files, for files.sh. They lie in $S/state. checksums holds the
# sums that we deployed last. kept holds the files of which the user kept the guest's
# version ("TEMPLATE-SHA256 GUEST-SHA256  TARGET"). pending holds the sums that are being
# written; it exists only while a sync runs, and after one that died.
# shellcheck shell=sh

# repair reads the pending sums of a sync that died. A file that has its pending sum was
# written by us, and counts as recorded. A file with another content and without a record
# counts as half-written.
repair() {
	[ -z "$CHECK" ] || log_warn "A sync was interrupted while it wrote files: going on from what it left"
	names=$(sed -n 's/^[0-9a-f]\{64\}  //p' "$S/state/pending" | sort -u)
	found=$(printf '%s\n' "$names" | sum_all | grep -Fxf "$S/state/pending")
	while IFS= read -r l; do
		[ -n "$l" ] || continue
		t=${l#*  }
		if recorded "$t"; then OLD=${OLD%%"$NL$was  $t$NL"*}$NL${OLD#*"$NL$was  $t$NL"}; fi
		OLD=$OLD$l$NL
	done <<-END
		$found
	END
	while IFS= read -r t; do
		if [ -n "$t" ] && ! recorded "$t"; then HALF=$HALF$t$NL; fi
	done <<-END
		$names
	END
}

sum_all() { # paths on stdin, in few processes
	set --
	while IFS= read -r t; do
		[ -f "$t" ] || continue
		set -- "$@" "$t"
		[ $# -lt 100 ] || { sha256sum "$@" 2>/dev/null; set --; }
	done
	[ $# = 0 ] || sha256sum "$@" 2>/dev/null
}

# carry copies the records of files that the template no longer has and the guest still
# has. The files themselves stay unchanged.
carry() {
	[ "$OLD" != "$NL" ] && [ -z "$unwritten" ] || return 0
	# The first pattern matches no name. Some versions of grep fail without any pattern,
	# others do not.
	gone=$(printf '%s' "${OLD#"$NL"}" | sed 's/^.\{64\}  //' | {
		{ echo //; sed 's/^.\{64\}  //' "$S/state/checksums.new"; } >"$S/state/names"
		grep -vxFf "$S/state/names"
	})
	rm -f "$S/state/names"
	n=0
	while IFS= read -r t; do
		if [ -e "$t" ] || [ -L "$t" ]; then
			remember "$t"
			n=$((n + 1))
		fi
	done <<-END
		$gone
	END
	if [ "$n" -gt 0 ] && [ -n "$ATTEMPT" ]; then
		log_info "Files deployed earlier that the template no longer has: $n, left alone"
	fi
}

# commit makes the new records valid. If they could not be written, the old ones and
# pending stay.
commit() {
	if [ -n "$unwritten" ]; then
		fail_file "cannot write the record of what was deployed: is the disk full?"
		return
	fi
	while read -r a b t; do
		if [ -n "$t" ] && { [ -e "$t" ] || [ -L "$t" ]; }; then NEWKEPT="$NEWKEPT$a $b  $t$NL"; fi
	done <<-END
		$KEPT
	END
	if [ -n "$NEWKEPT" ]; then
		printf '%s' "$NEWKEPT" >"$S/state/kept.new" && mv -f "$S/state/kept.new" "$S/state/kept"
	else
		rm -f "$S/state/kept"
	fi && mv -f "$S/state/checksums.new" "$S/state/checksums" && rm -f "$S/state/pending" ||
		fail_file "cannot write the record of what was deployed"
}

# recorded sets was to the sum that we deployed at a target, and fails if there is none.
recorded() { # target
	was=
	case $OLD in
	*"  $1$NL"*)
		was=${OLD%%"  $1$NL"*}
		was=${was##*"$NL"}
		;;
	esac
	[ -n "$was" ]
}

# kept_before sets kt and kg to the sums of the template's and the guest's version at the
# time when the user kept the guest's. It fails if the user did not.
kept_before() { # target
	case $KEPT in
	*"  $1$NL"*) ;;
	*) return 1 ;;
	esac
	kg=${KEPT%%"  $1$NL"*}
	kg=${kg##*"$NL"}
	kt=${kg%% *} kg=${kg#* }
}

record() { printf '%s  %s\n' "$1" "$2" >&4 || unwritten=1; } # sha256 target

# remember copies the record of a file that stays unchanged.
remember() {
	! recorded "$1" || record "$was" "$1"
}

# note keeps a file as it is now, before it is written for the first time since the last
# checks, and records that what depends on it is due. NOTED lists the files on which
# something depends. At boot nobody runs checks, so nothing is noted then. Each line of
# due is "NUMBER RECORDED-SUM  TARGET"; the kept file is was.NUMBER.
note() { # target
	case ${NOTED-} in *"$NL${1#"$R"}$NL"*) ;; *) return 0 ;; esac
	[ -n "$ATTEMPT$SETTLES" ] || return 0
	rm -f "$S/notify/files" "$S/notify/done"
	[ -n "$DUE" ] || DUE=$NL$(cat "$S/notify/due" 2>/dev/null)$NL
	case $DUE in *"  $1$NL"*) return 0 ;; esac
	[ -d "$S/notify" ] || mkdir -m 0700 "$S/notify" || unwritten=1
	number=1
	[ ! -f "$S/notify/due" ] || number=$(($(wc -l <"$S/notify/due") + 1))
	rm -f "$S/notify/was.$number"
	if [ -e "$1" ] || [ -L "$1" ]; then cp -pP "$1" "$S/notify/was.$number" || unwritten=1; fi
	recorded "$1" || was=-
	printf '%s %s  %s\n' "$number" "$was" "$1" >>"$S/notify/due" || unwritten=1
	DUE="$DUE$number $was  $1$NL"
}

# stamp writes the present time in ticks since the node was started, as the kernel has
# them for every process: the start of this subshell. A process with a later start has
# seen what was written before.
stamp() { # file
	[ -n "${NOTED-}" ] && [ -n "$ATTEMPT$SETTLES" ] || return 0
	[ -d "$S/notify" ] || mkdir -m 0700 "$S/notify"
	(
		f=$1
		# shellcheck disable=SC2086
		IFS= read -r l </proc/self/stat && set -- ${l##*) } && shift 19 && echo "$1" >"$f"
	) 2>/dev/null || rm -f "$1"
}
