package guest

import (
	"archive/tar"
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/infrahaus/infrahaus/internal/console"
	"github.com/infrahaus/infrahaus/internal/transports"
)

//go:embed nodefiles.sh
var nodeFilesText string

// NodeFile is a file that the node puts into a container.
type NodeFile struct {
	Path    string // absolute, in the container
	Policy  string // replace, default or backup, as in a template
	Mode    fs.FileMode
	Owner   string // user, user:group or :group, of the container; "": root
	Content []byte
}

// NodePlaced is what became of a NodeFile.
type NodePlaced struct {
	State string // same, kept, written or failed
	Why   string // of failed: what pct said
}

// placeTimeout bounds the work on one file: pct starts three to six times, a second each.
const placeTimeout = 20 * time.Second

// PlaceFiles puts files into a running container by `pct push` on its node, for which the
// container needs no shell, and verifies each. backup is the time in the names of copies that
// are kept. It is idempotent and not retried. The result has one entry a file.
func (n NodeSSH) PlaceFiles(ctx context.Context, ctid int, files []NodeFile, backup time.Time) ([]NodePlaced, error) {
	if len(files) == 0 {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute+time.Duration(len(files))*placeTimeout)
	defer cancel()
	d, _, err := n.dialer(ctx)
	if err != nil {
		return nil, err
	}
	c, err := d.once(ctx, 10*time.Second)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	var archive bytes.Buffer
	if err := tarOf(&archive, files); err != nil {
		return nil, err
	}
	out, said, err := onNodeScript(c, placeScript(d.user, ctid, files, backup), &archive)
	placed := parsePlaced(out, len(files))
	if placed == nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, &Error{Kind: Failed, Transport: transports.Node, Tail: said, Err: err,
			Message: fmt.Sprintf("cannot put files into container %d on %s", ctid, d.whom)}
	}
	return placed, nil
}

func tarOf(w io.Writer, files []NodeFile) error {
	t := tar.NewWriter(w)
	for i, f := range files {
		if err := t.WriteHeader(&tar.Header{Name: strconv.Itoa(i), Mode: 0o600, Size: int64(len(f.Content))}); err != nil {
			return err
		}
		if _, err := t.Write(f.Content); err != nil {
			return err
		}
	}
	return t.Close()
}

// placeScript is the program that runs on the node.
func placeScript(user string, ctid int, files []NodeFile, backup time.Time) string {
	pct := "pct"
	if user != "root" {
		pct = "sudo -n pct"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "PATH=%s:$PATH\nP=%s\nC=%d\nS=%s\n%s", fixedPath, Quote(pct), ctid, backup.UTC().Format("20060102-150405"), console.StripComments(nodeFilesText))
	for i, f := range files {
		mode := f.Mode.Perm()
		if mode == 0 {
			mode = 0o644
		}
		owner, group, _ := strings.Cut(f.Owner, ":")
		fmt.Fprintf(&b, "\none %d %s 0%o %s %s %s", i, Quote(f.Policy), mode, Quote(owner), Quote(group), Quote(f.Path))
	}
	return b.String()
}

// onNodeScript runs a program on the node and returns the end of its output.
func onNodeScript(c *ssh.Client, script string, stdin io.Reader) (out, said string, err error) {
	s, err := c.NewSession()
	if err != nil {
		return "", "", err
	}
	defer s.Close()
	var stdout bytes.Buffer
	var stderr tail
	s.Stdin, s.Stdout, s.Stderr = stdin, &stdout, &stderr
	err = s.Run("exec /bin/sh -c " + Quote(script))
	return stdout.String(), strings.TrimSpace(stderr.String()), err
}

// parsePlaced reads the lines of the program; nil if some are missing.
func parsePlaced(out string, n int) []NodePlaced {
	placed := make([]NodePlaced, n)
	seen := 0
	for line := range strings.Lines(out) {
		words := strings.SplitN(strings.TrimSpace(line), " ", 3)
		i, err := strconv.Atoi(words[0])
		if err != nil || i < 0 || i >= n || len(words) < 2 || placed[i].State != "" {
			continue
		}
		placed[i].State = words[1]
		if len(words) == 3 {
			placed[i].Why = printable(words[2])
		}
		seen++
	}
	if seen != n {
		return nil
	}
	return placed
}
