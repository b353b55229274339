package provision

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/aymanbagabas/go-udiff"

	"github.com/infrahaus/infrahaus/internal/configmanager"
	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/guest"
	"github.com/infrahaus/infrahaus/internal/provision/plan"
)

// diffs compares, line by line, each file that the template has and that differs in the
// guest, which sends all of them in one remote command. Secrets are masked on both sides.
func (r *Run) diffs(ctx context.Context) ([]plan.FileDiff, error) {
	differing := map[string]bool{}
	var targets []string
	for _, f := range r.inside.Drift.Files {
		if f.State != configmanager.FileSame && f.State != configmanager.FileRemoved && f.State != configmanager.FileFolder && f.Wanted != f.Actual {
			differing[f.Target] = true
			targets = append(targets, f.Target)
		}
	}
	out := []plan.FileDiff{}
	if len(targets) == 0 {
		return out, nil
	}
	have, err := r.contents(ctx, targets)
	if err != nil {
		return nil, err
	}
	for _, f := range r.inside.Wants.Files {
		if !differing[f.Target] {
			continue
		}
		want, err := wantedContent(f)
		if err != nil {
			return nil, err
		}
		d := plan.FileDiff{Target: f.Target}
		d.Diff, d.Note = unified(f.Target, have[f.Target], want, r.Bus.Redact)
		out = append(out, d)
	}
	return out, nil
}

// contents reads files of the guest, each up to a limit.
func (r *Run) contents(ctx context.Context, targets []string) (map[string][]byte, error) {
	script, stdin := configmanager.ContentsScript(targets)
	var out, said bounded
	err := r.reading(ctx, func() (err error) {
		out, said = bounded{limit: configmanager.MaxContents}, bounded{limit: 4 << 10}
		_, err = r.guest.Run(ctx, guest.Cmd{
			Label: "read the files that differ", Script: script,
			Stdin: bytesReader(stdin), Size: int64(len(stdin)), Stdout: &out, Stderr: &said,
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	have, err := configmanager.ParseContents(targets, out.Bytes())
	if err == nil {
		return have, nil
	}
	f := &exit.Failure{Status: exit.Guest, Message: err.Error(), Tail: splitLines(r.Bus.Redact(said.String())), Err: err}
	if out.Len() >= configmanager.MaxContents {
		f.Message = fmt.Sprintf("cannot compare %s line by line: together they are larger than %d MiB", plan.Counted(len(targets), "file"), configmanager.MaxContents>>20)
		f.Hints = []string{"leave out --diff"}
	}
	return nil, f
}

// wantedContent reads the template's version of a file, up to the same limit.
func wantedContent(f configmanager.File) (content []byte, err error) {
	if f.Open == nil {
		return f.Content, nil
	}
	in, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	return io.ReadAll(io.LimitReader(in, configmanager.MaxContent+1))
}

// unified is the difference of two versions as a unified diff, or why there is none. have is
// nil if the container has no such file.
func unified(target string, have, want []byte, redact func(string) string) (diff, note string) {
	switch {
	case len(have) > configmanager.MaxContent || len(want) > configmanager.MaxContent:
		return "", fmt.Sprintf("larger than %d KiB: not compared line by line", configmanager.MaxContent>>10)
	case !isText(have) || !isText(want):
		return "", "not a text: not compared line by line"
	}
	was, now := redact(string(have)), redact(string(want))
	was = maskLike(was, now)
	if was != now && hasMaskedLine(now) {
		return "", "has a secret on a line of its own: not compared line by line"
	}
	if was == now && have != nil {
		return "", "differs in secret values only"
	}
	return udiff.Unified(target+" in the container", target+" of the template", was, now), ""
}

// maskLike masks in the lines of was what the lines of like have masked. The container may
// have another secret there, which nobody knows.
func maskLike(was, like string) string {
	var masks [][2]string // the text before the first secret of a line, and after the last
	for line := range strings.Lines(like) {
		line = strings.TrimRight(line, "\n")
		first, last := strings.Index(line, event.Mask), strings.LastIndex(line, event.Mask)
		if first >= 0 && strings.TrimSpace(line) != event.Mask { // see hasMaskedLine
			masks = append(masks, [2]string{line[:first], line[last+len(event.Mask):]})
		}
	}
	if len(masks) == 0 {
		return was
	}
	var out strings.Builder
	for line := range strings.Lines(was) {
		text, end := line, ""
		if t, ok := strings.CutSuffix(line, "\n"); ok {
			text, end = t, "\n"
		}
		for _, m := range masks {
			if len(text) >= len(m[0])+len(m[1]) && strings.HasPrefix(text, m[0]) && strings.HasSuffix(text, m[1]) {
				text = m[0] + event.Mask + m[1]
				break
			}
		}
		out.WriteString(text + end)
	}
	return out.String()
}

// hasMaskedLine reports whether a line is nothing but a secret: nothing shows then which line
// of the container has the secret that stands there.
func hasMaskedLine(text string) bool {
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) == event.Mask {
			return true
		}
	}
	return false
}

func isText(b []byte) bool { return utf8.Valid(b) && !bytes.ContainsRune(b, 0) }
