package sandbox

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
	"github.com/infrahaus/infrahaus/internal/sandbox/node"
)

// feedPoll is how often the file of further faults is looked at.
const feedPoll = 10 * time.Millisecond

// readFaults takes further faults from the file or fifo FaultsFrom, a line each
// as it is written, until the sandbox is closed. The file need not be there yet.
func (w *owned) readFaults() {
	var f *os.File
	for {
		var err error
		// For writing, too: a fifo would else wait for its first writer, and end
		// with its last one.
		if f, err = os.OpenFile(w.opt.FaultsFrom, os.O_RDWR, 0); err == nil {
			break
		}
		if !errors.Is(err, os.ErrNotExist) {
			w.opt.Log("cannot read further faults: " + err.Error())
			return
		}
		if !w.nap() {
			return
		}
	}
	defer f.Close()
	w.tasks.Go(func() { <-w.ctx.Done(); _ = f.Close() }) // a fifo's reader waits
	r, line := bufio.NewReader(f), ""
	for {
		part, err := r.ReadString('\n')
		line += part
		switch {
		case err == nil:
			w.feed(strings.TrimSpace(line))
			line = ""
		case !errors.Is(err, io.EOF) || !w.nap():
			return
		}
	}
}

func (w *owned) nap() bool {
	select {
	case <-w.ctx.Done():
		return false
	case <-time.After(feedPoll):
		return true
	}
}

// possible refuses a fault of a node that is not there, or that answers the API.
func (w *owned) possible(x driver.Fault) error {
	if !slices.Contains([]string{driver.FaultNodeDown, driver.FaultNodeMaintenance, driver.FaultNodeMemory}, x.Name) {
		return nil
	}
	name, _, _ := strings.Cut(strings.ReplaceAll(x.Value, "=", "@"), "@")
	var names []string
	for i := range max(1, w.set.Nodes) {
		names = append(names, node.NodeName(i))
	}
	switch {
	case !slices.Contains(names, name):
		return fmt.Errorf("%s=%s: the sandbox has no node %q; it has %s (serve --nodes N has more)", x.Name, x.Value, name, strings.Join(names, ", "))
	case x.Name == driver.FaultNodeDown && name == NodeName:
		return fmt.Errorf("%s=%s: %s answers the API for all; node-reboot takes it away", x.Name, x.Value, name)
	}
	return nil
}

// feed carries out one line: a fault to add, "-NAME" to take one back ("-" for
// all), or nothing. What was done is logged, so that who wrote it can wait.
func (w *owned) feed(line string) {
	name, back := strings.CutPrefix(line, "-")
	switch {
	case line == "" || strings.HasPrefix(line, "#"):
		return
	case back:
		w.faults.Clear(name)
	default:
		x, err := driver.ParseFault(line)
		if err == nil {
			err = w.possible(x)
		}
		if err != nil {
			w.opt.Log("cannot play a fault: " + err.Error())
			return
		}
		w.faults.Add(x)
	}
	w.opt.Log("fault " + line)
}
