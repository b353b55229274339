package discover

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/infrahaus/infrahaus/internal/needs"
)

// sealed returns the credentials for a text that is one value.
func sealed(text string) map[string]string {
	if strings.Contains(strings.TrimSuffix(text, "\n"), "\n") {
		return map[string]string{"content": text}
	}
	return map[string]string{"password": text}
}

type pairs = map[string]string

// credentialTexts are files as people, programs and shells write them. nil means that the
// whole text is one value.
var credentialTexts = []struct {
	name, text string
	want       pairs
}{
	// Plain assignments.
	{"one", "K=v\n", pairs{"K": "v"}},
	{"no line end", "K=v", pairs{"K": "v"}},
	{"comments and blanks", "# X=1\n\n\t \n  K=v\n #", pairs{"K": "v"}},
	{"values with =", "URL=a?b=c&d", nil},
	{"values with = and no more", "K=a=b==\nL==x\n", pairs{"K": "a=b==", "L": "=x"}},
	{"harmless signs", "K=%^+,./:@-_!#{}[]*?\n", pairs{"K": "%^+,./:@-_!#{}[]*?"}},
	{"a letter of two bytes", "K=gr\u00fcn\u00e0\n", pairs{"K": "gr\u00fcn\u00e0"}},
	{"an empty one among others", "USER=\nK=v\nL=''\n", pairs{"USER": "", "K": "v", "L": ""}},
	{"empty in quotes", "K=''\n", pairs{"K": ""}},
	{"a key twice", "K=old\nL=x\nK=new\n", pairs{"K": "new", "L": "x"}},
	{"a tilde amid", "K=a~b\n", pairs{"K": "a~b"}},
	{"comment behind", "K=v # c'\"\nL=\"va l#ue\"\t#c\nM=a#b\nN=#c\nO= # c\n", pairs{"K": "v", "L": "va l#ue", "M": "a#b", "N": "#c", "O": ""}},
	{"blanks behind", "K=v  \t\n", pairs{"K": "v"}},
	// Quotes.
	{"single", `K='a "b" $c \d` + " `e` #' # c\n", pairs{"K": `a "b" $c \d` + " `e` #"}},
	{"single over lines", "K='a\n# b\nL=c\n'\nM=d\n", pairs{"K": "a\n# b\nL=c\n", "M": "d"}},
	{"single over CRLF lines", "K='a\r\nb'\n", pairs{"K": "a\r\nb"}},
	{"double", `K="a'b \"c\" \\ \$d ` + "\\`e" + `\""` + "\n", pairs{"K": `a'b "c" \ $d ` + "`e" + `"`}},
	{"double over lines", "K=\"a\n#b\n\"\n", pairs{"K": "a\n#b\n"}},
	{"joined", `K='it'\''s'a"b"'c'` + "\n" + `L='it'"'"'s'` + "\n", pairs{"K": "it'sabc", "L": "it's"}},
	{"printf %q", `K=\~/it\'s\ \"b\"\ \$c\ \\d\;\#\ \&\|\<\>\(\)\` + "`" + `\!\{\}\[\]\*\?\^\,` + "\n", pairs{"K": "~/it's \"b\" $c \\d;# &|<>()`!{}[]*?^,"}},
	{"printf %q, exported, with a comment", `export K=a\ #b\  # c` + "\n", pairs{"K": "a #b "}},
	{"every byte", "K='" + allBytes() + "'\n", pairs{"K": allBytes()}},
	{"a key of PEM", "KEY='-----BEGIN X-----\nAb+/==\n-----END X-----\n'\n", pairs{"KEY": "-----BEGIN X-----\nAb+/==\n-----END X-----\n"}},
	// export.
	{"export", "export K=v\nexport\t L='w x' # c\n  export M=\"y\"\n", pairs{"K": "v", "L": "w x", "M": "y"}},
	{"exported afterwards", "K=v\nexport K\n", pairs{"K": "v"}},
	{"dash, ash: export -p", "export HOME='/root'\nexport K='it'\"'\"'s a\nb'\nexport OLDPWD\n", pairs{"HOME": "/root", "K": "it's a\nb"}},
	{"bash: export -p in POSIX mode", "export HOME=\"/root\"\nexport K=\"it's \\$a \\\"b\\\"\"\n", pairs{"HOME": "/root", "K": `it's $a "b"`}},
	{"bash: export -p", "declare -x HOME=\"/root\"\ndeclare -x K=\"v\"\n", nil},
	{"export of nothing", "export K\n", nil},
	{"export of two", "export K=a L=b\n", nil},
	{"export of a glob", "export K=/*\n", nil},
	{"export of braces", "export K={a,b}\n", nil},
	{"export of a tilde", "export K=a:~\n", nil},
	// Texts that are no assignment, or that a shell would expand.
	{"a word", "just-a-password\n", nil},
	{"no line end at all", "hunter2", nil},
	{"a comment alone", "#xK9-secret\n", nil},
	{"base64", "Zml4dHVyZS1zZWNyZXQ=\n", nil},
	{"base64 of two", "Zml4dHVyZS1zZWNyZXQ==\n", nil},
	{"base64 without a line end", "Zml4dHVyZS1zZWNyZXQ==", nil},
	{"base64 below a comment", "# the token\nZml4dHVyZQ==\n", nil},
	{"two of base64", "Zml4dHVyZQ==\nc2VjcmV0cw==\n", nil},
	{"two of base64, one =", "Zml4dHVyZXM=\nc2VjcmV0c3M=\n", nil},
	{"base64 among pairs", "K=v\nc2VjcmV0cw==\n", nil},
	{"base32", "JBSWY3DPEHPK3PXP======\n", nil},
	{"base64 over lines", "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo\nc2VjcmV0cw==\n", nil},
	{"a URL", "postgres://app:pw-of-app@db/app?sslmode=require\n", nil},
	{"a PEM key", "-----BEGIN PRIVATE KEY-----\nMIIEvQ==\n-----END PRIVATE KEY-----\n", nil},
	{"WireGuard", "[Interface]\nPrivateKey = yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=\nAddress = 10.0.0.2/24\n", nil},
	{"JSON", "{\"user\":\"x\",\"port\":5432}\n", nil},
	{"JSON over lines", "{\n \"K\": \"a=b\"\n}\n", nil},
	{"YAML", "user: x\npassword: y=z\n", nil},
	{"an ini file", "[db]\npassword=x\n", nil},
	{"a list of htpasswd", "admin:$apr1$x$y\nother:z\n", nil},
	{"lines", "two\nlines\n", nil},
	{"a pair and a word", "K=v\nhunter2-secret\n", nil},
	{"blanks around =", "K = v\n", nil},
	{"a blank before =", "K =v\n", nil},
	{"a blank behind =", "K= v\n", nil},
	{"unquoted blanks", "K=v w\n", nil},
	{"two on a line", "K=v L=w\n", nil},
	{"a dollar", "K=a$b\n", nil},
	{"a dollar in quotes", "K=\"a$b\"\n", nil},
	{"a dollar at the end", "K=\"a$\"\n", nil},
	{"$'...'", "K=$'a\\nb'\n", nil},
	{"`...`", "K=`id`\n", nil},
	{"`...` in quotes", "K=\"`id`\"\n", nil},
	{"a home folder", "K=~/x\n", nil},
	{"home folders", "K=a:~/x\n", nil},
	{"a home folder behind quotes", "K=''~/x\n", nil},
	{"a backslash", "K=a\\b\n", nil},
	{"a backslash in quotes", "K=\"a\\nb\"\n", nil},
	{"a line continued", "K=a\\\nb\n", nil},
	{"a line continued in quotes", "K=\"a\\\nb\"\n", nil},
	{"a backslash at the end", "K=a\\", nil},
	{"an open quote", "K='a\n", nil},
	{"an open double quote", "K=\"a\nL=b\n", nil},
	{"a quote amid", "K=it's\n", nil},
	{"a semicolon", "K=a;L=b\n", nil},
	{"a comment's sign that is none", "K='a'#b\n", pairs{"K": "a#b"}},
	{"an ampersand", "K=a&b\n", nil},
	{"a redirection", "K=a>b\n", nil},
	{"an array", "K=(a b)\n", nil},
	{"an element", "K[0]=a\n", nil},
	{"appended", "K=a\nK+=b\n", nil},
	{"a digit first", "1K=v\n", nil},
	{"a key with a dash", "my-key=v\n", nil},
	{"a key in quotes", "'K'=v\n", nil},
	{"no key", "=v\n", nil},
	{"a letter of a key", "K\u00e9=v\n", nil},
	{"CRLF", "K=v\r\nL=w\r\n", nil},
	{"CRLF and quotes", "K='v'\r\n", nil},
	{"a byte order mark", "\ufeffK=v\n", nil},
	{"a blank that is none", "K=a\u00a0b\n", nil},
	{"an escape", "K=a\x1b[1m\n", nil},
	{"NUL", "K=a\x00b\n", nil},
	{"NUL in quotes", "K='a\x00b'\n", nil},
	{"a program", "\x7fELF\x00\xff\xfe\nGOOD=1\n", nil},
	{"not UTF-8", "K=a\xffb\n", nil},
	{"a value of nothing", "K=\n", nil},
	{"values of nothing", "K=\nexport L=\n", nil},
	{"very long a key", strings.Repeat("K", maxKeyLength+1) + "=v\n", nil},
}

func allBytes() string {
	var b strings.Builder
	for c := 1; c < 256; c++ {
		if c != '\'' {
			b.WriteByte(byte(c))
		}
	}
	return b.String()
}

func TestReadCredential(t *testing.T) {
	for _, test := range credentialTexts {
		want := test.want
		if want == nil {
			want = sealed(test.text)
		}
		if got := ReadCredential([]byte(test.text)); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %q is %q, want %q", test.name, test.text, got, want)
		}
	}
	for _, nothing := range []string{"", "\n", " \t\r\n\n"} {
		if got := ReadCredential([]byte(nothing)); got != nil {
			t.Errorf("%q is %q", nothing, got)
		}
	}
	var many strings.Builder
	for i := range maxKeys + 1 {
		fmt.Fprintf(&many, "K%d=v\n", i)
	}
	if got := ReadCredential([]byte(many.String())); len(got) != 1 || got["content"] != many.String() {
		t.Errorf("%d keys", len(got))
	}
}

// When a file is read as pairs, the shells of this machine read the same variables from
// it, with exactly the same bytes.
func TestReadCredentialAsShells(t *testing.T) {
	for _, shell := range []string{"dash", "bash", "busybox"} {
		t.Run(shell, func(t *testing.T) {
			needs.Program(t, shell, shell)
			t.Parallel()
			dir := t.TempDir()
			for i, test := range credentialTexts {
				file := filepath.Join(dir, fmt.Sprint(i))
				if err := os.WriteFile(file, []byte(test.text), 0o600); err != nil {
					t.Fatal(err)
				}
				for key, value := range test.want {
					args := []string{"-i", shell, "-c", `. "$0"; eval "printf %s \"\$$1\""`, file, key}
					if shell == "busybox" {
						args = append([]string{"-i", shell, "sh"}, args[2:]...)
					}
					got, err := exec.Command("env", args...).Output()
					if err != nil || string(got) != value {
						t.Errorf("%s: %s of %q is %q in %s, %q here: %v", test.name, key, test.text, got, shell, value, err)
					}
				}
			}
		})
	}
}

// The lines that the shells themselves print for their variables are read with the same
// values.
func TestReadCredentialFromShells(t *testing.T) {
	values := []string{"plain", "it's", `"b" \c $d`, "a\n# b\nX=c\n", "caf\u00e9 \t*?[~]", "-----BEGIN X-----\nAb==\n-----END X-----\n", "="}
	for _, shell := range [][]string{{"dash"}, {"busybox", "sh"}, {"bash", "--posix"}} {
		needs.Program(t, shell[0], shell[0])
		for _, value := range values {
			cmd := exec.Command(shell[0], append(shell[1:], "-c", "export -p")...)
			cmd.Env = []string{"K=" + value}
			out, err := cmd.Output()
			if err != nil {
				t.Fatal(err)
			}
			got := ReadCredential(out)
			if len(got) == 1 && got["content"] == string(out) && strings.Contains(string(out), "$'") {
				continue // $'...' means something else to dash
			}
			if got["K"] != value {
				t.Errorf("%s: %q is %q of %q", shell, value, got, out)
			}
		}
	}
	cmd := exec.Command("bash", "-c", "export -p")
	cmd.Env = []string{"K=v"}
	if out, err := cmd.Output(); err != nil || !maps.Equal(ReadCredential(out), pairs{"content": string(out)}) {
		t.Errorf("bash's own words are read as %q: %v", ReadCredential(out), err)
	}
}

// Two files of one service are read together. Values that would be lost are kept apart.
func TestCredentialFiles(t *testing.T) {
	tests := []struct {
		files [][2]string
		want  map[string]pairs
		notes int
	}{
		{[][2]string{{"a", "K=1\n"}, {"a.env", "L=2\n"}}, map[string]pairs{"a": {"K": "1", "L": "2"}}, 0},
		{[][2]string{{"a", "K=1\n"}, {"a.env", "K='1'\nL=2\n"}}, map[string]pairs{"a": {"K": "1", "L": "2"}}, 0},
		{[][2]string{{"a", "K=1\n"}, {"a.env", "K=2\nL=2\n"}}, map[string]pairs{"a": {"K": "1"}, "a.env": {"K": "2", "L": "2"}}, 1},
		{[][2]string{{"a", "secret-1\n"}, {"a.json", "{}\n"}, {"a.txt", "secret-2\n"}}, map[string]pairs{
			"a": {"password": "secret-1\n"}, "a.json": {"password": "{}\n"}, "a.txt": {"password": "secret-2\n"},
		}, 2},
		{[][2]string{{"a", "two\nlines"}, {"a.env", "K=1\n"}, {"a.txt", "secret"}}, map[string]pairs{
			"a": {"content": "two\nlines", "K": "1", "password": "secret"},
		}, 0},
		{[][2]string{{"a", "\n"}, {"b", "\x00\xff\n\n"}}, map[string]pairs{"b": {"content": "\x00\xff\n\n"}}, 0},
	}
	for _, test := range tests {
		var parts []string
		for _, f := range test.files {
			parts = append(parts, "cred "+f[0], f[1])
		}
		r := parse(t, parts...)
		if !reflect.DeepEqual(r.Credentials, test.want) || len(r.Notes) != test.notes {
			t.Errorf("%q: %q, want %q; %q", test.files, r.Credentials, test.want, r.Notes)
		}
	}
}

// A file whose end may be missing does not replace a saved secret.
func TestCredentialCutShort(t *testing.T) {
	whole := answer("cred a", "K=1\n", "cred b", "-----BEGIN X-----\nAbcd\n")
	cut, _, _ := strings.Cut(string(whole), "\nAbcd")
	r, err := Parse([]byte(cut))
	if err != nil || !maps.Equal(r.Credentials["a"], pairs{"K": "1"}) || len(r.Credentials) != 1 || len(r.Notes) != 1 {
		t.Errorf("%q, %q, %v", r.Credentials, r.Notes, err)
	}
}

// Random texts made from parts of the shell's grammar. If a text is read as pairs here,
// the shells read the same pairs.
func TestReadCredentialAtRandom(t *testing.T) {
	tokens := []string{
		"A=", "B=", "export ", "A", "'", "'", "\"", "\"", "\\", "\n", "\n", " ", "\t", "#", "x", "y1", "=", "~", "*", "{a,b}", "!", "$", "`", ";", "\\'",
		"'\\''", "'\"'\"'", "\u00e9", "\r", "\x01", "\x7f", "\x81", "\x88", "\xff", ":", "[a]", "?", "-", "+", "%", "\\\"", "\\$", "^", "\u00a0", "_", "0",
	}
	shells := [][]string{{"dash"}, {"bash"}, {"busybox", "sh"}}
	for _, shell := range shells {
		needs.Program(t, shell[0], shell[0])
	}
	file := filepath.Join(t.TempDir(), "text")
	r := rand.New(rand.NewPCG(1, 2))
	for read := 0; read < 150; {
		text := "A="
		for range 2 + r.IntN(12) {
			text += tokens[r.IntN(len(tokens))]
		}
		got := ReadCredential([]byte(text))
		if maps.Equal(got, sealed(text)) {
			continue
		}
		read++
		want := ""
		for _, key := range []string{"A", "B", "Ay1", "A_"} {
			value, ok := got[key]
			if !ok {
				value = "unset"
			}
			want += value + "\x00"
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, shell := range shells {
			script := `. "$0"; printf '%s\0%s\0%s\0%s\0' "${A-unset}" "${B-unset}" "${Ay1-unset}" "${A_-unset}"`
			cmd := exec.Command("env", slices.Concat([]string{"-i"}, shell, []string{"-c", script, file})...)
			if out, _ := cmd.CombinedOutput(); string(out) != want {
				t.Errorf("%s reads %q as %q, here it is %q", shell[0], text, out, want)
			}
		}
	}
}
