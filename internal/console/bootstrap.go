package console

import (
	_ "embed"
	"strings"
)

//go:embed pump.sh
var pumpText string

// loader reads the pump's text from a terminal that it makes raw, checks it and
// runs it: with $0, the tag, as the line that ends it, and $1, the sums that it
// may have. It asks again (r) until it has one, gives up after 10 s of silence or when it is
// told to end as a pump is (q), and leaves the terminal as it was. POSIX sh, one line,
// without a single quote.
const loader = `export PATH=` + fixedPath + `;s=$(stty -g);stty raw -echo min 0 time 100;n=$(printf "\nx");n=${n%x};t=;printf "~%s g;\n" $0;` +
	`while IFS= read -r l;do case $l in $0);;"~$0 q 1 .")break;;*)t=$t$l$n;continue;;esac;` +
	`h=$(printf %s "$t"|{ sha256sum||md5sum;} 2>/dev/null);case ,$1, in *,${h%% *},*)eval "$t";break;;esac;` +
	`t=;printf "~%s r;\n" $0;done;stty "$s";printf "~%s b;\n" $0`

// loaderLine is what is typed at a shell's prompt. Where we logged in, the shell
// ends with the pump, and by itself after a minute where it knows TMOUT and nobody
// has made that readonly; where somebody's shell was there it stays, and forgets the
// line, if it has kept it and can. The line
// stays under 1,023 bytes, which is what busybox takes.
func loaderLine(tag, program string, logged bool) string {
	run := "/bin/sh -c '" + loader + "' " + tag + " " + pumpSums(program)
	if logged {
		return " unset HISTFILE;(TMOUT=60) 2>/dev/null&&TMOUT=60;" + run + ";exit\n"
	}
	return " " + run + ";case $(history 1 2>&1) in *" + tag + "*)history -d -1;;esac >/dev/null 2>&1\n"
}

// pumpProgram is what the loader runs. start is the text of Config.Start.
func pumpProgram(tag, start string) string {
	agent := `[ -f "$0.pid" ] || echo $$ >"$0.pid"; : >"$0.ran"; ` + strings.TrimSpace(start)
	return "ih_tag=" + tag + "\nih_agent='" + agent + "'\n" + StripComments(pumpText)
}

func pumpSums(program string) string {
	text := []byte(program)
	return sumOf("sha256sum", text) + "," + sumOf("md5sum", text)
}

// fixedPath is the PATH of everything that runs for us: that of the shell on the console
// may be unusable.
const fixedPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// StripComments drops the whole-line comments and the indentation of a shell's text: a
// shell reads its stdin byte by byte, so each byte counts.
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
