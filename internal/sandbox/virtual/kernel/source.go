package kernel

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"mvdan.cc/sh/v3/interp"
)

func (sh *shell) eval(hc interp.HandlerContext, src string) ([]string, error) {
	text, err := sh.rewriter().text(src)
	if err != nil {
		fmt.Fprintln(hc.Stderr, err)
		if text == "" {
			return []string{"exit", "2"}, nil
		}
		text += "\nexit 2"
	}
	return []string{"eval", text}, nil
}

func (sh *shell) source(hc interp.HandlerContext, args []string) ([]string, error) {
	if len(args) < 2 {
		return []string{"false"}, nil
	}
	name := args[1]
	if !strings.Contains(name, "/") {
		name = sh.findSource(name)
	}
	v := sh.p.View()
	v.Cwd = hc.Dir
	if _, err := v.Stat(name); err != nil && sh.kind != "bash" { // only bash goes on
		fmt.Fprintf(hc.Stderr, "%s: %d: .: cannot open %s: %s\n", sh.name, max(1, hc.Pos.Line()), args[1], lowerFirst(Reason(err)))
		return []string{"exit", "2"}, nil
	}
	// The name goes through the library to openHandler marked, so that the
	// library's own search cannot find a file of the host.
	return append([]string{args[0], nowhere + name}, args[2:]...), nil
}

func (sh *shell) findSource(name string) string {
	v := sh.p.View()
	v.Cwd = sh.r.Dir
	for _, dir := range strings.Split(sh.p.Getenv("PATH")+":", ":") {
		full := dir + "/" + name
		if dir == "" {
			full = name
		}
		if i, err := v.Stat(full); err == nil && i.Mode().IsRegular() {
			return full
		}
	}
	return name
}

// openSource is the script of a dot command, rewritten.
func (sh *shell) openSource(ctx context.Context, name string) (*textFile, error) {
	hc := interp.HandlerCtx(ctx)
	v := sh.p.View()
	v.Cwd = hc.Dir
	read := func() ([]byte, error) { return v.ReadFile(name) }
	if n, ok := fdPath(name); ok && n < 3 { // such as of source /dev/stdin <<<"$text"
		read = func() ([]byte, error) { return sh.readFd(hc, n) }
	}
	b, err := read()
	if err != nil {
		return nil, &os.PathError{Op: sh.name, Path: "cannot open " + name, Err: shellReason{err}}
	}
	w := sh.rewriter()
	w.name = name
	text, err := w.text(string(b))
	if err != nil {
		fmt.Fprintln(hc.Stderr, err)
		text += "\nexit 2\n"
	}
	return &textFile{Reader: strings.NewReader(text)}, nil
}

// readFd reads a descriptor of the shell to its end.
func (sh *shell) readFd(hc interp.HandlerContext, n int) ([]byte, error) {
	f, err := sh.openFd(hc, n, n < 3)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}

type textFile struct{ *strings.Reader }

func (*textFile) Write([]byte) (int, error) { return 0, os.ErrPermission }

func (*textFile) Close() error { return nil }
