package plan

import (
	"fmt"
	"testing"

	"github.com/infrahaus/infrahaus/internal/configmanager"
	"github.com/infrahaus/infrahaus/internal/guest"
)

func TestReportOf(t *testing.T) {
	changed := testRequest(Sync)
	changed.Job.Template.Scripts[1].Content = []byte("false")
	skipped := testRequest(Sync)
	skipped.Job.Skip, skipped.Sync.Removed = []string{"20-b.sh"}, []string{"05-x.sh"}
	taken := testRequest(Sync)
	taken.Sync.Take = "guest"
	q := testRequest(Sync)
	running := testWorld(q, Claimed, "20-b.sh")
	running.Inside.Attempts["/runs/20-b.sh"] = guest.Seen{State: guest.Running}
	died := testWorld(q, Claimed, "20-b.sh")
	died.Inside.Attempts["/runs/20-b.sh"] = guest.Seen{State: guest.Dead}
	every, otherEvery := testRequest(Sync), testRequest(Sync)
	every.Job.Template.Scripts[1].EverySync, otherEvery.Job.Template.Scripts[1].EverySync = true, true
	otherEvery.Job.Template.Scripts[1].User = "www-data"
	const same = configmanager.FileSame
	for _, tt := range []struct {
		name    string
		q       Request
		w       World
		a       configmanager.FileState // of /a, whose policy is replace
		want    string
		differs bool
	}{
		{"nothing differs", q, testWorld(q, ""), same, "same [{10-a.sh same } {20-b.sh same }] []", false},
		{"a script is new", q, testWorld(q, "", "20-b.sh"), same, "same [{10-a.sh same } {20-b.sh new }] []", true},
		{"a script failed", q, testWorld(q, Failed, "20-b.sh"), same, "same [{10-a.sh same } {20-b.sh failed }] []", true},
		{"a script died", q, died, same, "same [{10-a.sh same } {20-b.sh failed }] []", true},
		{"a script runs", q, running, same, "same [{10-a.sh same } {20-b.sh running }] []", true},
		{"a script has changed", changed, testWorld(q, ""), same, "same [{10-a.sh same } {20-b.sh changed }] []", true},
		{"a script for every sync", every, testWorld(q, ""), same, "same [{10-a.sh same } {20-b.sh every sync }] []", false},
		{"a script for every sync has another user", otherEvery, testWorld(q, ""), same, "same [{10-a.sh same } {20-b.sh changed }] []", true},
		{"a script for every sync failed", every, testWorld(q, Failed, "20-b.sh"), same, "same [{10-a.sh same } {20-b.sh failed }] []", true},
		{"scripts that do not count", skipped, testWorld(q, "", "20-b.sh"), same, "same [{10-a.sh same } {20-b.sh skipped } {05-x.sh removed }] []", false},
		{"the config-manager failed", q, testWorld(q, Failed, ItemManager), same, "failed [{10-a.sh same } {20-b.sh same }] []", true},
		{"a file differs: the last attempt was still good", q, testWorld(q, ""), configmanager.FileChanged, "same [{10-a.sh same } {20-b.sh same }] []", true},
		{"a conflict", q, testWorld(q, ""), configmanager.FileConflict, "same [{10-a.sh same } {20-b.sh same }] [/a]", true},
		{"a conflict that --take settles", taken, testWorld(q, ""), configmanager.FileConflict, "same [{10-a.sh same } {20-b.sh same }] []", true},
	} {
		r := ReportOf(tt.q, tt.w.compared(tt.a, same))
		if got := fmt.Sprint(r.Manager, " ", r.Scripts, " ", r.Conflicts); got != tt.want || r.Differs() != tt.differs {
			t.Errorf("%s: %s, differs %v; want %s", tt.name, got, r.Differs(), tt.want)
		}
	}
}
