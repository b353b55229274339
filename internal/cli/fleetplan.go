package cli

import (
	"fmt"
	"strings"

	"github.com/infrahaus/infrahaus/internal/provision"
	"github.com/infrahaus/infrahaus/internal/ui"
)

// fleetPlan is what --plan --json prints for several containers.
type fleetPlan struct {
	Fleet      string          `json:"fleet,omitempty"`
	Containers []containerPlan `json:"containers"`
	Strays     []string        `json:"strays,omitempty"` // of the fleet, and no longer in its file
}

// containerPlan is what would happen to one of several containers.
type containerPlan struct {
	Name   string   `json:"name"`
	Action string   `json:"action"`
	Node   string   `json:"node,omitempty"`
	Why    string   `json:"why,omitempty"`   // the reason for the node
	After  []string `json:"after,omitempty"` // the containers that come first
	*planDocument
}

// planMany prints what a create of several containers would do.
func (o *createOptions) planMany(c *crew, units []*unit) error {
	doc := fleetPlan{Containers: []containerPlan{}}
	for i, u := range units {
		p := containerPlan{Name: c.jobs[i].name, Action: "create"}
		if u.found != nil {
			p.Action, p.Node = "take it as --if-exists "+o.ifExists+" says", u.found.Node
			doc.Containers = append(doc.Containers, p)
			continue
		}
		steps, err := u.ready.plan()
		if err != nil {
			return err
		}
		p.Node, p.planDocument = steps.Placement.Node, &steps
		doc.Containers = append(doc.Containers, p)
	}
	return c.app.showFleetPlan(doc)
}

// showFleetPlan prints a plan: as JSON, as rows of name, phase and action, or for people.
func (a *app) showFleetPlan(doc fleetPlan) error {
	if a.global.json {
		return ui.WriteJSON(a.streams, doc)
	}
	if !a.streams.OutTTY {
		var rows [][]string
		for _, c := range doc.Containers {
			rows = append(rows, []string{c.Name, c.Action, c.Node, c.Why, strings.Join(c.After, ",")})
			for _, s := range c.steps() {
				for _, line := range s.Does {
					rows = append(rows, []string{c.Name, s.Phase, line})
				}
			}
		}
		return ui.WriteTable(a.streams, ui.Table{Columns: make([]ui.Column, 5), Rows: rows})
	}
	var b strings.Builder
	for _, c := range doc.Containers {
		on := ""
		if c.Node != "" {
			on = " on " + c.Node
		}
		if c.Why != "" {
			on += " (" + c.Why + ")"
		}
		if len(c.After) > 0 {
			on += ", after " + strings.Join(c.After, ", ")
		}
		fmt.Fprintf(&b, "%s: %s%s\n", ui.Clean(c.Name), ui.Clean(c.Action), ui.Clean(on))
		for _, s := range c.steps() {
			for _, line := range s.Does {
				fmt.Fprintf(&b, "   %-10s %s\n", s.Phase, ui.Clean(line))
			}
		}
	}
	_, err := fmt.Fprint(a.streams.Out, b.String())
	return err
}

func (c containerPlan) steps() []provision.PlanStep {
	if c.planDocument == nil {
		return nil
	}
	return c.Steps
}
