package discover

import (
	"maps"
	"reflect"
	"strings"
	"testing"

	"github.com/infrahaus/infrahaus/internal/lxc"
)

func TestReread(t *testing.T) {
	type kv = map[string]string
	for _, tt := range []struct {
		name     string
		old, now kv
		leaked   []string
	}{
		{"assignments", kv{"USER": "app", "PASSWORD": "hunter22", "EMPTY": ""}, nil, nil},
		{"a URL", kv{"postgres://app:hunter22@db/x?sslmode": "require"},
			kv{"password": "postgres://app:hunter22@db/x?sslmode=require"}, []string{"postgres://app:hunter22@db/x?sslmode"}},
		{"base64, ==", kv{"aHVudGVyMjJodW50ZXIyMg": "="}, kv{"password": "aHVudGVyMjJodW50ZXIyMg=="}, []string{"aHVudGVyMjJodW50ZXIyMg"}},
		{"base64, =", kv{"aHVudGVyMjJodW50ZXIyMjI": ""}, kv{"password": "aHVudGVyMjJodW50ZXIyMjI="}, []string{"aHVudGVyMjJodW50ZXIyMjI"}},
		{"base64 with signs", kv{"a+/bHVudGVyMjJo": ""}, kv{"password": "a+/bHVudGVyMjJo="}, []string{"a+/bHVudGVyMjJo"}},
		{"base64url, as a Fernet key", kv{"dV2Tg4iAmjcdg3YiNW40Ubj8dgTaD6UcafROln_HUvQ": ""},
			kv{"password": "dV2Tg4iAmjcdg3YiNW40Ubj8dgTaD6UcafROln_HUvQ="}, []string{"dV2Tg4iAmjcdg3YiNW40Ubj8dgTaD6UcafROln_HUvQ"}},
		{"a name without a value", kv{"ACCESS_TOKEN": ""}, kv{"password": "ACCESS_TOKEN="}, nil},
		{"an empty password", kv{"password": ""}, nil, nil},
		{"several lines", kv{"PrivateKey": "abc=", "[Peer] x": "1", "a b": "2"},
			kv{"content": "PrivateKey=abc=\n[Peer] x=1\na b=2"}, []string{"[Peer] x", "a b"}},
		{"one sealed value", kv{"password": "postgres://app:hunter22@db/x?sslmode=require"}, nil, nil},
		{"base64 twice", kv{"Zml4dHVyZXM": "", "c2VjcmV0c3M": ""}, kv{"content": "Zml4dHVyZXM=\nc2VjcmV0c3M="}, []string{"Zml4dHVyZXM", "c2VjcmV0c3M"}},
		{"base64 among assignments", kv{"K": "v", "c2VjcmV0cw": "="}, kv{"content": "K=v\nc2VjcmV0cw=="}, []string{"c2VjcmV0cw"}},
		{"base32", kv{"JBSWY3DPEHPK3PXP": "====="}, kv{"password": "JBSWY3DPEHPK3PXP======"}, []string{"JBSWY3DPEHPK3PXP"}},
		{"base32, =", kv{"JBSWY3DPEHPK3PX": ""}, kv{"password": "JBSWY3DPEHPK3PX="}, []string{"JBSWY3DPEHPK3PX"}},
		{"a PEM key in quotes", kv{"USER": "app", "KEY": `"-----BEGIN EC PRIVATE KEY-----`, "ygis0feONgXh328ffXB8uwee9jrYCYP7QabcdefZZZY": ""},
			kv{"content": "KEY=\"-----BEGIN EC PRIVATE KEY-----\nUSER=app\nygis0feONgXh328ffXB8uwee9jrYCYP7QabcdefZZZY="}, []string{"ygis0feONgXh328ffXB8uwee9jrYCYP7QabcdefZZZY"}},
		{"quotes that are closed", kv{"A": `"tail"rest`, "B": `it'\''s`, "C": "a'b"}, nil, nil},
		{"nothing", kv{}, nil, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			want := tt.now
			if want == nil {
				want = tt.old
			}
			now, leaked, changed := Reread(tt.old)
			if !reflect.DeepEqual(now, want) || !reflect.DeepEqual(leaked, tt.leaked) || changed != (tt.now != nil) {
				t.Errorf("%q, leaked %q, %v", now, leaked, changed)
			}
			if again, _, changed := Reread(now); changed || !reflect.DeepEqual(again, now) {
				t.Errorf("a second time: %q", again)
			}
		})
	}
}

// FuzzReread checks that any credential of an older version becomes one with valid names
// as keys that still contains all its text, and that a second Reread changes nothing.
func FuzzReread(f *testing.F) {
	f.Add("postgres://u:p@h/x?a", "b", "K", "v")
	f.Add("", "=", "=", "")
	f.Fuzz(func(t *testing.T, k1, v1, k2, v2 string) {
		old := map[string]string{k1: v1, k2: v2}
		now, leaked, changed := Reread(old)
		all := ""
		for k, v := range now {
			if !lxc.IsCredentialKey(k) {
				t.Fatalf("%q is a key", k)
			}
			all += k + "=" + v + "\n"
		}
		for k, v := range old {
			if !strings.Contains(all, k+"="+v) {
				t.Fatalf("%q became %q", old, now)
			}
		}
		if again, _, _ := Reread(now); !maps.Equal(again, now) || !changed && len(leaked) > 0 {
			t.Fatalf("%q, leaked %q, became %q, and %q the next time", old, leaked, now, again)
		}
	})
}
