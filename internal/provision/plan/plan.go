// Package plan decides what a run does: from a request and from what was found, it makes
// the list of actions that `--plan` prints and that the phases of a run execute. It is
// pure: it does no I/O and knows no clock, and it imports other rooms only for their types.
package plan
