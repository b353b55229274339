package discover

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// section is one part of the probe's output: the words of its title, and its lines.
type section struct {
	words []string
	body  string
}

// Parse reads the probe's output. It returns an error only for output that is not from a
// probe. A part that is damaged, cut off or hostile costs only that part and a note.
func Parse(out []byte) (*Report, error) {
	r := &Report{
		Credentials: map[string]map[string]string{},
		Ready:       map[int]Readiness{},
		procs:       map[int]*proc{},
		Why:         map[int]Why{},
		owned:       map[int]string{},
		wireguard:   map[int]string{},
	}
	if len(out) > MaxOutput {
		out = out[:MaxOutput]
		r.note("the probe said more than %d MiB; the rest is not read", MaxOutput>>20)
	}
	secs, err := sections(string(out))
	if err != nil {
		return nil, err
	}
	p := parser{Report: r, inodes: map[uint64][]int{}}
	for i, s := range secs {
		if s.words[0] == "cred" && i == len(secs)-1 {
			break // the end of the answer is missing, perhaps in the middle of this file: never keep half a secret
		}
		p.section(s)
	}
	p.finish()
	if !r.complete {
		r.note("the probe ended early; what is shown may be incomplete")
	}
	return r, nil
}

// sections cuts the output at the lines that begin with the nonce from its first line.
func sections(out string) ([]section, error) {
	head, rest, ok := strings.Cut(out, "\n")
	nonce, found := strings.CutPrefix(head, "infrahaus-probe-1 ")
	if !ok || !found || len(nonce) < 16 || strings.ContainsAny(nonce, " \t") {
		return nil, errors.New("cannot read the probe's answer: it does not begin as one")
	}
	var secs []section
	mark := "\n" + nonce + " "
	rest = "\n" + rest
	_, rest, ok = strings.Cut(rest, mark)
	for ok {
		var body string
		body, rest, ok = strings.Cut(rest, mark)
		title, body, _ := strings.Cut(body, "\n")
		if words := strings.Fields(title); len(words) > 0 {
			secs = append(secs, section{words, body})
		}
	}
	return secs, nil
}

// parser is an unfinished report with the data that only its construction needs.
type parser struct {
	*Report
	inodes   map[uint64][]int // socket inode → pids
	pidfiles map[string]int
	daemons  map[string][]daemon // OpenRC service → what it started

	credentialBytes int
}

func (p *parser) section(s section) {
	if len(s.body) >= maxPart {
		p.note("the guest has more %s than is read; what is shown may be incomplete", said(s.words[0]))
		s.body = s.body[:maxPart]
	}
	switch s.words[0] {
	case "addresses":
		p.addresses(s.body)
	case "if_inet6":
		p.ifInet6(s.body)
	case "units":
		p.unitBlocks(s.body)
	case "openrc":
		p.openrcServices(s.body)
	case "daemons":
		p.openrcDaemons(s.body)
	case "pidfiles":
		p.openrcPidfiles(s.body)
	case "procs":
		p.procTable(s.body)
	case "cgroups":
		p.cgroups(s.body)
	case "ss":
		p.ssTable(s.body)
	case "proc":
		if len(s.words) > 1 {
			p.procNet(s.words[1], s.body)
		}
	case "fds":
		p.fdTable(s.body)
	case "exes":
		p.exeTable(s.body)
	case "wireguard":
		p.wireguardPorts(s.body)
	case "docker":
		p.engineSaid(strings.Join(s.words[1:], " "), s.body)
	case "silent":
		p.note("%s does not list its containers: it is not known which of them run", clean(strings.Join(s.words[1:], " ")))
	case "quadlets":
		p.quadletsIgnored(strings.Join(s.words[1:], " "), s.body)
	case "why":
		p.why(s.words[1:], s.body)
	case "ready":
		p.readiness(s.words[1:])
	case "cred":
		if len(s.words) > 1 {
			p.credential(s.words[1], s.body)
		}
	case "refused":
		p.refused(s.words[1:])
	case "end":
		p.complete = true
	}
}

// said describes a section in a note.
func said(section string) string {
	switch section {
	case "units", "openrc", "daemons", "pidfiles":
		return "services"
	case "procs", "cgroups", "exes":
		return "processes"
	case "ss", "proc", "fds", "wireguard":
		return "sockets"
	case "docker":
		return "containers"
	}
	return "to say (" + clean(section) + ")"
}

// finish combines data from separate sections.
func (p *parser) finish() {
	for i := range p.sockets {
		s := &p.sockets[i]
		if s.inode != 0 {
			s.pids = append(s.pids, p.inodes[s.inode]...)
		}
	}
	p.openrc.own(p)
}

func (p *parser) readiness(w []string) {
	if len(w) < 2 {
		return
	}
	i, err := strconv.Atoi(w[0])
	if err != nil || i < 0 || len(p.Ready) > maxServices {
		return
	}
	p.Ready[i] = Readiness{OK: w[1] == "ok", How: clean(strings.Join(w[2:], " "))}
}

func (r *Report) note(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); len(r.Notes) < 50 && !slices.Contains(r.Notes, text) {
		r.Notes = append(r.Notes, text)
	}
}

// lines calls f for every line of reasonable length, until f returns false.
func lines(body string, f func(string) bool) {
	for body != "" {
		line, rest, _ := strings.Cut(body, "\n")
		if len(line) <= maxLineLength && !f(line) {
			return
		}
		body = rest
	}
}

// clean makes a guest's text safe for a terminal and a database: valid UTF-8 without
// control or invisible format characters, of limited length.
func clean(s string) string { return cleanTo(s, maxText) }

func cleanTo(s string, limit int) string {
	if len(s) > limit {
		s = s[:limit]
	}
	return strings.TrimSpace(strings.Map(func(c rune) rune {
		if c == '\t' {
			return ' '
		}
		if !strconv.IsPrint(c) {
			return '?'
		}
		return c
	}, strings.ToValidUTF8(s, "?")))
}
