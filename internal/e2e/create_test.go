//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/lxc"
)

// TestNginx is the main job: by each transport, privileged and unprivileged, on a real
// guest. nginx answers and is discovered, and a user with an empty state directory
// discovers the same through the node.
func TestNginx(t *testing.T) {
	for _, transport := range []string{"guest", "node", "api"} {
		for _, kind := range []string{"unprivileged", "privileged"} {
			t.Run(transport+"/"+kind, func(t *testing.T) {
				t.Parallel()
				u := node.by(t, transport)
				name := fmt.Sprintf("web-%s-%s", transport, kind)
				args := []string{"--template", "nginx", "--" + kind}
				if kind == "privileged" {
					args = append(args, "--nesting=false") // a token may set no feature on a privileged container
				}
				end := u.create(name, args...)
				if end.Type != event.Complete || *end.ExitStatus != 0 {
					t.Fatalf("the last event is %+v", end)
				}
				mustAnswer(t, "http://"+end.Address+"/")
				mine := serviceNamed(t, end.Services, "nginx")
				if !slices.ContainsFunc(mine.Ports, func(p lxc.Port) bool { return p.Port == 80 && p.Protocol == "tcp" }) {
					t.Errorf("nginx has ports %v, not 80/tcp", mine.Ports)
				}

				stranger := newUser(t, "INFRAHAUS_SSH_TRANSPORT=node")
				found := discovered(t, stranger.run("discover", fmt.Sprint(end.CTID), "--json").stdout)
				theirs := serviceNamed(t, found, "nginx")
				if !slices.Equal(mine.Ports, theirs.Ports) || mine.Status != theirs.Status {
					t.Errorf("created found %+v, discover finds %+v", mine, theirs)
				}
			})
		}
	}
}

// TestBuiltIn runs the other built-in templates that this machine can run: their declared
// services answer and their credentials are found.
func TestBuiltIn(t *testing.T) {
	for _, template := range []string{"hello", "postgresql"} {
		t.Run(template, func(t *testing.T) {
			t.Parallel()
			u := newUser(t)
			end := u.create("builtin-"+template, "--template", template)
			if *end.ExitStatus != 0 {
				t.Fatalf("%s is not answering: %s", template, end.Message)
			}
			var list []struct {
				Service string
				Keys    []string
				Values  map[string]string
			}
			out := u.run("credentials", "builtin-"+template, "--reveal", "--json").stdout
			if err := json.Unmarshal([]byte(out), &list); err != nil {
				t.Fatal(err)
			}
			if len(list) < 2 {
				t.Errorf("credentials of root and the service were expected: %v", list)
			}
			for _, c := range list {
				for _, k := range c.Keys {
					if c.Values[k] == "" {
						t.Errorf("%s %s has no value", c.Service, k)
					}
				}
			}
		})
	}
}

// TestDocker runs the docker template. Its own container must be found inside of the
// container.
func TestDocker(t *testing.T) {
	t.Parallel()
	u := newUser(t, "INFRAHAUS_SSH_TRANSPORT=node")
	u.destroyLater("docker")
	r := u.try("create", "docker", "--template", "docker", "--json")
	events := decode(t, r.stdout)
	end := events[len(events)-1]
	if r.status != 0 {
		if out, err := tryInGuest(t, end.CTID, "unshare --mount --pid --net --fork --mount-proc true"); err != nil {
			t.Logf("this machine cannot nest containers: %s", out)
			return
		}
		t.Fatalf("exit status %d\n%s%s", r.status, lastLines(r.stdout, 12), r.stderr)
	}
	if s := serviceNamed(t, end.Services, "hello"); s.Type != lxc.Docker || s.Image == "" || len(s.Ports) == 0 {
		t.Errorf("the container inside is %+v", s)
	}
	mustAnswer(t, "http://"+end.Address+":8080/")
}

func serviceNamed(t *testing.T, services []lxc.Service, name string) lxc.Service {
	t.Helper()
	for _, s := range services {
		if strings.TrimSuffix(s.Name, ".service") == name {
			return s
		}
	}
	t.Fatalf("no service %s among %+v", name, services)
	return lxc.Service{}
}

func discovered(t *testing.T, text string) []lxc.Service {
	t.Helper()
	var doc struct{ Services []lxc.Service }
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatalf("not a document: %q", text)
	}
	return doc.Services
}

func mustAnswer(t *testing.T, url string) {
	t.Helper()
	client := http.Client{Timeout: time.Minute}
	resp, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s answers %s, %v", url, resp.Status, err)
	}
}
