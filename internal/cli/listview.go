package cli

import (
	"iter"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/infrahaus/infrahaus/internal/ui"
)

// view is the output of a list: its columns, order and form.
type view struct {
	filters []filter
	columns []column
	needs   need // of everything above and of the form
	sort    *column
	down    bool
	json    bool
	rows    bool // tab-separated, on a terminal too
	whole   bool // no column is left out in a narrow window
}

// parse reads the flags.
func (o *listOptions) parse() (view, error) {
	v := view{json: o.app.global.json || o.output == "json"}
	var err error
	if v.filters, err = parseFilters(o.filter); err != nil {
		return v, err
	}
	switch {
	case o.output != "" && o.output != "json" && o.app.global.json:
		return v, usagef("--json and -o %s exclude each other", o.output)
	case o.columns != nil && (v.json || o.output == "name" || o.output == "wide"):
		return v, usagef("--columns is for tables and rows, not for -o %s", orElse(o.output, "json"))
	}
	if v.columns, err = o.chosen(); err != nil {
		return v, err
	}
	if by, down := strings.CutPrefix(o.sort, "-"); by != "" {
		c, err := findColumn("--sort", by)
		if err != nil {
			return v, err
		}
		v.sort, v.down = &c, down
		v.needs |= c.needs
	}
	v.rows, v.whole = o.output == "tsv" || o.output == "name", o.output == "wide"
	for _, c := range v.columns {
		v.needs |= c.needs
	}
	for _, f := range v.filters {
		v.needs |= f.column.needs
	}
	if v.json {
		v.needs |= needServices | needTags
	}
	return v, nil
}

// chosen are the columns of the flags.
func (o *listOptions) chosen() ([]column, error) {
	names := slices.Clone(o.columns)
	switch {
	case o.output == "name":
		names = []string{"name"}
	case o.columns == nil:
		names = []string{"ctid", "name", "status", "address", "template", "node", "host", "created", "url"}
		if o.check || o.all {
			names = append(names, "proxmox", "differs")
		}
		if o.output == "wide" {
			names = append(names, "id", "tag", "transport", "updated", "os")
		}
	}
	return pick("--columns", names...)
}

// write prints the list.
func (v view) write(s *ui.Streams, list rows) error {
	switch {
	case v.json:
		return ui.WriteJSONList(s, list)
	case v.rows:
		return ui.WriteRowsOf(s, v.cells(list))
	}
	return ui.WriteTableOf(s, v.table(), v.cells(list))
}

// table is the list's table without rows.
func (v view) table() ui.Table {
	t := ui.Table{Empty: "no containers yet: infrahaus create web --template hello --sandbox"}
	if len(v.filters) > 0 {
		t.Empty = "no container passes the filters"
	}
	for _, c := range v.columns {
		if v.whole {
			c.Drop, c.Keep = 0, true
		}
		t.Columns = append(t.Columns, c.Column)
	}
	return t
}

// cells yields the same slice for every row.
func (v view) cells(list rows) iter.Seq2[[]string, error] {
	return func(yield func([]string, error) bool) {
		row := make([]string, len(v.columns))
		for l, err := range list {
			for i, c := range v.columns {
				row[i] = c.text(l)
			}
			if !yield(row, err) {
				return
			}
		}
	}
}

// completeColumns offers the columns for flags.
func completeColumns(cmd *cobra.Command, flags ...string) {
	for _, flag := range flags {
		_ = cmd.RegisterFlagCompletionFunc(flag, func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return strings.Split(columnNames(), ", "), cobra.ShellCompDirectiveNoFileComp
		})
	}
}
