// Command crash kills the tool at every boundary of its work and subjects it to every
// fault. Then it checks that nothing was lost, done twice or leaked. Whatever happens,
// list must know it, and one command must finish the job or clean it up. If somebody else
// has been given the id in the meantime, that container must be left alone.
//
// It builds the tool with a hook that ends the process right after a chosen entry is on
// record (internal/store/boundary_crash.go), and runs it against sandboxes of its own
// with virtual guests, so it needs no privileges and no packages. If this user may listen
// on port 22, half of the cases use the guest's own sshd; otherwise all use the node. The
// container's console has one kill in each phase, and with -all as many as the others. It
// prints a table and, last, "points=N lost=0 twice=0 secrets=0". With -doc it keeps the result
// of each point beside that file, so that an interrupted run of the same build goes on there.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"syscall"

	"github.com/infrahaus/infrahaus/internal/sandbox"
)

func main() {
	h := &harness{only: regexp.MustCompile("")}
	flag.BoolVar(&h.all, "all", false, "every point with both ways on, all transports, and a second kill on the way")
	flag.IntVar(&h.parallel, "parallel", 4, "sandboxes at once")
	flag.Func("only", "run the rows alone whose name has this `pattern`", func(s string) (err error) {
		h.only, err = regexp.Compile(s)
		return err
	})
	flag.StringVar(&h.doc, "doc", "", "also write the table into this `file`, as Markdown; an interrupted run goes on from what is beside it")
	flag.StringVar(&h.bin, "bin", "", "a `binary` built with -tags crash; empty: build one")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	ok, err := h.run(ctx)
	if err != nil {
		fmt.Fprintln(os.Stderr, "crash:", err)
	}
	if err != nil || !ok {
		os.Exit(1)
	}
}

// harness is one run of everything.
type harness struct {
	all      bool
	parallel int
	only     *regexp.Regexp
	doc      string
	bin      string

	dir        string
	template   string              // the folder of what the tool makes
	transports []string            // node, and guest where virtual guests have an sshd
	worlds     []map[string]*world // by version of Proxmox VE, one of each for every worker
	table      table

	journal  *journal // nil without doc
	planned  int      // the points of this run
	recorded int      // runs without a kill, which the table counts too
}

func (h *harness) run(ctx context.Context) (bool, error) {
	var err error
	if h.template, err = filepath.Abs("testdata/templates/crash"); err != nil {
		return false, err
	}
	if h.dir, err = os.MkdirTemp("", "infrahaus-crash-"); err != nil {
		return false, err
	}
	defer os.RemoveAll(h.dir)
	if err := h.build(ctx); err != nil {
		return false, err
	}
	h.transports = transports()
	if h.doc != "" {
		build, err := h.buildID()
		if err != nil {
			return false, err
		}
		if h.journal, err = openJournal(h.doc, build); err != nil {
			return false, err
		}
	}
	for i := range h.parallel {
		both := map[string]*world{}
		for _, version := range sandbox.Versions() {
			w, err := openWorld(ctx, filepath.Join(h.dir, fmt.Sprintf("world%d-%s", i, version)), version)
			if err != nil {
				return false, err
			}
			defer w.sb.Close()
			both[version] = w
		}
		h.worlds = append(h.worlds, both)
	}
	cases, err := h.points(ctx)
	if err != nil {
		return false, err
	}
	cases = append(cases, h.bakes(ctx)...)
	cases = append(cases, h.faults()...)
	cases = append(cases, h.console()...)
	cases = append(cases, h.interrupts()...)
	cases = append(cases, h.twenty()...)
	cases = append(cases, h.shared()...)
	cases = append(cases, h.workers()...)
	cases = append(cases, h.versions()...)
	cases = append(cases, h.fleets()...)
	h.recorded = h.table.points()
	if err := errors.Join(h.keep(ctx, h.chosen(cases)), ctx.Err()); err != nil {
		return false, err
	}
	ok := h.table.print(os.Stdout)
	return h.table.complete() && ok, h.finish()
}

// build makes the tool with its hook, by the flags of the Makefile.
func (h *harness) build(ctx context.Context) error {
	if h.bin != "" {
		var err error
		h.bin, err = filepath.Abs(h.bin)
		return err
	}
	h.bin = filepath.Join(h.dir, "infrahaus")
	fmt.Fprintln(os.Stderr, "building the tool with -tags crash")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-tags", "nethttpomithttp2,crash", "-o", h.bin, "./cmd/infrahaus")
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	return cmd.Run()
}
