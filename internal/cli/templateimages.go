package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/infrahaus/infrahaus/internal/bake"
	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/fetch"
	"github.com/infrahaus/infrahaus/internal/pve"
	"github.com/infrahaus/infrahaus/internal/template"
	"github.com/infrahaus/infrahaus/internal/ui"
)

// The states of an image.
const (
	imageCurrent = "current"     // a create uses it
	imageChanged = "changed"     // the template or its OS template is another one now
	imageOld     = "too old"     // older than the template's maxAge
	imageNoTpl   = "no template" // this machine has no template of that name
)

// imageRow is one image as `template images list` shows it.
type imageRow struct {
	pve.Archive
	Template string `json:"template"`
	Digest   string `json:"digest"` // the part that is in its name
	OS       string `json:"os"`
	State    string `json:"state"`
	Removed  bool   `json:"removed,omitempty"`
}

func newTemplateImagesCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "images",
		Short: "The images that template bake has made",
		Long:  "The OS templates that template bake has made, on the storages of the host." + exitStatuses(0, 2),
		Args:  noArgs,
		RunE:  helpOnly,
	}
	cmd.AddCommand(newImagesListCmd(a), newImagesPruneCmd(a))
	return cmd
}

func newImagesListCmd(a *app) *cobra.Command {
	var node string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the images of the host",
		Long: `List the images that template bake has made, of all nodes that are online. STATE is
current, where a create of the template would use the image; changed, where the template or
its OS template is another one now; too old, by the template's maxAge; or no template, where
none of that name is found from here, as create --template NAME would look for it.` + exitStatuses(0, 2, 3, 4),
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			rows, _, err := a.images(cmd.Context(), node)
			if err != nil {
				return err
			}
			if a.global.json {
				return ui.WriteJSON(a.streams, list(rows))
			}
			return ui.WriteTable(a.streams, imageTable(rows))
		},
	}
	cmd.Flags().StringVar(&node, "node", "", "only those on the node of this `name`")
	return cmd
}

func newImagesPruneCmd(a *app) *cobra.Command {
	var node string
	var yes, plan bool
	cmd := &cobra.Command{
		Use:   "prune",
		Short: "Remove the images that no create would use",
		Long: `Remove the images of changed templates and those that are too old, and keep what is
current. An image without a template on this machine is kept, too: another machine may have
it. No container needs its image once it is created.` + exitStatuses(0, 2, 3, 4),
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.pruneImages(cmd.Context(), node, yes, plan) },
	}
	f := cmd.Flags()
	f.StringVar(&node, "node", "", "only those on the node of this `name`")
	f.BoolVarP(&yes, "yes", "y", false, "do not ask")
	f.BoolVar(&plan, "plan", false, "show what would be removed and touch nothing")
	return cmd
}

func imageTable(rows []imageRow) ui.Table {
	t := ui.Table{Columns: []ui.Column{
		{Title: "TEMPLATE", Keep: true}, {Title: "OS", Drop: 1}, {Title: "DIGEST", Keep: true, Drop: 6}, {Title: "AGE", Keep: true, Drop: 3},
		{Title: "SIZE", Right: true, Keep: true, Drop: 4}, {Title: "NODE", Drop: 5}, {Title: "STATE", Keep: true}, {Title: "IMAGE", Keep: true, Drop: 2},
	}, Empty: "no images; infrahaus template bake TEMPLATE makes one"}
	for _, r := range rows {
		parts, _ := bake.Parse(r.Name)
		age := ""
		if !r.Made.IsZero() {
			age = pve.Days(max(0, time.Since(r.Made.Time)))
		}
		t.Rows = append(t.Rows, []string{r.Template, parts.OS, parts.Digest, age, sizeText(r.Size), r.Node, r.State, r.VolID})
	}
	return t
}

// images lists the images of the host with their states.
func (a *app) images(ctx context.Context, node string) ([]imageRow, *place, error) {
	defer a.waiting("Proxmox to list its images", 0)()
	if _, err := a.config(); err != nil {
		return nil, nil, err
	}
	p, err := a.open(ctx)
	if err != nil {
		return nil, nil, err
	}
	found, err := p.pve.BakedEverywhere(ctx, node)
	if err != nil {
		return nil, nil, err
	}
	var rows []imageRow
	sources := a.templateSources(ctx, lookUp{mode: fetch.Local})
	current := map[string]map[string]bool{} // by node and template
	for _, archive := range found {
		parts, ok := bake.Parse(archive.Name)
		if !ok {
			continue
		}
		row := imageRow{Archive: archive, Template: parts.Template, Digest: parts.Digest, OS: parts.OS, State: imageNoTpl}
		if t, err := template.Find(parts.Template, sources); err == nil {
			key := archive.Node + " " + parts.Template
			if current[key] == nil {
				if current[key], err = a.currentImages(ctx, p, archive.Node, t); err != nil {
					return nil, nil, err
				}
			}
			switch {
			case !current[key][archive.Name]:
				row.State = imageChanged
			case time.Since(archive.Made.Time) > t.MaxAge:
				row.State = imageOld
			default:
				row.State = imageCurrent
			}
		}
		rows = append(rows, row)
	}
	return rows, p, nil
}

// currentImages are the names of the images that creates of a template on a node would use: of
// each OS template that the node has.
func (a *app) currentImages(ctx context.Context, p *place, node string, t *template.Template) (map[string]bool, error) {
	all, err := p.pve.OSArchives(ctx, node, t.Spec().OSChoices())
	names := map[string]bool{}
	for _, archive := range all {
		os := bake.OS{Name: archive.Name, Size: archive.Size}
		names[bake.Name(t.Name, bake.Digest(t, os), os)] = true
	}
	return names, err
}

// pruneImages removes what no create would use.
func (a *app) pruneImages(ctx context.Context, node string, yes, plan bool) error {
	rows, p, err := a.images(ctx, node)
	if err != nil {
		return err
	}
	var gone []imageRow
	size := int64(0)
	for _, r := range rows {
		if r.State == imageChanged || r.State == imageOld {
			gone = append(gone, r)
			size += r.Size
		}
	}
	if len(gone) > 0 && !plan {
		if err := a.confirm(ctx, yes, fmt.Sprintf("Remove %s (%s) from the host?", counted(len(gone), "image"), sizeText(size))); err != nil {
			return err
		}
		for i := range gone {
			if err := p.pve.RemoveArchive(ctx, gone[i].Archive); err != nil {
				return failf(exit.Explain(err).Status, "%w", err)
			}
			gone[i].Removed = true
		}
	}
	if a.global.json {
		return ui.WriteJSON(a.streams, list(gone))
	}
	t := imageTable(gone)
	t.Empty = "nothing to remove"
	return ui.WriteTable(a.streams, t)
}
