package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
)

// learnMade collects the secrets that the scripts made and saved. They must not be found
// anywhere.
func (t *trial) learnMade() {
	if t.image != nil {
		t.learnEnv()
	}
	for _, id := range t.w.sb.Node().IDs() {
		for file, what := range map[string]string{"root/secret.made": "the generated variable", "root/secret.saved": "the saved credential"} {
			if b, err := os.ReadFile(t.w.path(id, file)); err == nil && len(b) > 0 {
				t.secrets[string(b)] = what
			}
		}
	}
}

// learnSealed collects root's password and the credentials on record.
func (t *trial) learnSealed(ctx context.Context) {
	// The output of --reveal is not searched for secrets.
	said := t.said.Len()
	e := t.tool(ctx, call{args: []string{"credentials", name, "--reveal", "--json"}})
	t.said.Truncate(said)
	var list []struct {
		Service string
		Values  map[string]string
	}
	_ = json.Unmarshal([]byte(e.out), &list) // there may be no record yet
	for _, c := range list {
		if pw := c.Values["PASSWORD"]; pw != "" {
			t.secrets[pw] = "the password of " + c.Service
		}
	}
}

// searchSecrets searches every byte that was written to the screen or the state
// directory.
func (t *trial) searchSecrets() {
	look := func(where string, b []byte) {
		for value, what := range t.secrets {
			if bytes.Contains(b, []byte(value)) {
				t.leaked("%s is in %s", what, where)
			}
		}
	}
	look("the output of the tool", t.said.Bytes())
	state := filepath.Join(t.dir, "state")
	err := filepath.WalkDir(state, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		look(filepath.Base(path), b)
		return err
	})
	if err != nil {
		t.lost("cannot search the state directory: %v", err)
	}
}
