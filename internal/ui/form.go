package ui

import (
	"context"
	"errors"

	tea "charm.land/bubbletea/v2"
	"charm.land/huh/v2"
	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/colorprofile"
)

// The form of package huh. It obeys the rules of the terminal: it is drawn on stderr, on
// the main screen, with our colours, and asks the terminal for no colour. huh's own mode
// for terminals that cannot show a form is not used: of version 2.0.3, it keeps only the
// first line of what is typed ahead, and takes an answer at the end of the input unchecked.

// formWidth is the most that a form takes.
const formWidth = 100

func (a *Asker) askForm(ctx context.Context, page string, questions []Question) (map[string]string, error) {
	answers := make([]string, len(questions))
	columns, _ := a.s.size()
	form := newForm(page, questions, answers, newStyles(a.s.ErrColor), columns)
	// Without colours the cursor and the frame still need escape sequences.
	colors := max(a.s.ErrColor, colorprofile.ASCII)
	form.WithProgramOptions(tea.WithInput(a.s.In), tea.WithOutput(a.s.Err), tea.WithColorProfile(colors), tea.WithoutSignalHandler())
	err := form.RunWithContext(ctx)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.Is(err, huh.ErrUserAborted):
		return nil, ErrLeft
	case err != nil:
		return nil, err
	}
	got := map[string]string{}
	for i, q := range questions {
		got[q.Key] = q.answer(answers[i])
	}
	return got, nil
}

// newForm makes a form of one page, whose answers go to answers.
func newForm(page string, questions []Question, answers []string, st styles, columns int) *huh.Form {
	fields := make([]huh.Field, len(questions))
	for i, q := range questions {
		fields[i] = q.field(&answers[i])
	}
	return huh.NewForm(huh.NewGroup(fields...).Title(Clean(page) + "\n")).
		WithAccessible(false).WithTheme(theme(st)).WithWidth(min(columns, formWidth)).WithShowHelp(true)
}

func (q Question) field(answer *string) huh.Field {
	help := safeLines(q.Help)
	if len(q.Choices) > 0 {
		*answer = q.Default
		options := make([]huh.Option[string], len(q.Choices))
		for i, c := range q.Choices {
			options[i] = huh.NewOption(Clean(q.label(c.Value)), c.Value)
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
		t.FieldSeparator = lipgloss.NewStyle().SetString("\n\n")
		t.Group.Title = st.bold
		for _, f := range []*huh.FieldStyles{&t.Focused, &t.Blurred} {
			f.Title, f.Description = st.accent, st.dim
			f.ErrorMessage, f.ErrorIndicator = st.bad.SetString("✗"), st.bad.SetString(" ✗")
			f.SelectSelector = st.accent.SetString("> ")
			f.Option, f.SelectedOption = st.plain, st.plain
			f.TextInput.Placeholder, f.TextInput.Prompt, f.TextInput.Text = st.dim, st.accent, st.plain
		}
		t.Blurred.SelectSelector = st.plain.SetString("  ")
		t.Help.ShortKey, t.Help.ShortDesc, t.Help.ShortSeparator = st.dim, st.dim, st.dim
		t.Help.FullKey, t.Help.FullDesc, t.Help.FullSeparator, t.Help.Ellipsis = st.dim, st.dim, st.dim, st.dim
		return t
	})
}
