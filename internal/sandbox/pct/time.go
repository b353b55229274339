package pct

import (
	"fmt"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

// GNUTime is the node's /usr/bin/time, which measures the start-up time of pct: -f FORMAT
// with %e, %U, %S, %C and %x, or -p.
func GNUTime(p *kernel.Proc, args []string) int {
	format, rest := "%Uuser %Ssystem %eelapsed", args[1:]
	for len(rest) > 0 && strings.HasPrefix(rest[0], "-") {
		flag := rest[0]
		rest = rest[1:]
		value, ok := strings.CutPrefix(flag, "--format=")
		switch {
		case ok:
			format = value
		case flag == "-f" && len(rest) > 0:
			format, rest = rest[0], rest[1:]
		case flag == "-p":
			format = "real %e\nuser %U\nsys %S"
		case flag == "--":
		default:
			p.Errorf("invalid option -- '%s'", strings.TrimLeft(flag, "-"))
			return 125
		}
	}
	if len(rest) == 0 {
		p.Errorf("missing program to run")
		return 125
	}
	began := time.Now()
	status := p.Call(rest...)
	if status != 0 {
		fmt.Fprintf(p.Stderr, "Command exited with non-zero status %d\n", status)
	}
	fmt.Fprintln(p.Stderr, strings.NewReplacer("%e", fmt.Sprintf("%.2f", time.Since(began).Seconds()),
		"%U", "0.00", "%S", "0.00", "%C", strings.Join(rest, " "), "%x", fmt.Sprint(status), "%%", "%", `\n`, "\n").Replace(format))
	return status
}
