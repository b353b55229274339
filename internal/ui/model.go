package ui

import (
	"slices"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/event"
)

// state is the progress of a phase.
type state int

const (
	pending state = iota
	running
	done
	failed
	warned  // done, but a service does not answer
	unbegun // of one of many containers: it will not be begun
)

// phase is one of the five phases in the display.
type phase struct {
	name       event.StepName
	state      state
	began      time.Time
	took       time.Duration
	message    string
	scriptName string
	scriptNo   int // from 1; 0 means no script
	scripts    int
}

// model is the state that results from the events so far.
type model struct {
	phases  []phase
	current int // of phases; -1 before the first step
	first   int // the phase that the run began with: earlier ones are not shown
	began   bool
	start   time.Time
	over    time.Time // zero while the run is in progress
	failed  bool
	percent int
	host    string
	name    string
	ctid    int
	node    string
	tail    []string // raw last lines of the running script
}

func newModel(now time.Time) model {
	m := model{current: -1, start: now}
	for _, name := range event.Steps {
		m.phases = append(m.phases, phase{name: name})
	}
	return m
}

// apply adds one event. It is called for every line of a script, so it only stores it.
func (m *model) apply(e event.Event, now time.Time) {
	if !m.began {
		m.began, m.start = true, now
	}
	m.place(e)
	if e.Percent != nil {
		m.percent = *e.Percent
	}
	if e.Step != "" {
		m.enter(e.Step, now)
	}
	switch e.Type {
	case event.Step:
		m.step(e)
	case event.Log:
		m.log(e)
	case event.Complete:
		m.finish(e, now)
	case event.Error:
		m.fail(now)
	}
}

func (m *model) place(e event.Event) {
	if e.Hostname != "" {
		m.name = e.Hostname
	}
	if e.Host != "" {
		m.host = e.Host
	}
	if e.CTID != 0 {
		m.ctid, m.node = e.CTID, e.Node
	}
}

// enter makes the phase of that name the running one, and marks earlier ones as done.
func (m *model) enter(name event.StepName, now time.Time) {
	i := slices.Index(event.Steps, name)
	if i <= m.current || i < 0 {
		return
	}
	if m.current < 0 {
		m.first = i
	}
	for j := max(0, m.current); j < i; j++ {
		m.leave(j, done, now)
	}
	m.current = i
	m.phases[i].state, m.phases[i].began = running, now
	m.tail = nil
}

func (m *model) leave(i int, s state, now time.Time) {
	p := &m.phases[i]
	if p.state == running {
		p.state, p.took = s, now.Sub(p.began)
	}
}

func (m *model) step(e event.Event) {
	if m.current < 0 {
		return
	}
	p := &m.phases[m.current]
	p.message = e.Message
	m.script(p, e)
}

// script records the script of an event; a new script starts without lines.
func (m *model) script(p *phase, e event.Event) {
	if e.ScriptTotal > 0 {
		p.scripts = e.ScriptTotal
	}
	if e.ScriptName == "" || e.ScriptName == p.scriptName {
		return
	}
	p.scriptName, p.scriptNo = e.ScriptName, 0
	if e.ScriptIndex != nil {
		p.scriptNo = *e.ScriptIndex + 1
	}
	m.tail = nil
}

// maxTailLine is how much of one line is kept, in bytes.
const maxTailLine = 4096

func (m *model) log(e event.Event) {
	if m.current >= 0 {
		m.script(&m.phases[m.current], e)
	}
	line := strings.TrimRight(e.Message, "\r\n")
	if len(line) > maxTailLine {
		line = line[strings.LastIndexByte(line, '\r')+1:]        // the last state of a progress bar
		line = strings.Clone(line[:min(len(line), maxTailLine)]) // frees the memory of the rest
	}
	if len(m.tail) == tailLines {
		copy(m.tail, m.tail[1:])
		m.tail = m.tail[:tailLines-1]
	}
	m.tail = append(m.tail, line)
}

func (m *model) finish(e event.Event, now time.Time) {
	end := done
	if e.ExitStatus != nil && *e.ExitStatus != 0 {
		end = warned
	}
	if m.current >= 0 {
		m.leave(m.current, end, now)
		m.phases[m.current].message = e.Message
	}
	m.tail = nil
	m.over = now
}

func (m *model) fail(now time.Time) {
	if m.current >= 0 {
		m.leave(m.current, failed, now)
	}
	m.failed, m.over = true, now
}
