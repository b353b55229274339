package kernel

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"mvdan.cc/sh/v3/syntax"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/tty"
)

// interaction is the part of a shell's state that only an interactive shell has.
type interaction struct {
	histexpand bool     // bash's !
	noHistory  bool     // set +o history
	lines      []string // typed, for the history file

	mu     sync.Mutex
	ctx    context.Context // of the line or command at hand; ^C ends it
	cancel context.CancelFunc
}

var errInterrupted = errors.New("interrupted")

// context ends when the running command must end.
func (sh *shell) context() context.Context {
	if sh.prompt != nil {
		sh.prompt.mu.Lock()
		defer sh.prompt.mu.Unlock()
		if sh.prompt.ctx != nil {
			return sh.prompt.ctx
		}
	}
	return sh.p.ctx
}

// begin starts a command that ^C can end. end reports whether ^C did.
func (sh *shell) begin() (ctx context.Context, end func() (interrupted bool)) {
	ctx, cancel := context.WithCancel(sh.p.ctx)
	sh.prompt.mu.Lock()
	sh.prompt.ctx, sh.prompt.cancel = ctx, cancel
	sh.prompt.mu.Unlock()
	return ctx, func() bool {
		cut := ctx.Err() != nil && sh.p.ctx.Err() == nil
		sh.prompt.mu.Lock()
		sh.prompt.ctx, sh.prompt.cancel = nil, nil
		sh.prompt.mu.Unlock()
		cancel()
		return cut
	}
}

// signalled keeps an interactive shell alive: ^C ends only its command, and TERM and ^Z do
// nothing.
func (sh *shell) signalled(sig int) bool {
	if sig == 2 {
		sh.prompt.mu.Lock()
		defer sh.prompt.mu.Unlock()
		if sh.prompt.cancel != nil {
			sh.prompt.cancel()
		}
	}
	return sig == 2 || sig == 3 || sig == 15
}

// interact reads commands from the terminal and runs them, to the end of input,
// exit, a hangup or TMOUT.
func (sh *shell) interact(o shellArgs) int {
	t := sh.p.IsTerminal(0)
	if t == nil { // sh -i with a pipe
		return sh.runStdin(sh.p.Stdin)
	}
	sh.p.Handle(sh.signalled)
	if sh.kind == "bash" && !o.login && !o.norc {
		sh.sourceIf("/etc/bash.bashrc")
		sh.sourceIf(sh.variable("HOME") + "/.bashrc")
	}
	status, end := 0, endNone
	for end == endNone {
		in := &typed{sh: sh, t: t, fresh: true}
		status, end = sh.session(in, status)
	}
	if sh.kind == "bash" && (end == endExit || end == endInput) {
		fmt.Fprintln(sh.p.Stderr, map[bool]string{true: "logout", false: "exit"}[o.login])
	}
	sh.saveHistory()
	if end != endExit && sh.p.ctx.Err() == nil {
		sh.runNode(&syntax.File{Name: sh.name}) // runs the EXIT trap
	}
	return status
}

// How a session ends.
const (
	endNone  = iota // it goes on, with a new parser
	endExit         // exit, or killed
	endInput        // ^D or a hangup
	endIdle         // TMOUT
)

// session runs the typed commands until the parser must start afresh.
func (sh *shell) session(in *typed, status int) (int, int) {
	parser := syntax.NewParser(syntax.Variant(syntax.LangBash))
	for stmts, err := range parser.InteractiveSeq(in) {
		switch {
		case in.err != nil:
			return sh.inputEnd(in.err, status)
		case err != nil:
			fmt.Fprintln(sh.p.Stderr, sh.rewriter().parseError(err))
			return 2, endNone
		case parser.Incomplete():
			continue
		}
		in.fresh = true
		st, done := sh.runTyped(stmts, status)
		if status = st; done {
			return status, endExit
		}
	}
	return sh.inputEnd(in.err, status)
}

func (sh *shell) inputEnd(err error, status int) (int, int) {
	switch {
	case errors.Is(err, errInterrupted):
		return 130, endNone
	case errors.Is(err, os.ErrDeadlineExceeded):
		return status, endIdle
	case sh.p.ctx.Err() != nil:
		return status, endExit
	}
	return status, endInput
}

// runTyped runs the commands of a line; done says that the shell ends.
func (sh *shell) runTyped(stmts []*syntax.Stmt, status int) (_ int, done bool) {
	w := sh.rewriter()
	w.typed(stmts)
	if w.err != nil {
		fmt.Fprintln(sh.p.Stderr, w.err)
		return 2, false
	}
	for _, st := range stmts {
		_, end := sh.begin()
		status = sh.runNode(st)
		cut := end()
		switch {
		case sh.p.ctx.Err() != nil:
			return status, true
		case cut:
			fmt.Fprintln(sh.p.Stderr)
			return 130, false
		case sh.r.Exited():
			return status, true
		}
	}
	return status, false
}

// typed is the terminal as the parser reads it: line by line, with a prompt in
// front of each, so that a command can read the lines after it.
type typed struct {
	sh    *shell
	t     *tty.TTY
	fresh bool // the next line begins a command
	rest  string
	err   error
}

func (in *typed) Read(b []byte) (int, error) {
	if in.rest == "" && in.err == nil {
		name := "PS2"
		if in.fresh {
			name = "PS1"
		}
		in.fresh = false
		in.rest, in.err = in.sh.readLine(in.t, in.sh.promptText(in.sh.variable(name)))
	}
	if in.rest == "" {
		return 0, io.EOF
	}
	n := copy(b, in.rest)
	in.rest = in.rest[n:]
	return n, nil
}

// readLine is one line with its newline, edited where the shell can. ^C is
// errInterrupted, TMOUT os.ErrDeadlineExceeded, the end io.EOF.
func (sh *shell) readLine(t *tty.TTY, prompt string) (string, error) {
	ctx, end := sh.begin()
	defer end()
	if d, ok := seconds(sh.variable("TMOUT")); ok && d > 0 && (sh.kind == "bash" || sh.kind == "ash") {
		c, cancel := context.WithTimeoutCause(ctx, d, os.ErrDeadlineExceeded)
		defer cancel()
		ctx = c
	}
	var line string
	var err error
	if sh.kind == "bash" || sh.kind == "ash" {
		line, err = sh.edit(ctx, t, prompt)
	} else {
		_, _ = t.WriteContext(ctx, []byte(prompt)) // a failure shows in the read
		line, err = readCooked(ctx, t)
	}
	switch {
	case err == nil:
		return sh.remember(t, line)
	case errors.Is(context.Cause(ctx), os.ErrDeadlineExceeded):
		fmt.Fprint(sh.p.Stderr, "\atimed out waiting for input: auto-logout\n")
		return "", os.ErrDeadlineExceeded
	case sh.p.ctx.Err() != nil:
		return "", context.Cause(sh.p.ctx)
	case ctx.Err() != nil:
		fmt.Fprintln(sh.p.Stderr)
		return "", errInterrupted
	}
	return "", err
}

func readCooked(ctx context.Context, t *tty.TTY) (string, error) {
	var line strings.Builder
	b := make([]byte, 4096)
	for {
		n, err := t.ReadContext(ctx, b)
		line.Write(b[:n])
		if err != nil && (line.Len() == 0 || !errors.Is(err, io.EOF)) {
			return "", err
		}
		if n > 0 && b[n-1] == '\n' {
			return line.String(), nil
		}
	}
}

// variable is one of the shell's own.
func (sh *shell) variable(name string) string {
	if v, ok := sh.r.Vars[name]; ok { // from the first command on all are there
		return v.Str
	}
	return sh.r.Env.Get(name).Str
}

// profile runs the files that a login shell reads first.
func (sh *shell) profile() {
	sh.sourceIf("/etc/profile")
	home := sh.variable("HOME")
	names := []string{".profile"}
	if sh.kind == "bash" {
		names = []string{".bash_profile", ".bash_login", ".profile"}
	}
	for _, n := range names {
		if sh.sourceIf(home + "/" + n) {
			return
		}
	}
}

func (sh *shell) sourceIf(file string) bool {
	b, err := sh.p.View().ReadFile(file)
	if err != nil {
		return false
	}
	f, err := sh.rewriter().parse(strings.NewReader(string(b)))
	if err != nil {
		fmt.Fprintln(sh.p.Stderr, err)
	}
	for _, st := range f.Stmts {
		if sh.runNode(st); sh.r.Exited() || sh.p.ctx.Err() != nil {
			break
		}
	}
	return true
}
