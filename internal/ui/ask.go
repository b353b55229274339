package ui

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/term"
)

// Question is one thing that a person is asked for.
type Question struct {
	Key     string
	Title   string
	Short   string // names the answer once it is given; "": Title
	Help    string // more words below the title
	Default string // the answer of a bare Enter; not shown if the answer is secret
	Secret  bool   // the answer is not shown
	Choices []Choice
	Check   func(string) error // nil: every answer will do. It may be called more than once
}

// Choice is one of the answers that a question takes.
type Choice struct{ Value, Label string }

// ErrLeft is the error of questions that a person did not answer: Ctrl-C in a form, or the
// end of the input.
var ErrLeft = errors.New("the questions were left")

// Asker asks questions on the terminal: in a form, or line by line where the terminal
// cannot show one or the person does not want it.
type Asker struct {
	s     *Streams
	form  bool
	page  string        // the last heading of lines
	lines *bufio.Reader // the only reader of lines: two of them would lose what is typed ahead
}

// NewAsker returns ErrNoTerminal without a terminal on stdin and stderr. plain asks line
// by line.
func NewAsker(s *Streams, plain bool) (*Asker, error) {
	if !s.InTTY || !s.ErrTTY && !s.ErrDumb {
		return nil, ErrNoTerminal
	}
	return &Asker{s: s, form: s.ErrTTY && !plain, lines: bufio.NewReader(s.In)}, nil
}

// Ask asks the questions of a page and returns the answers by key. Each has passed its
// question's check. The answers stay on the screen, but for secret ones.
func (a *Asker) Ask(ctx context.Context, page string, questions ...Question) (map[string]string, error) {
	if !a.form {
		return a.askLines(ctx, page, questions)
	}
	answers := map[string]string{}
	for _, q := range questions {
		for done := false; !done; {
			answer, err := a.askForm(ctx, page, q)
			if err != nil {
				return nil, err
			}
			// A form may end without having checked its answer.
			if wrong := q.check(answer); wrong != nil {
				err = WriteWarning(a.s, q.Title+": "+wrong.Error(), "")
			} else {
				answers[q.Key], done = answer, true
				err = a.record(q, answer)
			}
			if err != nil {
				return nil, err
			}
		}
	}
	return answers, nil
}

// check also refuses what is not among the choices.
func (q Question) check(answer string) error {
	if len(q.Choices) > 0 {
		for _, c := range q.Choices {
			if c.Value == answer {
				return nil
			}
		}
		return errors.New("choose one of them")
	}
	if q.Check != nil {
		return q.Check(answer)
	}
	return nil
}

// label is a choice as people read it.
func (c Choice) label() string { return Clean(cmp.Or(c.Label, c.Value)) }

// record leaves the answer to a form, which has gone, on the screen.
func (a *Asker) record(q Question, answer string) error {
	switch {
	case q.Secret:
		answer = "(not shown)"
	case answer == "":
		answer = "(none)"
	}
	width, _ := a.s.size()
	line := newStyles(a.s.ErrColor).dim.Render(Clean(cmp.Or(q.Short, q.Title))+":") + " " + Clean(answer)
	_, err := io.WriteString(a.s.Err, cut(line, width)+"\n")
	return err
}

// askLines asks one question after the other.
func (a *Asker) askLines(ctx context.Context, page string, questions []Question) (map[string]string, error) {
	answers := map[string]string{}
	if page != a.page {
		a.page = page
		if _, err := fmt.Fprintf(a.s.Err, "\n%s\n", Clean(page)); err != nil {
			return nil, err
		}
	}
	for _, q := range questions {
		answer, err := a.askLine(ctx, q)
		if err != nil {
			return nil, err
		}
		answers[q.Key] = answer
	}
	return answers, nil
}

func (a *Asker) askLine(ctx context.Context, q Question) (string, error) {
	var b strings.Builder
	if q.Help != "" {
		for line := range strings.Lines(q.Help) {
			b.WriteString("  " + oneLine(strings.TrimRight(line, "\n")) + "\n")
		}
	}
	for i, c := range q.Choices {
		fmt.Fprintf(&b, "  %d. %s\n", i+1, c.label())
	}
	prompt := Clean(q.Title)
	if q.Default != "" && !q.Secret {
		prompt += " [" + Clean(q.defaultText()) + "]"
	}
	text := b.String()
	for {
		line, err := a.line(ctx, text+prompt+": ", q.Secret)
		if err != nil {
			return "", err
		}
		answer := q.answer(line)
		if err = q.check(answer); err == nil {
			return answer, nil
		}
		text = "  " + Clean(err.Error()) + "\n"
	}
}

// defaultText is the default as the list of choices names it.
func (q Question) defaultText() string {
	for i, c := range q.Choices {
		if c.Value == q.Default {
			return strconv.Itoa(i + 1)
		}
	}
	return q.Default
}

// answer makes the answer of a line: the default for an empty one, and the choice for a
// number.
func (q Question) answer(line string) string {
	if !q.Secret {
		line = strings.TrimSpace(line)
	}
	if line == "" {
		return q.Default
	}
	if n, err := strconv.Atoi(line); err == nil && n >= 1 && n <= len(q.Choices) {
		return q.Choices[n-1].Value
	}
	return line
}

// line shows a prompt and reads a line. A read of a terminal cannot be cancelled: if ctx
// ends, its goroutine stays until the process ends.
func (a *Asker) line(ctx context.Context, prompt string, secret bool) (string, error) {
	if f, ok := a.s.In.(*os.File); ok && secret && term.IsTerminal(int(f.Fd())) {
		return a.secretLine(ctx, prompt, int(f.Fd()))
	}
	if _, err := io.WriteString(a.s.Err, prompt); err != nil {
		return "", err
	}
	return a.await(ctx, a.read(func() (string, error) { return a.lines.ReadString('\n') }))
}

// secretLine reads a line that the terminal does not show. The prompt comes after the echo
// is off, because what is typed at once would be shown otherwise. The terminal gives one
// line a read, so that the reader of the other lines holds none back.
func (a *Asker) secretLine(ctx context.Context, prompt string, fd int) (string, error) {
	before, err := term.GetState(fd)
	if err != nil {
		return "", err
	}
	got := a.read(func() (string, error) {
		line, err := term.ReadPassword(fd)
		return string(line), err
	})
	for end := time.Now().Add(time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if now, err := term.GetState(fd); err != nil || *now != *before {
			break
		}
	}
	if _, err := io.WriteString(a.s.Err, prompt); err != nil {
		return "", err
	}
	line, err := a.await(ctx, got)
	if err != nil { // the echo must come back, also after Ctrl-C
		_ = term.Restore(fd, before)
		return "", err
	}
	_, err = fmt.Fprintln(a.s.Err) // the Enter was not shown
	return line, err
}

// typed is a line, or the error instead of it.
type typed struct {
	line string
	err  error
}

func (a *Asker) read(line func() (string, error)) <-chan typed {
	got := make(chan typed, 1)
	go func() {
		line, err := line()
		got <- typed{line, err}
	}()
	return got
}

func (a *Asker) await(ctx context.Context, got <-chan typed) (string, error) {
	select {
	case <-ctx.Done():
		fmt.Fprintln(a.s.Err)
		return "", ctx.Err()
	case in := <-got:
		if in.err != nil && in.line == "" {
			fmt.Fprintln(a.s.Err)
			return "", ErrLeft
		}
		return strings.TrimRight(in.line, "\r\n"), nil
	}
}
