package ui

import (
	"context"
	"errors"
	"strings"

	tea "charm.land/bubbletea/v2"
	"charm.land/huh/v2"
	"github.com/charmbracelet/colorprofile"
)

// The form of package huh. It obeys the rules of the terminal: it is drawn on stderr, on
// the main screen, with our colours, and asks the terminal for no colour. huh's own mode
// for terminals that cannot show a form is not used: of version 2.0.3, it keeps only the
// first line of what is typed ahead, and takes an answer at the end of the input unchecked.

// formWidth is the most that a form takes.
const formWidth = 100

// askForm asks one question in a form of its own. With several, huh 2.0.3 paints the
// prompts of those that have no focus white, on a white terminal, too.
func (a *Asker) askForm(ctx context.Context, page string, q Question) (string, error) {
	columns, _ := a.s.size()
	answer := ""
	form := newForm(page, q, &answer, newStyles(a.s.ErrColor), columns)
	// Without colours the cursor and the frame still need escape sequences.
	colors := max(a.s.ErrColor, colorprofile.ASCII)
	form.WithProgramOptions(tea.WithInput(a.s.In), tea.WithOutput(a.s.Err), tea.WithColorProfile(colors), tea.WithoutSignalHandler(), tea.WithFilter(withoutLineEnd))
	err := form.RunWithContext(ctx)
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case errors.Is(err, huh.ErrUserAborted):
		return "", ErrLeft
	}
	return q.answer(answer), err
}

// withoutLineEnd drops the line end of a pasted text. bubbles 2.2.1 makes a blank of it, which a
// password keeps, and which nobody sees in it: the login was refused.
func withoutLineEnd(_ tea.Model, msg tea.Msg) tea.Msg {
	if paste, ok := msg.(tea.PasteMsg); ok {
		paste.Content = strings.TrimRight(paste.Content, "\r\n")
		return paste
	}
	return msg
}

// newForm makes a form for a question, whose answer goes to answer.
func newForm(page string, q Question, answer *string, st styles, columns int) *huh.Form {
	keys := huh.NewDefaultKeyMap()
	keys.Select.Filter.SetEnabled(false) // a handful of choices needs no search
	return huh.NewForm(huh.NewGroup(q.field(answer)).Title(Clean(page) + "\n")).
		WithAccessible(false).WithKeyMap(keys).WithTheme(theme(st)).WithWidth(min(columns, formWidth)).WithShowHelp(true)
}

func (q Question) field(answer *string) huh.Field {
	lines := strings.Split(q.Help, "\n")
	for i := range lines {
		lines[i] = Clean(lines[i])
	}
	help := strings.Join(lines, "\n")
	if len(q.Choices) > 0 {
		*answer = q.Default
		options := make([]huh.Option[string], len(q.Choices))
		for i, c := range q.Choices {
			options[i] = huh.NewOption(c.label(), c.Value)
		}
		f := huh.NewSelect[string]().Title(Clean(q.Title)).Options(options...).Value(answer)
		if help != "" {
			f.Description(help)
		}
		return f
	}
	check := func(text string) error { return q.check(q.answer(text)) }
	f := huh.NewInput().Title(Clean(q.Title)).Value(answer).Validate(check).CharLimit(1000)
	if help != "" {
		f.Description(help)
	}
	switch {
	case q.Secret:
		f.EchoMode(huh.EchoModePassword)
	case q.Default != "":
		f.Placeholder(Clean(q.Default)) // Enter takes it
	}
	return f
}

// theme is huh's plain theme with our palette, which reads well on black and on white.
func theme(st styles) huh.Theme {
	return huh.ThemeFunc(func(bool) *huh.Styles {
		t := huh.ThemeBase(false)
		t.Group.Title = st.bold
		f := &t.Focused
		f.Title, f.Description = st.accent, st.dim
		f.ErrorMessage, f.ErrorIndicator = st.bad.SetString("✗"), st.bad.SetString(" ✗")
		f.SelectSelector = st.accent.SetString("> ")
		f.Option, f.SelectedOption = st.plain, st.plain
		f.TextInput.Placeholder, f.TextInput.Prompt, f.TextInput.Text = st.dim, st.accent, st.plain
		t.Blurred = t.Focused
		t.Help.ShortKey, t.Help.ShortDesc, t.Help.ShortSeparator = st.dim, st.dim, st.dim
		t.Help.FullKey, t.Help.FullDesc, t.Help.FullSeparator, t.Help.Ellipsis = st.dim, st.dim, st.dim, st.dim
		return t
	})
}
