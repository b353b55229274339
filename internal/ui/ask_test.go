package ui

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/ansi"
)

var (
	urlQuestion = Question{Key: "url", Title: "Address", Help: "a name or a URL", Check: func(s string) error {
		if !strings.HasPrefix(s, "https://") {
			return errors.New("it is no URL")
		}
		return nil
	}}
	wayQuestion = Question{Key: "way", Title: "How?", Default: "auto", Choices: []Choice{{"auto", "auto: the first that works"}, {"node", "node: by SSH to the node"}, {"api", ""}}}
	keyQuestion = Question{Key: "key", Title: "Password", Secret: true}
)

func TestAskLines(t *testing.T) {
	for _, tt := range []struct {
		name, typed string
		q           []Question
		want        string
		err         error
		shown       string
	}{
		{"one after the other, all typed ahead", "https://a\n2\nsecret\n", []Question{urlQuestion, wayQuestion, keyQuestion}, "https://a node secret", nil,
			"\nPage\n  a name or a URL\nAddress:   1. auto: the first that works\n  2. node: by SSH to the node\n  3. api\nHow? [1]: Password: "},
		{"again after a wrong one", "pve\n https://a \n", []Question{urlQuestion}, "https://a", nil, "\nPage\n  a name or a URL\nAddress:   it is no URL\nAddress: "},
		{"the default", "\n", []Question{wayQuestion}, "auto", nil, ""},
		{"by its name", "api\n", []Question{wayQuestion}, "api", nil, ""},
		{"no such choice", "4\nnone\n3\n", []Question{wayQuestion}, "api", nil, ""},
		{"a secret keeps its spaces", " a b \r\n", []Question{keyQuestion}, " a b ", nil, ""},
		{"the last line has no end", "https://a", []Question{urlQuestion}, "https://a", nil, ""},
		{"the end of the input", "https://a\n", []Question{urlQuestion, wayQuestion}, "", ErrLeft, ""},
		{"a wrong answer, and the end", "pve\n", []Question{urlQuestion}, "", ErrLeft, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var shown bytes.Buffer
			a, err := NewAsker(&Streams{In: strings.NewReader(tt.typed), Err: &shown, InTTY: true, ErrDumb: true}, false)
			if err != nil {
				t.Fatal(err)
			}
			answers, err := a.Ask(context.Background(), "Page", tt.q...)
			if !errors.Is(err, tt.err) {
				t.Fatalf("%v, want %v", err, tt.err)
			}
			var got []string
			for _, q := range tt.q {
				got = append(got, answers[q.Key])
			}
			if tt.err == nil && strings.Join(got, " ") != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
			if tt.shown != "" && shown.String() != tt.shown {
				t.Errorf("%q\nwant %q", shown.String(), tt.shown)
			}
		})
	}
}

func TestAskNobody(t *testing.T) {
	for _, s := range []*Streams{{InTTY: true}, {ErrTTY: true}, {ErrDumb: true}} {
		if _, err := NewAsker(s, false); !errors.Is(err, ErrNoTerminal) {
			t.Errorf("%+v: %v", s, err)
		}
	}
}

// A question that nobody answers ends with the context.
func TestAskInterrupted(t *testing.T) {
	r, w := io.Pipe()
	defer w.Close()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	a, err := NewAsker(&Streams{In: r, Err: io.Discard, InTTY: true, ErrDumb: true}, false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Ask(ctx, "Page", urlQuestion); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestFormPaste pastes a password that was copied with its line.
func TestFormPaste(t *testing.T) {
	for _, tt := range []struct{ pasted, want string }{
		{"secret\n", "secret"}, {"secret\r\n", "secret"}, {" secret ", " secret "},
	} {
		a := &Asker{s: &Streams{In: strings.NewReader("\x1b[200~" + tt.pasted + "\x1b[201~\r"), Err: io.Discard}}
		ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
		got, err := a.askForm(ctx, "Page", keyQuestion)
		stop()
		if err != nil || got != tt.want {
			t.Errorf("%q: %q, %v, want %q", tt.pasted, got, err, tt.want)
		}
	}
}

// TestFormScreen compares the form with golden screens: a wrong answer, and a choice. No
// line is wider than the terminal.
func TestFormScreen(t *testing.T) {
	way := wayQuestion
	way.Help = "No CA of this machine vouches for the certificate of https://pve.example.com:8006, and this line goes on for longer than a terminal."
	for _, tt := range []struct {
		name string
		q    Question
		keys string
	}{{"text", urlQuestion, "pve\r"}, {"choice", way, "j"}} {
		for _, columns := range []int{60, 120} {
			for suffix, colors := range map[string]colorprofile.Profile{"": colorprofile.ANSI256, "-nocolor": colorprofile.NoTTY} {
				answer := ""
				form := newForm("Into containers", tt.q, &answer, newStyles(colors), columns)
				form.Init()
				form.Update(tea.WindowSizeMsg{Width: columns, Height: 40})
				for _, r := range tt.keys {
					key := tea.KeyPressMsg{Code: r, Text: string(r)}
					if r == '\r' {
						key = tea.KeyPressMsg{Code: tea.KeyEnter}
					}
					form.Update(key)
				}
				view := form.View()
				for line := range strings.Lines(view) {
					if w := ansi.StringWidth(strings.TrimRight(line, "\n")); w > columns {
						t.Errorf("%d columns: %q", w, line)
					}
				}
				golden(t, fmt.Sprintf("form-%s-%d%s.txt", tt.name, columns, suffix), view)
			}
		}
	}
}
