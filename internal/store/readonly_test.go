package store

import (
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"testing"
)

// A file system that is read-only is not mended by the mode of the file.
func TestReadOnlyFileSystem(t *testing.T) {
	path := filepath.Join(t.TempDir(), FileName)
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=query_only(1)") // the same answer as of such a file system
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	_, err = db.Exec("CREATE TABLE a (b)")
	var e *Error
	if err = (lite{path: path}).wrap(err); !errors.As(err, &e) || e.Kind != ReadOnly {
		t.Fatalf("%v", err)
	}
	if hint := strings.Join(e.NextSteps(), " "); !strings.Contains(hint, "touch "+path) {
		t.Errorf("hint %q", hint)
	}
}
