package community

import (
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/infrahaus/infrahaus/internal/lazy"
	"github.com/infrahaus/infrahaus/internal/template"
)

// question is what an installer asks the person at the terminal.
type question struct {
	Variable string // the template's variable that answers it
	Text     string
	YesNo    bool     // answered by y or n
	Values   []string // the answers that there are, if they are listed
	Default  string   // of YesNo: true or false
	Optional bool     // nothing has to be set
	Needed   bool     // an empty answer is none; it is asked in some cases only
	Secret   bool
	Generate string // how a value is made where none is set
	line     int
}

// asking are the functions of misc/core.func that ask.
var asking = []string{"prompt_confirm", "prompt_input", "prompt_input_required", "prompt_select", "prompt_password"}

// ask finds the questions and prepares the edits that answer them. It returns the places
// that would ask a terminal and cannot be answered.
func (s *script) ask() []template.Problem {
	var problems []template.Problem
	said := "" // what was printed last: the question of a read without a text
	own := s.functions()
	s.calls(func(name string, call *syntax.CallExpr, around []syntax.Node) {
		base := path.Base(name)
		switch {
		case base == "echo" || base == "printf" || strings.HasPrefix(base, "msg_"):
			said = s.plain(call.Args[len(call.Args)-1])
		case slices.Contains(own, name):
		case name == "read":
			if q, ok := s.read(call, around, said); ok {
				s.answer(call, &q)
			}
		case slices.Contains(asking, name):
			q := s.prompt(name, call)
			s.answer(call, &q)
		default:
			if why := dialogue(base, s, call, around); why != "" {
				problems = append(problems, s.at(call, "%s, and no variable can answer it", why))
			}
		}
	})
	syntax.Walk(s.syntax, func(n syntax.Node) bool {
		if f, ok := n.(*syntax.ForClause); ok && f.Select {
			problems = append(problems, s.at(f, "select waits for a choice, and no variable can answer it"))
		}
		return true
	})
	slices.SortStableFunc(problems, func(a, b template.Problem) int { return a.Line - b.Line })
	return problems
}

// functions are the names of the functions that the script itself has.
func (s *script) functions() []string {
	var out []string
	syntax.Walk(s.syntax, func(n syntax.Node) bool {
		if f, ok := n.(*syntax.FuncDecl); ok && f.Name != nil {
			out = append(out, f.Name.Value)
		}
		return true
	})
	return out
}

// read is the question of a read command, if it reads what somebody types. Its input from
// /dev/tty is edited away.
func (s *script) read(call *syntax.CallExpr, around []syntax.Node, said string) (question, bool) {
	var q question
	names := []string{}
	hidden := false
	for i := 1; i < len(call.Args); i++ {
		word := s.plain(call.Args[i])
		if len(names) > 0 || !strings.HasPrefix(word, "-") {
			names = append(names, word)
			continue
		}
		for j, c := range word[1:] {
			if c == 's' {
				hidden = true
			}
			if !strings.ContainsRune("adinNptu", c) {
				continue
			}
			if c == 'u' {
				return q, false // another descriptor than the terminal
			}
			if j+2 == len(word) && i+1 < len(call.Args) {
				i++
				word = word[:1] + s.plain(call.Args[i])
				j = -1
			}
			if c == 'p' {
				q.Text = word[j+2:]
			}
			if c == 'a' {
				names = append(names, word[j+2:])
			}
			break
		}
	}
	if given, tty := s.input(call, around); given {
		return q, false
	} else if tty != nil {
		s.replace(tty, "")
	}
	if q.Text == "" {
		q.Text = said
	}
	target := "REPLY"
	if len(names) > 0 {
		target = names[0]
	}
	q.describe(target, hidden, conditional(around))
	return q, true
}

// input reports whether a command's standard input is something other than the terminal;
// tty is a redirection from the terminal itself.
func (s *script) input(call syntax.Node, around []syntax.Node) (given bool, tty *syntax.Redirect) {
	inner := call
	for _, n := range slices.Backward(around) {
		switch n := n.(type) {
		case *syntax.Stmt:
			for _, r := range n.Redirs {
				if r.N != nil && r.N.Value != "0" {
					continue
				}
				switch r.Op {
				case syntax.RdrIn, syntax.Hdoc, syntax.DashHdoc, syntax.WordHdoc, syntax.DplIn, syntax.RdrInOut:
					if r.Word != nil && r.Word.Lit() == "/dev/tty" {
						return false, r
					}
					return true, nil
				}
			}
		case *syntax.BinaryCmd:
			if (n.Op == syntax.Pipe || n.Op == syntax.PipeAll) && n.Y == inner {
				return true, nil
			}
		case *syntax.FuncDecl:
			return false, nil
		}
		inner = n
	}
	return false, nil
}

// conditional reports whether a command runs only if something holds.
func conditional(around []syntax.Node) bool {
	return slices.ContainsFunc(around, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.IfClause, *syntax.CaseClause, *syntax.FuncDecl:
			return true
		case *syntax.BinaryCmd:
			return n.Op == syntax.AndStmt || n.Op == syntax.OrStmt
		}
		return false
	})
}

// prompt is the question of one of the project's own functions, which all take the default
// where nobody answers.
func (s *script) prompt(name string, call *syntax.CallExpr) question {
	arg := func(n int) string {
		if n < len(call.Args) {
			return s.plain(call.Args[n])
		}
		return ""
	}
	q := question{Text: arg(1)}
	q.describe("prompt", name == "prompt_password", true)
	q.Optional, q.Needed, q.Values = true, false, nil
	q.YesNo, q.Default = name == "prompt_confirm", ""
	switch name {
	case "prompt_input":
		if len(call.Args) > 2 && fixed(call.Args[2:3]) {
			q.Default = arg(2)
		}
	case "prompt_confirm":
		q.Default = "false"
		if strings.HasPrefix(strings.ToLower(arg(2)), "y") {
			q.Default = "true"
		}
	case "prompt_select":
		if len(call.Args) > 4 && fixed(call.Args[4:]) {
			for i := range call.Args[4:] {
				q.Values = append(q.Values, arg(4+i))
			}
			if n, err := strconv.Atoi(arg(2)); err == nil && n >= 1 && n <= len(q.Values) {
				q.Default = q.Values[n-1]
			}
		}
	case "prompt_password":
		if arg(2) == "generate" {
			q.Generate = "password(16)"
		}
	}
	return q
}

// answer lets the template's variable answer a command that asks.
func (s *script) answer(call *syntax.CallExpr, q *question) {
	q.line = int(call.Pos().Line())
	if i := slices.IndexFunc(s.questions, func(o question) bool { return o.Variable == q.Variable }); i >= 0 {
		first := s.questions[i]
		if first.Text == q.Text || first.YesNo == q.YesNo && !generic(q.Variable) {
			q = &first
		} else {
			q.Variable += "_" + words(q.Text, 3)
			s.questions = append(s.questions, *q)
		}
	} else {
		s.questions = append(s.questions, *q)
	}
	how := "text"
	switch {
	case q.YesNo:
		how = "yes"
	case !q.Optional || q.Needed:
		how = "needed"
	}
	function := "infrahaus_read"
	if call.Args[0].Lit() != "read" {
		function = "infrahaus_ask"
		how += " " + call.Args[0].Lit()
	}
	s.replace(call.Args[0], strings.Join([]string{function, q.Variable, how}, " "))
}

var (
	yesNo   = lazy.Regexp(`[<\[( ]([yY])(?:es)?/([nN])o?\b`)
	choices = lazy.Regexp(`[(\[]((?:[0-9]+(?:\.[0-9]+)*)(?:(?:/|, ?)[0-9]+(?:\.[0-9]+)*)+)[)\]]`)
	mayBe   = lazy.Regexp(`(?i)if you have one|leave (it )?(empty|blank)|or blank|press enter|enter to (skip|accept)|optional|\(default|\bdefault:|auto-?detect`)
	bracket = lazy.Regexp(`\[([^\]]+)\]\s*[:?]?\s*$`)
	numbers = lazy.Regexp(`^[0-9]+-[0-9]+$`)
	hush    = lazy.Regexp(`(?i)passw|passphrase|\bpass\b|_pass$|secret|token|api.?key|setup.?key|\bjwt\b|\bjtw\b|private.?key`)
)

// describe says what is known of a question by its words and by the shell's variable that
// gets the answer.
func (q *question) describe(target string, hidden, conditional bool) {
	q.Variable = strings.ToLower(strings.TrimPrefix(target, "var_"))
	if generic(q.Variable) || !regexp.MustCompile(`^[a-z_][a-z0-9_]*$`).MatchString(q.Variable) {
		q.Variable = words(q.Text, 5)
	}
	if m := yesNo().FindStringSubmatch(q.Text); m != nil {
		q.YesNo, q.Default = true, "false"
		agrees := regexp.MustCompile(`(?i)continue|accept|agree`).MatchString(q.Text)
		switch {
		case m[1] == "Y" && m[2] == "n":
			q.Default = "true"
		case !conditional && (agrees || (m[1] == "y") == (m[2] == "n")):
			q.Default = "" // somebody has to decide
		}
		q.Optional = q.Default != ""
		return
	}
	q.Secret = hidden || hush().MatchString(target) || hush().MatchString(q.Text)
	if m := choices().FindStringSubmatch(q.Text); m != nil {
		for _, v := range strings.FieldsFunc(m[1], func(r rune) bool { return r == '/' || r == ',' }) {
			q.Values = append(q.Values, strings.TrimSpace(v))
		}
	}
	m := bracket().FindStringSubmatch(q.Text)
	switch {
	case mayBe().MatchString(q.Text), m != nil && !numbers().MatchString(m[1]) && q.Values == nil:
		q.Optional = true
	case conditional:
		q.Optional, q.Needed = true, true
	}
}

// generic reports whether a name says nothing of what is asked.
func generic(name string) bool {
	return slices.Contains([]string{"prompt", "answer", "response", "confirm", "choice", "reply", "input", "yn", "ans", "var", "value"}, name)
}

// fillers are words that a question can do without.
var fillers = strings.Fields("would you like to do want please enter the your a an of for if have one it is this that what which type and or via using use")

// words makes a name of the first words of a question.
func words(text string, most int) string {
	text, _, _ = strings.Cut(text, "(")
	text, _, _ = strings.Cut(text, "<")
	text, _, _ = strings.Cut(text, "[")
	var out []string
	for _, w := range strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9')
	}) {
		if !slices.Contains(fillers, w) && len(out) < most {
			out = append(out, w)
		}
	}
	name := strings.Join(out, "_")
	if name == "" || name[0] >= '0' && name[0] <= '9' {
		name = strings.TrimSuffix("answer_"+name, "_")
	}
	return name[:min(len(name), 40)]
}

// dialogue says why a command waits for a terminal, or returns "".
func dialogue(name string, s *script, call *syntax.CallExpr, around []syntax.Node) string {
	given, tty := s.input(call, around)
	has := func(options ...string) bool {
		return slices.ContainsFunc(call.Args[1:], func(w *syntax.Word) bool {
			lit := s.plain(w)
			return slices.ContainsFunc(options, func(o string) bool { return strings.HasPrefix(lit, o) })
		})
	}
	switch {
	case slices.Contains([]string{"whiptail", "dialog", "gum", "fzf", "mysql_secure_installation", "mariadb-secure-installation"}, name) && !given:
		return name + " draws a dialogue"
	case name == "passwd" && !given && !has("-d", "-l", "-u", "--delete", "--lock", "--unlock"):
		return "passwd asks for a password"
	case name == "adduser" && !given && !has("--disabled-password", "--disabled-login", "--system", "-D", "-S", "--gecos"):
		return "adduser asks for a password"
	case slices.Contains([]string{"nano", "vi", "vim", "mcedit", "visudo"}, name) && !has("-c", "--check", "-es"):
		return name + " is an editor"
	case tty != nil:
		return name + " reads from the terminal"
	}
	return ""
}
