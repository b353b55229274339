package discover

import (
	"strconv"
	"strings"

	"github.com/infrahaus/infrahaus/internal/lazy"
)

// Limits of the log that is shown for a service that does not answer.
const (
	maxWhyLines = 10
	maxWhyLine  = 500 // bytes
)

// why reads the section about declared service INDEX: `INDEX RUNNER NAME`, then its state
// in the words of systemd, OpenRC or the engine, a line of two dashes, and the end of its
// log.
func (p *parser) why(w []string, body string) {
	if len(w) < 3 {
		return
	}
	i, err := strconv.Atoi(w[0])
	name := w[2]
	if err != nil || i < 0 || len(p.Why) > maxServices || !validName(name) {
		return
	}
	said, log, _ := strings.Cut("\n"+body, "\n--\n")
	var state string
	switch w[1] {
	case "systemd":
		state = unitState(keyValues(said))
	case "openrc":
		state = iniValue(said, name)
	default:
		state = containerState(keyValues(said))
	}
	if state != "" {
		state = name + " is " + state
	}
	p.Why[i] = Why{State: state, Log: lastLines(log)}
}

// keyValues reads lines of the form KEY=VALUE.
func keyValues(body string) map[string]string {
	m := map[string]string{}
	lines(body, func(l string) bool {
		if k, v, ok := strings.Cut(l, "="); ok {
			m[strings.TrimSpace(k)] = clean(v)
		}
		return len(m) < 20
	})
	return m
}

// unitState formats the state of a unit: failed (exit-code, status 1), activating
// (auto-restart).
func unitState(m map[string]string) string {
	var more []string
	switch {
	case m["Result"] != "" && m["Result"] != "success":
		more = append(more, m["Result"])
	case m["SubState"] != "" && m["SubState"] != m["ActiveState"]:
		more = append(more, m["SubState"])
	}
	if s := m["ExecMainStatus"]; s != "" && s != "0" {
		more = append(more, "status "+s)
	}
	if len(more) == 0 || m["ActiveState"] == "" {
		return m["ActiveState"]
	}
	return m["ActiveState"] + " (" + strings.Join(more, ", ") + ")"
}

func containerState(m map[string]string) string {
	if c := m["ExitCode"]; c != "" && c != "0" {
		return m["Status"] + " (status " + c + ")"
	}
	return m["Status"]
}

// iniValue finds the value for a service in the output of `rc-status -f ini`, which
// prints `ssh =  started ` and sections, some of them empty.
func iniValue(body, name string) string {
	value := ""
	lines(body, func(l string) bool {
		k, v, ok := strings.Cut(l, "=")
		if ok && strings.TrimSpace(k) == name {
			value = clean(strings.TrimSpace(v))
		}
		return value == ""
	})
	return value
}

// colours matches escape sequences of a terminal, which mean nothing in a log.
var colours = lazy.Regexp(`\x1b(\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)?|[@-Z\\^_])`)

// lastLines returns the last lines of a log, each made safe to print on a terminal.
func lastLines(log string) []string {
	var out []string
	lines(log, func(l string) bool {
		l = colours().ReplaceAllString(l, "")
		if l = cleanTo(l, maxWhyLine); l != "" {
			out = append(out, l)
		}
		if len(out) > maxWhyLines {
			out = out[1:]
		}
		return true
	})
	return out
}
