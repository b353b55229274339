package configmanager

import (
	"bytes"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/infrahaus/infrahaus/internal/guest"
)

// Folder is a directory of a template. The config-manager makes it before the files.
type Folder struct {
	Target string      // an absolute path
	Mode   fs.FileMode // 0: 0755 for a new one; an existing one keeps its own
	Owner  string      // user or user:group; "": root's if it is new, otherwise as it is
}

// FolderState says how a directory of the guest compares to the template's.
type FolderState string

// The states of a directory.
const (
	FolderSame    FolderState = "same"
	FolderMissing FolderState = "missing"
	FolderOther   FolderState = "other mode or owner"
	FolderTaken   FolderState = "not a directory" // something else is there: a sync is refused
)

// FolderDrift is the state of one directory.
type FolderDrift struct {
	Target string      `json:"target"`
	State  FolderState `json:"state"`
	Actual string      `json:"actual,omitempty"` // mode and owner in the guest, such as "0755 root:root"
}

// folders writes a call `folder TARGET OWNER MODE` for each directory.
func (in Input) folders(m *bytes.Buffer) error {
	for _, f := range in.Folders {
		if err := (File{Target: f.Target, Owner: f.Owner}).check(); err != nil {
			return err
		}
		mode := ""
		if f.Mode != 0 {
			mode = fmt.Sprintf("%04o", f.Mode.Perm())
		}
		fmt.Fprintf(m, "\nfolder %s %s %s", guest.Quote(f.Target), guest.Quote(f.Owner), guest.Quote(mode))
	}
	return nil
}

// attributes are those of a directory in the guest.
type attributes struct {
	mode                fs.FileMode
	uid, gid            string
	userName, groupName string
}

// readAttributes reads "MODE UID GID USER GROUP TARGET", the mode in octal.
func readAttributes(line string) (a attributes, target string, ok bool) {
	f := strings.SplitN(line, " ", 6)
	if len(f) < 6 {
		return a, "", false
	}
	mode, err := strconv.ParseUint(f[0], 8, 12)
	return attributes{fs.FileMode(mode), f[1], f[2], f[3], f[4]}, f[5], err == nil
}

// compare says how a directory that the guest has differs from the template's.
func (f Folder) compare(s seen) FolderDrift {
	d := FolderDrift{Target: f.Target, State: FolderSame}
	a := s.folder
	switch {
	case s.there == absent:
		d.State = FolderMissing
		return d
	case a == nil:
		d.State = FolderTaken
		return d
	}
	user, group, both := strings.Cut(f.Owner, ":")
	if f.Mode != 0 && f.Mode.Perm() != a.mode.Perm() || f.Owner != "" && user != a.userName && user != a.uid ||
		both && group != a.groupName && group != a.gid {
		d.State, d.Actual = FolderOther, fmt.Sprintf("%04o %s:%s", a.mode, shown(a.userName), shown(a.groupName))
	}
	return d
}

// FoldersDiffer reports whether a sync would make or change a directory.
func (d Drift) FoldersDiffer() bool {
	return slices.ContainsFunc(d.Folders, func(f FolderDrift) bool { return f.State != FolderSame })
}

// TakenFolders are the directories for which a sync is refused, in the form of its files.
func (d Drift) TakenFolders() (refused []FileDrift) {
	for _, f := range d.Folders {
		if f.State == FolderTaken {
			refused = append(refused, FileDrift{Target: f.Target, State: FileNoFolder})
		}
	}
	return refused
}
