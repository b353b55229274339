package cli

import (
	"bytes"
	"strings"
	"testing"

	"github.com/charmbracelet/colorprofile"

	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/ui"
)

// `list` shows an address or a URL whole or not at all, because half of one is useless.
func TestListTableWidths(t *testing.T) {
	list := []listed{
		{Container: lxc.Container{CTID: 100, Hostname: "web", Address: "2001:db8:aaaa:bbbb:cccc:dddd:eeee:1"}, URL: "http://[2001:db8:aaaa:bbbb:cccc:dddd:eeee:1]:8080/"},
		{Container: lxc.Container{CTID: 101, Hostname: "a-rather-long-host-name-for-a-container"}},
	}
	v, err := (&listOptions{app: &app{}}).parse()
	if err != nil {
		t.Fatal(err)
	}
	for _, width := range []int{60, 80, 100, 120, 200} {
		var out bytes.Buffer
		s := &ui.Streams{Out: &out, OutTTY: true, OutColor: colorprofile.NoTTY, Size: func() (int, int) { return width, 30 }}
		if err := ui.WriteTableOf(s, v.table(), v.cells(all(list))); err != nil {
			t.Fatal(err)
		}
		for title, whole := range map[string]string{"ADDRESS": list[0].Address, "URL": list[0].URL} {
			header, _, _ := strings.Cut(out.String(), "\n")
			if strings.Contains(header, title) != strings.Contains(out.String(), whole) {
				t.Errorf("%d columns, %s:\n%s", width, title, out.String())
			}
		}
		if width >= 120 && !strings.Contains(out.String(), list[0].URL) {
			t.Errorf("%d columns have no place for the URL:\n%s", width, out.String())
		}
	}
}
