package cli_test

import (
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/infrahaus/infrahaus/internal/setup"
	"github.com/infrahaus/infrahaus/internal/transports"
)

// TestPrivilegesAreDocumented: docs/privileges.md has a row for each privilege that init
// asks for, and no other.
func TestPrivilegesAreDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/privileges.md")
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([A-Z][A-Za-z.]+)` \\|").FindAllSubmatch(text, -1) {
		rows = append(rows, string(m[1]))
	}
	want := setup.Privileges(transports.Auto, 9)
	slices.Sort(rows)
	if !slices.Equal(rows, want) {
		t.Errorf("docs/privileges.md has\n%v, init asks for\n%v", rows, want)
	}
	byHand := regexp.MustCompile(`--privs "([^"]+)"`).FindSubmatch(text)
	without := setup.Privileges(transports.Node, 9)
	listed := slices.Sorted(slices.Values(regexp.MustCompile(`[^,]+`).FindAllString(string(byHand[1]), -1)))
	if !slices.Equal(listed, without) {
		t.Errorf("by hand it is\n%v, init asks for\n%v", listed, without)
	}
}
