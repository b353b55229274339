package event

import (
	"fmt"
	"strings"
	"testing"
)

// A guest that saves secrets without end does not use up the tool's memory, and earlier
// secrets stay known.
func TestSecretsAreBounded(t *testing.T) {
	s := NewSecrets("the operator's token")
	long := strings.Repeat("x", 100_000)
	for i := range 200 {
		s.Add(fmt.Sprintf("%06d%s", i, long))
	}
	if s.size > mostBytes {
		t.Errorf("%d bytes of patterns", s.size)
	}
	if got := s.Redact("a the operator's token b 000000" + long); got != "a *** b ***" {
		t.Errorf("%.60q", got)
	}
}
