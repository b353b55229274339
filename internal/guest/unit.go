package guest

import (
	"context"
	_ "embed"
	"io"
	"strconv"
	"time"
)

//go:embed unit.sh
var unitText string

// UnitLog says which log of a guest is wanted.
type UnitLog struct {
	Name   string // of a systemd unit, an OpenRC service, or a container of docker or podman
	Tail   int    // the last so many lines; negative: all
	Since  time.Time
	Follow bool
}

// The statuses of ReadUnitLog. NoUnit: there is none of that name; stderr then has lines
// with UnitMark and a name that there is. NoUnitLog: it writes no log that can be found.
const (
	NoUnit    = 90
	NoUnitLog = 91
	UnitMark  = "\x1e"
)

// ReadUnitLog prints a log. A follower ends with ctx, or with the link.
func ReadUnitLog(ctx context.Context, g Guest, l UnitLog, stdout, stderr io.Writer) (status int, err error) {
	tail, since := "", ""
	if l.Tail >= 0 {
		tail = strconv.Itoa(l.Tail)
	}
	if !l.Since.IsZero() {
		since = strconv.FormatInt(l.Since.Unix(), 10)
	}
	return Exec(ctx, g, Process{
		Argv:   []string{"sh", "-c", unitText, "sh", l.Name, tail, since, flag(l.Follow)},
		Stdout: stdout, Stderr: stderr,
	})
}
