package guest

import (
	"bytes"
	"context"
	"fmt"
	"strings"
)

// needed are the programs without which the shell text of this room runs no script. Every
// distribution has them; the image of one application may have a shell and little else.
const needed = "cat chmod dd head ls mkdir mv rm sleep"

// Means says which programs a container has for what the tool does in it.
type Means struct {
	Missing []string // without these no script can run
	NoTar   bool     // files are shipped without tar
}

// FindMeans asks a container for the programs that running a script takes. It changes nothing.
func FindMeans(ctx context.Context, g Guest) (Means, error) {
	var m Means
	var out bytes.Buffer
	status, err := g.Run(ctx, Cmd{
		Label: "look which programs there are", Stdout: &limited{w: &out, left: 1 << 10},
		Script: `ih_has() { command -v "$1" >/dev/null 2>&1; }
for ih_p in ` + needed + ` tar; do ih_has $ih_p || echo $ih_p; done
ih_has setsid || ih_has nohup || echo setsid or nohup`,
	})
	if err != nil {
		return m, err
	}
	if status != 0 {
		return m, &Error{Kind: Protocol, Transport: g.Transport(), Message: fmt.Sprintf("cannot tell which programs there are: exit status %d", status)}
	}
	for name := range strings.Lines(out.String()) {
		switch name = strings.TrimSpace(name); name {
		case "tar":
			m.NoTar = true
		default:
			m.Missing = append(m.Missing, name)
		}
	}
	return m, nil
}
