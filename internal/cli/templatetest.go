package cli

import (
	"context"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/template"
	"github.com/infrahaus/infrahaus/internal/ui"
)

// templateTestOptions are the flags of `template test`.
type templateTestOptions struct {
	app    *app
	vars   variableOptions
	driver string
	keep   bool
	junit  report

	needsReal []string // templates that failed because a virtual guest lacks something
}

func newTemplateTestCmd(a *app) *cobra.Command {
	o := &templateTestOptions{app: a}
	cmd := &cobra.Command{
		Use:   "test <template>...",
		Short: "Create a template in a sandbox of its own, test it there, and remove it",
		Long: `Test templates, each in a sandbox of its own: validate it, create a container, wait for
its services, and run tests/*.sh of its folder in the container, in order. A test passes with
exit status 0; it has the template's variables in its environment, and root's rights. Then
nothing may differ from the template, and each script runs once more: it must succeed and
change no file. In the end everything is removed.

The folder tests/ is shipped for the test only, never by create. Your settings, records and
containers are not touched. Exit status 5 says that a test failed.` + exitStatuses(0, 1, 2, 4, 5, 130, 143),
		Example: `  infrahaus template test ./blog
  infrahaus template test ./blog ./shop --set port=8081 --junit report.xml
  infrahaus template test ./blog --driver lxc --keep`,
		Args: rangeArgs(1, math.MaxInt, "at least one template"),
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), args) },
	}
	f := cmd.Flags()
	o.vars.register(f)
	a.lockedFlag(f)
	choose(cmd, &o.driver, "driver", "virtual", "the `kind` of guest: %s (Linux, as root)", "virtual", "lxc")
	f.BoolVar(&o.keep, "keep", false, "leave the sandbox and its container there, to look at")
	f.StringVar(&o.junit.file, "junit", "", "write the steps as test cases to this `file`, in JUnit's format")
	cmd.ValidArgsFunction = a.completeTemplates
	return cmd
}

// tested is what came out of one template.
type tested struct {
	Template string       `json:"template"`
	Passed   bool         `json:"passed"`
	Steps    []testedStep `json:"steps"`
	Kept     string       `json:"kept,omitempty"` // the state folder, with --keep

	began time.Time
}

// testedStep is one step: validate, create, a test, a script's second run.
type testedStep struct {
	Name      string `json:"name"`
	Passed    bool   `json:"passed"`
	Message   string `json:"message,omitempty"` // why it failed
	Output    string `json:"output,omitempty"`  // the last lines, of a step that failed
	ElapsedMS int64  `json:"elapsedMs"`
}

func (o *templateTestOptions) run(ctx context.Context, refs []string) error {
	a := o.app
	if err := o.junit.check(); err != nil {
		return err
	}
	if _, err := a.config(); err != nil {
		return err
	}
	set, err := o.vars.read(a.in)
	if err != nil {
		return err
	}
	all := make([]*templateTest, len(refs))
	for i, ref := range refs {
		if all[i], err = o.prepare(ctx, ref, set); err != nil {
			return err
		}
	}
	var results []tested
	failed := 0
	for _, t := range all {
		r, err := t.run(ctx)
		if err != nil {
			return err
		}
		results = append(results, r)
		if !r.Passed {
			failed++
		}
		if err := o.saveJUnit(results); err != nil {
			a.warn(fmt.Sprintf("cannot write --junit %s: %v", o.junit.file, plainError(err)), "")
		}
	}
	if a.global.json {
		if err := ui.WriteJSON(a.streams, results); err != nil {
			return err
		}
	}
	if failed > 0 {
		err := failf(exit.Guest, "%d of %s failed", failed, counted(len(results), "template"))
		if again := slices.Compact(o.needsReal); len(again) > 0 {
			err = err.hint("with real guests, on Linux as root: infrahaus template test %s --driver lxc", strings.Join(again, " "))
		}
		return silentOrTold(a.global.json, err)
	}
	return nil
}

// prepare finds a template while the user's settings still count.
func (o *templateTestOptions) prepare(ctx context.Context, ref string, set map[string]string) (*templateTest, error) {
	t := &templateTest{o: o, ref: ref, set: map[string]string{}}
	if err := t.find(ctx); err != nil {
		return nil, err
	}
	for k, v := range set {
		t.set[k] = v
	}
	if t.tpl == nil {
		return t, nil // what is wrong is the first step's
	}
	values, err := t.tpl.Resolve(t.set, nil)
	if err != nil {
		return nil, err
	}
	t.values = values
	return t, nil
}

// show prints a step as it ends.
func (o *templateTestOptions) show(s testedStep) error {
	if o.app.global.json || o.app.global.quiet && s.Passed {
		return nil
	}
	mark := "ok"
	if !s.Passed {
		mark = "FAIL"
	}
	if err := ui.WriteRow(o.app.streams, mark, s.Name, s.Message); err != nil {
		return err
	}
	if s.Output != "" {
		for _, line := range strings.Split(s.Output, "\n") {
			if err := ui.WriteRow(o.app.streams, "    "+line); err != nil {
				return err
			}
		}
	}
	return nil
}

// saveJUnit writes the report of the templates so far.
func (o *templateTestOptions) saveJUnit(results []tested) error {
	if o.junit.file == "" {
		return nil
	}
	doc := junitSuites{Name: "infrahaus template test"}
	for _, r := range results {
		s := junitSuite{Name: r.Template, Timestamp: r.began.UTC().Format("2006-01-02T15:04:05")}
		for _, step := range r.Steps {
			took := time.Duration(step.ElapsedMS) * time.Millisecond
			c := junitCase{Class: "infrahaus." + r.Template, Name: step.Name, Time: junitTime(took)}
			if !step.Passed {
				c.Failure = &junitFailure{Message: junitText(step.Message), Text: junitText(step.Output)}
				s.Failures++
			}
			s.Tests++
			s.seconds += took
			s.Cases = append(s.Cases, c)
		}
		s.Time = junitTime(s.seconds)
		doc.add(s)
	}
	return doc.write(o.junit.file)
}

// templateFolder is where a template's tests lie; "" for a built-in template.
func templateFolder(t *template.Template) string {
	if t.Path == "" {
		return ""
	}
	if info, err := os.Stat(t.Path); err == nil && info.IsDir() {
		return t.Path
	}
	return ""
}
