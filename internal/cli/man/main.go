// Command man writes the man pages, from the same help that the commands show.
package main

import (
	"fmt"
	"os"

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
		err = doc.GenManTree(cli.Root(), &doc.GenManHeader{Title: "INFRAHAUS", Section: "1"}, os.Args[1])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "man:", err)
		os.Exit(1)
	}
}
