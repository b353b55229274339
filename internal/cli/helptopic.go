package cli

import (
	"strings"

	"github.com/spf13/cobra"
)

// Topic is a text about no single command: `infrahaus help NAME` prints it, a man page
// infrahaus-NAME(7) and docs/reference/NAME.md have the same words.
type Topic struct {
	Name  string
	Short string // one line
	parts []part
}

// part is a section of a topic.
type part struct {
	title string // "" for the text before the first section
	text  string // paragraphs; lines that begin with four spaces are kept as they are
	terms []term
}

// term is an entry of a list of words.
type term struct {
	name    string
	text    string
	example string // a line that can be copied
}

// Topics lists the topics in the order in which the help names them.
func Topics() []Topic {
	return []Topic{
		environmentTopic(), configTopic(), templatesTopic(), fleetTopic(), workersTopic(), helpersTopic(), eventsTopic(),
		exitStatusTopic(), sandboxTopic(), transportsTopic(), recoveryTopic(),
	}
}

// ManualEnd lists the sections at the end of infrahaus(1): environment, files and exit
// status.
func ManualEnd() Topic {
	var end []part
	for _, p := range environmentTopic().parts {
		if p.terms != nil {
			end = append(end, p)
		}
	}
	files := filesPart()
	files.title = "Files"
	statuses := exitStatusTopic().parts[0]
	statuses.title = "Exit status"
	first := end[0]
	first.title = "Environment"
	for _, more := range end[1:] {
		first.terms = append(first.terms, more.terms...)
	}
	return Topic{Name: "infrahaus", parts: []part{first, files, statuses}}
}

// Unsaid names the terms that have no text. There are none: a test calls it.
func (t Topic) Unsaid() []string {
	var names []string
	for _, p := range t.parts {
		for _, e := range p.terms {
			if e.text == "" {
				names = append(names, e.name)
			}
		}
	}
	return names
}

func findTopic(name string) (Topic, bool) {
	for _, t := range Topics() {
		if t.Name == name {
			return t, true
		}
	}
	return Topic{}, false
}

// topicList is the part of the root's help that names the topics.
func topicList() string {
	var b strings.Builder
	b.WriteString("\nTopics, for infrahaus help TOPIC:\n")
	for _, t := range Topics() {
		b.WriteString("  " + t.Name + strings.Repeat(" ", 13-len(t.Name)) + t.Short + "\n")
	}
	return b.String()
}

// showTopic prints a topic if args name one. Where a command has the same name, its help
// comes first; the help of sandbox is its topic.
func showTopic(c *cobra.Command, args []string) bool {
	if len(args) != 1 {
		return false
	}
	topic, ok := findTopic(args[0])
	if !ok {
		return false
	}
	for _, sub := range c.Root().Commands() {
		if sub.Name() != topic.Name {
			continue
		}
		_ = sub.Help()
		if topic.Name == "sandbox" {
			return true
		}
		c.Println()
	}
	c.Print(topic.Text())
	return true
}
