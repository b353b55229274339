// Command benchscale measures many containers at once: a simulated cluster with virtual guests
// in a process of its own, and several processes of the tool that make containers on it with
// one catalogue, with fleets of their own or as workers of one queue. One node goes down on the
// way and one process is killed; nothing may be lost.
// It prints counts and ratios with their limits. Its exit status is 1 if one is not kept.
// Nothing passes or fails by the clock alone.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

func main() {
	b := &bench{}
	flag.StringVar(&b.bin, "bin", "bin/infrahaus", "the binary")
	flag.StringVar(&b.only, "only", "", "measure these `parts` alone: scale, workers, growth, parallel, pernode, list")
	flag.IntVar(&b.containers, "containers", 1000, "containers of the parts scale and workers")
	flag.IntVar(&b.workers, "workers", 4, "processes of the parts scale and workers")
	flag.IntVar(&b.each, "parallel", 8, "containers that a process works on at once")
	flag.IntVar(&b.nodes, "nodes", 20, "nodes of the cluster")
	flag.IntVar(&b.grow, "growth", 96, "containers for each row of the part growth")
	flag.IntVar(&b.fleet, "fleet", 100, "containers of the part parallel")
	flag.IntVar(&b.rows, "rows", 20000, "records of the part list")
	flag.BoolVar(&b.verbose, "v", false, "say what goes on")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := b.run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "benchscale:", err)
		os.Exit(1)
	}
	if b.missed > 0 {
		fmt.Fprintf(os.Stderr, "benchscale: %d rows are outside of their limits\n", b.missed)
		os.Exit(1)
	}
}

// bench is one measurement.
type bench struct {
	bin                      string
	only                     string
	containers, workers      int
	each, nodes, grow, fleet int
	rows                     int
	verbose                  bool

	dir    string
	missed int // rows outside of their limits
}

func (b *bench) run(ctx context.Context) error {
	var err error
	if b.bin, err = filepath.Abs(b.bin); err != nil {
		return err
	}
	if b.dir, err = os.MkdirTemp("", "infrahaus-scale-"); err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	fmt.Printf("measure\tfound\tlimit\n")
	for _, part := range []struct {
		name    string
		measure func(context.Context) error
	}{{"list", b.list}, {"growth", b.growth}, {"scale", b.scale}, {"workers", b.crew}, {"parallel", b.parallel}, {"pernode", b.perNode}} {
		if b.only != "" && !strings.Contains(","+b.only+",", ","+part.name+",") {
			continue
		}
		if err := part.measure(ctx); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
	}
	return nil
}

// row prints a measure that has no limit.
func row(name, found string) { fmt.Printf("%s\t%s\t\n", name, found) }

// limit prints a measure and counts it if it is not within its limit.
func (b *bench) limit(name, found, limit string, within bool) {
	mark := ""
	if !within {
		mark = "\tOUTSIDE"
		b.missed++
	}
	fmt.Printf("%s\t%s\t%s%s\n", name, found, limit, mark)
}

func (b *bench) say(format string, args ...any) {
	if b.verbose {
		fmt.Fprintf(os.Stderr, time.Now().Format("15:04:05 ")+format+"\n", args...)
	}
}
