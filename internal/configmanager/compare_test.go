package configmanager

import "testing"

func TestCompare(t *testing.T) {
	const one, two, mine, more = "1", "2", "m", "n" // two versions of the template, two of the guest
	is := func(sum string) seen { return seen{there: regular, actual: sum} }
	tests := []struct {
		name string
		s    seen // its field wanted is two, except for removed files
		rec  string
		want FileState
	}{
		{"absent, new", seen{there: absent}, "", FileMissing},
		{"absent, deleted", seen{there: absent}, one, FileMissing},
		{"absent, kept once", seen{there: absent, keptTmpl: two, keptHas: mine}, one, FileMissing},
		{"folder", seen{there: other}, one, FileFolder},
		{"same", is(two), two, FileSame},
		{"same, without a record", is(two), "", FileSame},
		{"same by an edit", is(two), one, FileSame},
		{"edited", is(mine), two, FileEdited},
		{"changed", is(one), one, FileChanged},
		{"both", is(mine), one, FileConflict},
		{"both, a link to nowhere", is(""), one, FileConflict},
		{"edited into a link to nowhere", is(""), two, FileEdited},
		{"there before", is(mine), "", FilePresent},
		{"not said", seen{}, "", FilePresent},
		{"not said, recorded", seen{}, two, FileEdited},
		{"kept", seen{there: regular, actual: mine, keptTmpl: two, keptHas: mine}, one, FileKept},
		{"kept, a link to nowhere", seen{there: regular, keptTmpl: two, keptHas: "-"}, one, FileKept},
		{"kept, edited again", seen{there: regular, actual: more, keptTmpl: two, keptHas: mine}, one, FileConflict},
		{"kept, changed again", seen{there: regular, actual: mine, keptTmpl: one, keptHas: mine}, one, FileConflict},
		{"kept, changed back", seen{there: regular, actual: mine, keptTmpl: one, keptHas: mine}, two, FileConflict},
		{"kept, made the same", seen{there: regular, actual: two, keptTmpl: one, keptHas: mine}, one, FileSame},
		{"written, not recorded", seen{there: regular, actual: one, pending: []string{"x", one}}, "0", FileChanged},
		{"written, not recorded, then edited", seen{there: regular, actual: mine, pending: []string{one}}, "0", FileConflict},
		{"half written", seen{there: regular, actual: "half", pending: []string{one}}, "", FileInterrupted},
		{"not written yet", seen{there: regular, actual: "0", pending: []string{two}}, "0", FileChanged},
	}
	for _, test := range tests {
		test.s.wanted, test.s.recorded = two, test.rec
		if got := compare(test.s); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
	if got := compare(seen{there: regular, actual: mine, recorded: one}); got != FileRemoved {
		t.Errorf("no longer wanted: %s", got)
	}
}

func TestEffect(t *testing.T) {
	tests := map[FileState][5]Effect{ // replace, default, backup, keep, take
		FileSame:        {Leave, Leave, Leave, Leave, Leave},
		FileMissing:     {Write, Write, Write, Leave, Write},
		FileEdited:      {Backup, Leave, Backup, Keep, Backup},
		FileChanged:     {Write, Leave, Backup, Keep, Backup},
		FileConflict:    {Refuse, Leave, Refuse, Keep, Backup},
		FilePresent:     {Backup, Leave, Backup, Keep, Backup},
		FileFolder:      {Refuse, Refuse, Refuse, Refuse, Refuse},
		FileKept:        {Leave, Leave, Leave, Leave, Backup},
		FileInterrupted: {Backup, Backup, Backup, Keep, Backup},
		FileRemoved:     {Leave, Leave, Leave, Leave, Leave},
	}
	for state, want := range tests {
		for i, policy := range []string{"replace", "default", "backup", PolicyKeep, PolicyTake} {
			if got := (FileDrift{State: state, Policy: policy}).Effect(); got != want[i] {
				t.Errorf("%s, %s: %d, want %d", state, policy, got, want[i])
			}
		}
	}
}

// TestSettled: --take decides some files, and leaves the others to their policy.
func TestSettled(t *testing.T) {
	tests := []struct {
		state        FileState
		policy, take string
		want         Effect
		kept         int
	}{
		{FileConflict, "replace", "", Refuse, 0},
		{FileConflict, "replace", "guest", Keep, 1},
		{FileConflict, "backup", "template", Backup, 0},
		{FileConflict, "default", "template", Leave, 0},
		{FileKept, "replace", "", Leave, 1},
		{FileKept, "replace", "guest", Leave, 1},
		{FileKept, "replace", "template", Backup, 0},
		{FileKept, "backup", "template", Backup, 0},
		{FileKept, "default", "template", Leave, 0},
		{FileEdited, "replace", "guest", Backup, 0},
		{FileFolder, "replace", "template", Refuse, 0},
	}
	for _, test := range tests {
		f := FileDrift{State: test.state, Policy: test.policy}
		if got := f.Settled(test.take).Effect(); got != test.want {
			t.Errorf("%s, %s, take %q: %d, want %d", test.state, test.policy, test.take, got, test.want)
		}
		if got := (Drift{Files: []FileDrift{f}}).Kept(test.take); got != test.kept {
			t.Errorf("%s, %s, take %q: %d kept", test.state, test.policy, test.take, got)
		}
	}
}
