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

// What modernc.org/sqlite does other than its interface promises; the code keeps away
// from both. A driver that does otherwise may lift that.
func TestDriverFacts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "facts.db")
	db, err := connect(path, "NORMAL", busyTimeout)
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

	// A transaction that is said to be read-only writes.
	tx, err := db.BeginTx(t.Context(), &sql.TxOptions{ReadOnly: true})
	must(err)
	_, err = tx.Exec(`INSERT INTO a VALUES (1)`)
	must(err)
	must(tx.Commit())

	// Each of several statements takes the arguments from the first on.
	_, err = db.Exec(`INSERT INTO a VALUES (?); INSERT INTO a VALUES (?)`, 10, 20)
	must(err)
	var sum int
	must(db.QueryRow(`SELECT sum(x) FROM a`).Scan(&sum))
	if sum != 1+10+10 {
		t.Errorf("the sum is %d: what this driver does has changed", sum)
	}

	// query_only is what makes a reader.
	reader, err := sql.Open("sqlite", "file:"+path+"?_pragma=query_only(1)")
	must(err)
	defer reader.Close()
	if _, err := reader.Exec(`INSERT INTO a VALUES (2)`); err == nil {
		t.Error("query_only lets a write through")
	}
}

// No call relies on either: one statement an Exec where there are arguments, and no
// transaction that is read-only by its options alone.
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
