package cli

import (
	"net/url"
	"strings"
	"testing"
)

func TestWebURL(t *testing.T) {
	for _, good := range []string{"http://10.0.0.5:8080", "https://web.lab.example.org/a?b=c#d", "http://[fd00::5]:80/", "http://10.0.0.5/%20"} {
		if webURL(good) != good {
			t.Errorf("%s became %q", good, webURL(good))
		}
	}
	for _, bad := range []string{"", "file:///etc/passwd", "javascript:alert(1)", "http://-x/", "http://", "http:10.0.0.5", "//10.0.0.5/", "http://a b/", "http://10.0.0.5/\n",
		"http://u:p@10.0.0.5/", "http://10.0.0.5\\@evil/", "ftp://10.0.0.5", "--help", "http://a_b/", "http://10.0.0.5/\x1b]8;;"} {
		if got := webURL(bad); got != "" {
			t.Errorf("%q passes as %q", bad, got)
		}
	}
}

// FuzzWebURL: whatever passes is one address of the web and no option.
func FuzzWebURL(f *testing.F) {
	for _, s := range []string{"http://10.0.0.5:8080/a?b#c", "https://[::1]/", "http://-x/", "HTTP://A/", "http://a/%00", "javascript:http://a"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := webURL(text)
		if got == "" {
			return
		}
		u, err := url.Parse(got)
		if err != nil || !strings.HasPrefix(got, "http") || u.Host == "" || strings.HasPrefix(u.Hostname(), "-") || strings.ContainsAny(got, " \n\r\t\x00\x1b") {
			t.Errorf("%q became %q", text, got)
		}
	})
}
