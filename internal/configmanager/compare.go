package configmanager

import "slices"

// FileState is how a file of the template and the guest's stand to one another.
type FileState string

// The states of a file.
const (
	FileSame        FileState = "same"
	FileMissing     FileState = "missing"
	FileEdited      FileState = "edited"      // in the guest; the template is as it was deployed
	FileChanged     FileState = "changed"     // in the template; the guest has what was deployed
	FileConflict    FileState = "conflict"    // both, or either since the user kept the guest's version
	FilePresent     FileState = "present"     // there, not deployed by us, and not as the template has it
	FileFolder      FileState = "folder"      // a folder, or something that is no file, is in the way
	FileKept        FileState = "kept"        // the user took the guest's version; neither side changed since
	FileInterrupted FileState = "interrupted" // a sync died while it wrote it
	FileRemoved     FileState = "removed"     // from the template; still in the guest as it was deployed, or edited
)

// Effect is what a sync does about a file.
type Effect int

// The effects.
const (
	Leave  Effect = iota // nothing
	Keep                 // nothing, and that the guest's version was taken is remembered
	Write                // the template's content is written
	Backup               // the same, and a copy of what was there is kept beside it
	Refuse               // the sync is refused as a whole
)

// seen is what is known about one target. Sums are hex; "": there is none.
type seen struct {
	wanted   string   // the template's
	recorded string   // what was deployed last
	pending  []string // what a sync that did not end was about to write
	keptTmpl string   // when the user took the guest's version: the template's then,
	keptHas  string   // and the guest's, "-" for a link that leads nowhere
	there    presence
	actual   string // of a file; "" also where it could not be read
}

// presence is what is at a target.
type presence int

const (
	unknown presence = iota // the guest did not say
	absent
	regular // or a link that leads nowhere, or to a file
	other
)

// compare says how a file stands. It asks nobody: the guest was asked before.
func compare(s seen) FileState {
	recorded, half := s.recorded, len(s.pending) > 0 && s.recorded == ""
	for _, p := range s.pending {
		if p == s.actual {
			recorded, half = p, false // written, only its record was not
		}
	}
	switch {
	case s.there == absent:
		return FileMissing
	case s.there == other:
		return FileFolder
	case s.wanted == "":
		return FileRemoved
	case s.actual == s.wanted:
		return FileSame
	case s.keptTmpl != "":
		if s.keptTmpl == s.wanted && s.keptHas == orDash(s.actual) {
			return FileKept
		}
		return FileConflict
	case half:
		return FileInterrupted
	case recorded == "":
		return FilePresent
	case recorded == s.actual:
		return FileChanged
	case recorded == s.wanted:
		return FileEdited
	}
	return FileConflict
}

func orDash(sum string) string {
	if sum == "" {
		return "-"
	}
	return sum
}

// effects are those of the policy replace. Whose a file is that we have not
// deployed nobody knows: a sync keeps it. The first one goes by policy alone, for
// what it finds is the system's own.
var effects = map[FileState]Effect{
	FileMissing: Write, FileEdited: Backup, FileChanged: Write, FileConflict: Refuse,
	FilePresent: Backup, FileFolder: Refuse, FileInterrupted: Backup,
}

// Effect is what a sync does about the file, by its state and policy.
func (f FileDrift) Effect() Effect {
	e := effects[f.State]
	switch {
	case f.State == FileMissing && f.Policy == PolicyKeep:
		return Leave
	case f.State == FileKept && f.Policy == PolicyTake:
		return Backup
	case f.State == FileMissing || f.State == FileFolder || e == Leave:
		return e
	case f.Policy == PolicyKeep:
		return Keep
	case f.Policy == PolicyTake || f.State == FileInterrupted:
		return Backup
	case f.Policy == "default":
		return Leave
	case f.Policy == "backup" && e == Write:
		return Backup
	}
	return e
}

// Settled is f with the policy that take gives it: "template" or "guest" settles
// a conflict, and "template" takes back what was settled for the guest before.
func (f FileDrift) Settled(take string) FileDrift {
	switch conflict := f.State == FileConflict && f.Effect() == Refuse; {
	case conflict && take == "guest":
		f.Policy = PolicyKeep
	case take == "template" && (conflict || f.stays()):
		f.Policy = PolicyTake
	}
	return f
}

// stays reports whether the guest's version stays, by an earlier sync, although
// the template's policy would have it otherwise.
func (f FileDrift) stays() bool {
	return f.State == FileKept && (f.Policy == "replace" || f.Policy == "backup")
}

// Kept counts the files of which the guest's version stays once take has settled
// the conflicts.
func (d Drift) Kept(take string) (n int) {
	for _, f := range d.Files {
		if f = f.Settled(take); f.stays() || f.Effect() == Keep {
			n++
		}
	}
	return n
}

// Renewed reports whether a sync would do something about a file because the
// template has another content for it than was deployed last.
func (d Drift) Renewed() bool {
	return slices.ContainsFunc(d.Files, func(f FileDrift) bool { return f.Wanted != f.Deployed && f.Effect() != Leave })
}

// Differing is in as it has to be shipped after that drift was found: contents
// that need not be written are left out. take is as for Settled, or "". Files
// that are refused are returned too; with any, nothing is to be shipped.
func (in Input) Differing(d Drift, take string) (Input, []FileDrift) {
	byTarget := map[string]FileDrift{}
	for _, f := range d.Files {
		byTarget[f.Target] = f
	}
	out := in
	out.Files = make([]File, len(in.Files))
	var refused []FileDrift
	for i, f := range in.Files {
		if was, found := byTarget[f.Target]; found {
			now := was.Settled(take)
			if now.Policy != was.Policy {
				f.Policy = now.Policy
			}
			effect := now.Effect()
			if effect == Refuse {
				refused = append(refused, now)
			}
			f.Unshipped = effect == Leave || effect == Keep
		}
		out.Files[i] = f
	}
	return out, refused
}

// ToApply reports whether the config-manager has anything to do about the files
// of what Differing has returned.
func (in Input) ToApply() bool {
	return slices.ContainsFunc(in.Files, func(f File) bool { return !f.Unshipped || f.Policy == PolicyKeep })
}
