package event

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"
)

// recorder returns a bus and the events that its required sink received.
func recorder(secrets ...string) (*Bus, *[]Event) {
	var got []Event
	b := NewBus(Meta{RunID: "r"}, SinkFunc(func(e Event) error { got = append(got, e); return nil }))
	b.Secrets().Add(secrets...)
	return b, &got
}

func messages(events []Event) []string {
	var out []string
	for _, e := range events {
		out = append(out, e.Message)
	}
	return out
}

func TestLinesAreCut(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	for _, tt := range []struct {
		name   string
		chunks []string
		want   []string
	}{
		{"lines", []string{"a\nb\n"}, []string{"a", "b"}},
		{"empty lines count", []string{"a\n\nb\n"}, []string{"a", "", "b"}},
		{"a line in parts", []string{"a", "b", "c\nd"}, []string{"abc", "d"}},
		{"CRLF", []string{"a\r\nb\r", "\nc\r\r\n"}, []string{"a", "b", "c"}},
		{"the last state of a progress bar", []string{"10%\r50%\r", "100%\n"}, []string{"100%"}},
		{"the last state without a line end", []string{"10%\r50%\r"}, []string{"50%"}},
		{"a progress bar that is wiped", []string{"10%\r100%\r    \r", "\n"}, []string{"100%"}},
		{"invalid UTF-8 and NUL", []string{"a\xff\xfe\x00b\n"}, []string{"a\uFFFD␀b"}},
		{"a character in parts", []string{"\xc3", "\xa4\n"}, []string{"ä"}},
		{"a megabyte stays whole", []string{long[:1000], long[1000:], "\nnext\n"}, []string{long, "next"}},
		{"more is cut between characters", []string{long[1:] + "ä" + "rest\n"}, []string{long[1:], "ärest"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b, got := recorder()
			l := b.Lines(Event{Step: Syncing, ScriptName: "10-x.sh"})
			w := l.Writer(Stdout)
			for _, c := range tt.chunks {
				if n, err := w.Write([]byte(c)); n != len(c) || err != nil {
					t.Fatal(n, err)
				}
			}
			if err := l.Flush(); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(messages(*got), tt.want) {
				t.Errorf("got %.200q", messages(*got))
			}
			for _, e := range *got {
				if e.Type != Log || e.Stream != Stdout || e.ScriptName != "10-x.sh" {
					t.Errorf("got %+v", e)
				}
			}
		})
	}
}

func TestStreamsAreApart(t *testing.T) {
	b, got := recorder()
	l := b.Lines(Event{})
	l.Writer(Stdout).Write([]byte("out"))
	l.Writer(Stderr).Write([]byte("err\n"))
	l.Writer(Stdout).Write([]byte("put\n"))
	l.Flush()
	if fmt.Sprint((*got)[0].Stream, (*got)[0].Message, (*got)[1].Stream, (*got)[1].Message) != "stderrerrstdoutoutput" {
		t.Errorf("got %+v", *got)
	}
}

func TestProgressIsShownCalmly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, got := recorder()
		l := b.Lines(Event{})
		w := l.Writer(Stdout)
		for i := range 101 { // ten seconds, a state every 100 ms
			fmt.Fprintf(w, "%d%%\r", i)
			time.Sleep(100 * time.Millisecond)
		}
		fmt.Fprint(w, "\n")
		n := len(*got)
		if n < 8 || n > 12 || (*got)[n-1].Message != "100%" {
			t.Errorf("%d events, the last %q", n, (*got)[n-1].Message)
		}
	})
}

func TestSecretsInStreams(t *testing.T) {
	const secret = "correct-horse/battery"
	pem := "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkq\nhkiG9w0BAQEFAASC\n-----END PRIVATE KEY-----\n"
	for _, tt := range []struct {
		name   string
		chunks []string
		want   []string
	}{
		{"in one line", []string{"pw=" + secret + "!\n"}, []string{"pw=***!"}},
		{"over chunks", []string{"pw=correct-", "horse/", "battery\n"}, []string{"pw=***"}},
		{"over lines", []string{"correct-ho\nrse/battery\n"}, []string{"***", "***"}},
		{"over lines and chunks", []string{"correct-ho", "\r\n", "rse/battery.\n"}, []string{"***", "***."}},
		{"over a rewritten line", []string{"correct-ho\rrse/battery\n"}, []string{"***"}},
		{"a false start", []string{"correct-horses\n"}, []string{"correct-horses"}},
		{"at the end, begun", []string{"correct-hor"}, []string{"***"}},
		{"at the end, hardly begun", []string{"corre"}, []string{"corre"}},
		{"twice in a row", []string{secret + secret + "\n"}, []string{"***"}},
		{"in a URL", []string{"https://u:correct-horse%2Fbattery@h correct-horse%2fbattery\n"}, []string{"https://u:***@h ***"}},
		{"a line of a key", []string{"x\nhkiG9w0BAQEFAASC\n"}, []string{"x", "***"}},
		{"a key's armour is no secret", []string{"-----BEGIN PRIVATE KEY-----\nother\n"}, []string{"-----BEGIN PRIVATE KEY-----", "other"}},
		{"a whole key", []string{pem}, []string{"***", "***", "***", "***"}},
		{"basic auth", []string{"Authorization: Basic dXNlcjpjb3JyZWN0LWhvcnNlL2JhdHRlcnk=\n"}, []string{"Authorization: Basic dXNlcjp***k="}},
		{"too short to be one", []string{"tiny\n"}, []string{"tiny"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b, got := recorder(secret, pem, "tiny")
			l := b.Lines(Event{})
			for _, c := range tt.chunks {
				l.Writer(Stdout).Write([]byte(c))
			}
			l.Flush()
			if !slices.Equal(messages(*got), tt.want) {
				t.Errorf("got %q", messages(*got))
			}
		})
	}
}

// Nothing remains of a secret that is part of another one or overlaps it.
func TestOverlappingSecrets(t *testing.T) {
	s := NewSecrets("abcdefgh", "efghijkl", "cdefgh", "abcdefghijklmnop", "xxinsideyy", "inside")
	for in, want := range map[string]string{
		"-abcdefghijkl-": "-***-", "-abcdefgh-": "-***-", "-abcdefghijklmnop-": "-***-", "-abcdefghijklmno-": "-***mno-",
		"ab\ncdef\ngh": "***\n***\n***", "abcdef": "abcdef", "xxinsidey": "xx***y",
	} {
		if got := s.Redact(in); got != want {
			t.Errorf("%q became %q", in, got)
		}
	}
}

func TestSecretsAddedMidStream(t *testing.T) {
	b, got := recorder("first-secret")
	l := b.Lines(Event{})
	w := l.Writer(Stdout)
	w.Write([]byte("second-secret first-sec"))
	b.Secrets().Add("second-secret")
	w.Write([]byte("ret second-secret\n"))
	l.Flush()
	// Released bytes stay released. The bus redacts the whole line once more when it is
	// emitted.
	if m := messages(*got); len(m) != 1 || strings.Contains(m[0], "secret") {
		t.Errorf("got %q", m)
	}
}

func TestIdleOutputIsShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex // the timer emits as well
		var all []string
		said := func() []string { mu.Lock(); defer mu.Unlock(); return slices.Clone(all) }
		b := NewBus(Meta{}, SinkFunc(func(e Event) error { mu.Lock(); defer mu.Unlock(); all = append(all, e.Message); return nil }))
		b.Secrets().Add("hunter22-secret")
		l := b.Lines(Event{})
		w := l.Writer(Stdout)
		w.Write([]byte("ends in h\n"))
		if len(said()) != 0 {
			t.Error("the h may begin the secret")
		}
		time.Sleep(time.Second)
		synctest.Wait()
		w.Write([]byte("begins: hunter22\n"))
		time.Sleep(time.Second)
		synctest.Wait()
		if m := said(); !slices.Equal(m, []string{"ends in h", "begins: ***"}) {
			t.Errorf("got %q", m)
		}
		b.Secrets().Add("another-secret") // a new secret makes the search start again
		w.Write([]byte("-secret\nx\n"))
		l.Flush()
		if m := said()[2:]; !slices.Equal(m, []string{"***", "x"}) {
			t.Errorf("the rest of a secret came through: %q", m)
		}
	})
}

func TestWriteReportsTheRequiredSink(t *testing.T) {
	full := errors.New("disk full")
	b := NewBus(Meta{}, SinkFunc(func(Event) error { return full }))
	l := b.Lines(Event{})
	if _, err := l.Writer(Stdout).Write([]byte("a\n")); !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
	if err := l.Flush(); !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
}

// leaked returns the first secret that the emitted lines show, not counting line ends.
func leaked(lines, secrets []string) string {
	all := joinLines(strings.Join(lines, ""))
	for _, s := range secrets {
		if s = joinLines(s); len(s) >= minSecret && strings.Contains(all, s) {
			return s
		}
	}
	return ""
}

func FuzzNoSecretLeaks(f *testing.F) {
	f.Add("hunter22", "hunter\n22secret", "x hunter22 y\n", int64(1))
	f.Add("aaaaaa", "aaabaaa", "aaaaaaaaaaa\r\naaab\naaa", int64(7))
	f.Fuzz(func(t *testing.T, s1, s2, text string, seed int64) {
		if len(s1) > 200 || len(s2) > 200 || len(text) > 4000 || strings.Contains(s1+s2, "*") {
			return
		}
		rnd := rand.New(rand.NewSource(seed))
		secrets := []string{s1, s2}
		var out bytes.Buffer
		for range 1 + rnd.Intn(6) { // the secrets, broken by line ends
			out.WriteString(text[:rnd.Intn(len(text)+1)])
			for _, b := range []byte(secrets[rnd.Intn(2)]) {
				if rnd.Intn(8) == 0 {
					out.WriteString([]string{"\n", "\r\n", "\r"}[rnd.Intn(3)])
				}
				out.WriteByte(b)
			}
		}
		s := NewSecrets(secrets...)
		r := redactor{secrets: s}
		var got []byte
		for p := out.Bytes(); len(p) > 0; {
			n := 1 + rnd.Intn(min(len(p), 20))
			got = r.write(got, p[:n])
			p = p[n:]
		}
		got = r.finish(got)
		if s := leaked([]string{string(got)}, secrets); s != "" {
			t.Fatalf("%q leaked: %q from %q", s, got, out.Bytes())
		}

		bus, events := recorder(secrets...)
		l := bus.Lines(Event{})
		l.Writer(Stdout).Write(out.Bytes())
		l.Flush()
		for _, e := range *events {
			if !utf8.ValidString(e.Message) || strings.ContainsAny(e.Message, "\n\r\x00") {
				t.Fatalf("an unclean line: %q", e.Message)
			}
		}
	})
}

// FuzzCleanOutputIsKept checks that output without secrets comes through byte for byte,
// whatever its chunks.
func FuzzCleanOutputIsKept(f *testing.F) {
	f.Add("plain output\nhunt\n\rhunter2\n", int64(3))
	f.Fuzz(func(t *testing.T, text string, seed int64) {
		s := NewSecrets("hunter22", "hunter33\nsecond", "tnuhunter")
		if !s.clean(text) || len(text) > 4000 {
			return
		}
		rnd := rand.New(rand.NewSource(seed))
		r := redactor{secrets: s}
		var got []byte
		for p := []byte(text); len(p) > 0; {
			n := 1 + rnd.Intn(len(p))
			got = r.write(got, p[:n])
			p = p[n:]
		}
		if got = r.letGo(got); string(got) != text {
			t.Fatalf("%q became %q", text, got)
		}
	})
}

func BenchmarkRedact(b *testing.B) {
	s := NewSecrets()
	for i := range 50 {
		s.Add(fmt.Sprintf("%c%x-secret-value-%d", 'a'+i%26, i*7919, i))
	}
	text := []byte(strings.Repeat("Get:12 http://deb.debian.org/debian bookworm/main amd64 nginx-common all 1.22.1-9 [111 kB]\n", 1000))
	r := redactor{secrets: s}
	var out []byte
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		out = r.write(out[:0], text)
	}
}
