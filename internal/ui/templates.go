package ui

import (
	"io"
	"strings"

	"github.com/infrahaus/infrahaus/internal/event"
)

// TemplateRow is one template of the catalogue.
type TemplateRow struct {
	Name, OS, Description, Source string
}

// WriteTemplates writes `template list`.
func WriteTemplates(s *Streams, list []TemplateRow) error {
	t := Table{Columns: []Column{{Title: "NAME", Keep: true, Paint: always(Strong)}, {Title: "OS"}, {Title: "DESCRIPTION"},
		{Title: "SOURCE", Drop: true, Paint: always(Dim)}}, Empty: "no templates"}
	for _, r := range list {
		t.Rows = append(t.Rows, []string{r.Name, r.OS, r.Description, r.Source})
	}
	return WriteTable(s, t)
}

// PlanPhase is what one phase would do: a line a thing, values resolved.
type PlanPhase struct {
	Step  event.StepName `json:"step"`
	Does  []string       `json:"does"`
	Notes []string       `json:"notes,omitempty"`
}

// WritePlan writes `--plan` to stdout: phases and what each would do; in a pipe
// rows of step and action.
func WritePlan(s *Streams, title string, phases []PlanPhase) error {
	if !s.OutTTY {
		var rows [][]string
		for _, p := range phases {
			for _, d := range append(append([]string{}, p.Does...), p.Notes...) {
				rows = append(rows, []string{string(p.Step), d})
			}
		}
		return writeRows(s.Out, rows)
	}
	st := newStyles(s.OutColor)
	var b strings.Builder
	b.WriteString(st.bold.Render(Clean(title)) + "\n")
	for _, p := range phases {
		b.WriteString("\n" + st.accent.Render(string(p.Step)) + "\n")
		for _, d := range p.Does {
			b.WriteString("  " + safeLines(d) + "\n")
		}
		for _, n := range p.Notes {
			b.WriteString("  " + st.dim.Render(oneLine(n)) + "\n")
		}
	}
	_, err := io.WriteString(s.Out, b.String())
	return err
}
