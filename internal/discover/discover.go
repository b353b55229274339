// Package discover finds out what runs in a guest. One POSIX sh probe runs there as one
// remote command, and pure parsers turn its output into services, ports, addresses and
// credentials. The package itself runs nothing and must not know how the probe gets into
// the guest. It does not trust the guest: all output is limited, checked and stripped of
// control characters.
package discover

import (
	"cmp"
	"crypto/rand"
	_ "embed"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// Limits of a guest's answer.
const (
	MaxOutput      = 17 << 20  // bytes of probe output that Parse reads: enough for every part at its limit
	maxPart        = 1_000_000 // bytes of one part
	maxAllFiles    = 256 << 10 // bytes of all credentials files together, because all output is searched for each value
	maxLineLength  = 64 << 10  // bytes; no known line is longer
	MaxCredential  = 64 << 10  // bytes of one credentials file
	maxCredentials = 200       // credentials files
	maxServices    = 2000      // of one kind: units, containers
	maxShown       = 500       // found services, beside what is declared or has credentials
	maxPublished   = 256       // ranges of ports of one container
	maxSockets     = 20000
	// ports of all containers together
	maxPublishedPorts = 200_000
	maxProcs          = 50000
	maxText           = 256 // bytes of one name
)

// lookWait is how many seconds a look spends on requests. After that it only checks
// whether the remaining services listen.
const lookWait = 2

// DefaultWait is how long a declared service may take to answer.
const DefaultWait = 30 * time.Second

// Declared is a service that the template promises.
type Declared struct {
	Name     string
	Unit     string // where its unit is named otherwise, without .service
	Port     int    // 0: only the unit's state counts
	Protocol string // "tcp" ("" too) or "udp"
	HTTP     string // path to ask for, beginning with /; "": a connection is enough
	TLS      bool   // https; a certificate is not verified
	Also     []int  // more ports on which it has to listen
	Command  string // a shell command that succeeds once it is ready; "": none
	// Wait is how long the service may take to answer; 0: DefaultWait. The time of all
	// services starts together.
	Wait time.Duration
}

// Options are the options of a probe.
type Options struct {
	Declared []Declared // services to wait for before the probe looks around
	Look     bool       // ask each service once and do not wait
}

// Longest is how long the declared services may take together.
func (o Options) Longest() time.Duration {
	var longest time.Duration
	for _, d := range o.Declared {
		if d.asked() && !o.Look {
			longest = max(longest, d.wait())
		}
	}
	return longest
}

//go:embed head.sh
var headText string

//go:embed why.sh
var whyText string

//go:embed probe.sh
var probeText string

//go:embed ready.sh
var readyText string

// Script is the whole discovery as one POSIX sh program: wait for the declared services,
// then probe. Parse reads its output; its stderr and exit status have no meaning. Every
// call has a new nonce, so that a process in the guest cannot put a false section into
// its name.
func Script(o Options) string {
	return begin() + ready(o) + probeText
}

// ReadyScript only waits for the declared services. Parse reads its output too.
func ReadyScript(o Options) string {
	return begin() + ready(o) + "sec end\n"
}

func begin() string {
	return "N='" + rand.Text() + "'\n" +
		`sec() { printf '\n%s %s\n' "$N" "$*"; }` + "\n" +
		`printf '%s %s\n' infrahaus-probe-1 "$N"` + "\n" +
		fmt.Sprintf("PART=%d FILE=%d FILES=%d ALL=%d\n", maxPart, MaxCredential, maxCredentials, maxAllFiles) + headText
}

// ready writes one shell line for each declared service. In a path, every character that
// a shell could interpret is percent-encoded; a validName contains none.
func ready(o Options) string {
	var calls strings.Builder
	for i, d := range o.Declared {
		name := cmp.Or(d.Unit, d.Name)
		if !validName(name) {
			name = ""
		}
		switch {
		case d.Port > 65535:
		case d.Command != "" || len(d.Also) > 0:
			port, hex := "", ""
			if d.Port > 0 {
				port, hex = strconv.Itoa(d.Port), fmt.Sprintf("%04X", d.Port)
			}
			fmt.Fprintf(&calls, "ALSO='%s'\nRUN=%s\n", hexPorts(d.Also), quote(d.Command))
			fmt.Fprintf(&calls, "ready_one %d %s '%s' '%s' '%s' '%s' %d\nALSO=\nRUN=\n", i, d.kind(), port, hex, safePath(d.HTTP), name, d.seconds())
		case d.Port > 0:
			fmt.Fprintf(&calls, "ready_one %d %s %d %04X '%s' '%s' %d\n", i, d.kind(), d.Port, d.Port, safePath(d.HTTP), name, d.seconds())
		case name != "":
			fmt.Fprintf(&calls, "state_one %d '%s'\n", i, name)
		}
	}
	if calls.Len() == 0 {
		return ""
	}
	look := ""
	if o.Look {
		look = strconv.Itoa(lookWait)
	}
	return "LOOK=" + look + "\nALSO=\nRUN=\n" + whyText + readyText + calls.String()
}

// asked reports whether the guest is asked for more than the state of a unit.
func (d Declared) asked() bool { return d.Port > 0 || d.Command != "" }

// hexPorts writes each port twice, in decimal and as /proc/net has it.
func hexPorts(ports []int) string {
	var words []string
	for _, p := range ports {
		words = append(words, fmt.Sprintf("%d %04X", p, p))
	}
	return strings.Join(words, " ")
}

// quote makes a text one word of a shell.
func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

func (d Declared) wait() time.Duration {
	if d.Wait <= 0 {
		return DefaultWait
	}
	return d.Wait
}

// seconds is how long to wait, in whole seconds as date counts them.
func (d Declared) seconds() int { return int((d.wait() + time.Second - 1) / time.Second) }

// kind names the way in which a declared service is checked.
func (d Declared) kind() string {
	switch {
	case d.Port == 0:
		return "command"
	case d.Protocol == "udp":
		return "udp"
	case d.HTTP != "" && d.TLS:
		return "https"
	case d.HTTP != "":
		return "http"
	}
	return "tcp"
}

// safePath percent-encodes every character that is not allowed in a URL's path and query,
// or not safe in a single-quoted shell word.
func safePath(p string) string {
	if !strings.HasPrefix(p, "/") {
		p = "/" + p
	}
	var b strings.Builder
	for i := 0; i < len(p); i++ {
		c := p[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' ||
			strings.IndexByte("/._~-?&=+:,@%", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		fmt.Fprintf(&b, "%%%02X", c)
	}
	return b.String()
}

// Report is the checked answer of a guest. Services combines its parts.
type Report struct {
	// Credentials holds the credentials files: name without ending → key → value. The
	// values are secrets: seal them, and print only the keys.
	Credentials map[string]map[string]string
	// Addresses are the guest's own, without loopback and link-local ones.
	Addresses []Address
	// Ready has the answers of declared services with a port, by index.
	Ready map[int]Readiness
	// Why has details about declared services that did not answer, by index.
	Why map[int]Why
	// Notes lists what was refused or could not be read. Each becomes a warning.
	Notes []string

	units      []unit
	sockets    []socket
	procs      map[int]*proc
	containers []dockerContainer
	openrc     openrcState
	owned      map[int]string // pid → unit id, from cgroups
	wireguard  map[int]string // UDP port → interface
	complete   bool
}

// Address is one address of a guest's interface.
type Address struct {
	Interface string
	Addr      netip.Addr
}

// Readiness is how a declared service answered from inside the guest.
type Readiness struct {
	OK  bool
	How string // "http 200", "tcp", "listening", "not listening", "http 502", "no answer"
}

// Why is the guest's own information about a declared service that does not answer.
type Why struct {
	State string   // of its unit or container: "ghost.service is failed (exit-code, status 1)"; "" unknown
	Log   []string // the last lines of its log, oldest first
}
