package provision

// snapshotPrefix begins the names of the snapshots that a sync takes.
const snapshotPrefix = "infrahaus-"
