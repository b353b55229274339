package cli_test

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// mend is `mend N`: it pastes the commands of the N checks that failed, in the rows of the
// last doctor, into a root shell on the node.
func mend(ts *testscript.TestScript, neg bool, args []string) {
	n := 0
	for line := range strings.Lines(ts.ReadFile("stdout")) {
		cells := strings.Split(strings.TrimRight(line, "\n"), "\t")
		if cells[0] != "fail" || cells[3] != "node" {
			continue
		}
		n++
		out, said, status := runOnNode(ts, cells[4])
		ts.Logf("%s\n%s%s", cells[4], out, said)
		if status != 0 {
			ts.Fatalf("exit status %d", status)
		}
	}
	if len(args) != 1 || args[0] != strconv.Itoa(n) {
		ts.Fatalf("%d checks are mended on the node, not %v", n, args)
	}
}

// atTask is `at-task CTID TYPE`: it waits until such a task runs on a container; `! at-task`
// waits until none does.
func atTask(ts *testscript.TestScript, neg bool, args []string) {
	waitFor(ts, "the task "+args[1]+" of "+args[0], func() bool {
		var tasks []struct{ Status string }
		ts.Check(json.Unmarshal(apiData(ts, []string{"GET", "/nodes/pve1/tasks?source=active&typefilter=" + args[1] + "&vmid=" + args[0]}), &tasks))
		runs := slices.ContainsFunc(tasks, func(t struct{ Status string }) bool { return t.Status == "" || t.Status == "RUNNING" })
		return runs != neg
	})
}
