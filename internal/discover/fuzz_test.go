package discover

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzCredential: whatever a file is called and holds, what is made of it has a
// name that can be a service's and is nobody else's, keys that can be shown, and
// values that come back from the sealed JSON as they went in.
func FuzzCredential(f *testing.F) {
	for _, seed := range [][2]string{
		{"nginx", "USER=admin\nPASS=x=y\n"}, {"a.env", "export K=\"v\"\nL='w'\n# no\n"}, {"a.json", `{"a":1,"b":{"c":[true,null]},"d":"\ud800","e":1e999}`},
		{"../../x", "A=1"}, {".", "A=1"}, {"..", ""}, {"a\nb", "A=1"}, {"$(reboot)", "$(reboot)=`id`\n"}, {"_root", "PASSWORD=mine"}, {"_variables.json", "{}"},
		{"root.txt", "x"}, {"x", "\x7fELF\x00\xff"}, {"x.conf", "two\nlines"}, {"x", "K=v\x00w\n=\n==\n\x1b[2J=1\n"}, {"x.json", "{\"a\":" + strings.Repeat("[", 500)},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, file, body string) {
		r := Report{Credentials: map[string]map[string]string{}}
		p := parser{Report: &r}
		p.credential(file, body+"\n")
		if len(body) > MaxCredential && len(r.Credentials) > 0 {
			t.Fatalf("%d bytes are read", len(body))
		}
		for name, kv := range r.Credentials {
			if !validName(name) || reserved(name) || strings.Contains(name, "/") || strings.Contains(name, "..") {
				t.Fatalf("%q became a service called %q", file, name)
			}
			if len(kv) == 0 || len(kv) > 500 {
				t.Fatalf("%d keys", len(kv))
			}
			for k, v := range kv {
				if k != clean(k) || len(k) > 128 || !utf8.ValidString(v) || strings.Contains(v, "\x00") {
					t.Fatalf("%q is %q", k, v)
				}
			}
			doc, err := json.Marshal(kv)
			var back map[string]string
			if err != nil || json.Unmarshal(doc, &back) != nil || !reflect.DeepEqual(kv, back) {
				t.Fatalf("%q is sealed as %s, %v", kv, doc, err)
			}
		}
		for _, n := range r.Notes {
			if n != clean(n) && len(n) < maxText {
				t.Fatalf("note %q", n)
			}
		}
	})
}
