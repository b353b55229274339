package configmanager

import "slices"

// FileState says how the guest's version of a file compares to the template's.
type FileState string

// The states of a file.
const (
	FileSame        FileState = "same"
	FileMissing     FileState = "missing"
	FileEdited      FileState = "edited"          // only the guest's version changed since it was deployed
	FileChanged     FileState = "changed"         // only the template's version changed since it was deployed
	FileConflict    FileState = "conflict"        // both changed, or one of them since the user kept the guest's version
	FilePresent     FileState = "present"         // differs from the template, and was not deployed by us
	FileFolder      FileState = "folder"          // the target is a folder, a device or the like
	FileKept        FileState = "kept"            // the user kept the guest's version, and neither side changed since
	FileInterrupted FileState = "interrupted"     // a sync ended while it wrote the file
	FileNoFolder    FileState = "not a directory" // the target is a directory of the template, and a file is there
	FileRemoved     FileState = "removed"         // no longer in the template, but still in the guest, edited or not
)

// Effect is what a sync does with a file.
type Effect int

// The effects.
const (
	Leave  Effect = iota // does nothing
	Keep                 // leaves the file, and records that the user kept the guest's version
	Write                // writes the template's version
	Backup               // the same, after a copy of the guest's version is made beside it
	Refuse               // refuses the whole sync
)

// seen is everything that is known about one target. Sums are hex; "" means none.
type seen struct {
	wanted   string   // the sum of the template's version
	recorded string   // the sum that was deployed last
	pending  []string // the sums that an interrupted sync was about to write
	keptTmpl string   // when the user kept the guest's version: the sum of the template's version,
	keptHas  string   // and of the guest's, or "-" for a link to nowhere
	there    presence
	folder   *attributes // of a directory
	actual   string      // the sum of the guest's file; also "" if it could not be read
}

// presence is the kind of thing that the guest has at a target.
type presence int

const (
	unknown presence = iota // the guest did not say
	absent
	regular // a file, a link to a file, or a link to nowhere
	other
)

// compare decides the state of a file from what is already known. It asks neither the
// guest nor the template.
func compare(s seen) FileState {
	recorded, half := s.recorded, len(s.pending) > 0 && s.recorded == ""
	for _, p := range s.pending {
		if p == s.actual {
			recorded, half = p, false // the sync wrote the file, but died before it recorded that
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

// effects are those of the policy replace. A present file that we did not deploy may be
// the user's, so a later sync backs it up. The first sync goes by the policy alone,
// because such a file then belongs to the OS.
var effects = map[FileState]Effect{
	FileMissing: Write, FileEdited: Backup, FileChanged: Write, FileConflict: Refuse,
	FilePresent: Backup, FileFolder: Refuse, FileInterrupted: Backup,
}

// Effect returns what a sync does with the file. It depends on its state and policy.
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

// Settled returns f with the policy that the answer take gives it: "template" or "guest"
// settles a conflict. "template" also takes back an earlier decision for the guest.
func (f FileDrift) Settled(take string) FileDrift {
	switch conflict := f.State == FileConflict && f.Effect() == Refuse; {
	case conflict && take == "guest":
		f.Policy = PolicyKeep
	case take == "template" && (conflict || f.stays()):
		f.Policy = PolicyTake
	}
	return f
}

// stays reports whether the guest's version stays because of an earlier sync, although
// the template's policy would replace it.
func (f FileDrift) stays() bool {
	return f.State == FileKept && (f.Policy == "replace" || f.Policy == "backup")
}

// Kept counts the files whose guest's version stays after take has settled the conflicts.
func (d Drift) Kept(take string) (n int) {
	for _, f := range d.Files {
		if f = f.Settled(take); f.stays() || f.Effect() == Keep {
			n++
		}
	}
	return n
}

// Renewed reports whether a sync would act on a file whose content in the template
// changed since it was deployed.
func (d Drift) Renewed() bool {
	return slices.ContainsFunc(d.Files, func(f FileDrift) bool { return f.Wanted != f.Deployed && f.Effect() != Leave })
}

// Differing returns in as it must be shipped after this drift was found: without the
// contents that need not be written. The argument take is that of Settled, or "". The
// second result lists the refused files; if there are any, the caller must ship nothing.
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

// ToApply reports whether the config-manager has work to do on the files of an Input that
// Differing returned.
func (in Input) ToApply() bool {
	return slices.ContainsFunc(in.Files, func(f File) bool { return !f.Unshipped || f.Policy == PolicyKeep })
}
