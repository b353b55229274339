package cli_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"

	"github.com/infrahaus/infrahaus/internal/cli"
	"github.com/infrahaus/infrahaus/internal/lazy"
)

var (
	camelCase  = lazy.Regexp(`^[a-z][a-zA-Z0-9]*$`)
	timestamp  = lazy.Regexp(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d`)
	decimals   = lazy.Regexp(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`)
	goDuration = lazy.Regexp(`^(\d+h)?\d+m0s$`)
	octal      = lazy.Regexp(`^0[0-7]{3}$`)
)

// notOurs are keys of objects whose own keys are chosen by a guest or a template.
var notOurs = map[string]bool{"values": true}

// offences lists the violations of our JSON style in one value.
func offences(at string, v any) []string {
	var out []string
	bad := func(format string, args ...any) { out = append(out, at+": "+fmt.Sprintf(format, args...)) }
	key := at[strings.LastIndexByte(at, '.')+1:]
	switch v := v.(type) {
	case nil:
		bad("null; leave it out, or write [] or an empty text")
	case map[string]any:
		for k, item := range v {
			if !camelCase().MatchString(k) && !notOurs[key] {
				bad("the key %q is not camelCase", k)
			}
			out = append(out, offences(at+"."+k, item)...)
		}
	case []any:
		for _, item := range v {
			out = append(out, offences(at, item)...)
		}
	case float64:
		if key == "mode" || key == "timeout" || v > 1e12 {
			bad("the number %v, which nobody writes so", v)
		}
	case string:
		if timestamp().MatchString(v) && !decimals().MatchString(v) {
			bad("the time %q is not RFC 3339 in UTC with three decimals", v)
		}
		if goDuration().MatchString(v) || key == "mode" && !octal().MatchString(v) {
			bad("%q is not written as people do", v)
		}
	}
	return out
}

// style is `style FILE`: it checks every JSON document in the file against the style that
// all JSON output follows. There must be at least one.
func style(ts *testscript.TestScript, neg bool, args []string) {
	dec := json.NewDecoder(strings.NewReader(ts.ReadFile(args[0])))
	for n := 0; ; n++ {
		var v any
		switch err := dec.Decode(&v); {
		case errors.Is(err, io.EOF) && n > 0:
			return
		case err != nil:
			ts.Fatalf("document %d: %v", n, err)
		}
		if m, ok := v.(map[string]any); ok && m["hint"] != nil && m["hints"] == nil {
			ts.Fatalf("document %d has hint and no hints", n)
		}
		for _, o := range offences("", v) {
			ts.Fatalf("document %d: %s", n, o)
		}
	}
}

func TestStyleIsStrict(t *testing.T) {
	for _, text := range []string{
		`{"MarkerAllowed":true}`, `{"marker_allowed":true}`, `{"a":[{"Node":"x"}]}`, `{"warnings":null}`, `{"timeout":60}`, `{"timeout":"1m0s"}`,
		`{"mode":420}`, `{"mode":"644"}`, `{"d":60000000000000}`, `{"at":"2026-11-30T01:45:38Z"}`, `{"at":"2026-11-30T01:45:38.1Z"}`, `{"at":"2026-11-30T01:45:38.100+01:00"}`,
	} {
		var v any
		if err := json.Unmarshal([]byte(text), &v); err != nil || len(offences("", v)) == 0 {
			t.Errorf("%s passes (%v)", text, err)
		}
	}
	var v any
	good := `{"id":"x","at":"2026-11-30T01:45:38.100Z","timeout":"60s","mode":"0644","values":{"DB_PASSWORD":"x"},"list":[],"elapsedMs":123456}`
	if err := json.Unmarshal([]byte(good), &v); err != nil || len(offences("", v)) != 0 {
		t.Errorf("%v %v", err, offences("", v))
	}
}

// TestStyleMeetsEveryCommand fails for a command that the session json-style leaves out,
// since nobody has checked its JSON output.
func TestStyleMeetsEveryCommand(t *testing.T) {
	session, err := os.ReadFile("../../testdata/script/json-style.txtar")
	if err != nil {
		t.Fatal(err)
	}
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		path := c.CommandPath()
		switch {
		case path == "infrahaus help", strings.HasPrefix(path, "infrahaus completion"), path == "infrahaus sandbox serve", path == "infrahaus demo", path == "infrahaus sandbox reset":
			return // they print no JSON
		case len(c.Commands()) == 0 && !regexp.MustCompile(`(?m)`+path+`\b.*--json`).Match(session):
			t.Errorf("the session json-style has no `%s … --json`", path)
		}
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(cli.Root())
	if !bytes.Contains(session, []byte("style stdout")) {
		t.Error("the session judges nothing")
	}
}

// crlf is `crlf FILE LINE`: it makes that line of the file end in CR LF.
func crlf(ts *testscript.TestScript, neg bool, args []string) {
	lines := strings.SplitAfter(ts.ReadFile(args[0]), "\n")
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	lines[n-1] = strings.TrimSuffix(lines[n-1], "\n") + "\r\n"
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.Join(lines, "")), 0o600))
}
