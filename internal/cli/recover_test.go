package cli

import (
	"strings"
	"testing"

	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/pve"
)

// A mark proves nothing if it names no record, if the container is half made, or if a
// clone carries it, too.
func TestJudgeMarks(t *testing.T) {
	const one, two = "01ARZ3NDEKTSV4RRFFQ69G5FAV", "01BX5ZZKBKACTAV9WEVGEMMVRZ"
	at := func(ctid int, id, lock string) recovered {
		return recovered{CTID: ctid, RecordID: id, Result: recoverable, cfg: pve.Config{Lock: lock}}
	}
	all := []recovered{at(100, one, ""), at(101, "", ""), at(102, "x/../y", ""), at(103, two, ""), at(104, two, ""), at(105, one[:25]+"W", "create")}
	for _, c := range []struct {
		ctids []int
		want  string
	}{
		{nil, "100 recoverable, 102 left alone, 103 left alone, 104 left alone, 105 left alone"},
		{[]int{103}, "103 recoverable"},
		{[]int{102, 105}, "102 left alone, 105 left alone"},
		{[]int{101}, "error"},
		{[]int{999}, "error"},
	} {
		got, err := judgeMarks(all, c.ctids)
		var words []string
		for _, r := range got {
			words = append(words, ctidText(r.CTID)+" "+r.Result)
			if (r.Why == "") != (r.Result == recoverable) {
				t.Errorf("%v: %d has the reason %q", c.ctids, r.CTID, r.Why)
			}
		}
		text := strings.Join(words, ", ")
		if err != nil {
			text = "error"
		}
		if text != c.want {
			t.Errorf("%v: %s, want %s", c.ctids, text, c.want)
		}
	}
}

func TestRecoveredRecord(t *testing.T) {
	r := recovered{RecordID: "01ARZ3NDEKTSV4RRFFQ69G5FAV", CTID: 100, Hostname: "web", cfg: pve.Config{MAC: "BC:24:11:00:00:01", Net0: lxc.Network{IPv4: "10.0.0.5/24"}}}
	c := r.container("H")
	if c.CreatedAt.Year() != 2016 || c.Address != "10.0.0.5" || !c.Marked || c.Adopted || c.StoppedAt == nil || c.Lifecycle != lxc.Ready || c.MAC == "" {
		t.Errorf("%+v", c)
	}
}

func TestTemplateForm(t *testing.T) {
	for text, want := range map[string]string{
		"CONFIG_PATH=x\nTEMPLATE_NAME=hello\n": "hello", "TEMPLATE_NAME='my.app_2'\n": "my.app_2",
		"TEMPLATE_NAME='a b'\n": "", "TEMPLATE_NAME=$(reboot)\n": "", "TEMPLATE_NAME=../x": "", "XTEMPLATE_NAME=x": "", "": "",
	} {
		got := ""
		if m := templateForm().FindStringSubmatch(text); m != nil {
			got = m[1]
		}
		if got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
