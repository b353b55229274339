package cli

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/guest"
	"github.com/infrahaus/infrahaus/internal/ui"
)

// unitOptions are those of logs --unit.
type unitOptions struct {
	unit         string
	tail         int
	since        string
	passwordFile string
}

func (o *unitOptions) register(f *pflag.FlagSet) {
	f.StringVar(&o.unit, "unit", "", "the log in the container of the systemd unit, OpenRC service or docker or podman container of this `name`")
	f.IntVar(&o.tail, "tail", -1, "with --unit: only the last so many `lines`")
	f.Lookup("tail").DefValue = "all"
	f.StringVar(&o.since, "since", "", "with --unit: only from this `time` on: a duration such as 10m, or as in RFC 3339")
	passwordFlag(f, &o.passwordFile)
}

// check returns what is asked for, before anything is done.
func (o *unitOptions) check(follow bool, now time.Time) (l guest.UnitLog, err error) {
	l = guest.UnitLog{Name: o.unit, Tail: o.tail, Follow: follow}
	switch {
	case strings.HasPrefix(o.unit, "-") || strings.ContainsAny(o.unit, "/*?[] \t\n\x00"):
		return l, usagef("--unit: %q is no name of a unit", o.unit)
	case o.tail < -1:
		return l, usagef("--tail takes a number of lines, not %d", o.tail)
	case o.since == "":
		return l, nil
	}
	if ago, err := time.ParseDuration(o.since); err == nil {
		l.Since = now.Add(-ago)
		return l, nil
	}
	if l.Since, err = time.Parse(time.RFC3339, o.since); err != nil {
		return l, usagef("--since: %q is neither a duration such as 10m nor a time such as %s", o.since, now.UTC().Format(time.RFC3339))
	}
	return l, nil
}

// inGuest shows a log of the container itself.
func (o *logsOptions) inGuest(ctx context.Context, ref string) error {
	a := o.app
	want, err := o.unit.check(o.follow, time.Now())
	if err != nil {
		return err
	}
	in, err := a.enterGuest(ctx, ref, o.unit.passwordFile)
	if err != nil {
		return err
	}
	defer in.close()
	out := &logLines{app: a, stream: event.Stdout}
	errw := &logLines{app: a, stream: event.Stderr}
	status, err := guest.ReadUnitLog(ctx, in.guest, want, out, errw)
	if err != nil {
		return err
	}
	switch status {
	case guest.NoUnit:
		f := failf(exit.Other, "cannot find a unit or a container %s in %s", o.unit.unit, in.who())
		if list := errw.units; len(list) > 0 {
			slices.Sort(list)
			f = f.hint("there are: %s", ui.Clean(strings.Join(slices.Compact(list), ", ")))
		}
		return f
	case guest.NoUnitLog:
		return failf(exit.Other, "cannot find the log of %s in %s: it writes none below /var/log", o.unit.unit, in.who())
	case 0:
		return orFirst(out.flush(), errw.flush())
	}
	return orFirst(out.flush(), errw.flush(), failf(exit.Guest, "cannot read the log of %s in %s: its program ended with exit status %d", o.unit.unit, in.who(), status))
}

// logLines writes a log line by line, as printLog does.
type logLines struct {
	app    *app
	stream string
	part   []byte
	units  []string // what unit.sh says there is
}

func (l *logLines) Write(p []byte) (int, error) {
	l.part = append(l.part, p...)
	for {
		line, rest, whole := bytes.Cut(l.part, []byte("\n"))
		if !whole {
			return len(p), nil
		}
		if unit, ok := strings.CutPrefix(string(line), guest.UnitMark); ok {
			l.units = append(l.units, unit)
		} else if err := l.print(string(line)); err != nil {
			return 0, err
		}
		l.part = append([]byte(nil), rest...)
	}
}

func (l *logLines) print(line string) error {
	e := event.Event{Timestamp: time.Now().UTC(), Type: event.Log, Message: line, Stream: l.stream}
	if l.app.global.json {
		return ui.NewEventWriter(l.app.streams, true).Event(e)
	}
	return l.app.printLog(e)
}

func (l *logLines) flush() error {
	if len(l.part) == 0 {
		return nil
	}
	return l.print(string(l.part))
}
