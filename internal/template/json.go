package template

import (
	"encoding/json"
	"fmt"
	"time"
)

// The JSON output writes times and permissions as a template does: "60s", "0644".

// MarshalJSON writes the timeout as text.
func (c CustomPackage) MarshalJSON() ([]byte, error) {
	type plain CustomPackage
	return json.Marshal(struct {
		plain
		Timeout string `json:"timeout"`
	}{plain(c), seconds(c.Timeout)})
}

// MarshalJSON writes the permissions in octal.
func (f File) MarshalJSON() ([]byte, error) {
	type plain File
	return json.Marshal(struct {
		plain
		Mode string `json:"mode"`
	}{plain(f), fmt.Sprintf("%04o", f.Mode.Perm())})
}

// MarshalJSON writes the permissions in octal, or leaves them out.
func (d Directory) MarshalJSON() ([]byte, error) {
	type plain Directory
	mode := ""
	if d.Mode != 0 {
		mode = fmt.Sprintf("%04o", d.Mode.Perm())
	}
	return json.Marshal(struct {
		plain
		Mode string `json:"mode,omitempty"`
	}{plain(d), mode})
}

// MarshalJSON writes the timeout as text, and the port's variable if it has one.
func (s Service) MarshalJSON() ([]byte, error) {
	type plain Service
	s.Also = nil
	also := make([]any, len(s.also))
	for i, p := range s.also {
		also[i] = any(p.port)
		if p.variable != "" {
			also[i] = "${" + p.variable + "}"
		}
	}
	port := any(s.Port)
	switch {
	case s.portVar != "":
		port = "${" + s.portVar + "}"
	case s.Port == 0:
		port = nil
	}
	return json.Marshal(struct {
		plain
		Port    any    `json:"port,omitempty"`
		Also    []any  `json:"also,omitempty"`
		Timeout string `json:"timeout"`
	}{plain(s), port, also, seconds(s.Timeout)})
}

// seconds formats a time as people write it: 60s, where time.Duration has 1m0s.
func seconds(d time.Duration) string {
	if d%time.Second != 0 {
		return d.String()
	}
	return fmt.Sprintf("%ds", d/time.Second)
}
