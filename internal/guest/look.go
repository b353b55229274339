package guest

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"strings"
)

// AttemptState is the state of an attempt in the guest.
type AttemptState string

// The states of an attempt. Dead means that its runner is gone without an exit status: the
// guest was restarted, or everything was killed.
const (
	Unclaimed AttemptState = "unclaimed"
	Running   AttemptState = "running"
	Ended     AttemptState = "ended"
	Dead      AttemptState = "dead"
)

// Seen is what a guest reports about one attempt.
type Seen struct {
	State  AttemptState
	Status int // of one that has ended
}

// maxSaved limits the saved credentials that are read of one attempt, in bytes.
const maxSaved = 64 << 10

// Look asks in one remote command for the states of attempts, by their Dir. It calls secret
// for each credential that they have saved so far, so that the output of later scripts is
// redacted too. It changes nothing. A missing folder means Unclaimed.
func Look(ctx context.Context, g Guest, dirs []string, secret func(key, value string)) (map[string]Seen, error) {
	seen := map[string]Seen{}
	if len(dirs) == 0 {
		return seen, nil
	}
	var out bytes.Buffer
	var said tail
	status, err := g.Run(ctx, Cmd{
		Label: "look how the scripts stand", Script: lookScript(dirs),
		Stdout: &limited{w: &out, left: (64 + maxSaved) * len(dirs)}, Stderr: &said,
	})
	if err != nil {
		return nil, err
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if status != 0 || len(lines) < len(dirs) {
		return nil, &Error{Kind: Protocol, Transport: g.Transport(), Tail: said.String(),
			Message: fmt.Sprintf("cannot tell how the scripts stand: %d answers for %d (status %d)", len(lines), len(dirs), status)}
	}
	for i, dir := range dirs {
		if seen[dir], err = parseSeen(lines[i]); err != nil {
			return nil, &Error{Kind: Protocol, Transport: g.Transport(), Err: err, Message: "cannot tell how the scripts stand"}
		}
	}
	for _, line := range lines[len(dirs):] {
		saved(line, secret)
	}
	return seen, nil
}

// lookScript prints one line for each folder, the result of ih_look in agent.sh, and then
// the saved lines KEY=value.
func lookScript(dirs []string) string {
	var b strings.Builder
	b.WriteString("set --")
	for _, dir := range dirs {
		b.WriteString(" " + Quote(dir))
	}
	b.WriteString("\nfor ih_x; do\nih_rc=\nif cd \"$ih_x/claim\" 2>/dev/null && cd ..; then ih_look; echo \"$ih_is $ih_rc\"; else echo unclaimed; fi\ndone\n")
	fmt.Fprintf(&b, "for ih_x; do head -c %d \"$ih_x/secrets\" 2>/dev/null; done; :", maxSaved)
	return b.String()
}

func parseSeen(line string) (Seen, error) {
	word := strings.Fields(line)
	switch {
	case len(word) == 1 && word[0] == "unclaimed":
		return Seen{State: Unclaimed}, nil
	case len(word) > 0 && (word[0] == "run" || word[0] == "none"): // none: its runner is about to show
		return Seen{State: Running}, nil
	case len(word) > 0 && word[0] == "dead":
		return Seen{State: Dead}, nil
	case len(word) == 3 && word[0] == "end" && word[2] == "timeout":
		return Seen{State: Ended, Status: timedOut}, nil
	case len(word) == 2 && word[0] == "end":
		status, err := strconv.Atoi(word[1])
		return Seen{State: Ended, Status: status}, err
	}
	return Seen{}, fmt.Errorf("not a state: %.40q", line)
}
