package cli

import (
	"strings"
	"testing"
)

// The recorded command line leaves out the values of variables.
func TestCommandLine(t *testing.T) {
	for typed, want := range map[string]string{
		"create web":                    "infrahaus create web",
		"create web --set a=s3cret":     "infrahaus create web --set a=…",
		"create web --set=a=s3cret":     "infrahaus create web --set=a=…",
		"--set a=s3cret=x=y create web": "infrahaus --set a=… create web",
		"create web --env A=s3cret":     "infrahaus create web --env A=…",
		"create web --env=A=s3cret":     "infrahaus create web --env=A=…",
		"create web --set-file k=path":  "infrahaus create web --set-file k=path",
		"show a;b":                      "infrahaus show 'a;b'",
	} {
		if got := commandLine(strings.Fields(typed)); got != want {
			t.Errorf("%s: %s", typed, got)
		}
	}
}
