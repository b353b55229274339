package ownership_test

import (
	"errors"
	"testing"

	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/provision/ownership"
	"github.com/infrahaus/infrahaus/internal/pve"
)

const (
	login  = "root@pam!cli"
	mac    = "BC:24:11:00:00:01"
	own    = "UPID:pve1:0000654C:0004C3ED:6B03A893:vzcreate:100:" + login + ":"
	second = "UPID:pve1:0000654D:0004C3EE:6B03A894:vzcreate:100:" + login + ":"
	others = "UPID:pve1:0000654D:0004C3EE:6B03A894:vzcreate:100:other@pve:"
)

// Configs as Proxmox shows them for the id.
var (
	blank   = &pve.Config{Lock: "create"}
	begun   = &pve.Config{OSType: "debian"} // the first half of a config, without the lock
	full    = &pve.Config{Hostname: "web", MAC: mac, Description: pve.Marker("01J")}
	locked  = &pve.Config{Hostname: "web", MAC: mac, Lock: "create"}
	noMark  = &pve.Config{Hostname: "web", MAC: mac}
	noMAC   = &pve.Config{Hostname: "web", MAC: "BC:24:11:00:00:99", Description: pve.Marker("01J")}
	theirs  = &pve.Config{Hostname: "web", MAC: "BC:24:11:FF:FF:FF"}
	another = &pve.Config{Hostname: "web", MAC: "BC:24:11:FF:FF:FF", Description: pve.Marker("01K")}
	nameOf  = &pve.Config{Hostname: "old"}
	backup  = &pve.Config{Lock: "backup"}
)

func task(upid string, s ownership.TaskState) ownership.Task {
	return ownership.Task{UPID: upid, State: s}
}

func record(l lxc.Lifecycle) lxc.Container {
	return lxc.Container{RecordID: "01J", CTID: 100, Hostname: "web", MAC: mac, Marked: true, Lifecycle: l, UPID: own}
}

func adopted(hostname, mac string) lxc.Container {
	return lxc.Container{RecordID: "01J", CTID: 100, Hostname: hostname, MAC: mac, Adopted: true, Lifecycle: lxc.Ready}
}

func TestOwner(t *testing.T) {
	const (
		unseen, running, succeeded, failed, died = ownership.Unseen, ownership.Running, ownership.Succeeded, ownership.Failed, ownership.Died
	)
	creating, ready := record(lxc.Creating), record(lxc.Ready)
	unmarked := ready
	unmarked.Marked = false
	none := task("", unseen)
	for _, tt := range []struct {
		name        string
		record      lxc.Container
		created     bool
		config      *pve.Config
		own, newest ownership.Task
		want        ownership.Owner
	}{
		{"no container, unfinished", creating, false, nil, task(own, failed), none, ownership.Gone},
		{"no container, finished", ready, true, nil, none, none, ownership.Gone},

		// A finished container is known by what it shows. Tasks do not count.
		{"mark and MAC", ready, true, full, none, none, ownership.Ours},
		{"MAC alone: its description was changed", ready, true, noMark, none, none, ownership.Ours},
		{"mark alone: its MAC was changed", ready, true, noMAC, none, none, ownership.Ours},
		{"made without a mark, MAC", unmarked, true, full, none, none, ownership.Ours},
		{"made without a mark, and the mark was written by somebody", unmarked, true, noMAC, none, none, ownership.Theirs},
		{"same name, other MAC", ready, true, theirs, none, none, ownership.Theirs},
		{"another record's mark", ready, true, another, none, none, ownership.Theirs},
		{"blank: somebody creates a container of that id", ready, true, blank, task(own, died), task(own, died), ownership.Theirs},
		{"blank, and the lifecycle alone says finished", ready, false, blank, none, none, ownership.Theirs},
		{"blank, and the create mark alone says finished", record(lxc.Failed), true, blank, task(own, died), task(own, died), ownership.Theirs},
		{"locked by a restore", ready, true, locked, none, none, ownership.Ours},
		{"locked by a backup, shows nothing", ready, true, backup, none, none, ownership.Theirs},

		// An adopted container was not made with a mark, and perhaps has no MAC.
		{"adopted, MAC", adopted("web", mac), false, noMark, none, none, ownership.Ours},
		{"adopted, other MAC", adopted("web", mac), false, theirs, none, none, ownership.Theirs},
		{"adopted without MAC, name", adopted("old", ""), false, nameOf, none, none, ownership.Ours},
		{"adopted without MAC, other name", adopted("web", ""), false, nameOf, none, none, ownership.Theirs},
		{"adopted without MAC and name", adopted("CT100", ""), false, &pve.Config{}, none, none, ownership.Ours},
		{"adopted with MAC, which is gone", adopted("old", mac), false, nameOf, none, none, ownership.Theirs},

		// An unfinished container that shows itself.
		{"its task succeeded", creating, false, full, task(own, succeeded), none, ownership.Ours},
		{"its task succeeded, and a lock says create", creating, false, locked, task(own, succeeded), none, ownership.Ours},
		{"its task cannot be seen", creating, false, full, task(own, unseen), none, ownership.Ours},
		{"its task cannot be seen, and it is locked", creating, false, locked, task(own, unseen), none, ownership.Unfinished},
		{"its task failed and left it", creating, false, full, task(own, failed), none, ownership.Unfinished},
		{"its task died", creating, false, full, task(own, died), none, ownership.Unfinished},
		{"its task died and left the lock", creating, false, locked, task(own, died), none, ownership.Unfinished},
		{"its task runs", creating, false, full, task(own, running), none, ownership.Ours},
		{"its task runs and holds the lock", creating, false, locked, task(own, running), none, ownership.Unfinished},
		{"somebody else's", creating, false, theirs, task(own, failed), none, ownership.Theirs},
		{"it has a name and no MAC", creating, false, nameOf, task(own, failed), none, ownership.Theirs},
		{"locked by a backup of somebody else's", creating, false, backup, task(own, died), task(own, died), ownership.Theirs},
		{"task on record, mark alone", creating, false, noMAC, task(own, unseen), none, ownership.Ours},
		{"no task on record, mark alone: of an earlier request", creating, false, noMAC, none, none, ownership.Theirs},
		{"no task on record, MAC", creating, false, noMark, none, none, ownership.Ours},
		{"no task on record, MAC, locked", creating, false, locked, none, none, ownership.Unfinished},

		// An unfinished container that shows nothing: the tasks decide.
		{"blank, no task can be seen", creating, false, blank, task(own, unseen), none, ownership.Unknown},
		{"blank, only our task can be seen by its UPID", creating, false, blank, task(own, died), none, ownership.Unknown},
		{"blank, ours runs", creating, false, blank, task(own, running), task(own, running), ownership.Unknown},
		{"blank, ours succeeded", creating, false, blank, task(own, succeeded), task(own, succeeded), ownership.Unknown},
		{"blank, ours failed: Proxmox cleaned up", creating, false, blank, task(own, failed), task(own, failed), ownership.Unknown},
		{"blank, ours died", creating, false, blank, task(own, died), task(own, died), ownership.Unfinished},
		{"blank without a lock, ours died", creating, false, begun, task(own, died), task(own, died), ownership.Unfinished},
		{"blank, ours cannot be looked at", creating, false, blank, task(own, unseen), task(own, unseen), ownership.Unknown},
		{"blank, a newer one runs", creating, false, blank, task(own, failed), task(others, running), ownership.Theirs},
		{"blank, a newer one runs, ours died", creating, false, blank, task(own, died), task(others, running), ownership.Theirs},
		{"blank, a newer one of this login runs", creating, false, blank, task(own, died), task(second, running), ownership.Theirs},
		{"blank, both died", creating, false, blank, task(own, died), task(others, died), ownership.Unknown},
		{"blank, a newer one died, ours failed", creating, false, blank, task(own, failed), task(others, died), ownership.Unknown},
		{"blank, a newer one cannot be looked at", creating, false, blank, task(own, died), task(others, unseen), ownership.Unknown},
		{"blank, a newer one failed, ours died", creating, false, blank, task(own, died), task(others, failed), ownership.Unfinished},
		{"blank, a newer one succeeded, ours died", creating, false, blank, task(own, died), task(others, succeeded), ownership.Unfinished},
		{"blank, a newer one failed, ours failed", creating, false, blank, task(own, failed), task(others, failed), ownership.Unknown},
		{"blank, a newer one failed, ours cannot be seen", creating, false, blank, task(own, unseen), task(others, failed), ownership.Unknown},

		// Blank, and the record's process ended before it could record its task.
		{"no task on record, none can be seen", creating, false, blank, none, none, ownership.Unknown},
		{"no task on record, one runs", creating, false, blank, none, task(own, running), ownership.Unknown},
		{"no task on record, one cannot be looked at", creating, false, blank, none, task(own, unseen), ownership.Unknown},
		{"no task on record, one of this login died", creating, false, blank, none, task(own, died), ownership.Unfinished},
		{"no task on record, one of this login failed", creating, false, blank, none, task(own, failed), ownership.Unfinished},
		{"no task on record, one of another login died", creating, false, blank, none, task(others, died), ownership.Theirs},
	} {
		f := ownership.Facts{Record: tt.record, Created: tt.created, Config: tt.config, Own: tt.own, Newest: tt.newest, Login: login}
		if got := f.Owner(); got != tt.want {
			t.Errorf("%s: %s, not %s", tt.name, got, tt.want)
		}
	}
}

// Whatever the record and the tasks say, a container that shows somebody else's mark and
// MAC is never ours, and one that no task of ours has left is never removed.
func TestNeverSomebodyElses(t *testing.T) {
	states := []ownership.TaskState{ownership.Unseen, ownership.Running, ownership.Succeeded, ownership.Failed, ownership.Died}
	for _, l := range []lxc.Lifecycle{lxc.Creating, lxc.Failed, lxc.Ready, lxc.Destroyed} {
		for _, a := range states {
			for _, b := range states {
				for _, newest := range []string{"", own, others} {
					f := ownership.Facts{Record: record(l), Own: task(own, a), Newest: task(newest, b), Login: login}
					for _, f.Config = range []*pve.Config{theirs, another, nameOf, backup} {
						if got := f.Owner(); got != ownership.Theirs {
							t.Errorf("%s, %+v: %s", l, f, got)
						}
					}
					f.Config = blank
					if got := f.Owner(); got == ownership.Ours || got == ownership.Unfinished && a != ownership.Died {
						t.Errorf("%s, %+v: %s", l, f, got)
					}
				}
			}
		}
	}
}

func TestOfRecordAndConfigAlone(t *testing.T) {
	for _, tt := range []struct {
		record lxc.Container
		config *pve.Config
		want   ownership.Owner
	}{
		{record(lxc.Ready), full, ownership.Ours},
		{record(lxc.Ready), blank, ownership.Theirs},
		{record(lxc.Creating), blank, ownership.Unknown},
		{record(lxc.Failed), begun, ownership.Unknown},
		{record(lxc.Failed), theirs, ownership.Theirs},
		{record(lxc.Failed), locked, ownership.Unfinished},
		{record(lxc.Failed), noMAC, ownership.Ours},
		{record(lxc.Destroyed), blank, ownership.Unknown},
		{record(lxc.Ready), nil, ownership.Gone},
	} {
		if got := ownership.Of(tt.record, tt.config); got != tt.want {
			t.Errorf("%s, %+v: %s, not %s", tt.record.Lifecycle, tt.config, got, tt.want)
		}
	}
}

func TestMayDestroy(t *testing.T) {
	unmarked := record(lxc.Ready)
	unmarked.Marked = false
	for _, tt := range []struct {
		name   string
		record lxc.Container
		config *pve.Config
		want   ownership.Permission
	}{
		{"mark and MAC", record(lxc.Ready), full, ownership.Allowed},
		{"mark alone", record(lxc.Ready), noMAC, ownership.Allowed},
		{"its mark was removed", record(lxc.Ready), noMark, ownership.MarkGone},
		{"another record's mark", record(lxc.Ready), another, ownership.MarkGone},
		{"made without a mark", unmarked, noMark, ownership.Allowed},
		{"made without a mark, other MAC", unmarked, noMAC, ownership.NotMade},
		{"adopted", adopted("web", mac), noMark, ownership.NotMade},
		{"adopted without MAC", adopted("old", ""), nameOf, ownership.NotMade},
	} {
		if got := ownership.MayDestroy(tt.record, *tt.config); got != tt.want {
			t.Errorf("%s: %d, not %d", tt.name, got, tt.want)
		}
	}
}

func TestStateOf(t *testing.T) {
	for _, tt := range []struct {
		running bool
		exit    string
		err     error
		want    ownership.TaskState
	}{
		{true, "", nil, ownership.Running},
		{false, "OK", nil, ownership.Succeeded},
		{false, "WARNINGS: 1", nil, ownership.Succeeded},
		{false, "unable to create CT 100 - no space", nil, ownership.Failed},
		{false, "command 'tar' failed: received interrupt", nil, ownership.Failed},
		{false, "unexpected status", nil, ownership.Died},
		{false, "unable to read tail (got 0 bytes)", nil, ownership.Died},
		{false, "", nil, ownership.Died},
		{false, "", errors.New("no such task"), ownership.Unseen},
	} {
		if got := ownership.StateOf(tt.running, tt.exit, tt.err); got != tt.want {
			t.Errorf("%v %q %v: %d, not %d", tt.running, tt.exit, tt.err, got, tt.want)
		}
	}
}
