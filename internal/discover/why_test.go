package discover

import (
	"strings"
	"testing"
)

// The states as systemctl, OpenRC 0.45 and docker print them.
func TestWhy(t *testing.T) {
	esc := "\x1b[31mred\x1b[0m and \x1b]0;title\x07plain\x07\r"
	tests := []struct {
		title, body, state string
		log                []string
	}{
		{"why 0 systemd ghost.service", "Result=exit-code\nExecMainStatus=203\nActiveState=failed\nSubState=failed\n--\none\n\n" + esc + "\n",
			"ghost.service is failed (exit-code, status 203)", []string{"one", "red and plain??"}},
		{"why 0 systemd ghost.service", "Result=success\nExecMainStatus=0\nActiveState=activating\nSubState=auto-restart\n--\n", "ghost.service is activating (auto-restart)", nil},
		{"why 0 systemd ghost.service", "Result=success\nExecMainStatus=0\nActiveState=inactive\nSubState=dead\n--\n-- no entries\n", "ghost.service is inactive (dead)", []string{"-- no entries"}},
		{"why 0 openrc ssh", "[sysinit]\n[default]\ncron =  started \nssh =  crashed \n[needed]\n[manual]\n--\nNov 30 01:00 web sshd[7]: bye\n",
			"ssh is crashed", []string{"Nov 30 01:00 web sshd[7]: bye"}},
		{"why 0 openrc ssh", "--\n", "", nil},
		{"why 0 docker web", "Status=exited\nExitCode=1\n--\n" + strings.Repeat("x\n", 8) + "y\n" + strings.Repeat("z", 2000) + "\nend\n",
			"web is exited (status 1)", append(strings.Split(strings.Repeat("x", 7), ""), "y", strings.Repeat("z", maxWhyLine), "end")},
	}
	for _, test := range tests {
		got := parse(t, test.title, test.body, "ready 0 no not listening", "").Why[0]
		if got.State != test.state || strings.Join(got.Log, "\n") != strings.Join(test.log, "\n") {
			t.Errorf("%s: %q %q", test.title, got.State, got.Log)
		}
	}
	bad := parse(t, "why 0 systemd ../x", "ActiveState=failed\n", "why x systemd y", "", "why 0", "", "why -1 docker x", "Status=dead\n")
	if len(bad.Why) != 0 {
		t.Errorf("%+v", bad.Why)
	}
	r := parse(t, "why 0 systemd ghost.service", "ActiveState=failed\nSubState=failed\n--\nboom\n", "ready 0 no not listening", "",
		"why 1 systemd well.service", "ActiveState=active\n--\nfine\n", "ready 1 ok tcp", "")
	s := r.Services("", []Declared{{Name: "ghost", Port: 1}, {Name: "well", Port: 2}})
	compare(t, s, "ghost process unready declared note=not listening; ghost.service is failed", "well process running declared")
	if len(s[0].Log) != 1 || len(s[1].Log) != 0 {
		t.Errorf("logs %q %q", s[0].Log, s[1].Log)
	}
}
