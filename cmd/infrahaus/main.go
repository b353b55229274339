// Command infrahaus turns a template and a Proxmox VE node into a running,
// configured, catalogued LXC container.
package main

import (
	"os"

	"github.com/infrahaus/infrahaus/internal/cli"
)

func main() {
	os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
