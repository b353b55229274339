package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"

	"github.com/infrahaus/infrahaus/internal/configmanager"
	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/guest"
)

// Doing is what a run does with one program in the guest: a script or the config-manager.
type Doing int

const (
	Run    Doing = iota // it never ran: run it
	Leave               // it is done: leave it
	Follow              // it runs, or has succeeded since the last run: follow it from the offset on record
	Rerun               // it failed, died or is outdated: start another attempt
	Drain               // it failed or died since the last run: show the rest of its output, then start another attempt
)

func (d Doing) String() string { return [...]string{"run", "leave", "follow", "rerun", "drain"}[d] }

// Starts reports whether an attempt will be started.
func (d Doing) Starts() bool { return d != Leave && d != Follow }

// doing is the table of decisions about one program. m is its mark, seen the state of its
// last attempt in the guest, again that it was asked for although it is done, and sha the
// digest of what would run now ("": any will do). Only a sync, or a resume that was told to
// use a changed template, has another digest than the mark.
func doing(m Mark, seen guest.Seen, again bool, sha string) Doing {
	changed := again || sha != "" && sha != m.SHA256
	switch m.State {
	case "":
		return Run
	case Done:
		if changed {
			return Rerun
		}
		return Leave
	case Claimed:
		switch {
		case seen.State == guest.Dead, seen.State == guest.Ended && seen.Status != 0:
			return Drain
		case seen.State == guest.Unclaimed && changed:
			return Rerun
		}
		return Follow // following an attempt that no guest has claimed starts it, once
	}
	return Rerun
}

// Continue is the decision about a program whose mark is that of this work: it is left if it
// is done, followed while it runs, and tried again after a failure.
func Continue(m Mark, seen guest.Seen) Doing { return doing(m, seen, false, "") }

// Programs decides about every program by its marks and attempts. The decision about the
// config-manager can still change with the comparison of files and packages; see Decide. A
// script after one that runs again does not run again itself, unless --from asks for that.
func Programs(q Request, w World) map[string]Doing {
	out := map[string]Doing{}
	var attempts map[string]guest.Seen
	if w.Inside != nil {
		attempts = w.Inside.Attempts
	}
	for _, item := range q.items() {
		m := w.known().Of(event.Syncing, item)
		again := q.revalued(item) || m.State == Done && q.everySync(item)
		d := doing(m, attempts[m.Dir], again || q.goesBackTo(item), q.Job.ScriptSHA(item))
		if d == Run && w.inImage(q.Job, item) {
			d = Leave
		}
		if d == Follow && (again || item == ItemManager && q.outdated(w)) {
			d = Drain // the attempt works with values or files that are out of date
			if attempts[m.Dir].State == guest.Unclaimed {
				d = Rerun
			}
		}
		if item == ItemNotify && m.State == "" && (q.Verb == Sync || !q.Job.Notifies()) {
			d = Leave // what a sync has to notify is known only after the comparison
		}
		out[item] = d
		if w.Application() && (item == ItemManager || item == ItemNotify || w.NoShell != "") {
			out[item] = Leave // there is no config-manager, and without a shell no script
		}
	}
	if m := w.known().Of(event.Syncing, ItemNotify); out[ItemManager] == Leave && refusedBefore(m, attempts[m.Dir]) {
		out[ItemManager] = Rerun // files were put back
	}
	return out
}

// ScriptSHA is the digest of a script as it would run now, with the variables that it
// names, except secret ones; "" for a program that is not a script.
func (j Job) ScriptSHA(name string) string {
	if j.Template == nil {
		return ""
	}
	for _, s := range j.Template.Scripts {
		if s.Name != name {
			continue
		}
		h := sha256.New()
		h.Write(s.Content)
		if s.User != "" {
			fmt.Fprintf(h, "\x00user %s", s.User)
		}
		for _, name := range slices.Sorted(maps.Keys(s.Env)) {
			fmt.Fprintf(h, "\x00env %s=%s", name, s.Env[name])
		}
		for _, v := range j.Values.All() {
			if !v.Secret && Names(s, v.Name) {
				fmt.Fprintf(h, "\x00%s=%s", v.Name, v.Text)
			}
		}
		return hex.EncodeToString(h.Sum(nil))
	}
	return ""
}

// state names what a decision means for a report: same, new, changed, failed or running.
func (d Doing) state(m Mark) string {
	if d == Rerun && m.State == Failed {
		return "failed"
	}
	return [...]string{Run: "new", Leave: "same", Follow: "running", Rerun: "changed", Drain: "failed"}[d]
}

// packagesDiffer reports whether a package is missing or has another version.
func packagesDiffer(packages []configmanager.PackageDrift) bool {
	for _, p := range packages {
		if p.State != configmanager.PackageSame {
			return true
		}
	}
	return false
}
