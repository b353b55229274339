package driver_test

import (
	"slices"
	"testing"

	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
)

func TestArgv(t *testing.T) {
	for cmd, want := range map[string][]string{
		"":      nil,
		"bash":  {"bash"},
		" a  b": {"a", "b"},
		"/docker-entrypoint.sh nginx -g 'daemon off;'": {"/docker-entrypoint.sh", "nginx", "-g", "daemon off;"},
		`sh -c 'it'\''s' '' "a \" b" c\ d`:             {"sh", "-c", "it's", "", `a " b`, "c d"},
	} {
		if got := (driver.Init{Cmd: cmd}).Argv(); !slices.Equal(got, want) {
			t.Errorf("%s: %q", cmd, got)
		}
	}
}
