package console

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
)

const testTag = "0123456789abcdef"

// parsed feeds text in pieces of n bytes and writes down what comes of it.
func parsed(text string, n int) (log []string) {
	w := &parser{
		mark: []byte("~" + testTag + " "),
		word: func(words []string) { log = append(log, strings.Join(words, " ")) },
		block: func(head []string, p []byte) {
			log = append(log, fmt.Sprintf("block %s %q", strings.Join(head, " "), p))
		},
		lost:  func(id, stream, seq string) { log = append(log, "lost "+id+stream+seq) },
		noise: func([]byte) {},
	}
	for at := 0; at < len(text); at += n {
		w.feed([]byte(text[at:min(at+n, len(text))]))
	}
	return log
}

func TestWire(t *testing.T) {
	m := "~" + testTag + " "
	for _, c := range []struct{ name, text, want string }{
		{"words", m + "h sha256sum 1 1 0;\n" + m + "y;\r\n", "h sha256sum 1 1 0|y"},
		{"a block", m + "d 1 o 2 b S;\nQUJD\nREVG\n" + m + "e 1 o 2;\n", `block 1 o 2 b S "QUJD\nREVG\n"`},
		{"returns on the way", m + "d 1 o 2 b S;\r\r\nQUJD\r\r\n" + m + "e 1 o 2;\r\r\n", `block 1 o 2 b S "QUJD\n"`},
		{"a word within a block", m + "d 1 o 2 b S;\nQU" + m + "a 1 7;\nJD\n" + m + "e 1 o 2;\n", `a 1 7|block 1 o 2 b S "QUJD\n"`},
		{"noise around", "login: " + m + "y;\nx~y ;" + m + "p 1;", "y|p 1"},
		{"a spoilt word", m + "a 1 [ 12.3] eth0: up" + m + "p 1;\n", "p 1"},
		{"a lost head", "QUJD\n" + m + "e 1 o 2;\n", "lost 1o2"},
		{"another's end", m + "d 1 o 2 b S;\nQUJD\n" + m + "e 1 o 3;\n", "lost 1o3"},
		{"a block without an end", m + "d 1 o 2 b S;\n" + strings.Repeat("A", maxBlock+1) + m + "e 1 o 2;\n", "lost 1o2"},
		{"another run's", "~fedcba9876543210 y;\n", ""},
	} {
		for _, n := range []int{1, 7, 1 << 20} {
			if got := strings.Join(parsed(c.text, n), "|"); got != c.want {
				t.Errorf("%s by %d: %q, want %q", c.name, n, got, c.want)
			}
		}
	}
}

// Kernel output within a block, at any position, does not damage the block; otherwise a
// console that is never quiet would never deliver a whole one. Any other byte does.
func TestNoiseInABlock(t *testing.T) {
	want := []byte(strings.Repeat("some of what a guest says, ", 20))
	var z bytes.Buffer
	gz := gzip.NewWriter(&z)
	gz.Write(want)
	gz.Close()
	for _, body := range []string{base64.StdEncoding.EncodeToString(want), string(wrapped([]byte(base64.StdEncoding.EncodeToString(want))))} {
		for _, noise := range []string{"[ 12.3] audit: type=1400 op=x\n", "\n[ 12.3] audit: type=1400 op=x\n", "<6>eth0: up\n[ 12.3] eth0: up\n"} {
			for at := range len(body) + 1 {
				got, err := decodeBlock("sha256sum", "b", sumOf("sha256sum", []byte(body)), []byte(body[:at]+noise+body[at:]))
				if err != nil || !bytes.Equal(got, want) {
					t.Fatalf("%q at %d of %d: %v", noise, at, len(body), err)
				}
			}
		}
		if _, err := decodeBlock("sha256sum", "b", sumOf("sha256sum", []byte(body)), []byte(strings.Replace(body, body[30:31], "", 1))); err == nil {
			t.Error("a byte that is missing is not noticed")
		}
	}
	for _, body := range []string{base64.StdEncoding.EncodeToString(z.Bytes()), string(wrapped([]byte(base64.StdEncoding.EncodeToString(z.Bytes()))))} {
		for at := range len(body) + 1 {
			if got, err := decodeBlock("", "z", "-", []byte(body[:at]+"[ 12.3] audit: x\n"+body[at:])); err != nil || !bytes.Equal(got, want) {
				t.Fatalf("z at %d of %d: %v", at, len(body), err)
			}
		}
	}
	if p, err := decodeBlock("", "x", "0", []byte("[ 12.3] audit: x\n")); err != nil || len(p) > 0 {
		t.Errorf("%q %v", p, err)
	}
	if _, err := decodeBlock("", "t", "5", []byte("ab\n[ 12.3] audit: x\ncd\n")); err == nil {
		t.Error("what is in a text nobody can tell")
	}
}

// A block that swells to more than the pump reads at once is no block.
func TestUnpackBounded(t *testing.T) {
	for size, ok := range map[int]bool{0: true, blockSize: true, blockSize + 1: false, 1 << 20: false} {
		var z bytes.Buffer
		gz := gzip.NewWriter(&z)
		gz.Write(make([]byte, size))
		gz.Close()
		p, err := unpack("z", []byte(base64.StdEncoding.EncodeToString(z.Bytes())))
		if ok != (err == nil) || ok && len(p) != size {
			t.Errorf("%d: %d bytes, %v", size, len(p), err)
		}
	}
	if _, err := unpack("b", []byte("not base64!")); err == nil {
		t.Error("nonsense is taken")
	}
}

// A message is sent unencoded only if no terminal changes it and every shell counts it
// alike.
func TestPlainMessages(t *testing.T) {
	c := encoder{tag: testTag, sum: "sha256sum"}
	for text, plain := range map[string]bool{
		"echo $x \\n\n\ttrue\n":                  true,
		"\n":                                     true,
		"\x1e0123 0 0\n":                         true,
		"":                                       false,
		"echo":                                   false,
		"\x1c\n":                                 false,
		"gr\u00fcn\n":                            false,
		"a\r\n":                                  false,
		"~" + testTag + " q\n":                   false,
		strings.Repeat("x", lineLength+1) + "\n": false,
		strings.Repeat(strings.Repeat("x", 99)+"\n", 42): false,
	} {
		lines, ok := c.plain([]byte(text))
		if ok != plain {
			t.Errorf("%.40q: plain %v", text, ok)
		}
		if want := fmt.Sprintf("m 1 2 t %d 0", len(text)); ok && !strings.Contains(string(c.encode(1, 2, []byte(text))), string(lines)+pumpLine(testTag, want)) {
			t.Errorf("%.40q goes as %q", text, c.encode(1, 2, []byte(text)))
		}
	}
}

// The line that is typed fits what every line editor and terminal takes.
func TestBootstrapLine(t *testing.T) {
	for _, logged := range []bool{true, false} {
		line := bootstrapLine(testTag, pumpProgram(testTag, sessionStart), logged)
		if len(line) > 1000 || strings.Count(line, "\n") != 1 || line[0] != ' ' || strings.Contains(line, "~"+testTag) {
			t.Errorf("%d bytes: %q", len(line), line)
		}
	}
}

func FuzzWire(f *testing.F) {
	m := "~" + testTag + " "
	f.Add(m+"d 1 o 2 b S;\nQUJD\n"+m+"e 1 o 2;\n", 3)
	f.Add(m+m+";~"+testTag, 1)
	f.Fuzz(func(t *testing.T, text string, n int) {
		if len(text) > 4<<10 {
			return
		}
		n = 1 + n&0xff
		whole, pieces := parsed(text, len(text)+1), parsed(text, n)
		if len(text) < maxWord && strings.Join(whole, "|") != strings.Join(pieces, "|") {
			t.Errorf("%q whole, %q by %d", whole, pieces, n)
		}
	})
}
