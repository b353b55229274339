package system

import (
	"strings"
	"testing"
)

func TestPamSet(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"", "PATH=/bin LANG=C"},
		{`PATH="/opt/x:$PATH"` + "\n", "LANG=C PATH=/opt/x:$PATH"},
		{"export A=b\n  C='d e'\n", "PATH=/bin LANG=C A=b C=d e"},
		{"# PATH=/x\nA=b # c\n\n", "PATH=/bin LANG=C A=b "},
		{"A-B=c\nLANG\n=x\n", "PATH=/bin"},
		{`Q="open` + "\n", "PATH=/bin LANG=C Q=open"},
		{"A=1\nA=2", "PATH=/bin LANG=C A=2"},
	} {
		if got := strings.Join(pamSet([]string{"PATH=/bin", "LANG=C"}, tt.text), " "); got != tt.want {
			t.Errorf("%q: %q, not %q", tt.text, got, tt.want)
		}
	}
}
