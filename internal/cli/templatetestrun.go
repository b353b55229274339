package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/guest"
	"github.com/infrahaus/infrahaus/internal/sandbox"
	"github.com/infrahaus/infrahaus/internal/template"
)

// testName is the container of a test. The sandbox has no other.
const testName = "test"

// testsDir is the folder in the guest for the tests. A restart must not empty it.
const testsDir = "/var/tmp/infrahaus-tests"

// templateTest is the test of one template.
type templateTest struct {
	o      *templateTestOptions
	ref    string
	tpl    *template.Template // nil: it cannot be used
	wrong  *template.Error
	set    map[string]string
	values template.Values
	files  fs.FS // of the template, its tests included
	folder string
	result tested
}

// find loads the template. A faulty one is no error here: validate is a step of its own.
func (t *templateTest) find(ctx context.Context) error {
	a := t.o.app
	tpl, err := a.findTemplate(ctx, t.ref)
	if err != nil && !errors.As(err, &t.wrong) {
		return err
	}
	if t.tpl = tpl; tpl == nil {
		t.result.Template = t.wrong.Template
		return nil
	}
	t.result.Template = tpl.Name
	t.folder = templateFolder(tpl)
	t.files, err = template.Folder(homePath(t.ref), a.templateSources(ctx, lookUp{}))
	return err
}

// run does the steps. The error is one of this machine, or an interrupt, not of the template.
func (t *templateTest) run(ctx context.Context) (tested, error) {
	t.result.began = time.Now()
	t.o.app.say("testing " + t.result.Template)
	dir, err := os.MkdirTemp("", "infrahaus-test-")
	if err != nil {
		return t.result, failf(1, "cannot make a folder for the test: %w", err)
	}
	keep := false
	defer func() {
		if !keep {
			removeDemo(dir)
		}
	}()
	if err := demoEnvironment(dir); err != nil {
		return t.result, err
	}
	ok, err := t.step("validate", t.validate)
	if ok && err == nil {
		keep = t.o.keep
		err = t.inSandbox(ctx, dir)
	}
	if keep {
		t.result.Kept = filepath.Join(dir, "state", "infrahaus")
		t.o.app.say(fmt.Sprintf("kept: infrahaus --state-dir %s --sandbox shell %s", t.result.Kept, testName))
	}
	t.result.Passed = err == nil && !slices.ContainsFunc(t.result.Steps, func(s testedStep) bool { return !s.Passed })
	return t.result, err
}

// verdict is why a step failed; "" if it passed.
type verdict struct{ message, output string }

// step does one step, and notes and shows how it ended.
func (t *templateTest) step(name string, do func() (verdict, error)) (passed bool, err error) {
	began := time.Now()
	v, err := do()
	if err != nil {
		return false, err
	}
	s := testedStep{Name: name, Passed: v.message == "", Message: v.message, Output: v.output, ElapsedMS: time.Since(began).Milliseconds()}
	t.result.Steps = append(t.result.Steps, s)
	return s.Passed, t.o.show(s)
}

func (t *templateTest) validate() (verdict, error) {
	problems, _ := template.Diagnose(t.tpl, t.wrong)
	if len(problems) == 0 {
		return verdict{}, nil
	}
	lines := make([]string, len(problems))
	for i, p := range problems {
		lines[i] = p.String()
	}
	return verdict{counted(len(problems), "problem"), strings.Join(lines, "\n")}, nil
}

// inSandbox holds a sandbox open, so that its guests run from the first step to the last.
func (t *templateTest) inSandbox(ctx context.Context, dir string) error {
	sb, err := sandbox.Open(ctx, sandbox.Options{Dir: filepath.Join(dir, "state", "infrahaus", "sandbox"), Driver: t.o.driver, Throwaway: !t.o.keep, Log: t.o.app.say})
	if err != nil {
		return err
	}
	defer sb.Close()
	if t.folder == "" { // a built-in one has no folder
		t.folder = filepath.Join(dir, t.result.Template)
		if _, err := template.Copy(t.folder, t.files); err != nil {
			return failf(1, "cannot copy the template: %w", err)
		}
	}
	made, err := t.create(ctx, dir)
	if err != nil || !made {
		return err
	}
	for _, s := range []func(context.Context, string) (bool, error){t.tests, t.again} {
		if ok, err := s(ctx, dir); err != nil {
			return err
		} else if !ok {
			break
		}
	}
	if t.o.keep {
		return nil
	}
	_, err = t.step("destroy", func() (verdict, error) { return t.command(ctx, dir, "destroy", testName, "--yes") })
	return err
}

func (t *templateTest) create(ctx context.Context, dir string) (bool, error) {
	return t.step("create", func() (verdict, error) {
		args := []string{"create", testName, "--template", t.folder}
		for k, v := range t.set {
			file := filepath.Join(dir, "set-"+k) // a value may be a secret, which no argument may hold
			if err := os.WriteFile(file, []byte(v), 0o600); err != nil {
				return verdict{}, failf(1, "cannot write a variable: %w", err)
			}
			args = append(args, "--set-file", k+"="+file)
		}
		return t.command(ctx, dir, args...)
	})
}

// tests runs tests/*.sh in the order of their names. All of them run, even if one fails.
func (t *templateTest) tests(ctx context.Context, dir string) (bool, error) {
	names, err := fs.Glob(t.files, "tests/*.sh")
	if err != nil || len(names) == 0 {
		return true, err
	}
	from := filepath.Join(dir, "tests")
	if err := t.shipped(from); err != nil {
		return false, failf(1, "cannot copy the tests: %w", err)
	}
	if v, err := t.command(ctx, dir, "cp", "--recursive", from, testName+":"+testsDir); err != nil || v.message != "" {
		_, err = t.step("ship tests", func() (verdict, error) { return v, err })
		return false, err
	}
	all := true
	for _, name := range names {
		ok, err := t.step(name, func() (verdict, error) {
			script := fmt.Sprintf("cd %s && chmod 0755 ./*.sh && set -a && . ./.environment && set +a && exec ./%s", testsDir, guest.Quote(filepath.Base(name)))
			return t.command(ctx, dir, "exec", testName, "--", "sh", "-c", script)
		})
		if err != nil {
			return false, err
		}
		all = all && ok
	}
	return all, nil
}

// shipped writes the folder of the tests as it goes into the guest: with a file that sets the
// variables which are known.
func (t *templateTest) shipped(to string) error {
	sub, err := fs.Sub(t.files, "tests")
	if err == nil {
		err = os.CopyFS(to, sub)
	}
	if err != nil {
		return err
	}
	var b strings.Builder
	for _, v := range t.values.All() {
		if !v.Pending {
			fmt.Fprintf(&b, "%s=%s\n%s=%s\n", v.Name, guest.Quote(v.Text), template.EnvName(v.Name), guest.Quote(v.Text))
		}
	}
	return os.WriteFile(filepath.Join(to, ".environment"), []byte(b.String()), 0o600)
}

// again looks whether a second sync would change something, and runs each script once more,
// up to the first that fails: what follows it relies on it.
func (t *templateTest) again(ctx context.Context, dir string) (bool, error) {
	same := func() (verdict, error) {
		status, out, err := t.main(ctx, dir, "sync", testName, "--plan", "--exit-code")
		switch {
		case err != nil || status == 0:
			return verdict{}, err
		case status == exit.Differs:
			return verdict{"the container is not as its template says", differing(out)}, nil
		}
		return failed(status, out), nil
	}
	all, err := t.step("second sync", same)
	scripts := t.tpl.EnabledScripts()
	fails := false
	for _, s := range scripts {
		if err != nil || fails {
			break
		}
		var ok bool
		ok, err = t.step("second run of "+s.Name, func() (v verdict, err error) {
			v, fails, err = t.rerun(ctx, dir, s.Name, scripts)
			return v, err
		})
		all = all && ok
	}
	return all, err
}

// differing are the lines of a plan that say that something differs.
func differing(plan string) string {
	var out []string
	for _, line := range strings.Split(strings.TrimSpace(plan), "\n") {
		if !strings.Contains(line, "leave it") && !strings.Contains(line, "look again") {
			out = append(out, line)
		}
	}
	return strings.Join(out, "\n")
}

// rerun runs one script alone and compares the files before and after. fails says that the
// script did not end well.
func (t *templateTest) rerun(ctx context.Context, dir, name string, scripts []template.Script) (v verdict, fails bool, err error) {
	before, err := t.sums(ctx, dir)
	if err != nil {
		return v, false, err
	}
	args := []string{"resume", testName, "--from", name}
	for _, s := range scripts {
		if s.Name != name {
			args = append(args, "--skip-script", s.Name)
		}
	}
	v, err = t.command(ctx, dir, args...)
	if err != nil || v.message != "" {
		v.message = "it is not idempotent: " + v.message
		return v, true, err
	}
	after, err := t.sums(ctx, dir)
	if err != nil {
		return v, false, err
	}
	var changed []string
	for file, sum := range after {
		if before[file] != sum {
			changed = append(changed, file)
		}
	}
	for file := range before {
		if after[file] == "" {
			changed = append(changed, file)
		}
	}
	if len(changed) == 0 {
		return v, false, nil
	}
	slices.Sort(changed)
	return verdict{"it is not idempotent: its second run changed " + counted(len(changed), "file"), strings.Join(changed, "\n")}, false, nil
}
