// Command man writes the man pages, from the same help that the commands show.
package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"github.com/infrahaus/infrahaus/internal/cli"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: man FOLDER")
		os.Exit(2)
	}
	err := os.MkdirAll(os.Args[1], 0o755)
	if err == nil {
		root := cli.Root()
		verbatim(root)
		err = doc.GenManTree(root, &doc.GenManHeader{Title: "INFRAHAUS", Section: "1"}, os.Args[1])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "man:", err)
		os.Exit(1)
	}
}

// verbatim keeps the lines of every command's exit statuses: indented text is
// code to the writer of man pages, and what is not, it fills.
func verbatim(cmd *cobra.Command) {
	const head = "Exit status:\n"
	text, statuses, ok := strings.Cut(cmd.Long, head)
	if ok {
		cmd.Long = text + head + "\n    " + strings.ReplaceAll(statuses, "\n", "\n    ")
	}
	for _, sub := range cmd.Commands() {
		verbatim(sub)
	}
}
