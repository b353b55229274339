package event

import (
	"strings"
	"sync"
)

// minSecret is the shortest value that counts as a secret, in bytes (contract
// section 5).
const minSecret = 6

// Secrets is a set of values that no event may carry. It is safe for concurrent
// use.
type Secrets struct {
	mu     sync.RWMutex
	values map[string]struct{}
}

// NewSecrets makes a set of values.
func NewSecrets(values ...string) *Secrets {
	s := &Secrets{values: map[string]struct{}{}}
	s.Add(values...)
	return s
}

// Add adds values; those under six bytes are not secrets and are left out.
func (s *Secrets) Add(values ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range values {
		if len(v) >= minSecret {
			s.values[v] = struct{}{}
		}
	}
}

// Redact replaces every known secret in text.
func (s *Secrets) Redact(text string) string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for v := range s.values {
		text = strings.ReplaceAll(text, v, "***")
	}
	return text
}
