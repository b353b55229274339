package cli

import (
	"fmt"
	"strings"

	"github.com/infrahaus/infrahaus/internal/provision/plan"
	"github.com/infrahaus/infrahaus/internal/ui"
)

// writeDiffs prints the files that differ, line by line. The lines are a guest's: nothing in
// them reaches the terminal as it is.
func writeDiffs(s *ui.Streams, diffs []plan.FileDiff) error {
	var b strings.Builder
	for _, d := range diffs {
		b.WriteString("\n")
		if d.Note != "" {
			b.WriteString(ui.Clean(d.Target+": "+d.Note) + "\n")
		}
		for line := range strings.Lines(d.Diff) {
			b.WriteString(ui.Clean(line) + "\n")
		}
	}
	_, err := fmt.Fprint(s.Out, b.String())
	return err
}

// planned is the result of a plan as one of several.
func planned(report plan.Report) *ending {
	names := report.Differing()
	if len(names) == 0 {
		return &ending{result: "same"}
	}
	const most = 6
	if n := len(names); n > most {
		names = append(names[:most], fmt.Sprintf("%d more", n-most))
	}
	return &ending{result: "differs", why: strings.Join(names, ", ")}
}
