package cli_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"
)

// collect is `collect FILE`: a collector of traces at $COLLECTOR, which adds each request that
// it gets to a file.
func collect(ts *testscript.TestScript, _ bool, args []string) {
	var mu sync.Mutex
	path := ts.MkAbs(args[0])
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		body, err := io.ReadAll(r.Body)
		f, openErr := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil || openErr != nil || r.URL.Path != "/v1/traces" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		defer f.Close()
		_, _ = f.Write(append(body, '\n'))
		_, _ = io.WriteString(w, "{}")
	}))
	ts.Defer(s.Close)
	ts.Setenv("COLLECTOR", s.URL)
}
