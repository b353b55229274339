package event

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestSecretsIn(t *testing.T) {
	tests := []struct {
		key, value string
		want, not  []string
	}{
		{"PASSWORD", "hunter2-x", []string{"hunter2-x"}, nil},
		{"HOST", "db.example.org", nil, []string{"db.example.org"}},
		{"DATABASE_URL", "postgres://app:s3cret-pw@db/x", []string{"s3cret-pw"}, []string{"postgres", "app", "db/x"}},
		{"URL", "http://10.0.0.5:8080/?a=b@c", nil, []string{"8080/?a=b"}},
		{"URL", "redis://:p%40ss%2Fw@h/0?token=abc%21def&x=plain-x", []string{"p%40ss%2Fw", "p@ss/w", "abc%21def", "abc!def"}, []string{"plain-x"}},
		{"URL", "postgres://app:pa/ss?w@h/db", []string{"pa/ss?w"}, nil},
		{"URL", "https://h/a?access_token=t0ken-1;sig=s1gn-2&apiKey=k3y-3&client_secret=s3-x#f", []string{"t0ken-1", "s1gn-2", "k3y-3", "s3-x"}, nil},
		{"URL", "https://h/?key=k-1&secret=s-2&password=p-3&monkey=m-4", []string{"k-1", "s-2", "p-3"}, []string{"m-4"}},
		{"REPO_URL", "https://ghp_0123456789abcdef0123@github.com/o/r.git", []string{"ghp_0123456789abcdef0123"}, nil},
		{"REPO_URL", "ssh://gitlab-user-with-a-long-name@example.org/r.git", nil, []string{"gitlab-user-with-a-long-name"}},
		{"NOTE", "see amqp://u:in-a-text@h and more", []string{"in-a-text"}, []string{"and"}},
		{"password", "postgres://app:s3cret-pw@db/x?sslmode=require\n", []string{"postgres://app:s3cret-pw@db/x?sslmode=require\n", "s3cret-pw"}, []string{"require"}},
		{
			"content", "{\n\"user\": \"admin-user\", \"db\": {\"password\": \"j-pw\", \"pins\": [123456, \"p-2\"], \"url\": \"http://u:in-url@h\"}, \"t\": \"a\\\"b\"}\n",
			[]string{"j-pw", "123456", "p-2", "in-url", `a"b`},
			[]string{"admin-user"},
		},
		{"password", `["one-1", {"host": "h-1"}]`, []string{"one-1"}, []string{"h-1"}},
		{
			"content", "[Interface]\nPrivateKey = wg-key=\nAddress = 10.0.0.2/24\n",
			[]string{"wg-key="},
			[]string{"10.0.0.2/24"},
		},
		{"password", "host=db user=app password='dsn pw' port=1\n", []string{"dsn pw"}, []string{"app", "1"}},
		{"password", "Server=db;User Id=sa;Password=ad0-pw;Encrypt=yes", []string{"ad0-pw"}, []string{"yes", "sa"}},
		{"password", "admin:us3r-pw\n", []string{"us3r-pw"}, []string{"admin"}},
		{"password", "db.example.org:5432:app:app-user:pgp4ss-w", []string{"pgp4ss-w"}, []string{"db.example.org", "app-user"}},
		{"content", "machine h login user-name password n3trc-pw\nmachine i\n", []string{"n3trc-pw"}, []string{"user-name"}},
		{"password", "Authorization: Bearer b34rer-t\n", []string{"b34rer-t"}, nil},
		{"content", "export A=a$b\r\nUSER=name\r\nB='x y'\r\n  - \"c\": d-1,\n", []string{"a$b", "x y", "d-1"}, []string{"name"}},
	}
	for _, test := range tests {
		got := SecretsIn(test.key, test.value)
		for _, w := range test.want {
			if !slices.Contains(got, w) {
				t.Errorf("%s=%q: %q lacks %q", test.key, test.value, got, w)
			}
		}
		for _, n := range test.not {
			if slices.Contains(got, n) {
				t.Errorf("%s=%q: %q has %q", test.key, test.value, got, n)
			}
		}
	}
}

// A value of several lines is redacted as a whole and line by line, also in the forms
// that JSON and the shell's quoting give it.
func TestRedactLines(t *testing.T) {
	key := "-----BEGIN KEY-----\nline-one-of-it\nline-two-of-it==\n-----END KEY-----\n"
	s := NewSecrets(SecretsIn("content", key)...)
	for _, text := range []string{key, "x line-two-of-it== y", "line-one-of-it\r\n", strings.ReplaceAll(key, "\n", `\n`), "K='" + key + "'"} {
		if got := s.Redact(text); strings.Contains(got, "of-it") {
			t.Errorf("%q is %q", text, got)
		}
	}
	if got := s.Redact("-----END KEY-----"); got != "-----END KEY-----" {
		t.Errorf("the armour is %q", got)
	}
}

func TestRedactURLs(t *testing.T) {
	tests := []struct{ text, want string }{
		{"cannot reach redis://:pw@h:6379/0 now", "cannot reach redis://:***@h:6379/0 now"},
		{"https://u:p%40@h/a?x=1&token=t;sig=&key=k#f and https://h/?password=p", "https://u:***@h/a?x=1&token=***;sig=&key=***#f and https://h/?password=***"},
		{"postgres://a:p?token=x/y@h/db?secret=s", "postgres://a:***@h/db?secret=***"},
		{"https://0123456789012345678901@h/", "https://***@h/"},
		{"https://h:8006/?a=b@c ssh://git@h/ \"x://u:@h\"", "https://h:8006/?a=b@c ssh://git@h/ \"x://u:@h\""},
	}
	for _, test := range tests {
		if got := RedactURLs(test.text); got != test.want {
			t.Errorf("%s\nbecame %s\nwant   %s", test.text, got, test.want)
		}
	}
}

// FuzzURLs checks that masking hides every secret that URLSecrets lists, at its position,
// and changes nothing else in the text.
func FuzzURLs(f *testing.F) {
	for _, seed := range []string{
		"x://u:p@h/?token=t&a=b;sig=s#f y", "https://u:p?a@b@h?key=k", "a://:@", "://", "a://b?=&&;key=", "http://01234567890123456789@h", "postgres://a:p/w@h/db?secret=%zz", "x://\xff:\x00@",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		masked := RedactURLs(text)
		if again := RedactURLs(masked); again != masked {
			t.Fatalf("%q became %q, and again %q", text, masked, again)
		}
		for _, u := range urlText().FindAllString(text, -1) {
			at := 0
			for _, s := range secretSpans(u) {
				if s.from < at || s.to <= s.from || s.to > len(u) {
					t.Fatalf("%q has a secret at %d to %d, after %d", u, s.from, s.to, at)
				}
				at = s.to
			}
		}
		SecretsIn("", text)
	})
}

// A large key is redacted as a whole and by its lines, and leaves space for small
// secrets.
func TestLargeSecrets(t *testing.T) {
	var large strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&large, "line-%05d-of-a-large-key\n", i)
	}
	var all []string
	for i := range 4 {
		all = append(all, SecretsIn("content", strings.ReplaceAll(large.String(), "line", fmt.Sprint("l", i)))...)
	}
	all = append(all, "sm4ll pass")
	s := NewSecrets(all...)
	for _, text := range []string{"a l0-00000-of-a-large-key b", "l3-01999-of-a-large-key", "sm4ll+pass", "sm4ll%20pass"} {
		if got := s.Redact(text); strings.Contains(got, "large") || strings.Contains(got, "sm4ll") {
			t.Errorf("%q is %q", text, got)
		}
	}
}
