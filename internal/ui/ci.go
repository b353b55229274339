package ui

import (
	"crypto/rand"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/event"
)

// The systems whose logs fold.
const (
	ciGitHub = "github"
	ciGitLab = "gitlab"
)

// ciOf returns the system that runs this process, by the variables that each sets.
func ciOf(look func(string) string) string {
	switch {
	case truthy(look("GITHUB_ACTIONS")):
		return ciGitHub
	case truthy(look("GITLAB_CI")):
		return ciGitLab
	}
	return ""
}

// ciFace is the plain display with the output of each script in a group that folds.
type ciFace struct {
	plainFace
	raw    io.Writer // commands to the system go past what guards c.err
	system string
	now    func() time.Time
	script string // of the open group, "" if none is open
	token  string // ends GitHub's pause of commands, or names GitLab's section
}

func newCI(s *Streams, quiet bool) Display {
	return &ciFace{plainFace: *newPlain(s, quiet).(*plainFace), raw: s.raw, system: s.ci, now: time.Now}
}

// Event opens a group at the first line of a script and closes it at the next event that is
// no such line.
func (c *ciFace) Event(e event.Event) error {
	if c.quiet {
		return c.plainFace.Event(e)
	}
	if e.Type != event.Log || e.ScriptName != c.script {
		if err := c.close(); err != nil {
			return err
		}
	}
	if e.Type == event.Log && e.ScriptName != "" && c.script == "" {
		if err := c.open(e.ScriptName); err != nil {
			return err
		}
	}
	return c.plainFace.Event(e)
}

// open begins a group. On GitHub a line of output could be a command to the runner: a
// random token, which the guest cannot know, pauses commands until the group ends.
func (c *ciFace) open(script string) error {
	c.script, c.token = script, strings.ToLower(rand.Text())
	name := oneLine(script)
	if c.system == ciGitLab {
		_, err := fmt.Fprintf(c.raw, "\x1b[0Ksection_start:%d:%s[collapsed=true]\r\x1b[0K%s\n", c.now().Unix(), c.token, name)
		return err
	}
	_, err := fmt.Fprintf(c.raw, "::group::%s\n::stop-commands::%s\n", githubText(name), c.token)
	return err
}

func (c *ciFace) close() error {
	if c.script == "" {
		return nil
	}
	c.script = ""
	if c.system == ciGitLab {
		_, err := fmt.Fprintf(c.raw, "\x1b[0Ksection_end:%d:%s\r\x1b[0K\n", c.now().Unix(), c.token)
		return err
	}
	_, err := fmt.Fprintf(c.raw, "::%s::\n::endgroup::\n", c.token)
	return err
}

// Close closes a group that a failed script left open.
func (c *ciFace) Close() error { return c.close() }

// githubText quotes the text of a command to GitHub's runner.
func githubText(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(s)
}

// githubGuard keeps text from being a command to GitHub's runner: "::name::" at the start
// of a line, or "##[name]" anywhere in it. Commands of our own do not pass through it.
type githubGuard struct {
	w    io.Writer
	rest bool // the last write ended within a line
}

// Write guards whole lines; the tool writes nothing else to stderr.
func (g *githubGuard) Write(p []byte) (int, error) {
	text := strings.ReplaceAll(string(p), "##[", "#·#[")
	lines := strings.SplitAfter(text, "\n")
	for i, line := range lines {
		if (i > 0 || !g.rest) && strings.HasPrefix(strings.TrimSpace(line), "::") {
			lines[i] = "·" + line
		}
	}
	if len(p) > 0 {
		g.rest = p[len(p)-1] != '\n'
	}
	if _, err := io.WriteString(g.w, strings.Join(lines, "")); err != nil {
		return 0, err
	}
	return len(p), nil
}
