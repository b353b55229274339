package ui

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/lxc"
)

// WriteList writes containers to stdout: name, ctid, status, node, address,
// template, creation time, record id.
func WriteList(s *Streams, list []lxc.Container, now time.Time) error {
	t := Table{
		Columns: []Column{{Title: "NAME", Paint: always(Strong)}, {Title: "CTID", Right: true, Keep: true},
			{Title: "STATUS", Keep: true, Paint: lifecycleShade}, {Title: "NODE", Drop: true}, {Title: "ADDRESS", Drop: true},
			{Title: "TEMPLATE", Drop: true}, {Title: "CREATED", Drop: true}, {Title: "ID", Drop: true, Paint: always(Dim)}},
		Empty: "no containers yet; make one: infrahaus create --template hello",
	}
	for _, c := range list {
		ctid := ""
		if c.CTID != 0 {
			ctid = strconv.Itoa(c.CTID)
		}
		t.Rows = append(t.Rows, []string{c.Hostname, ctid, string(c.Lifecycle), c.Node, c.Address, c.Template,
			s.when(c.CreatedAt, now), c.RecordID})
	}
	return WriteTable(s, t)
}

// Show is all that is recorded of one container.
type Show struct {
	Container lxc.Container
	Services  []lxc.Service
	// Credentials are the names of sealed keys by service.
	Credentials []Credentials
}

// WriteShow writes one container to stdout, a field a row, services after them.
func WriteShow(s *Streams, v Show, now time.Time) error {
	c := v.Container
	rows := [][]string{}
	add := func(name, value string) {
		if value != "" {
			rows = append(rows, []string{name, value})
		}
	}
	add("name", c.Hostname)
	add("id", c.RecordID)
	add("status", string(c.Lifecycle))
	add("error", c.Error)
	add("host", c.Host)
	add("node", c.Node)
	if c.CTID != 0 {
		add("ctid", strconv.Itoa(c.CTID))
	}
	add("address", c.Address)
	add("mac", c.MAC)
	add("template", c.Template)
	add("osTemplate", c.OSTemplate)
	add("transport", c.Transport)
	add("created", s.when(c.CreatedAt, now))
	add("updated", s.when(c.UpdatedAt, now))
	if c.DestroyedAt != nil {
		add("destroyed", s.when(*c.DestroyedAt, now))
	}
	for _, x := range v.Credentials {
		rows = append(rows, []string{"credentials", x.Service + ": " + strings.Join(x.Keys, ",")})
	}
	if err := WritePairs(s, rows); err != nil {
		return err
	}
	if s.OutTTY && len(v.Services) > 0 {
		if _, err := io.WriteString(s.Out, "\n"); err != nil {
			return err
		}
	}
	return WriteServices(s, v.Services)
}

// WriteServices writes a table of services to stdout; in a pipe each row begins
// with the word service.
func WriteServices(s *Streams, list []lxc.Service) error {
	if len(list) == 0 {
		return nil
	}
	t := Table{Columns: []Column{{Title: "SERVICE", Paint: always(Strong)}, {Title: "TYPE", Drop: true},
		{Title: "STATUS", Keep: true, Paint: serviceShade}, {Title: "PORTS"}, {Title: "URL"}, {Title: "CREDENTIALS", Drop: true}, {Title: "NOTE", Drop: true, Paint: always(Dim)}}}
	for _, v := range list {
		row := []string{v.Name, string(v.Type), string(v.Status), ports(v.Ports), v.URL, strings.Join(v.CredentialKeys, ","), v.Note}
		if !s.OutTTY {
			row = append([]string{"service"}, row...)
		}
		t.Rows = append(t.Rows, row)
	}
	return WriteTable(s, t)
}

// WritePairs writes rows of a name and its value to stdout: aligned on a
// terminal, the values whole, and tab-separated in a pipe.
func WritePairs(s *Streams, rows [][]string) error {
	if !s.OutTTY {
		return writeRows(s.Out, rows)
	}
	st := newStyles(s.OutColor)
	var b strings.Builder
	for _, row := range rows {
		b.WriteString(st.dim.Render(pad(row[0], labelWidth)) + oneLine(strings.Join(row[1:], "  ")) + "\n")
	}
	_, err := io.WriteString(s.Out, b.String())
	return err
}

// Credentials are one service's, values only where they are to be revealed.
type Credentials struct {
	Service string            `json:"service"`
	Keys    []string          `json:"keys"`
	Values  map[string]string `json:"values,omitempty"`
}

// WriteCredentials writes names of keys a service, or with reveal one key and
// its value a row. Values are written whole, on a terminal too.
func WriteCredentials(s *Streams, list []Credentials, reveal bool) error {
	if !reveal {
		t := Table{Columns: []Column{{Title: "SERVICE", Paint: always(Strong)}, {Title: "KEYS"}},
			Empty: "no credentials were found"}
		for _, c := range list {
			t.Rows = append(t.Rows, []string{c.Service, strings.Join(c.Keys, ",")})
		}
		return WriteTable(s, t)
	}
	t := Table{Columns: []Column{{Title: "SERVICE", Keep: true, Paint: always(Strong)}, {Title: "KEY", Keep: true}, {Title: "VALUE", Keep: true}},
		Empty: "no credentials were found"}
	for _, c := range list {
		for _, k := range c.Keys {
			t.Rows = append(t.Rows, []string{c.Service, k, c.Values[k]})
		}
	}
	return WriteTable(s, t)
}

func always(shade Shade) Tone { return func(string) Shade { return shade } }

// when is a time as stdout gets it: how long ago on a terminal, else RFC 3339.
func (s *Streams) when(t, now time.Time) string {
	if t.IsZero() {
		return ""
	}
	if !s.OutTTY {
		return t.UTC().Format(time.RFC3339)
	}
	d := now.Sub(t)
	switch {
	case d < time.Minute:
		return "just now"
	case d < time.Hour:
		return fmt.Sprintf("%dm ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh ago", int(d.Hours()))
	}
	return fmt.Sprintf("%dd ago", int(d.Hours()/24))
}
