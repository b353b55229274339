//go:build !crash

package store

import "time"

// approach and boundary are the points at which the crash harness (internal/e2e/crash)
// kills the process: right before a write, and right after it is on record. In every
// other build they do nothing.
func approach(string) {}
func boundary(string) {}

// leaseLimit is how long a run may be silent until another one takes it over.
func leaseLimit() time.Duration { return beatLimit }
