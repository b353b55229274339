package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/infrahaus/infrahaus/internal/event"
)

// name is the name of the container in every trial.
const name = "web"

// trial is one point: one container, in a home and on a node of its own.
type trial struct {
	h         *harness
	w         *world
	dir       string
	template  string
	transport string
	hold      string            // the script, or package, that waits for release
	config    map[string]string // what the node has to have in the end, by key: a part of the value

	said     bytes.Buffer      // all output of all processes
	secrets  map[string]string // description of each secret
	mayStop  bool              // a fault may end the guest after everything is done
	database string            // the URL of a shared catalogue; "": a file
	image    *image            // that the container is made from; nil: an OS template
	given    int               // the id that our container had and a stranger's has now
	problems []problem
	note     string // for the table
}

// problem is a fault of the tool.
type problem struct{ kind, text string }

func (t *trial) lost(format string, a ...any) {
	t.problems = append(t.problems, problem{"lost", fmt.Sprintf(format, a...)})
}
func (t *trial) twice(format string, a ...any) {
	t.problems = append(t.problems, problem{"twice", fmt.Sprintf(format, a...)})
}
func (t *trial) leaked(format string, a ...any) {
	t.problems = append(t.problems, problem{"secrets", fmt.Sprintf(format, a...)})
}

// newTrial makes a home with a copy of the template and a secret of its own.
func (h *harness) newTrial(w *world, dir, transport string) (*trial, error) {
	t := &trial{h: h, w: w, dir: dir, transport: transport, template: filepath.Join(dir, "crash"), hold: "nothing", config: map[string]string{"features": "keyctl=1"}}
	if err := os.CopyFS(t.template, os.DirFS(h.template)); err != nil {
		return nil, err
	}
	_, uuid, _ := strings.Cut(w.sb.Endpoint().Token, "=")
	variable := "s3cret" + rand.Text()
	t.secrets = map[string]string{uuid: "the API token", variable: "the secret variable"}
	return t, os.WriteFile(filepath.Join(dir, "token"), []byte(variable), 0o600)
}

// create is the command line that makes the container.
func (t *trial) create() []string {
	args := []string{"create", name, "--template", t.template, "--set-file", "token=" + filepath.Join(t.dir, "token"), "--set", "hold=" + t.hold, "--json"}
	if i := t.image; i != nil {
		args = append(args, "--image", i.registry.Host()+"/"+i.repo+":1", "--mount", "size=1,path=/data")
	}
	return args
}

// release lets the waiting script go on.
func (t *trial) release() { t.w.inGuests("root/go-on") }

// releaseFollowed is a call's watch: the waiting script may go on once a run follows it.
func (t *trial) releaseFollowed(e event.Event) {
	if strings.HasPrefix(e.Message, "Following ") || strings.HasPrefix(e.Message, "holding ") {
		t.release()
	}
}

// finished makes a container that is ready.
func (t *trial) finished(ctx context.Context) bool {
	e := t.tool(ctx, call{args: t.create()})
	if e.status != 0 {
		t.lost("cannot prepare: %s", e.why())
	}
	return e.status == 0
}

// edit replaces text in a file of the template.
func (t *trial) edit(file, old, with string) {
	path := filepath.Join(t.template, file)
	b, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, bytes.ReplaceAll(b, []byte(old), []byte(with)), 0o644)
	}
	if err != nil {
		t.lost("cannot prepare: %v", err)
	}
}
