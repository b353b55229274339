package console

import (
	_ "embed"
	"strings"
)

//go:embed pump.sh
var pumpText string

// fixedPath is the PATH of everything that we run: that of the shell on the console may be
// unusable.
const fixedPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// bootstrap makes the terminal raw, reads the pump's text, compares its checksum with $1,
// and runs it. $0 is the tag, which ends the text. The bootstrap asks for the text again
// (r) until it has come whole. It gives up after 10 s of silence, or when it gets the
// pump's command to end (q), and restores the terminal's settings. POSIX sh, one line,
// without a single quote.
const bootstrap = `export PATH=` + fixedPath + `;s=$(stty -g);stty raw -echo min 0 time 100;n=$(printf "\nx");n=${n%x};t=;printf "~%s g;\n" $0;` +
	`while IFS= read -r l;do case $l in $0);;"~$0 q 1 .")break;;*)t=$t$l$n;continue;;esac;` +
	`h=$(printf %s "$t"|{ sha256sum||md5sum;} 2>/dev/null);case ,$1, in *,${h%% *},*)eval "$t";break;;esac;` +
	`t=;printf "~%s r;\n" $0;done;stty "$s";printf "~%s b;\n" $0`

// bootstrapLine is what is typed at a shell's prompt. If we logged in, the shell ends with
// the pump, or by itself after a minute where TMOUT works and is not readonly. A shell
// that was open before stays open, and forgets the line if it keeps a history and can. The
// line stays under 1,023 bytes, more of which busybox would drop.
func bootstrapLine(tag, program string, loggedIn bool) string {
	run := "/bin/sh -c '" + bootstrap + "' " + tag + " " + sumsOf(program)
	if loggedIn {
		return " unset HISTFILE;(TMOUT=60) 2>/dev/null&&TMOUT=60;" + run + ";exit\n"
	}
	return " " + run + ";case $(history 1 2>&1) in *" + tag + "*)history -d -1;;esac >/dev/null 2>&1\n"
}

// pumpProgram is the text that the bootstrap runs. start is Config.Start.
func pumpProgram(tag, start string) string {
	program := `[ -f "$0.pid" ] || echo $$ >"$0.pid"; : >"$0.ran"; ` + strings.TrimSpace(start)
	return "ih_tag=" + tag + "\nih_program='" + program + "'\n" + StripComments(pumpText)
}

// sumsOf are the checksums that the bootstrap may find, of which the guest may know one.
func sumsOf(program string) string {
	return sumOf("sha256sum", []byte(program)) + "," + sumOf("md5sum", []byte(program))
}

// StripComments drops the whole-line comments and the indentation of a shell program. A
// shell reads its stdin byte by byte, so each byte costs time.
func StripComments(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		t := strings.TrimLeft(line, "\t")
		if t == "\n" || strings.HasPrefix(t, "# ") || strings.HasPrefix(t, "#\t") {
			continue
		}
		b.WriteString(t)
	}
	return b.String()
}
