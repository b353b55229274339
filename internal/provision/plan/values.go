package plan

import (
	"fmt"
	"strings"

	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/template"
)

// NewValue is a variable whose value differs from the one on record.
type NewValue struct {
	Name    string          `json:"name"`
	Was     string          `json:"was,omitempty"`   // "" for a secret
	Value   string          `json:"value,omitempty"` // "" for a secret
	Secret  bool            `json:"secret"`
	From    template.Origin `json:"from"`
	WasFrom template.Origin `json:"wasFrom,omitempty"` // "" for a variable that is new
}

// State says in words how the value differs, without a secret.
func (v NewValue) State() string {
	was, now := ShownValue(v.Was), ShownValue(v.Value)
	if v.Secret {
		was, now = "***", "***"
	}
	how := map[template.Origin]string{template.FromSet: "set to ", template.FromDefault: "default ", template.FromGenerated: "generated "}[v.From]
	switch {
	case v.WasFrom == "":
		return "new, " + how + now
	case v.From == v.WasFrom && v.From == template.FromDefault:
		return fmt.Sprintf("default was %s, is %s", was, now)
	}
	return fmt.Sprintf("was %s, %s", was, how+now)
}

// ShownValue is a variable's value on one line, without the secrets of a URL.
func ShownValue(text string) string {
	text = event.RedactURLs(text)
	if text == "" || strings.ContainsAny(text, "\n\r\t") || len(text) > 80 {
		return fmt.Sprintf("%.80q", text)
	}
	return text
}

// Renewed are the names of the new values.
func (q SyncRequest) Renewed() (names []string) {
	for _, v := range q.Values {
		names = append(names, v.Name)
	}
	return names
}
