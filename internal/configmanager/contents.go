package configmanager

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
)

// MaxContent is how many bytes of one file ContentsScript prints, and MaxContents how many
// bytes of its output the caller reads.
const (
	MaxContent  = 256 << 10
	MaxContents = 8 << 20
)

// ContentsScript returns POSIX sh, and its stdin, for one remote command that prints the
// beginning of each target and changes nothing. ParseContents reads its output.
func ContentsScript(targets []string) (script string, stdin []byte) {
	const text = `i=0
while IFS= read -r t; do
	echo "== $i"
	[ ! -f "$t" ] || head -c %d <"$t" | base64
	i=$((i + 1))
done
echo '== end'
`
	return fmt.Sprintf(text, MaxContent+1), []byte(strings.Join(targets, "\n") + "\n")
}

// ParseContents reads the output of ContentsScript for the same targets: what each holds, nil
// for a target that is missing or was not printed. A content of more than MaxContent bytes is
// cut off there.
func ParseContents(targets []string, output []byte) (map[string][]byte, error) {
	parts := strings.Split("\n"+string(output), "\n== ")
	if last := parts[len(parts)-1]; strings.TrimSpace(last) != "end" {
		return nil, errShort
	}
	out := map[string][]byte{}
	for _, part := range parts[1 : len(parts)-1] {
		head, body, _ := strings.Cut(part, "\n")
		i, err := strconv.Atoi(head)
		if err != nil || i < 0 || i >= len(targets) {
			return nil, fmt.Errorf("cannot read what the container says about its files: %.40q is no number of a file", head)
		}
		raw, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(body), ""))
		if err != nil {
			return nil, fmt.Errorf("cannot read what the container says of %s: %w", targets[i], err)
		}
		if len(bytes.TrimSpace([]byte(body))) > 0 {
			out[targets[i]] = raw
		}
	}
	return out, nil
}
