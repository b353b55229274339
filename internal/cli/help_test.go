package cli_test

import (
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/infrahaus/infrahaus/internal/cli"
	"github.com/infrahaus/infrahaus/internal/config"
	"github.com/infrahaus/infrahaus/internal/fleet"
	"github.com/infrahaus/infrahaus/internal/template"
)

var updateDocs = flag.Bool("update", false, "write docs/reference again")

// TestReference compares docs/reference with the topics of help.
func TestReference(t *testing.T) {
	const folder = "../../docs/reference"
	there := map[string]bool{}
	for _, topic := range cli.Topics() {
		path := filepath.Join(folder, topic.Name+".md")
		there[filepath.Base(path)] = true
		if *updateDocs {
			if err := os.WriteFile(path, []byte(topic.Markdown()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(path)
		if err != nil || string(got) != topic.Markdown() {
			t.Errorf("%s is not what help says: make docs (%v)", path, err)
		}
	}
	files, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !there[f.Name()] {
			t.Errorf("%s/%s belongs to no topic", folder, f.Name())
		}
	}
}

// TestTopicsAreWhole fails for a word without a text: a field of an event or a service, a
// transport, a key or a variable that is new.
func TestTopicsAreWhole(t *testing.T) {
	for _, topic := range append(cli.Topics(), cli.ManualEnd()) {
		for _, name := range topic.Unsaid() {
			t.Errorf("help %s: %s has no text", topic.Name, name)
		}
		if topic.Name != "infrahaus" && (topic.Short == "" || len(topic.Name) > 11) {
			t.Errorf("%s: %q", topic.Name, topic.Short)
		}
		for line := range strings.Lines(topic.Text()) {
			if wide := len([]rune(line)) - 1; wide > 79 && !strings.HasPrefix(line, "    ") {
				t.Errorf("help %s: %d columns: %s", topic.Name, wide, line)
			}
		}
		if roff := topic.Roff(); strings.Contains(roff, "`") && !strings.Contains(topic.Text(), "`") || regexp.MustCompile(`(?m)^\.[^A-Zfn]`).MatchString(roff) {
			t.Errorf("the manual page of %s: %s", topic.Name, roff)
		}
	}
}

// TestTopicsKnowTheCode compares constants of other packages with what the topics list.
func TestTopicsKnowTheCode(t *testing.T) {
	topics := map[string]string{}
	for _, topic := range cli.Topics() {
		topics[topic.Name] = topic.Markdown()
	}
	for _, c := range []struct{ topic, file, typ string }{
		{"events", "../event/event.go", "Type"},
		{"exit-status", "../exit/exit.go", ""},
		{"transports", "../transports/transports.go", ""},
	} {
		found := constants(t, c.file, c.typ)
		if len(found) < 4 {
			t.Errorf("%s has only %v", c.file, found)
		}
		for _, value := range found {
			if !strings.Contains(topics[c.topic], "### `"+value+"`\n") {
				t.Errorf("help %s does not explain %s, a constant of %s", c.topic, value, c.file)
			}
		}
	}
}

// constants returns the values of the constants of a file; of one type, if typ names it.
func constants(t *testing.T, path, typ string) []string {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, d := range file.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.CONST {
			continue
		}
		for _, s := range g.Specs {
			v := s.(*ast.ValueSpec)
			name := ""
			if id, ok := v.Type.(*ast.Ident); ok {
				name = id.Name
			}
			for _, value := range v.Values {
				if lit, ok := value.(*ast.BasicLit); ok && name == typ {
					text := lit.Value
					if s, err := strconv.Unquote(text); err == nil {
						text = s
					}
					found = append(found, text)
				}
			}
		}
	}
	return found
}

// TestEveryVariableIsExplained looks for the names of environment variables in the code of
// the client: help environment and the man page explain each.
func TestEveryVariableIsExplained(t *testing.T) {
	text := ""
	for _, topic := range cli.Topics() {
		text += topic.Markdown()
	}
	own := map[string]bool{ // of the tests and benchmarks alone, or made up in a text
		"INFRAHAUS_NEEDS": true, "INFRAHAUS_STAGE": true, "INFRAHAUS_VAR_": true, "INFRAHAUS_WAS": true,
		"INFRAHAUS_CRASH_BEFORE": true, "INFRAHAUS_CRASH_AFTER": true, "INFRAHAUS_CRASH_AT": true, "INFRAHAUS_CRASH_PLUS": true, "INFRAHAUS_CRASH_TRACE": true,
		"INFRAHAUS_CRASH_LEASE": true,
	}
	name := regexp.MustCompile(`^[A-Z][A-Z0-9_]+[A-Z0-9]$`)
	read := map[string]bool{"Getenv": true, "LookupEnv": true, "env": true, "first": true, "look": true}
	n := 0
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && (d.Name() == "sandbox" || d.Name() == "e2e" || d.Name() == "consoletest" || d.Name() == "needs" || d.Name() == "man") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(node ast.Node) bool {
			call, isCall := node.(*ast.CallExpr)
			var words []string
			if isCall && read[called(call)] {
				for _, arg := range call.Args {
					words = append(words, literalText(arg))
				}
			}
			if lit, ok := node.(*ast.BasicLit); ok && strings.HasPrefix(literalText(lit), "INFRAHAUS_") {
				word, _, _ := strings.Cut(literalText(lit), "=")
				words = append(words, word)
			}
			for _, w := range words {
				if name.MatchString(w) && !own[w] {
					n++
					if !strings.Contains(text, "`"+w+"`") {
						t.Errorf("%s reads %s, which help environment does not explain", path, w)
					}
				}
			}
			return true
		})
		return nil
	})
	if err != nil || n < 30 {
		t.Errorf("%d names found: %v", n, err)
	}
}

func called(call *ast.CallExpr) string {
	switch f := call.Fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		return f.Sel.Name
	}
	return ""
}

func literalText(e ast.Expr) string {
	lit, ok := e.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return ""
	}
	s, _ := strconv.Unquote(lit.Value) // the parser has read it
	return s
}

// TestExamplesOfHelpAreRead: the config file, the template and the fleet that help shows are read by
// the code that reads real ones.
func TestExamplesOfHelpAreRead(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(file, []byte(cli.ConfigExample), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(config.Overrides{ConfigFile: file, Getenv: func(name string) string {
		if name == "HOME" {
			return t.TempDir()
		}
		return ""
	}})
	if err == nil {
		_, err = c.Host(t.Context(), "office")
	}
	if err == nil || !strings.Contains(err.Error(), "office-password") { // the file with the password is not there
		t.Errorf("the config of help: %v", err)
	}
	folder := t.TempDir()
	for name, text := range map[string]string{"template.yaml": cli.TemplateExample, "files/site.conf": "server_name ${domain};\n"} {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := template.LoadDir(folder); err != nil {
		t.Error(err)
	}
	if _, err := fleet.Parse("fleet.yaml", []byte(cli.FleetExample)); err != nil {
		t.Error(err)
	}
}
