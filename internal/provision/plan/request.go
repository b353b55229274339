package plan

// SyncRequest is what a sync is asked for.
type SyncRequest struct {
	Take     string   // how to settle conflicts: template or guest; "" refuses them
	Snapshot string   // SnapshotAuto, SnapshotAlways or SnapshotNever
	Removed  []string // scripts that the template no longer has
	Values   []string // names of variables whose value differs from the one on record
	Changed  bool     // the template is not the one on record
}

// The values of --snapshot. Auto takes one if the storage can.
const (
	SnapshotAuto   = "auto"
	SnapshotAlways = "always"
	SnapshotNever  = "never"
)
