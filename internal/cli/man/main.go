// Command man writes the man pages and the completion scripts, from the same help that the
// commands show: FOLDER/man/*.1 for commands, FOLDER/man/*.7 for topics, and
// FOLDER/completions/infrahaus.{bash,zsh,fish,ps1}. Their date is SOURCE_DATE_EPOCH, so that
// one commit gives the same pages at any time.
package main

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"github.com/infrahaus/infrahaus/internal/cli"
)

const manual = "infrahaus manual"

func main() {
	if len(os.Args) < 2 || len(os.Args) > 3 {
		fmt.Fprintln(os.Stderr, "usage: man FOLDER [VERSION]")
		os.Exit(2)
	}
	version := ""
	if len(os.Args) == 3 {
		version = os.Args[2]
	}
	err := writePages(filepath.Join(os.Args[1], "man"), strings.TrimSpace("infrahaus "+version))
	if err == nil {
		err = writeCompletions(filepath.Join(os.Args[1], "completions"))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "man:", err)
		os.Exit(1)
	}
}

func writePages(dir, source string) error {
	date, err := today()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	root := cli.Root()
	if err := writeCommand(root, dir, &doc.GenManHeader{Section: "1", Date: &date, Source: source, Manual: manual}); err != nil {
		return err
	}
	for _, topic := range cli.Topics() {
		name := "infrahaus-" + topic.Name
		head := fmt.Sprintf(".TH %q 7 %q %q %q\n.SH NAME\n%s \\- %s\n", strings.ToUpper(name), date.Format("Jan 2006"), source, manual, name, topic.Short)
		end := ".SH SEE ALSO\n\\fBinfrahaus\\fR(1)\n"
		if err := os.WriteFile(filepath.Join(dir, name+".7"), []byte(head+topic.Roff()+end), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func today() (time.Time, error) {
	epoch := cmp.Or(os.Getenv("SOURCE_DATE_EPOCH"), strconv.FormatInt(time.Now().Unix(), 10))
	seconds, err := strconv.ParseInt(epoch, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH: %w", err)
	}
	return time.Unix(seconds, 0).UTC(), nil
}

// writeCommand writes the page of a command, and of all below it.
func writeCommand(cmd *cobra.Command, dir string, header *doc.GenManHeader) error {
	for _, sub := range cmd.Commands() {
		if !sub.IsAvailableCommand() {
			continue
		}
		if err := writeCommand(sub, dir, header); err != nil {
			return err
		}
	}
	text, statuses, _ := strings.Cut(cmd.Long, "\n\nExit status:\n")
	cmd.Long = markdown(text)
	cmd.DisableAutoGenTag = true // its date is that of the build
	head := *header
	var page bytes.Buffer
	if err := doc.GenMan(cmd, &head, &page); err != nil {
		return err
	}
	end := ".SH EXIT STATUS\n.EX\n" + strings.ReplaceAll(statuses, "-", `\-`) + "\n.EE\n"
	if !cmd.HasParent() {
		end = cli.ManualEnd().Roff()
	}
	before, after, ok := strings.Cut(page.String(), ".SH SEE ALSO\n")
	if ok {
		after = "\n.SH SEE ALSO\n" + strings.TrimRight(after, "\n") + seeTopics(cmd) + "\n"
	}
	name := strings.ReplaceAll(cmd.CommandPath(), " ", "-") + ".1"
	return os.WriteFile(filepath.Join(dir, name), []byte(before+end+after), 0o644)
}

// seeTopics is the end of a page's list of other pages: the first page names all topics.
func seeTopics(cmd *cobra.Command) string {
	var b strings.Builder
	if !cmd.HasParent() {
		for _, topic := range cli.Topics() {
			b.WriteString(", \\fBinfrahaus-" + topic.Name + "(7)\\fP")
		}
	}
	return b.String()
}

// markdown keeps the lines of a list: in a help text, these are indented by two spaces, and
// Markdown would fill them.
func markdown(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, "  ") {
			if i > 0 && !strings.HasPrefix(lines[i-1], "  ") && lines[i-1] != "" {
				lines[i-1] += "\n"
			}
			lines[i] = "    " + line
		}
	}
	return strings.Join(lines, "\n")
}

// writeCompletions writes what `infrahaus completion SHELL` prints.
func writeCompletions(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	root := cli.Root()
	for ending, write := range map[string]func(io.Writer) error{
		"bash": func(w io.Writer) error { return root.GenBashCompletionV2(w, true) },
		"zsh":  root.GenZshCompletion,
		"fish": func(w io.Writer) error { return root.GenFishCompletion(w, true) },
		"ps1":  root.GenPowerShellCompletionWithDesc,
	} {
		var text bytes.Buffer
		if err := write(&text); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, "infrahaus."+ending), text.Bytes(), 0o644); err != nil {
			return err
		}
	}
	return nil
}
