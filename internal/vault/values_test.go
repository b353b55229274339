package vault

import (
	"maps"
	"strings"
	"testing"
)

func TestValues(t *testing.T) {
	var every strings.Builder
	for c := range 256 {
		every.WriteByte(byte(c))
	}
	values := map[string]string{
		"text": "a\n\"b\"\t<&>\u2028\x00", "bytes": every.String(), "no UTF-8": "\xff", "": "", "base64": `{"base64":"eA=="}`,
	}
	doc, err := PackValues(values)
	if err != nil {
		t.Fatal(err)
	}
	if back, err := UnpackValues(doc); err != nil || !maps.Equal(back, values) {
		t.Errorf("%q, %v", back, err)
	}
	if old, err := UnpackValues([]byte(`{"USER":"a","PASSWORD":"b=c"}`)); err != nil || old["PASSWORD"] != "b=c" {
		t.Errorf("what was sealed before: %q, %v", old, err)
	}
	for _, bad := range []string{"", "[]", `"secret"`, `{"a":1}`, `{"a":{"base64":"secret!"}}`, `{"a":["secret"]}`} {
		if v, err := UnpackValues([]byte(bad)); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s is %q, %v", bad, v, err)
		}
	}
}
