package discover

import (
	"fmt"
	"maps"
	"regexp"
	"strings"
	"testing"
)

// FuzzCredential checks that any file gives credentials under a name that a service can
// have and that no other file uses. The credentials are either the whole file, byte for
// byte, or pairs whose keys are valid names. If a shell writes the pairs again, their
// values stay the same, and only quoting and comments are missing.
func FuzzCredential(f *testing.F) {
	for _, seed := range [][2]string{
		{"nginx", "USER=admin\nPASS=x=y\n"}, {"a.env", "export K=\"v\"\nL='w'\n# no\n"}, {"a.json", `{"a":1,"b":{"c":[true,null]},"d":"\ud800","e":1e999}`},
		{"../../x", "A=1"}, {".", "A=1"}, {"..", ""}, {"a\nb", "A=1"}, {"$(reboot)", "$(reboot)=`id`\n"}, {"_root", "PASSWORD=mine"}, {"_variables.json", "{}"},
		{"root.txt", "x"}, {"x", "\x7fELF\x00\xff"}, {"x.conf", "two\nlines"}, {"x", "K=v\x00w\n=\n==\n\x1b[2J=1\n"}, {"x", "Zm9v==\n"}, {"x", "A=1 #\nA='2\n'\\''3'\n"},
	} {
		f.Add(seed[0], seed[1])
	}
	for _, test := range credentialTexts {
		f.Add("x", test.text)
	}
	f.Fuzz(func(t *testing.T, file, body string) {
		r := Report{Credentials: map[string]map[string]string{}}
		p := parser{Report: &r}
		p.credential(file, body)
		if len(body) > MaxCredential && len(r.Credentials) > 0 {
			t.Fatalf("%d bytes are read", len(body))
		}
		for name := range r.Credentials {
			if !validName(name) || reserved(name) || strings.Contains(name, "/") || strings.Contains(name, "..") {
				t.Fatalf("%q became a service called %q", file, name)
			}
		}
		for _, n := range r.Notes {
			if n != clean(n) && len(n) < maxText {
				t.Fatalf("note %q", n)
			}
		}
		kv := ReadCredential([]byte(body))
		if len(kv) == 1 && (kv[KeyPassword] == body || kv[KeyContent] == body) {
			return
		}
		if len(kv) > maxKeys || len(kv) == 0 && strings.Trim(body, " \t\r\n") != "" {
			t.Fatalf("%q has %d keys", body, len(kv))
		}
		var again strings.Builder
		for k, v := range kv {
			if !identifier.MatchString(k) {
				t.Fatalf("%q is a key", k)
			}
			for _, part := range strings.FieldsFunc(v, func(c rune) bool { return strings.ContainsRune(`'"\`, c) }) {
				if !strings.Contains(strings.NewReplacer("'", "", `"`, "", `\`, "").Replace(body), strings.NewReplacer("'", "").Replace(part)) {
					t.Fatalf("%q is not in %q", part, body)
				}
			}
			fmt.Fprintf(&again, "%s='%s'\n", k, strings.ReplaceAll(v, "'", `'\''`))
		}
		if back := ReadCredential([]byte(again.String())); !maps.Equal(kv, back) {
			t.Fatalf("%q is read as %q, and written again as %q", body, kv, back)
		}
	})
}

var identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,127}$`)
