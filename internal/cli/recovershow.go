package cli

import (
	"strconv"
	"strings"

	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/ui"
)

// recoverDocument is what `recover --json` prints.
type recoverDocument struct {
	Containers []recovered `json:"containers"`
	Gone       []string    `json:"gone"` // what no record has back
}

// gone is what nothing tells after a catalogue was lost.
func gone() []string {
	return []string{"root's passwords", "the variables of templates", "what create was told to skip or add", "earlier runs and their logs"}
}

// show prints what became of each container. The exit status is the worst.
func (o *recoverOptions) show(list []recovered) error {
	a := o.app
	var statuses []int
	fresh := 0
	t := ui.Table{
		Columns: []ui.Column{{Title: "CTID", Right: true, Keep: true}, {Title: "NAME"}, {Title: "NODE", Drop: 3}, {Title: "ID", Keep: true, Drop: 1}, {Title: "RESULT", Keep: true, Paint: recoverShade},
			{Title: "TEMPLATE", Drop: 4}, {Title: "SERVICES", Right: true, Keep: true, Drop: 2}, {Title: "WHY"}},
		Empty: "no container of this host carries the mark of an infrahaus catalogue",
	}
	for _, r := range list {
		statuses = append(statuses, r.status)
		services := ""
		if r.Result == isRecovered {
			fresh++
			services = strconv.Itoa(r.Services)
		}
		t.Rows = append(t.Rows, []string{strconv.Itoa(r.CTID), r.Hostname, r.Node, r.RecordID, r.Result, r.Template, services, r.Why})
	}
	var end error
	if worst := exit.Worst(statuses...); worst != exit.Done {
		end = silent{worst}
	}
	if a.global.json {
		doc := recoverDocument{Containers: append([]recovered{}, list...), Gone: []string{}}
		if fresh > 0 {
			doc.Gone = gone()
		}
		return orFirst(ui.WriteJSON(a.streams, doc), end)
	}
	if err := ui.WriteTable(a.streams, t); err != nil {
		return err
	}
	if fresh > 0 {
		a.say(counted(fresh, "container") + " recovered; gone are " + strings.Join(gone(), ", "))
	}
	return end
}

func recoverShade(cell string) ui.Shade {
	switch cell {
	case isRecovered, recoverable:
		return ui.Good
	case leftAlone:
		return ui.Caution
	}
	return ui.Dim
}
