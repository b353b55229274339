package fetch

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/infrahaus/infrahaus/internal/exit"
)

// A file is used with its checksum only, and comes from the cache once it was fetched.
func TestFile(t *testing.T) {
	w := newWorld(t)
	asked := 0
	w.seen = func(*http.Request) { asked++ }
	f := w.fetcher(Options{})
	at := "https://" + w.host + "/x.asc"
	sum := w.publish("x.asc", []byte("a key"))
	refused := func(address, sum string, mode Mode, why string) *Error {
		t.Helper()
		_, err := f.File(t.Context(), address, sum, mode)
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(e.Error(), why) {
			t.Fatalf("%s: %v; want %q", address, err, why)
		}
		return e
	}
	refused(at, sum, Local, "it is not in the cache")
	for range 2 {
		if data, err := f.File(t.Context(), at, sum, Anew); err != nil || string(data) != "a key" {
			t.Fatalf("it is %q, %v", data, err)
		}
	}
	if asked != 1 {
		t.Errorf("the server was asked %d times", asked)
	}
	refused(at, strings.Repeat("0", 64), Anew, "its sha256 is "+sum)
	refused("https://"+w.host+"/none", sum[:63]+"x", Anew, "404")
	w.publish("large", make([]byte, maxSmall+1))
	refused("https://"+w.host+"/large", sum[:63]+"x", Anew, "larger than 1 MiB")
	for address, why := range map[string]string{
		"http://h/x": "it is not https", "https://a:b@h/x": "it holds a login", "https://h/x?token=1": "a query", "https://h/": "no address of a file",
		"https:///x": "no address of a file", "https://h:99999/x": "no port", "https://%zz": "no address of a file",
	} {
		if e := refused(address, sum, Anew, why); strings.Contains(e.Error(), "token") || strings.Contains(e.Error(), "a:b") {
			t.Errorf("%s is repeated: %v", address, e)
		}
	}
	kept := filepath.Join(w.cache, "files", sum)
	if err := os.WriteFile(kept, []byte("changed"), 0o600); err != nil {
		t.Fatal(err)
	}
	if data, err := f.File(t.Context(), at, sum, Anew); err != nil || string(data) != "a key" {
		t.Errorf("from a damaged cache it is %q, %v", data, err)
	}
	w.down()
	if data, err := f.File(t.Context(), at, sum, Local); err != nil || string(data) != "a key" {
		t.Errorf("from the cache it is %q, %v", data, err)
	}
	if e := refused(at, sum[:63]+"x", Anew, "cannot reach the server"); e.ExitStatus() != exit.Unreachable {
		t.Errorf("its status is %d", e.ExitStatus())
	}
}
