package kernel

import (
	"strings"
	"testing"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/fsys"
)

// A script that the interpreter would silently run with another result than bash is
// refused with one line that names the construct, before any part of the script has run.
func TestDiffersLoudly(t *testing.T) {
	m := testMachine(t)
	for _, c := range []struct{ script, names string }{
		{`false | true; echo ${PIPESTATUS[0]}`, "$PIPESTATUS"},
		{`v=aXa; echo ${v/#a/b}`, "${v/#…}"},
		{`f() { echo "${1/%.txt/.md}"; }; f a.txt`, "${1/%…}"},
		{`set -u; a=(1 2); echo "${a[5]}"`, "set -u"},
		{`set -euo pipefail; declare -A m; m[k]=v`, "declare -A"},
		{`set -o nounset; f() { local -A m; }; f`, "local -A"},
		{`printf '%(%Y)T\n' 0`, "printf '%(…)T'"},
		{`declare -i n; n=1+2; echo $n`, "declare -i"},
		{`trap 'echo dbg' DEBUG`, "trap … DEBUG"},
		{`coproc cat`, "a coprocess"},
		{`echo $((08))`, "the number 08"},
		{`if ((09 > 1)); then echo; fi`, "the number 09"},
		{`trap 'echo err' ERR; f() { false; true; }; f`, "trap … ERR"},
		{`f() { false; true; }; trap 'echo err' ERR; f`, "trap … ERR"},
		{`set -C; echo x >/tmp/a`, "set -C"},
		{`cat <<X
$(echo ${PIPESTATUS[0]})
X`, "$PIPESTATUS"},
	} {
		for how, argv := range map[string][]string{
			"-c": {"bash", "-c", "echo ran\n" + c.script}, "file": {"bash", "/tmp/script"}, "source": {"bash", "-c", ". /tmp/script"}, "eval": {"bash", "-c", `eval "$1"`, "-", "echo ran\n" + c.script},
		} {
			if err := (&fsys.View{FS: m.FS, Cwd: "/"}).WriteFile("/tmp/script", []byte("echo ran\n"+c.script), 0o644); err != nil {
				t.Fatal(err)
			}
			out, said, status := runIn(t, m, "", argv...)
			if out != "" || status != 2 || strings.Count(said, "\n") != 1 || !strings.Contains(said, "sandbox: ") || !strings.Contains(said, c.names) || !strings.Contains(said, "--driver lxc") {
				t.Errorf("%s %s: %d %q %q", how, c.script, status, out, said)
			}
		}
	}
	// From a pipe, the commands before it have already run, as in any shell.
	if out, said, status := runIn(t, m, "echo ran\necho ${PIPESTATUS[0]}\necho no\n", "bash"); out != "ran\n" || status != 2 || !strings.Contains(said, "$PIPESTATUS") {
		t.Errorf("%d %q %q", status, out, said)
	}
}

// Similar constructs that the interpreter runs correctly.
func TestDiffersNot(t *testing.T) {
	m := testMachine(t)
	for _, c := range []struct{ kind, script, out string }{
		{"bash", `v=a#b%c; echo ${v/\#/1} ${v//#/2} ${v/b%/3}`, "a1b%c a2b%c a#3c\n"},
		{"bash", `set -u; a=(1 2); echo "${a[@]}" "${#a[@]}" "${a[5]:-none}"; set +u; echo "${a[5]}."`, "1 2 2 none\n.\n"},
		{"bash", `declare -A m; m[k]=v; echo "${m[k]}"; declare -r c=1; echo $c`, "v\n1\n"},
		{"bash", `printf '%s %%(\n' a; printf '%q\n' 'a b'`, "a %(\na\\ b\n"},
		{"bash", `echo $((8)) $((010)) $((0x8f)) $((10#08))`, "8 8 143 8\n"},
		{"bash", `set -eE; trap 'echo err' ERR; f() { (false); true; }; f; echo no`, "err\n"},
		{"bash", `trap 'echo err' ERR; false; trap - ERR; false; echo end`, "err\nend\n"},
		{"bash", `set -e; x=$(false; echo go); echo "[$x]"`, "[go]\n"},
		{"bash", `set -e; false || x=$(echo $?); echo "[$x]"`, "[1]\n"},
		{"bash", `set -- 1; shift 2; echo "$? $#"; f() { shift 2; echo "$? $#"; }; f a b c`, "1 1\n0 1\n"},
		{"sh", `set -- 1; shift 2; echo no`, ""},
		{"sh", `set -e; x=$(false; echo go); echo "[$x]"`, ""},
		{"bash", `echo x | exit 3; echo "s $?"; printf '1\n2\n' | while read a; do echo $a; exit 4; done; echo "after $?"`, "s 3\n1\nafter 4\n"},
		{"bash", `( trap 'echo bye' EXIT; echo in ); echo out; exec 3>&1; echo three >&3; x="a b"; echo ${x@Q}`, "in\nbye\nout\nthree\n'a b'\n"},
	} {
		if out, said, _ := runIn(t, m, "", c.kind, "-c", c.script); out != c.out {
			t.Errorf("%s -c %s: %q %q", c.kind, c.script, out, said)
		}
	}
}
