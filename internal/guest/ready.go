package guest

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/console"
)

//go:embed ready.sh
var readyText string

// Facts are what a guest reports about itself once it is ready.
type Facts struct {
	OS             string   // os-release ID: debian, alpine, …
	OSLike         string   // ID_LIKE
	OSVersion      string   // VERSION_ID
	OSName         string   // PRETTY_NAME
	Init           string   // systemd, openrc or other
	InitState      string   // systemd: running, degraded, …; openrc: the runlevel
	PackageManager string   // apt, apk, dnf, yum, zypper, pacman or ""
	Shells         []string // of sh, dash, ash, bash: those there
	Arch           string   // as uname -m says it
	Hostname       string
	Boot           string // changes with every boot of this container
	Route          bool   // there is a default route
	Resolves       bool   // the name asked for resolves
	Late           string // what was still missing at the deadline; "": ready
}

// ReadyDeadline is how long a guest may take if no other deadline is set.
const ReadyDeadline = time.Minute

// Ready says what to wait for.
type Ready struct {
	Deadline time.Duration // 0: ReadyDeadline; whole seconds
	Network  bool          // also wait for a default route
	Resolve  string        // and for this host name to resolve; "": not asked
}

// Script is the program that waits and reports; ParseFacts reads what it prints.
// It ends with status 0 whether or not the guest became ready.
func (r Ready) Script() string {
	deadline := r.Deadline
	if deadline == 0 {
		deadline = ReadyDeadline
	}
	network := 0
	if r.Network {
		network = 1
	}
	return fmt.Sprintf("%sih_ready %d %d %s", console.StripComments(readyText), max(1, int(deadline.Seconds())), network, Quote(r.Resolve))
}

// WaitReady waits in one remote command until the guest is ready (systemd: running or
// degraded; OpenRC: in the default runlevel; else at once), and returns its facts. After
// the deadline the error says which check still failed, and the facts are those of that
// moment.
func WaitReady(ctx context.Context, g Guest, r Ready) (Facts, error) {
	var out bytes.Buffer
	var said tail
	status, err := g.Run(ctx, Cmd{
		Label: "wait until the guest is ready", Script: r.Script(),
		Stdout: &limited{w: &out, left: 64 << 10}, Stderr: &said,
	})
	if err != nil {
		return Facts{}, err
	}
	f, err := ParseFacts(out.Bytes())
	if err != nil {
		return f, &Error{Kind: Protocol, Transport: g.Transport(), Err: err, Tail: said.String(),
			Message: fmt.Sprintf("cannot tell whether the guest is ready (status %d)", status)}
	}
	if f.Late != "" {
		return f, &Error{Kind: Failed, Transport: g.Transport(), Message: "cannot wait any longer for the guest: " + f.Late,
			Fix: "to see inside what delays it: systemctl list-jobs; systemctl --failed"}
	}
	return f, nil
}

// ParseFacts reads the output of Ready.Script. Unknown keys are skipped; a
// report that was cut short is an error.
func ParseFacts(report []byte) (Facts, error) {
	var f Facts
	ended := false
	for line := range strings.Lines(string(report)) {
		key, value, _ := strings.Cut(strings.TrimRight(line, "\r\n"), " ")
		value = printable(value)
		switch key {
		case "release":
			f.release(value)
		case "init":
			f.Init = value
		case "state":
			f.InitState = value
		case "boot":
			f.Boot = value
		case "arch":
			f.Arch = value
		case "hostname":
			f.Hostname = value
		case "shell":
			f.Shells = append(f.Shells, value)
		case "packages":
			f.PackageManager = strings.TrimSuffix(value, "-get")
		case "route":
			f.Route = true
		case "resolves":
			f.Resolves = true
		case "ready":
			ended = true
		case "late":
			ended, f.Late = true, value
		}
	}
	if !ended {
		return f, fmt.Errorf("its report has no end")
	}
	return f, nil
}

// maxFact limits the length of one fact that a guest reports, in bytes.
const maxFact = 256

// printable makes a guest's text safe for messages and records: of limited length, and
// only with visible characters.
func printable(s string) string {
	if len(s) > maxFact {
		s = s[:maxFact]
	}
	return strings.Map(func(c rune) rune {
		if !strconv.IsPrint(c) {
			return '?'
		}
		return c
	}, strings.ToValidUTF8(s, "?"))
}

// release takes one line of os-release.
func (f *Facts) release(line string) {
	key, value, _ := strings.Cut(line, "=")
	value = strings.Trim(strings.TrimSpace(value), `"'`)
	switch key {
	case "ID":
		f.OS = value
	case "ID_LIKE":
		f.OSLike = value
	case "VERSION_ID":
		f.OSVersion = value
	case "PRETTY_NAME":
		f.OSName = value
	}
}

// limited passes on the first bytes, as many as left, and drops the rest.
type limited struct {
	w    *bytes.Buffer
	left int
}

func (l *limited) Write(p []byte) (int, error) {
	n := min(len(p), l.left)
	l.left -= n
	l.w.Write(p[:n])
	return len(p), nil
}
