package cli

import (
	"fmt"
	"strings"

	"github.com/infrahaus/infrahaus/internal/configmanager"
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
	if !report.Differs() {
		return &ending{result: "same"}
	}
	var names []string
	for _, s := range report.Settings {
		names = append(names, s.Name)
	}
	for _, f := range report.Files {
		if f.Effect() != configmanager.Leave {
			names = append(names, f.Target)
		}
	}
	for _, p := range report.Packages {
		if p.State != configmanager.PackageSame {
			names = append(names, p.Manager+" "+p.Spec)
		}
	}
	for _, s := range report.Scripts {
		if s.State != "same" && s.State != "skipped" {
			names = append(names, s.Name)
		}
	}
	const most = 6
	if n := len(names); n > most {
		names = append(names[:most], fmt.Sprintf("%d more", n-most))
	}
	return &ending{result: "differs", why: strings.Join(names, ", ")}
}
