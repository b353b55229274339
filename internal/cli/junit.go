package cli

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/spf13/pflag"

	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/ui"
)

// report collects the runs of a command for --junit, a file that CI systems show: each
// run is a suite, each phase, script and declared service a test case.
type report struct {
	file string
	mu   sync.Mutex
	runs []*reported
}

// reported is one run as it goes on. It is a sink of the run's events.
type reported struct {
	verb   string
	name   string
	mu     sync.Mutex
	events []event.Event // without the output of scripts
	output map[string][]string
}

// maxOutput limits the lines of one script in the report; the run's log has all of them.
const maxOutput = 1000

// junitFlag registers --junit.
func (a *app) junitFlag(f *pflag.FlagSet) {
	f.StringVar(&a.junit.file, "junit", "", "write phases, scripts and services as test cases to this `file`, in JUnit's format")
}

// check refuses a file that cannot be written, before anything is changed.
func (r *report) check() error {
	if r == nil || r.file == "" {
		return nil
	}
	r.file = homePath(r.file)
	if err := r.write(); err != nil {
		return usagef("cannot write --junit %s: %w", r.file, plainError(err))
	}
	return nil
}

// follow returns the sinks for the events of a run: none without --junit.
func (r *report) follow(verb string, c lxc.Container) []event.Sink {
	if r == nil || r.file == "" {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	run := &reported{verb: verb, name: c.Hostname, output: map[string][]string{}}
	r.runs = append(r.runs, run)
	return []event.Sink{run}
}

// Event notes an event.
func (r *reported) Event(e event.Event) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e.Type != event.Log {
		r.events = append(r.events, e)
	} else if lines := r.output[e.ScriptName]; e.ScriptName != "" && len(lines) <= maxOutput {
		r.output[e.ScriptName] = append(lines, ui.Clean(e.Message))
	}
	return nil
}

// save writes the file with the runs so far. The runs count for more than their report: an
// error is a warning.
func (r *report) save(a *app) {
	if r == nil || r.file == "" {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.write(); err != nil {
		a.warn(fmt.Sprintf("cannot write --junit %s: %v", r.file, plainError(err)), "")
	}
}

// write writes the runs so far.
func (r *report) write() error {
	doc := junitSuites{Name: "infrahaus"}
	for _, run := range r.runs {
		run.mu.Lock()
		s := suiteOf(run)
		run.mu.Unlock()
		doc.add(s)
	}
	return doc.write(r.file)
}

func (doc *junitSuites) add(s junitSuite) {
	doc.Suites = append(doc.Suites, s)
	doc.Tests, doc.Failures, doc.seconds = doc.Tests+s.Tests, doc.Failures+s.Failures, doc.seconds+s.seconds
}

// write replaces the file at once: a CI system may read it at any time.
func (doc *junitSuites) write(file string) error {
	doc.Time = junitTime(doc.seconds)
	text, err := xml.MarshalIndent(doc, "", "  ")
	if err != nil {
		return err
	}
	text = append(append([]byte(xml.Header), text...), '\n')
	if info, err := os.Stat(file); err == nil && !info.Mode().IsRegular() { // /dev/stdout, a pipe
		return os.WriteFile(file, text, 0o644)
	}
	aside := filepath.Join(filepath.Dir(file), "."+filepath.Base(file)+".new")
	if err := os.WriteFile(aside, text, 0o644); err != nil {
		return err
	}
	return os.Rename(aside, file)
}

// plainError is the cause of a file's error, without its path, which may be another one.
func plainError(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Time     string       `xml:"time,attr"`
	Suites   []junitSuite `xml:"testsuite"`
	seconds  time.Duration
}

type junitSuite struct {
	Name       string          `xml:"name,attr"`
	Tests      int             `xml:"tests,attr"`
	Failures   int             `xml:"failures,attr"`
	Time       string          `xml:"time,attr"`
	Timestamp  string          `xml:"timestamp,attr,omitempty"`
	Properties []junitProperty `xml:"properties>property,omitempty"`
	Cases      []junitCase     `xml:"testcase"`
	seconds    time.Duration
}

type junitProperty struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

type junitCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	Time    string        `xml:"time,attr"`
	Failure *junitFailure `xml:"failure,omitempty"`
	Output  string        `xml:"system-out,omitempty"`
}

type junitFailure struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

func junitTime(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', 3, 64) }

// suiteOf makes a suite of a run.
func suiteOf(r *reported) junitSuite {
	s := junitSuite{Name: r.verb + " " + r.name, Time: junitTime(0)}
	if len(r.events) == 0 {
		return s
	}
	line := ui.TimelineOf(r.events)
	last := r.events[len(r.events)-1]
	s.seconds, s.Time = line.Total, junitTime(line.Total)
	s.Timestamp = r.events[0].Timestamp.UTC().Format("2006-01-02T15:04:05")
	for _, p := range []junitProperty{
		{"ctid", strconv.Itoa(last.CTID)}, {"node", last.Node}, {"address", last.Address}, {"container", last.ContainerID}, {"run", last.RunID},
	} {
		if p.Value != "" && p.Value != "0" {
			s.Properties = append(s.Properties, p)
		}
	}
	inScript := false // the error belongs to a script, and is reported once
	for _, span := range line.Spans {
		inScript = inScript || span.Script && span.Failed
	}
	for _, span := range line.Spans {
		c := junitCase{Class: "infrahaus." + r.name, Name: ui.Clean(span.Name), Time: junitTime(span.Length)}
		if span.Script {
			c.Class += ".scripts"
			c.Output = junitText(strings.Join(r.output[span.Name], "\n"))
		}
		if span.Failed && (span.Script || !inScript) {
			message, tail, _ := strings.Cut(last.Message, "\n")
			text := strings.TrimLeft(tail+"\n"+strings.Join(last.Hints(), "\n"), "\n")
			c.Failure = &junitFailure{Message: junitText(message), Text: junitText(text)}
		}
		s.Cases = append(s.Cases, c)
	}
	for _, v := range last.Services {
		if !v.Declared {
			continue
		}
		c := junitCase{Class: "infrahaus." + r.name + ".services", Name: ui.Clean(v.Name), Time: junitTime(0)}
		if v.Status != lxc.Running {
			c.Failure = &junitFailure{Message: fmt.Sprintf("it does not answer: %s", v.Status), Text: junitText(strings.Join(v.Log, "\n"))}
		}
		s.Cases = append(s.Cases, c)
	}
	if last.Type != event.Error && last.Type != event.Complete { // it was cut off, or is going on
		s.Cases = append(s.Cases, junitCase{Class: "infrahaus." + r.name, Name: "end", Time: junitTime(0), Failure: &junitFailure{Message: "the run has not ended"}})
	}
	for _, c := range s.Cases {
		s.Tests++
		if c.Failure != nil {
			s.Failures++
		}
	}
	return s
}

// junitText takes out what XML cannot hold, line by line.
func junitText(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = ui.Clean(lines[i])
	}
	return strings.Join(lines, "\n")
}
