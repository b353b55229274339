package cli_test

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/lazy"
)

// mask replaces in a text what differs between two runs of the same session.
type mask struct{ rules []maskRule }

type maskRule struct {
	from *regexp.Regexp
	to   string
}

// untimely are the lines that come or not, or come at another place, as the machine is
// fast: what a run waits for, the log of a task on the node, the ticks of the template slow.
var untimely = lazy.Regexp(strings.Join([]string{
	`\b(waiting|Waiting) for .*`, `\bstill at it: `, `\bwaiting until `, `\btick \d+"?$`, `(^|\| )started$`, `write /dev/stdout: broken pipe`,
	`\bopening the container's console`, `\bstarting the shell on the console`, `\busing the container's console: `,
	`\bthe link to the container dropped; `, `\bsomebody else types in this console`, `\banother run of infrahaus uses this console`,
	`^\S+Z (creating|starting|deploying|finalizing)? ?[|!] `, `^  \| `, `^\d+\t\S+Z\tlog\t`,
}, "|"))

func newMask(work string) *mask {
	m := &mask{}
	repo, _ := filepath.Abs("../..")
	for _, r := range [][2]string{
		{regexp.QuoteMeta(work), "$$WORK"},
		{regexp.QuoteMeta(repo), "$$REPO"},
		{`/[^\s'"]*/testscript-main\d+`, "$$TEST"},
		{`UPID:(\w+):[0-9A-F:]+:(\w+):(\w*):[^:\s]*:`, "UPID:$1:$2:$3"},
		{`\b[0-9A-HJKMNP-TV-Z]{26}\b`, "<id>"},
		{`\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)`, "<time>"},
		{`\b\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d\b`, "<time>"},
		{`\b20\d{6}-?\d{6}\b(-\d)?`, "<time>"},
		{`\bexpires at [0-9-]+ [0-9:]+ UTC`, "expires at <time>"},
		{`\b(valid until|expired on) 20\d\d-\d\d-\d\d\b`, "$1 <date>"},
		{`\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b`, "<uuid>"},
		{`\b([0-9A-Fa-f]{2}:){5,}[0-9A-Fa-f]{2}\b`, "<hex>"},
		{`SHA256:[A-Za-z0-9+/=]{40,}`, "SHA256:<hash>"},
		{`\b[0-9a-f]{12,}\b`, "<hex>"},
		{`(PASSWORD["\t:= ]+)[^\s",]+`, "$1<secret>"},
		{`sealed value of <id>/\w+`, "sealed value of <id>/<name>"},
		{`what answers there is not redis|no answer within \d+ ?\w+`, "<why>"},
		{`\b\d\d:\d\d:\d\dZ`, "<time>"},
		{`\b20\d{6}T\d{6}(\.\d+)?Z`, "<time>"},
		{`^\d+\t<time>`, "<n>\t<time>"},
		{`@[0-9A-F]{8}\b`, "@<id>"},
		{`\bfe80::[0-9a-f:]+`, "<link-local>"},
		{`,"(out|err)":\d+`, ""},
		{`"(events|bytes|uptimeSeconds|netIn|netOut|cpuPercent)": ?[0-9.]+`, `"$1":<n>`},
		{`\bafter \d+ ticks`, "after <n> ticks"},
		{`\b\d+ of \d+ events`, "<n> of <n> events"},
		{` -p \d+`, " -p <port>"},
		{`\bmy-app-v2-[a-z0-9]{4}\b`, "my-app-v2-<random>"},
		{`\bstaged\.[0-9a-z]{6,}`, "staged.<random>"},
		{`\b127(\.\d+){3}\b`, "<loopback>"},
		{`(<loopback>|\[::1\]|localhost):\d+`, "$1:<port>"},
		{`"(elapsed|start)Ms": ?\d+`, `"${1}Ms":<n>`},
		{`\t\d+\.\d{3}\b`, "\t<seconds>"},
		{`"seq": ?\d+`, `"seq":<n>`},
		{`"pid": ?\d+`, `"pid":<n>`},
		{`"machine": ?"[^"]*"`, `"machine": "<host>"`},
		{`by \S+ on \S+([,\n]|$)`, "by <user> on <host>$1"},
		{`\t\S+ on \S+, infrahaus \S+`, "\t<user> on <host>, infrahaus <version>"},
		{`"user": ?"[^"@]*"`, `"user": "<user>"`},
		{`(process \S+ on \S+) by \S+:`, "$1 by <user>:"},
		{`\b(process|pid|PID) \d+`, "$1 <n>"},
		{`\b\d+(\.\d+)?(ms|µs| ms| s|s| m|m| min)\b`, "<duration>"},
	} {
		m.rules = append(m.rules, maskRule{regexp.MustCompile(r[0]), r[1]})
	}
	return m
}

func (m *mask) text(s string) string {
	for _, r := range m.rules {
		s = r.from.ReplaceAllString(s, r.to)
	}
	return s
}

// most is how much of one output is kept.
const most = 120

// output returns the lines of a command's output, each marked with the number of its
// descriptor. An event as JSON takes its short form.
func (m *mask) output(fd string, raw []byte) string {
	var lines []string
	for line := range bytes.Lines(raw) {
		line = bytes.TrimRight(line, "\n")
		var e event.Event
		switch {
		case untimely().Match(line):
		case bytes.HasPrefix(line, []byte(`{"`)) && json.Unmarshal(line, &e) == nil && e.Type != "":
			if e.Type == event.Log && e.ScriptName == "" || untimely().MatchString(e.Message) {
				continue
			}
			lines = append(lines, "event "+m.event(e))
		default:
			lines = append(lines, m.text(string(line)))
		}
	}
	lines = stderrLast(lines)
	var b strings.Builder
	for i, line := range lines {
		if i == most {
			fmt.Fprintf(&b, "%s …%d lines more\n", fd, len(lines)-most)
			break
		}
		fmt.Fprintf(&b, "%s %s\n", fd, strings.ToValidUTF8(line, "�"))
	}
	return b.String()
}

var logLine = lazy.Regexp(`^(<time> .* ([|!]) |event log .* ([|!]) )`)

// stderrLast moves the lines that a script wrote to stderr behind those that it wrote to
// stdout: their order is not kept.
func stderrLast(lines []string) []string {
	side := func(l string) string {
		if m := logLine().FindStringSubmatch(l); m != nil {
			return m[2] + m[3]
		}
		return ""
	}
	for from := 0; from < len(lines); from++ {
		to := from
		for to < len(lines) && side(lines[to]) != "" {
			to++
		}
		slices.SortStableFunc(lines[from:to], func(a, b string) int { return strings.Compare(side(b), side(a)) })
		from = max(from, to)
	}
	return lines
}

// event is an event in one line.
func (m *mask) event(e event.Event) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", e.Type, e.Step)
	if e.Percent != nil {
		fmt.Fprintf(&b, " %d%%", *e.Percent)
	}
	if e.ScriptName != "" {
		b.WriteString(" " + e.ScriptName)
	}
	switch {
	case e.Type == event.Log && e.Stream == event.Stderr:
		b.WriteString(" !")
	case e.Type == event.Log:
		b.WriteString(" |")
	}
	message := e.Message
	if e.Type == event.Error { // the last lines of both streams follow, in any order
		message, _, _ = strings.Cut(message, "\n")
	}
	fmt.Fprintf(&b, " %q", m.text(message))
	if e.Hint != "" {
		fmt.Fprintf(&b, " hint=%q", m.text(e.Hint))
	}
	if e.ExitStatus != nil {
		fmt.Fprintf(&b, " exit=%d", *e.ExitStatus)
	}
	services := e.Services
	if e.Service != nil {
		services = append(services, *e.Service)
	}
	for _, s := range services {
		fmt.Fprintf(&b, " %s:%s", s.Name, s.Status)
	}
	return b.String()
}

// databases finds the catalogues below a session's folder.
func databases(work string) []string {
	var found []string
	_ = filepath.WalkDir(work, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && d.Name() == "infrahaus.db" {
			found = append(found, path)
		}
		return nil
	})
	return found
}

// records are the events of every run in a catalogue, and its marks and containers.
func records(path string, m *mask) string {
	db, err := sql.Open("sqlite", "file:"+path+"?mode=ro")
	if err != nil {
		return "cannot read it\n"
	}
	defer db.Close()
	var b strings.Builder
	rows := func(title, query string, line func(cols []string) string) {
		fmt.Fprintf(&b, "-- %s\n", title)
		res, err := db.Query(query)
		if err != nil {
			b.WriteString("cannot read it\n")
			return
		}
		defer res.Close()
		names, _ := res.Columns()
		for res.Next() {
			cols, to := make([]string, len(names)), make([]any, len(names))
			for i := range cols {
				to[i] = &cols[i]
			}
			if res.Scan(to...) != nil {
				b.WriteString("cannot read a row\n")
			} else if text := line(cols); text != "" {
				b.WriteString(text + "\n")
			}
		}
		if res.Err() != nil {
			b.WriteString("cannot read it whole\n")
		}
	}
	run := ""
	rows("events", `SELECT run_id, kind, coalesce(exit_status, 'open'), events.doc, hostname FROM events JOIN runs ON run_id = runs.id
		JOIN containers ON containers.id = record_id ORDER BY run_id, seq`, func(c []string) string {
		head := ""
		if c[0] != run {
			run = c[0]
			head = fmt.Sprintf("%s of %s, exit %s\n", c[1], c[4], c[2])
		}
		var e event.Event
		if json.Unmarshal([]byte(c[3]), &e) != nil || untimely().MatchString(e.Message) {
			return strings.TrimSuffix(head, "\n")
		}
		return head + "  " + m.event(e)
	})
	rows("steps", `SELECT hostname, phase, item, state, detail FROM steps JOIN containers ON containers.id = record_id
		ORDER BY record_id, phase, item`, func(c []string) string { return m.text(strings.Join(c, " ")) })
	rows("containers", `SELECT doc FROM containers ORDER BY id`, func(c []string) string { return m.text(c[0]) })
	return b.String()
}
