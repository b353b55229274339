package cli

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func TestChoice(t *testing.T) {
	for _, row := range []struct{ typed, want string }{
		{"--take=guest", ""},
		{"--take=host", `--take is template, guest or both, not "host"`},
		{"--take=", "--take is empty"},
		{"", ""},
	} {
		var take string
		cmd := &cobra.Command{Use: "x"}
		choose(cmd, &take, "take", "", "whose `side` wins: %s", "template", "guest", "both")
		if err := cmd.ParseFlags(strings.Fields(row.typed)); err != nil {
			t.Fatal(err)
		}
		got := ""
		if err := checkFlags(cmd.Flags()); err != nil {
			got = err.Error()
		}
		if got != row.want {
			t.Errorf("%q: %q, want %q", row.typed, got, row.want)
		}
	}
}

// TestChoicesInHelp checks that the help of each flag with fixed choices names all of them,
// and that its default is one of them.
func TestChoicesInHelp(t *testing.T) {
	seen := 0
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			c, ok := f.Value.(*choice)
			if !ok {
				return
			}
			seen++
			if f.DefValue != "" && c.check(f.Name) != nil {
				t.Errorf("%s --%s: the default %q is none of its words", cmd.Name(), f.Name, f.DefValue)
			}
			for _, word := range c.words {
				if !strings.Contains(f.Usage, word) {
					t.Errorf("%s --%s: its help does not name %s: %s", cmd.Name(), f.Name, word, f.Usage)
				}
			}
		})
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk(Root())
	if seen < 6 {
		t.Errorf("found %d flags with fixed choices", seen)
	}
}
