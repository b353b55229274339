package main

import (
	"strings"
	"testing"
)

func TestDraw(t *testing.T) {
	var out strings.Builder
	if err := draw(strings.NewReader("\x1b[1mweb\x1b[0m  \x1b[38;5;31m━━\x1b[39m <1>\n\x1b[38;5;244ma\nb\x1b[39m c\n\n"), &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`fill="#d8dee9" font-weight="bold" xml:space="preserve">web<`,
		`<text x="60.0" y="48" textLength="16.8" lengthAdjust="spacingAndGlyphs" fill="#0087af" xml:space="preserve">━━<`,
		`>&lt;1&gt;<`,
		`<text x="18.0" y="82" textLength="8.4" lengthAdjust="spacingAndGlyphs" fill="#808080" xml:space="preserve">b<`, // the look of the line before
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %s in\n%s", want, out.String())
		}
	}
	if n := strings.Count(out.String(), "<text"); n != 6 {
		t.Errorf("%d runs", n)
	}
}
