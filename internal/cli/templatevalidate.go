package cli

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/infrahaus/infrahaus/internal/template"
	"github.com/infrahaus/infrahaus/internal/ui"
)

func newTemplateValidateCmd(a *app) *cobra.Command {
	var strict bool
	cmd := &cobra.Command{
		Use:   "validate <template>",
		Short: "Check a template and report everything that is wrong with it",
		Long: `Check a template and report everything that is wrong with it, as FILE:LINE:COLUMN: all
that create would refuse, and all that would fail later in the container, such as a
shebang or a command that ends in CR, or a ${name} that is a misspelt variable. What may be
meant is a warning: a variable that nothing uses, a script without a number, a file in
memory, a user that nothing makes. With --strict a warning is a failure, too.

In a file with "template: true", the ${name} of a variable is replaced by its value; any
other ${…} stays as it is. A literal ${name} of a variable is written $${name}.` + exitStatuses(0, 1, 2, 4),
		Args: exactArgs("one template"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, err := a.config(); err != nil {
				return err
			}
			t, err := a.findTemplate(cmd.Context(), args[0])
			var wrong *template.Error
			if err != nil && !errors.As(err, &wrong) {
				return err
			}
			return a.printValidation(t, wrong, strict)
		},
	}
	cmd.Flags().BoolVar(&strict, "strict", false, "fail if there are warnings")
	a.lockedFlag(cmd.Flags())
	cmd.ValidArgsFunction = a.completeTemplates
	return cmd
}

// validation is what `template validate --json` prints.
type validation struct {
	Template string             `json:"template"`
	Valid    bool               `json:"valid"`
	Problems []template.Problem `json:"problems"`
	Warnings []template.Problem `json:"warnings"`
}

func (a *app) printValidation(t *template.Template, wrong *template.Error, strict bool) error {
	v := validation{Problems: []template.Problem{}, Warnings: []template.Problem{}}
	problems, warnings := template.Diagnose(t, wrong)
	v.Problems, v.Warnings = append(v.Problems, problems...), append(v.Warnings, warnings...)
	v.Valid = len(problems) == 0 && !(strict && len(warnings) > 0)
	if wrong != nil {
		v.Template = wrong.Template
	} else {
		v.Template = t.Name
	}
	if a.global.json {
		if err := ui.WriteJSON(a.streams, v); err != nil {
			return err
		}
	} else {
		for _, w := range v.Warnings {
			a.warn(w.String(), "")
		}
		for _, p := range v.Problems {
			if err := ui.WriteLines(a.streams, p.String()); err != nil {
				return err
			}
		}
	}
	if !v.Valid {
		verdict := "cannot use template %s: %s"
		switch {
		case len(v.Problems) == 0:
			return silentOrTold(a.global.json, usagef("cannot accept template %s: %s, and --strict allows none", v.Template, counted(len(v.Warnings), "warning")))
		case wrong == nil:
			verdict = "cannot accept template %s: %s that create only warns about, but that will fail in the guest"
		}
		return silentOrTold(a.global.json, usagef(verdict, v.Template, counted(len(v.Problems), "problem")))
	}
	if !a.global.json && !a.global.quiet {
		return ui.WriteRow(a.streams, v.Template, "ok")
	}
	return nil
}

// silentOrTold ends a command whose JSON document has said everything already.
func silentOrTold(json bool, f *failure) error {
	if json {
		return silent{f.Status}
	}
	return f
}
