package guest

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

//go:embed place.sh
var placeText string

// Entry is what a path in the guest is.
type Entry struct {
	Kind string // file, dir, other, or none
	Size int64  // bytes of a file, about as many of a folder
}

// lookScriptOf prints what the path $1 is. A link is what it leads to.
const lookScriptOf = `if [ -d "$1" ]; then echo "dir $(du -sk "$1" 2>/dev/null | cut -f1)"
elif [ -f "$1" ]; then echo "file $(stat -L -c %s "$1" 2>/dev/null || wc -c <"$1")"
elif [ -e "$1" ]; then echo other; else echo none; fi`

// LookAt asks what a path in the guest is; a relative one is in /root.
func LookAt(ctx context.Context, g Guest, path string) (Entry, error) {
	var out bytes.Buffer
	_, err := g.Run(ctx, Cmd{Label: "look at " + path, Script: "set -- " + Quote(path) + "\n" + lookScriptOf, Stdout: &out})
	if err != nil {
		return Entry{}, err
	}
	words := strings.Fields(out.String())
	if len(words) == 0 {
		return Entry{}, fmt.Errorf("cannot look at %s in the container", path)
	}
	e := Entry{Kind: words[0]}
	if len(words) > 1 {
		e.Size, _ = strconv.ParseInt(words[1], 10, 64)
	}
	if e.Kind == "dir" {
		e.Size *= 1024
	}
	return e, nil
}

// Place sends an archive, which write writes, to a path of the guest. base is the name that
// it gets in a folder; kind is one of place.sh.
func Place(ctx context.Context, g Guest, path, base, kind string, write func(io.Writer) error) error {
	pr, pw := io.Pipe()
	failed := make(chan error, 1)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		err := write(pw)
		failed <- err
		if err != nil { // its end would look like the end of the archive
			cancel()
		}
		pw.CloseWithError(err)
	}()
	defer pr.Close()
	var said tail
	status, err := Exec(ctx, g, Process{Argv: []string{"sh", "-c", placeText, "sh", path, base, kind}, Stdin: pr, Stderr: &said})
	pr.CloseWithError(errStopped)
	if own := <-failed; own != nil && !errors.Is(own, errStopped) && !errors.Is(own, io.ErrClosedPipe) {
		return own
	}
	if err == nil && status != 0 {
		err = &Refusal{Status: status, Said: said.String()}
	}
	return err
}

var errStopped = errors.New("the guest takes no more")

// Fetch has the guest write an archive: of the folder's contents, or of the one file, which
// may be a link to it. take reads it to its end.
func Fetch(ctx context.Context, g Guest, path string, dir bool, take func(io.Reader) error) error {
	script := `f=$(readlink -f -- "$1") && cd "$(dirname -- "$f")" && exec tar -cf - "./$(basename -- "$f")"`
	if dir {
		script = `cd "$1" && exec tar -cf - .`
	}
	return fetch(ctx, g, script, path, take)
}

// FetchTar is Fetch for an archive whose top is the path's last name, as it is.
func FetchTar(ctx context.Context, g Guest, path string, take func(io.Reader) error) error {
	return fetch(ctx, g, `cd "$(dirname -- "$1")" && exec tar -cf - "./$(basename -- "$1")"`, path, take)
}

func fetch(ctx context.Context, g Guest, script, path string, take func(io.Reader) error) error {
	pr, pw := io.Pipe()
	taken := make(chan error, 1)
	go func() {
		err := take(pr)
		if err == nil {
			_, err = io.Copy(io.Discard, pr) // tar fills up its last block
		}
		pr.CloseWithError(errors.Join(err, errStopped))
		taken <- err
	}()
	var said tail
	status, err := Exec(ctx, g, Process{Argv: []string{"sh", "-c", script, "sh", path}, Stdout: pw, Stderr: &said})
	switch {
	case err != nil:
		pw.CloseWithError(err)
	case status != 0:
		err = &Refusal{Status: status, Said: said.String()}
		pw.CloseWithError(err)
	default:
		pw.Close()
	}
	own := <-taken
	if own != nil && !(err != nil && errors.Is(own, err)) {
		return own
	}
	return err
}

// Refusal is the error of a program of ours in the guest that could not do its part.
type Refusal struct {
	Status int
	Said   string
}

func (r *Refusal) Error() string {
	lines := strings.Split(strings.TrimSpace(r.Said), "\n")
	if last := lines[len(lines)-1]; last != "" {
		return last
	}
	return fmt.Sprintf("it ended with status %d", r.Status)
}
