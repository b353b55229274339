//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/infrahaus/infrahaus/internal/event"
)

// theToken is given only by --set-file. Its characters need escaping in every encoding.
const theToken = `s3cr3t"Tok<en>&'v4lue$HOME%s/9f8e7d6c`

// TestSecrets: a template prints its secrets, whole and in parts, and no byte of them
// gets anywhere but into the guest and the sealed rows.
func TestSecrets(t *testing.T) {
	for _, transport := range []string{"guest", "node"} {
		t.Run(transport, func(t *testing.T) {
			t.Parallel()
			secrets(t, transport)
		})
	}
}

func secrets(t *testing.T, transport string) {
	mirror := startRedis(t)
	heard := mirror.subscribe(t)
	argv := watchProcesses(t)
	u := newUser(t, "INFRAHAUS_SSH_TRANSPORT="+transport, "INFRAHAUS_REDIS_URL="+mirror.url)
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(theToken+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	name := "secret-" + transport
	u.destroyLater(name)
	seen := map[string]string{}
	r := u.run("create", name, "--template", "secret-echo", "--set-file", "token="+file, "--publish", "--json", "--verbose")
	seen["stdout"], seen["stderr"] = r.stdout, r.stderr
	ctid := u.show(name).CTID
	for _, args := range [][]string{{"discover", name, "--publish", "--json"}, {"show", name, "--json"}, {"events", name, "--json"}, {"logs", name}, {"list", "--json"}, {"credentials", name}} {
		r := u.run(args...)
		seen["infrahaus "+strings.Join(args, " ")] = r.stdout + r.stderr
	}
	for name, text := range mirror.dump(t) {
		seen["redis key "+name] = text
	}
	seen["redis messages"] = heard()
	seen["argument lists"] = argv()
	if err := filepath.WalkDir(u.state, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		seen[path] = string(b)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	forbidden := u.secretsOf(name)
	forbidden["what the script made"] = inGuest(t, ctid, "cat /root/generated-password")
	forbidden["the generated variable"] = inGuest(t, ctid, ". /var/lib/config-manager/runs/*/10-variables.sh.1/env; printf %s \"$made\"")
	for _, where := range []string{"stdout", "redis messages", "redis key infrahaus:events", "infrahaus logs " + name} {
		if !strings.Contains(seen[where], "not-a-secret") {
			t.Errorf("%s has not even what is no secret", where)
		}
	}
	checkSecrets(t, seen, forbidden)
	checkRedaction(t, decode(t, r.stdout))
}

// secretsOf returns all secrets of a container by name.
func (u *user) secretsOf(name string) map[string]string {
	u.t.Helper()
	var list []struct {
		Service string
		Values  map[string]string
	}
	if err := json.Unmarshal([]byte(u.run("credentials", name, "--reveal", "--json").stdout), &list); err != nil {
		u.t.Fatal(err)
	}
	all := map[string]string{"the token": theToken}
	for _, c := range list {
		for k, v := range c.Values {
			if k != "USER" {
				all[c.Service+" "+k] = v
			}
		}
	}
	for _, want := range []string{"root PASSWORD", "vault-app PASSWORD"} {
		if all[want] == "" {
			u.t.Errorf("no %s among the credentials", want)
		}
	}
	for _, kv := range node.env {
		if k, v, _ := strings.Cut(kv, "="); k == "INFRAHAUS_TOKEN" {
			_, all["the API token"], _ = strings.Cut(v, "=")
		}
	}
	return all
}

// checkSecrets looks for each secret, and each half of one, as it is and as JSON
// has it, in everything that was seen.
func checkSecrets(t *testing.T, seen, forbidden map[string]string) {
	t.Helper()
	for what, secret := range forbidden {
		if len(secret) < 12 {
			t.Errorf("%s is too short to look for: %d bytes", what, len(secret))
			continue
		}
		half := len(secret) / 2
		for _, part := range []string{secret, secret[:half], secret[half:]} {
			for _, form := range forms(t, part) {
				for where, text := range seen {
					if i := strings.Index(text, form); i >= 0 {
						around := text[max(0, i-60):i] + "[…]" + text[i+len(form):min(len(text), i+len(form)+60)]
						t.Errorf("%d of %d bytes of %s are in %s: %q", len(part), len(secret), what, where, around)
					}
				}
			}
		}
	}
}

// forms are a text as it is, and as a string of JSON in both habits.
func forms(t *testing.T, s string) []string {
	t.Helper()
	list := []string{s}
	for _, html := range []bool{true, false} {
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(html)
		if err := enc.Encode(s); err != nil {
			t.Fatal(err)
		}
		if quoted := strings.Trim(strings.TrimSuffix(b.String(), "\n"), `"`); quoted != s && strings.HasSuffix(b.String(), "\"\n") {
			list = append(list, quoted)
		}
	}
	return list
}

// checkRedaction expects the lines without their secrets, and other text unchanged.
func checkRedaction(t *testing.T, events []event.Event) {
	t.Helper()
	var all []string
	for _, script := range []string{"10-variables.sh", "20-credential.sh"} {
		for _, stream := range []string{event.Stdout, event.Stderr} {
			all = append(all, output(events, script, stream)...)
		}
	}
	text := strings.Join(all, "\n")
	for _, want := range []string{"token=***", "plain=not-a-secret", "the password is ***", "user admin"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in the output:\n%s", want, text)
		}
	}
}

// watchProcesses collects the argument lists of all processes, also of those in guests,
// until the returned function is called.
func watchProcesses(t *testing.T) func() string {
	stop, done := make(chan struct{}), make(chan struct{})
	seen := map[string]bool{}
	go func() {
		defer close(done)
		for {
			for _, argv := range processes(t) {
				seen[argv] = true
			}
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	end := sync.OnceFunc(func() { close(stop); <-done })
	t.Cleanup(end)
	return func() string {
		end()
		var b strings.Builder
		for argv := range seen {
			b.WriteString(argv + "\n")
		}
		if !strings.Contains(b.String(), "secret-echo") || !strings.Contains(b.String(), "10-variables.sh") {
			t.Error("the watch of the argument lists has missed what it was to see")
		}
		return b.String()
	}
}
