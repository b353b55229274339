package api

import (
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/node"
)

// Request is a line of the record of changing requests: what was asked for, whether or not
// it was permitted and succeeded.
type Request struct {
	Time   string            `json:"time"` // RFC 3339 in UTC with milliseconds
	Method string            `json:"method"`
	Path   string            `json:"path"`           // without /api2/json
	Form   map[string]string `json:"form,omitempty"` // secrets are ***
}

// requests keeps every request that may change something, so that a test can compare what a
// client has announced with what it asked for. Proxmox has an access log, too, but without
// the forms. A request is kept before it is carried out. A record that cannot be written is
// no reason to refuse a request.
type requests struct {
	path string // "": nothing is kept

	mu sync.Mutex
}

// maxRequests is the size in bytes at which the record begins anew; the last one is kept
// beside it.
const maxRequests = 1 << 20

// secretParams are parameters that nobody may read.
var secretParams = []string{"password", "ticket", "secret", "otp", "response", "challenge", "confirmation", "env"}

func (r *requests) add(method, path string, form node.Params) {
	if r.path == "" || method == http.MethodGet || method == http.MethodHead || path == "/access/ticket" {
		return
	}
	line, err := json.Marshal(Request{
		Time: time.Now().UTC().Format("2006-01-02T15:04:05.000Z"), Method: method, Path: path, Form: masked(form),
	})
	if err != nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if info, err := os.Stat(r.path); err == nil && info.Size() > maxRequests {
		_ = os.Rename(r.path, r.path+".1")
	}
	f, err := os.OpenFile(r.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return
	}
	defer f.Close()
	_, _ = f.Write(append(line, '\n'))
}

// masked is a form without secrets. A parameter that was given several times is one text.
func masked(form node.Params) map[string]string {
	out := maps.Clone(map[string]string(form))
	for k, v := range out {
		out[k] = strings.ReplaceAll(v, "\x00", ",")
		for _, secret := range secretParams {
			if strings.Contains(k, secret) {
				out[k] = "***"
			}
		}
	}
	return out
}
