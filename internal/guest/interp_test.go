package guest

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"

	"github.com/infrahaus/infrahaus/internal/console"
)

// TestMain lets this test binary be a shell: the agent has to run in the
// interpreter that simulated guests have, too.
func TestMain(m *testing.M) {
	if os.Getenv("GUEST_TEST_SH") != "" {
		os.Exit(interpret(os.Args[1:]))
	}
	if signal.Ignored(syscall.SIGHUP) {
		// As under nohup. A shell cannot trap a signal that its parent ignores; the
		// programs of the tests would never see their hang-up.
		signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	}
	ownInit()
	status := m.Run()
	closeShared()
	os.Exit(status)
}

// initFiles show which init a guest has. The guests of these tests run on the developer's
// machine, whose init must not count as theirs.
var initFiles = []string{"/run/systemd/system", "/run/openrc", "/sbin/openrc", "/sbin/init", "/proc/1/comm"}

// ownInit gives the guests of the tests an init of their own, which is neither systemd
// nor OpenRC, whatever the machine has installed.
func ownInit() {
	for _, file := range initFiles {
		if !strings.Contains(readyText, file) {
			panic("the readiness program does not look at " + file + " any more")
		}
		readyText = strings.ReplaceAll(readyText, file, "/nonexistent"+file)
	}
}

// interpret is `sh -c TEXT NAME ARG…` or `sh FILE ARG…` by mvdan.cc/sh.
func interpret(args []string) int {
	text, params := "", []string(nil)
	if len(args) > 1 && args[0] == "-c" {
		text, params = args[1], args[2:]
	} else if len(args) > 0 {
		b, err := os.ReadFile(args[0])
		if err != nil {
			return 2
		}
		text, params = string(b), args
	}
	if len(params) > 0 {
		params = params[1:]
	}
	file, err := syntax.NewParser(syntax.Variant(syntax.LangPOSIX)).Parse(strings.NewReader(text), "sh")
	if err != nil {
		return 2
	}
	// Commands that the library lacks and a guest's shell has.
	call := func(_ context.Context, argv []string) ([]string, error) {
		if argv[0] == "umask" {
			return []string{"true"}, nil
		}
		return argv, nil
	}
	r, err := interp.New(interp.StdIO(os.Stdin, os.Stdout, os.Stderr), interp.CallHandler(call), interp.Params(append([]string{"--"}, params...)...))
	if err != nil {
		return 2
	}
	err = r.Run(context.Background(), file)
	var status interp.ExitStatus
	if errors.As(err, &status) {
		return int(status)
	}
	return 0
}

func TestInterpreter(t *testing.T) {
	t.Setenv("GUEST_TEST_SH", "1")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	id := newSigner(t)
	h := newHost(t, id.PublicKey())
	h.tool("sh", "export GUEST_TEST_SH=1; exec "+self+` "$@"`)
	target, o := h.guestOptions(id)
	g, err := Open(ctxFor(t), target, o)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	if out, errs, status := do(t, g, "cat; echo x >&2; exit 7", strings.Repeat("in", 40000)); len(out) != 80000 || errs != "x\n" || status != 7 {
		t.Errorf("%d %q %d", len(out), errs, status)
	}
	if out, _, _ := do(t, g, "echo ignored; IFS= read -r x; echo \"[$x]\"", ""); out != "ignored\n[]\n" {
		t.Errorf("%q", out)
	}
	if _, _, status := do(t, g, "if; then", ""); status == 0 {
		t.Error("a syntax error has status 0")
	}
	a := attempt(t, "echo K=v >>\"$INFRAHAUS_ATTEMPT/secrets\"; echo out; head -c 9000 /dev/zero | tr '\\0' x; sleep 0.1; echo; echo err >&2; exit 3")
	heard, r := mustRun(t, g, a)
	if r.Status != 3 || !r.Claimed || heard.out.Len() != 9005 || heard.err.String() != "err\n" || heard.order[0] != "secret K=v" {
		t.Errorf("%+v %d %q %q", r, heard.out.Len(), heard.err.String(), heard.order[0])
	}
	if _, err := Kill(ctxFor(t), g, a, 0); err != nil {
		t.Error(err)
	}
	if f, err := WaitReady(ctxFor(t), g, Ready{}); err != nil || f.Init != "other" || f.Boot == "" {
		t.Errorf("%v %+v", err, f)
	}
	if status, err := Ship(ctxFor(t), g, Shipment{Staging: t.TempDir() + "/s", Files: thousand(), Then: "cat f0007 | wc -c | grep -q 4096"}); err != nil || status != 0 {
		t.Errorf("%v %d", err, status)
	}
}

// The runner too works in the interpreter: a simulated guest's sh is nothing else.
func TestRunnerInterpreted(t *testing.T) {
	t.Setenv("GUEST_TEST_SH", "1")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ script, out, err, rc string }{
		{"echo \"out $name $1\"; echo err >&2; exit 3\n", "out it's me an arg\n", "err\n", "3\n"},
		{"#!/bin/bash -e\nfalse\necho no\n", "", "", "1\n"},
		{"#!/opt/none\n", "", "infrahaus: cannot run x: its interpreter /opt/none is missing\n", "127\n"},
		{"#!/usr/bin/env none\n", "", "infrahaus: cannot run x: its interpreter none is missing\n", "127\n"},
	} {
		d := t.TempDir()
		os.Mkdir(d+"/claim", 0o700)
		for name, text := range map[string]string{"claim/boot": "b:1\n", "run": console.StripComments(runText), "script": c.script,
			"env": Attempt{Env: []string{"name=it's me"}}.env(), "out": "", "err": ""} {
			os.WriteFile(d+"/"+name, []byte(text), 0o600)
		}
		cmd := exec.Command(self, d+"/run", d, d+"/script", "", "x", "an arg")
		cmd.Env = append(os.Environ(), "PATH=/usr/bin:/bin")
		said, err := cmd.CombinedOutput()
		read := func(name string) string { b, _ := os.ReadFile(d + "/" + name); return string(b) }
		if read("out") != c.out || read("err") != c.err || read("rc") != c.rc || len(strings.Fields(read("pid"))) != 3 {
			t.Errorf("%q: %v %s: %q %q %q %q", c.script, err, said, read("out"), read("err"), read("rc"), read("pid"))
		}
	}
}
