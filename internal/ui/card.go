package ui

import (
	"strconv"
	"strings"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/infrahaus/infrahaus/internal/lxc"
)

// labelWidth is the width of the longest label of a card plus a gap.
const labelWidth = 13

// cardPorts is how many ports of a service fit in a card.
const cardPorts = 4

// renderCard draws a result in a box. If the box is wider than the window, it is left out
// and lines are not cut, because a cut address cannot be used.
func renderCard(r Result, st styles, width int) string {
	lines := cardLines(r, st, min(width-4, 72))
	if r.Container.Notes != "" {
		lines = append(lines, "")
		for _, line := range strings.Split(r.Container.Notes, "\n") {
			lines = append(lines, strings.Split(ansi.Wrap(CleanOutput(line), max(16, min(width-4, 72)), ""), "\n")...)
		}
	}
	for _, n := range r.Notes { // only prose may wrap
		lines = append(lines, "")
		for line := range strings.SplitSeq(ansi.Wrap(oneLine(n), max(16, min(width-4, 72)), ""), "\n") {
			lines = append(lines, st.dim.Render(line))
		}
	}
	widest := 0
	for _, line := range lines {
		widest = max(widest, ansi.StringWidth(line))
	}
	if widest+4 > width {
		return strings.Join(lines, "\n") + "\n"
	}
	box := lipgloss.NewStyle().Border(lipgloss.RoundedBorder()).Padding(0, 1).BorderForeground(st.dim.GetForeground())
	return box.Render(strings.Join(lines, "\n")) + "\n"
}

func cardLines(r Result, st styles, width int) []string {
	c := r.Container
	mark := st.ok.Render("✓")
	switch {
	case c.Lifecycle == lxc.Failed || r.Interrupted:
		mark = st.bad.Render("✗")
	case r.status() != string(lxc.Ready) || unready(r.Services):
		mark = st.warn.Render("!")
	}
	title := mark + " " + st.bold.Render(Clean(c.Hostname)) + " " + became(r.status(), unready(r.Services))
	if r.Elapsed > 0 {
		title += st.dim.Render(" after " + shortTime(r.Elapsed))
	}
	lines := []string{title, ""}
	add := func(label, value string) {
		lines = append(lines, st.dim.Render(pad(label, labelWidth))+value)
	}
	if c.CTID != 0 {
		add("ctid", strconv.Itoa(c.CTID)+st.dim.Render(" on ")+Clean(c.Node))
	}
	if c.Address != "" {
		add("address", Clean(c.Address))
	}
	if as := r.asOf(); as != "" {
		add("services", st.dim.Render(as))
	}
	for _, s := range r.Services {
		if !s.System && s.Type != lxc.Credential {
			cell, note := serviceCell(s, st), oneLine(s.Note)
			if note != "" && labelWidth+ansi.StringWidth(cell)+2+ansi.StringWidth(note) <= width {
				cell, note = cell+"  "+st.dim.Render(note), ""
			}
			add(Clean(s.Name), cell)
			lines = append(lines, serviceStory(note, s.Log, st, max(width, 2*labelWidth))...)
		}
	}
	lines = append(lines, credentialLines(r, st)...)
	for _, kv := range story(r) {
		if kv[0] != "error" || width < 3*labelWidth { // an error is prose, and may wrap
			add(kv[0], Clean(kv[1]))
			continue
		}
		for i, line := range strings.Split(ansi.Wrap(Clean(kv[1]), width-labelWidth, ""), "\n") {
			add(map[bool]string{true: kv[0]}[i == 0], line)
		}
	}
	return lines
}

// became words a status as the end of a sentence.
func became(status string, mute bool) string {
	switch {
	case status == string(lxc.Failed):
		return "has failed"
	case status == string(lxc.Creating):
		return "is being worked on"
	case status == string(lxc.Destroyed), status == "interrupted":
		return "was " + status
	case mute && status != "stopped", status == "not answering":
		return "is up, but not answering"
	}
	return "is " + Clean(status)
}

func serviceCell(s lxc.Service, st styles) string {
	var parts []string
	if s.URL != "" {
		parts = append(parts, st.accent.Render(Clean(s.URL)))
	} else if p := ports(s, cardPorts); p != "" {
		parts = append(parts, Clean(p))
	}
	if s.Status != lxc.Running {
		parts = append(parts, st.shade(serviceShade(string(s.Status)), Clean(string(s.Status))))
	}
	if s.Project != "" {
		parts = append(parts, st.dim.Render("project "+Clean(s.Project)))
	}
	if len(parts) == 0 {
		return Clean(string(s.Status))
	}
	return strings.Join(parts, "  ")
}

// serviceStory shows the rest about a service that has no space in its line: its note,
// wrapped, and the last lines of its log, cut.
func serviceStory(note string, log []string, st styles, width int) []string {
	var lines []string
	if note != "" {
		for line := range strings.SplitSeq(ansi.Wrap(note, width-labelWidth, ""), "\n") {
			lines = append(lines, strings.Repeat(" ", labelWidth)+st.dim.Render(line))
		}
	}
	for _, line := range log {
		lines = append(lines, st.dim.Render(cut("  | "+CleanOutput(line), width)))
	}
	return lines
}

func credentialLines(r Result, st styles) []string {
	var lines []string
	for _, s := range r.Services {
		if len(s.CredentialKeys) > 0 {
			keys := oneLine(strings.Join(s.CredentialKeys, ", "))
			lines = append(lines, st.dim.Render(pad("credentials", labelWidth))+Clean(s.Name)+": "+keys)
		}
	}
	if r.Reveal != "" {
		lines = append(lines, st.dim.Render(pad("reveal with", labelWidth))+st.bold.Render(Clean(r.Reveal)))
	}
	return lines
}

func unready(services []lxc.Service) bool {
	for _, s := range services {
		if s.Declared && s.Status != lxc.Running {
			return true
		}
	}
	return false
}

// serviceShade is Tone for a service's status.
func serviceShade(status string) Shade {
	switch lxc.ServiceStatus(status) {
	case lxc.Running:
		return Good
	case lxc.Errored:
		return Bad
	case lxc.Unready:
		return Caution
	}
	return Dim
}
