package cli

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/infrahaus/infrahaus/internal/exit"
)

// status is one exit status: its meaning in a command's help, and what to do about it.
type status struct {
	number  int
	meaning string
	advice  string
}

// statuses are all exit statuses. Their meanings are a promise to scripts.
func statuses() []status {
	return []status{
		{exit.Done, "done", ""},
		{exit.Other, "anything else that failed; no such container; state, key or database trouble", "`infrahaus list` shows what is on record."},
		{exit.Usage, "usage, config or template is wrong, a name or --ctid is taken, a node, storage, bridge or OS template that was named does not exist, a needed --yes is missing: nothing was touched", "Mend what the message names and repeat the command."},
		{exit.Proxmox, "Proxmox refused or failed", "A privilege, storage or task; the hints have the command for the node. After that: `infrahaus resume`."},
		{exit.Unreachable, "cannot get there, or it is not trusted", "Network, certificate, login or host key. After that: `infrahaus resume`."},
		{exit.Guest, "a package, file or script failed in the container", "The message ends with what it printed last; `infrahaus logs` has all of it. Mend the template, then `infrahaus resume`."},
		{exit.Unready, "the container is up, but a declared service does not answer", "Everything else is done. The output has the last log lines of the service; `infrahaus discover` looks again."},
		{exit.Differs, "--exit-code: something differs", "Not an error: what --plan found."},
		{exit.Interrupted, "interrupted by SIGINT; state saved", "`infrahaus resume` goes on from there."},
		{exit.Terminated, "interrupted by SIGTERM; state saved", "The same."},
	}
}

// exitStatuses ends a command's help.
func exitStatuses(which ...int) string {
	meaning := map[int]string{}
	for _, s := range statuses() {
		meaning[s.number] = s.meaning
	}
	var b strings.Builder
	b.WriteString(statusHead)
	for _, n := range which {
		lines := strings.TrimSpace(wrapped(meaning[n], "       ", 78))
		fmt.Fprintf(&b, "  %-4d %s\n", n, lines)
	}
	return strings.TrimRight(b.String(), "\n")
}

func exitStatusTopic() Topic {
	p := part{text: "A script can tell from the exit status what went wrong. The same number is `exitStatus` in the last JSON event. Where a command does several things at once, its status is the first present of 130, 143, 1, 4, 3, 2, 5, 6, 7, 0."}
	for _, s := range statuses() {
		meaning := strings.ToUpper(s.meaning[:1]) + s.meaning[1:] + "."
		p.terms = append(p.terms, term{strconv.Itoa(s.number), strings.TrimSpace(meaning + " " + s.advice), ""})
	}
	return Topic{Name: "exit-status", Short: "Exit statuses, and what to do about each", parts: []part{
		p,
		{title: "In a script", text: indented(`infrahaus create web --template nginx
case $? in
0 | 6) echo "the container is up" ;;
3 | 4 | 5) infrahaus resume web ;;
*) exit 1 ;;
esac`)},
	}}
}
