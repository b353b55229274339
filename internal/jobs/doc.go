// Package jobs is the queue and the worker: it announces jobs of the catalogue by River, takes
// them, keeps them alive, and gives those of dead workers to others. The truth about a job is
// its row in the catalogue (package store); River's rows only say that there is something to
// do. It knows no commands, and not what a job does.
package jobs
