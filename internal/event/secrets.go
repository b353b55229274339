package event

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"sync"
)

// minSecret is the shortest value that counts as a secret, in bytes (contract
// section 5).
const minSecret = 6

// Limits of a set, in bytes. Each byte takes about 50 bytes of memory.
const (
	manyBytes   = 1 << 20
	mostBytes   = 2 << 20
	largeSecret = 4 << 10 // of a longer value, only the value itself and its lines are kept
)

// Mask is shown in place of a secret.
const Mask = "***"

// Secrets is a set of values that no event may carry. A value is also found in the forms
// that URLs, JSON, base64 and shell quotes give it, and a value of several lines also by
// each line. It is safe for concurrent use.
type Secrets struct {
	mu       sync.Mutex
	patterns map[string]struct{}
	size     int      // bytes of patterns
	built    *matcher // of patterns; nil after Add
}

// NewSecrets makes a set of values.
func NewSecrets(values ...string) *Secrets {
	s := &Secrets{patterns: map[string]struct{}{}}
	s.Add(values...)
	return s
}

// Add adds values. It leaves out values under six bytes, which are too short to be
// secrets. Everything that is redacted later is searched for them. A guest may save any
// number of secrets, so memory is limited: past manyBytes only a value itself and its
// lines are kept, and past mostBytes nothing is.
func (s *Secrets) Add(values ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	// The shortest come first, so that a large file does not use up the space that the
	// passwords beside it need.
	for _, v := range slices.SortedFunc(slices.Values(values), func(a, b string) int { return len(a) - len(b) }) {
		if s.size+len(v) > mostBytes {
			continue
		}
		ways := linesOf(v)
		if len(v) <= largeSecret && s.size+16*len(v) <= manyBytes { // the variants of a value take about 16 times its size
			ways = looks(v)
		}
		for _, p := range ways {
			p = joinLines(p)
			if _, known := s.patterns[p]; len(p) >= minSecret && !known {
				s.patterns[p] = struct{}{}
				s.size += len(p)
				s.built = nil
			}
		}
	}
}

// Redact replaces every known secret in text, also one that is broken by line ends.
func (s *Secrets) Redact(text string) string {
	if s.clean(text) {
		return text
	}
	r := redactor{secrets: s}
	out := r.write(nil, []byte(text))
	return string(r.letGo(out))
}

// clean reports whether text holds no secret, without copying it.
func (s *Secrets) clean(text string) bool {
	m := s.matcher()
	state := int32(0)
	for i := range len(text) {
		if b := text[i]; b != '\n' && b != '\r' {
			if state = m.step(state, b); m.out[state] > 0 {
				return false
			}
		}
	}
	return true
}

func (s *Secrets) matcher() *matcher {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.built == nil {
		patterns := make([]string, 0, len(s.patterns))
		for p := range s.patterns {
			patterns = append(patterns, p)
		}
		s.built = newMatcher(patterns)
	}
	return s.built
}

// joinLines removes line ends, so that a secret that is broken by them is found.
func joinLines(s string) string {
	return strings.NewReplacer("\n", "", "\r", "").Replace(s)
}

// looks returns the forms in which a secret may be written.
func looks(v string) []string {
	if len(v) < minSecret {
		return nil
	}
	out := linesOf(v)
	for _, e := range []string{url.QueryEscape(v), url.PathEscape(v), strings.ReplaceAll(url.QueryEscape(v), "+", "%20")} {
		out = append(out, e, lowerHex(e))
	}
	if doc, err := json.Marshal(v); err == nil {
		out = append(out, string(doc[1:len(doc)-1]))
	}
	out = append(out, strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\t", `\t`).Replace(v))
	out = append(out, strings.ReplaceAll(v, "'", `'\''`))
	return append(out, base64Looks(v)...)
}

// linesOf returns a value unchanged, the value without surrounding white space, and each
// of its lines.
func linesOf(v string) []string {
	out := []string{v, strings.TrimSpace(v)}
	lines := strings.FieldsFunc(v, func(r rune) bool { return r == '\n' || r == '\r' })
	if len(lines) > 1 {
		for _, line := range lines {
			// The BEGIN and END lines of PEM are not secret.
			if line = strings.TrimSpace(line); !strings.HasPrefix(line, "-----") || !strings.HasSuffix(line, "-----") {
				out = append(out, line)
			}
		}
	}
	return out
}

// lowerHex turns %2F into %2f.
func lowerHex(s string) string {
	b := []byte(s)
	for i := 0; i+2 < len(b); i++ {
		if b[i] == '%' {
			copy(b[i+1:], strings.ToLower(string(b[i+1:i+3])))
		}
	}
	return string(b)
}

// base64Looks returns the characters of v in base64 that do not depend on the bytes
// before and behind it, for each of its three possible positions in a group of three
// bytes. This finds the user:password of a basic-auth header.
func base64Looks(v string) []string {
	if len(v) < 8 {
		return nil // the fixed part would be too short to mean anything
	}
	var out []string
	for shift := range 3 {
		for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			text := enc.EncodeToString([]byte(strings.Repeat("\x00", shift) + v))
			from := []int{0, 2, 3}[shift]     // characters that depend on the bytes before
			whole := (shift + len(v)) * 8 / 6 // characters that do not depend on the bytes behind
			out = append(out, text[from:whole])
		}
	}
	return out
}
