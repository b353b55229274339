package guest

import (
	"bytes"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
)

// FuzzScanner: what a program prints comes through byte for byte and its status
// behind it, however the link cuts the stream; without the nonce nothing passes
// for an end; and nothing is kept back beyond what could be one.
func FuzzScanner(f *testing.F) {
	const nonce = "\x02NONCENONCENONCE"
	for _, seed := range []string{"", "output\n", nonce, nonce + " 0", "\x02\x02NONCE", "\x02NONCENONCENONC " + nonce[:5], nonce + " x\n", nonce + " 99999999999999999999\n", strings.Repeat(nonce[:8], 9)} {
		f.Add([]byte(seed), 3)
	}
	f.Fuzz(func(t *testing.T, output []byte, status int) {
		status &= 0xff
		stream := append(bytes.Clone(output), []byte(nonce+" ")...)
		stream = append(append(stream, strconv.Itoa(status)...), "\nmore"...)
		clean := !bytes.Contains(output, []byte(nonce+" "))
		for name, r := range map[string]io.Reader{"whole": bytes.NewReader(stream), "bytes": iotest.OneByteReader(bytes.NewReader(stream)), "halves": iotest.HalfReader(bytes.NewReader(stream))} {
			var got bytes.Buffer
			s := newScanner(r, nonce)
			n, err := s.next(&got)
			if clean && (err != nil || n != status || !bytes.Equal(got.Bytes(), output)) {
				t.Fatalf("%s: %q and %d became %q and %d, %v", name, output, status, got.Bytes(), n, err)
			}
			if !clean && err == nil && !bytes.HasPrefix(output, got.Bytes()) {
				t.Fatalf("%s: %q from %q", name, got.Bytes(), output)
			}
		}
		var got bytes.Buffer // no end at all
		s := newScanner(bytes.NewReader(output), nonce)
		if _, err := s.next(&got); clean && (err == nil || !bytes.Equal(got.Bytes(), output)) {
			t.Fatalf("%q became %q, %v", output, got.Bytes(), err)
		}
	})
}

// FuzzFrames: offsets only grow by what was passed on, an end is final, and no
// frame, whole or cut anywhere, makes more output than bytes came.
func FuzzFrames(f *testing.F) {
	f.Add([]byte("c\no 0 3\nabcs 0 4\nK=v\ne 1 3\nabcx 7\n"))
	f.Add([]byte("t o\nd\no 0 3\nabc"))
	f.Add([]byte("o 0 9223372036854775807\nabc"))
	f.Add([]byte("s 0 100\nPASSWORD=$(reboot)\nno key\n=\n\x00=\x1b\n"))
	f.Add([]byte("x -1\n"))
	f.Add([]byte("x 999999999999\nx 0\n. \n\n"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		out, secrets := 0, 0
		fo := &follower{sink: Sink{
			Output: func(_ string, _ int64, p []byte) error { out += len(p); return nil },
			Secret: func(key, value string) {
				if secrets += len(value) + 1; key != "" {
					secrets += len(key) + 1
				}
			},
		}}
		before := Offsets{}
		ended := false
		for i := range stream {
			_, err := fo.Write(stream[i : i+1])
			if err != nil {
				break
			}
			if ended && !fo.ended {
				t.Fatal("an end was taken back")
			}
			ended = fo.ended
			if fo.at.Out < 0 || fo.at.Err < 0 || fo.at.Out > before.Out+1 || fo.at.Err > before.Err+1 {
				t.Fatalf("offsets %+v after %+v", fo.at, before)
			}
			before = fo.at
			if len(fo.line) > maxHead || len(fo.partial) > maxSecret {
				t.Fatalf("%d bytes of a head, %d of a secret are kept", len(fo.line), len(fo.partial))
			}
		}
		if out > len(stream) || secrets > len(stream)+1 || int64(secrets) > fo.secrets+1 {
			t.Fatalf("%d bytes of output and %d of secrets from %d", out, secrets, len(stream))
		}
	})
}

// A secret without an end does not take the memory of the tool: its beginning is
// passed on, so that it is known, and the rest is counted.
func TestEndlessSecret(t *testing.T) {
	var got []string
	fo := &follower{sink: Sink{Secret: func(key, value string) { got = append(got, key+"="+value) }}}
	const size = 3 * maxSecret
	if _, err := fo.Write([]byte("s 0 10000000000\nKEY=")); err != nil {
		t.Fatal(err)
	}
	for range size / 4096 {
		fo.Write(bytes.Repeat([]byte("x"), 4096))
		if len(fo.partial) > maxSecret+4096 {
			t.Fatalf("%d bytes are kept", len(fo.partial))
		}
	}
	fo.Write([]byte("\nK2=v\n"))
	if len(got) != 2 || got[1] != "K2=v" || len(got[0]) != maxSecret || fo.secrets != int64(len("KEY=\nK2=v\n")+size) {
		t.Errorf("%d secrets, %d bytes counted", len(got), fo.secrets)
	}
}

// A saved value of several lines takes one line.
func TestSavedOfSeveralLines(t *testing.T) {
	var got []string
	fo := &follower{sink: Sink{Secret: func(key, value string) { got = append(got, key+"="+value) }}}
	fo.secret([]byte("KEY=one\rtwo=\r\nno assignment\nZm9v==\na?b=c\nK2="))
	fo.secret([]byte("v\n"))
	if want := []string{"KEY=one\ntwo=\n", "=Zm9v==", "=a?b=c", "K2=v"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
