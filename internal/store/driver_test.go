package store

import (
	"database/sql"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// modernc.org/sqlite breaks two promises of Go's database interface, and the code avoids
// both. If this test fails with a newer driver, the code may stop avoiding them.
func TestDriverFacts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "facts.db")
	db, err := lite{filepath.Dir(path), path}.connect("NORMAL", busyTimeout)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err = db.Exec(`CREATE TABLE a (x)`)
	must(err)

	// A transaction that was opened as read-only can write.
	tx, err := db.BeginTx(t.Context(), &sql.TxOptions{ReadOnly: true})
	must(err)
	_, err = tx.Exec(`INSERT INTO a VALUES (1)`)
	must(err)
	must(tx.Commit())

	// If one Exec has several statements, each takes its arguments from the first
	// argument on.
	_, err = db.Exec(`INSERT INTO a VALUES (?); INSERT INTO a VALUES (?)`, 10, 20)
	must(err)
	var sum int
	must(db.QueryRow(`SELECT sum(x) FROM a`).Scan(&sum))
	if sum != 1+10+10 {
		t.Errorf("the sum is %d: what this driver does has changed", sum)
	}

	// Only query_only makes a connection read-only.
	reader, err := sql.Open("sqlite", "file:"+path+"?_pragma=query_only(1)")
	must(err)
	defer reader.Close()
	if _, err := reader.Exec(`INSERT INTO a VALUES (2)`); err == nil {
		t.Error("query_only lets a write through")
	}
}

// The code relies on neither: an Exec with arguments has one statement, and no
// transaction relies on its options to be read-only.
func TestDriverFactsAreHeeded(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	seen := 0
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.KeyValueExpr:
				if key, ok := n.Key.(*ast.Ident); ok && key.Name == "ReadOnly" && name != "errors.go" {
					t.Errorf("%s: ReadOnly forbids nothing: use query_only", name)
				}
			case *ast.BasicLit:
				if n.Kind != token.STRING || !strings.Contains(n.Value, "?") {
					break
				}
				seen++
				if text := strings.TrimRight(strings.Trim(n.Value, "`\""), "; \t\n"); strings.Contains(text, ";") {
					t.Errorf("%s: several statements with arguments: %s", name, text)
				}
			}
			return true
		})
	}
	if seen < 20 {
		t.Errorf("only %d statements with arguments were looked at", seen)
	}
}
