// Command bench does the reference job on real LXC guests with this tool and with an
// expert's script, in turn, and prints the product's budgets as counts and ratios.
// Machines are shared and noisy, so nothing here passes or fails by the clock. It needs
// Linux, root and the packages that `make bench` installs.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox"
)

func main() {
	b := &bench{}
	flag.StringVar(&b.bin, "bin", "bin/infrahaus", "the binary")
	flag.IntVar(&b.runs, "runs", 3, "runs of each")
	flag.StringVar(&b.only, "only", "", "print one `part` alone: binary, reference, warm, console, link or files")
	flag.DurationVar(&b.pctDelay, "pct-delay", 950*time.Millisecond, "what starting pct costs on the node, as measured on genuine Proxmox")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := b.run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// bench is one measurement with its sandbox.
type bench struct {
	bin      string
	runs     int
	only     string
	pctDelay time.Duration

	dir      string
	sandbox  *sandbox.Sandbox
	env      []string
	nextHost int
}

func (b *bench) run(ctx context.Context) error {
	var err error
	if b.bin, err = filepath.Abs(b.bin); err != nil {
		return err
	}
	if b.dir, err = os.MkdirTemp("", "infrahaus-bench-"); err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	say := func(line string) { fmt.Fprintln(os.Stderr, line) }
	b.sandbox, err = sandbox.Open(ctx, sandbox.Options{
		Dir: filepath.Join(b.dir, "sandbox"), Driver: "lxc", PctDelay: b.pctDelay, Console: sandbox.RealConsole, Log: say,
	})
	if err != nil {
		return err
	}
	defer b.sandbox.Close()
	if err := b.prepare(ctx); err != nil {
		return err
	}
	fmt.Printf("budget\tmeasured\tlimit\n")
	for _, part := range []struct {
		name  string
		print func(context.Context) error
	}{{"binary", b.binary}, {"reference", b.reference}, {"warm", b.warm}, {"console", b.console}, {"link", b.slowLink}, {"files", b.thousandFiles}} {
		if b.only != "" && b.only != part.name {
			continue
		}
		if err := part.print(ctx); err != nil {
			return err
		}
	}
	fmt.Printf("pct start-up on the simulated node: %s; on genuine Proxmox 8.4 it was 0.95 s\n", b.pctDelay)
	return nil
}

// row prints one budget.
func row(name, measured, limit string) { fmt.Printf("%s\t%s\t%s\n", name, measured, limit) }
