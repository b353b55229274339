package ui

import (
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/lxc"
)

// Result is the end of a create, resume or discover.
type Result struct {
	Container lxc.Container
	Services  []lxc.Service // the card leaves out system services
	Elapsed   time.Duration
	Reveal    string // the command that shows the credentials, "" if there are none
	// Interrupted reports that the record is that of a run in progress, but no such run
	// is alive.
	Interrupted bool
	Story       bool        // also show its origin and history, as the command show does
	LastRun     string      // the result of the last run; with Story
	Now         [][2]string // what Proxmox says of it, as labels and values; with Story
	AsOf        time.Time   // when the services were looked at, unless that was just now
	Notes       []string    // one line each: about the sandbox, a service not reachable from here, …
}

// WriteResult writes the result to stdout: a card on a terminal, else
// tab-separated rows of a name and its values.
func WriteResult(s *Streams, r Result) error {
	if !s.OutTTY {
		return writeRows(s.Out, resultRows(r))
	}
	width, _ := s.size()
	_, err := io.WriteString(s.Out, renderCard(r, newStyles(s.OutColor), width))
	return err
}

// status is the condition of the record in a word, or interrupted.
func (r Result) status() string {
	if r.Interrupted {
		return "interrupted"
	}
	return r.Container.Condition()
}

func resultRows(r Result) [][]string {
	c := r.Container
	rows := [][]string{{"name", c.Hostname}}
	if c.CTID != 0 { // else it waits in the queue, and Proxmox knows nothing of it
		rows = append(rows, []string{"ctid", strconv.Itoa(c.CTID)}, []string{"node", c.Node})
	}
	if c.Address != "" {
		rows = append(rows, []string{"address", c.Address})
	}
	rows = append(rows, []string{"id", c.RecordID}, []string{"status", r.status()})
	for _, kv := range story(r) {
		rows = append(rows, kv[:])
	}
	if as := r.asOf(); as != "" {
		rows = append(rows, []string{"services", as})
	}
	for _, v := range r.Services {
		if v.System || v.Type == lxc.Credential {
			continue
		}
		row := []string{"service", v.Name, string(v.Status), ports(v, 0), v.URL}
		if v.Note != "" {
			row = append(row, v.Note)
		}
		rows = append(rows, row)
		for _, line := range v.Log {
			rows = append(rows, []string{"log", v.Name, line})
		}
	}
	if c.Notes != "" {
		for _, line := range strings.Split(c.Notes, "\n") {
			rows = append(rows, []string{"notes", line})
		}
	}
	for _, v := range r.Services {
		if len(v.CredentialKeys) > 0 {
			rows = append(rows, []string{"credentials", v.Name, strings.Join(v.CredentialKeys, ",")})
		}
	}
	if r.Reveal != "" {
		rows = append(rows, []string{"reveal", r.Reveal})
	}
	for _, n := range r.Notes {
		rows = append(rows, []string{"note", n})
	}
	return rows
}

// asOf is the date of the services that are shown; "" if there are none, or all were just
// found.
func (r Result) asOf() string {
	if r.AsOf.IsZero() || !slices.ContainsFunc(r.Services, func(s lxc.Service) bool { return !s.System && s.Type != lxc.Credential }) {
		return ""
	}
	return "as of " + r.AsOf.UTC().Format(time.RFC3339)
}

// story lists a container's past for show, as labels and values.
func story(r Result) [][2]string {
	if !r.Story {
		return nil
	}
	c := r.Container
	var kv [][2]string
	add := func(label, value string) {
		if value != "" {
			kv = append(kv, [2]string{label, value})
		}
	}
	template := c.Template
	if c.Adopted {
		template = "none: adopted"
	}
	add("template", template)
	if c.Image != nil {
		add("image", c.Image.Reference)
		add("digest", c.Image.Digest)
	}
	add("baked image", c.Baked)
	add("created", c.CreatedAt.UTC().Format(time.RFC3339))
	if c.DestroyedAt != nil {
		add("destroyed", c.DestroyedAt.UTC().Format(time.RFC3339))
	}
	add("last run", r.LastRun)
	add("error", oneLine(c.Error))
	for _, line := range r.Now {
		add(line[0], oneLine(line[1]))
	}
	return kv
}

// ports lists each port once, at most limit of them: "80/tcp,443/tcp and 3 more". With 0
// it lists all whose numbers are known.
func ports(s lxc.Service, limit int) string {
	var names []string
	seen := map[string]bool{}
	more := s.MorePorts
	for _, p := range s.Ports {
		name := strconv.Itoa(p.Port) + "/" + p.Protocol
		switch {
		case seen[name]:
		case limit > 0 && len(names) >= limit:
			more++
		default:
			names = append(names, name)
		}
		seen[name] = true
	}
	if more == 0 {
		return strings.Join(names, ",")
	}
	return strings.Join(names, ",") + " and " + strconv.Itoa(more) + " more"
}
