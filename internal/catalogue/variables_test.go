package catalogue

import (
	"fmt"
	"strings"
	"testing"

	"github.com/infrahaus/infrahaus/internal/template"
)

// states are the variables that differ from the record, a line each.
func states(m *Remembered) string {
	var lines []string
	for _, v := range m.NewValues() {
		lines = append(lines, v.Name+": "+v.State())
	}
	return strings.Join(lines, "\n")
}

// TestDefaultsAreFollowed: what nobody set follows the template; what was set or generated
// stays.
func TestDefaultsAreFollowed(t *testing.T) {
	w := newWorld(t)
	w.write(t, "template.yaml", "name: t\nos: debian-12\nvariables:\n  port: {default: 8080}\n  site: {default: a}\n  key: {generate: true}\n  token: {secret: true, default: old-token}\n")
	w.save(t, w.job(t, map[string]string{"site": "a"}))
	key, _ := w.remember(t, nil).Values.Get("key")
	if m := w.remember(t, nil); states(m) != "" || m.NewOrigins() {
		t.Errorf("%s", states(m))
	}
	w.write(t, "template.yaml", "name: t\nos: debian-12\nvariables:\n  port: {default: 9090}\n  site: {default: b}\n  key: {generate: true}\n  token: {secret: true, default: new-token}\n  size: {default: 1}\n")
	m := w.remember(t, nil)
	if got := states(m); got != "port: default was 8080, is 9090\ntoken: default was ***, is ***\nsize: new, default 1" {
		t.Errorf("%s", got)
	}
	if got, _ := m.Values.Get("key"); got != key {
		t.Errorf("the key is %q, was %q", got, key)
	}
	for _, tt := range []struct {
		today Today
		want  string
	}{
		{Today{Set: map[string]string{"port": "8080"}}, "token: default was ***, is ***\nsize: new, default 1"},
		{Today{Unset: []string{"site"}}, "port: default was 8080, is 9090\nsite: was a, default b\ntoken: default was ***, is ***\nsize: new, default 1"},
	} {
		m, err := w.record.Remember(t.Context(), w.c, tt.today)
		if err != nil || states(m) != tt.want || !m.NewOrigins() {
			t.Errorf("%v: %v\n%s", tt.today, err, states(m))
		}
	}
	w.save(t, w.remember(t, map[string]string{"size": "2"}).Job)
	checkVariables(t, w, "key generated secret, port default 9090, site set a, size set 2, token default secret")
}

// TestOldRecordsKeepTheirValues: an older version did not record where a value comes from.
func TestOldRecordsKeepTheirValues(t *testing.T) {
	w := newWorld(t)
	text := "name: t\nos: debian-12\nvariables:\n  port: {default: 8080}\n  site: {default: a}\n  key: {generate: true}\n"
	w.write(t, "template.yaml", text)
	w.save(t, w.job(t, map[string]string{"site": "mine"}))
	values, err := w.record.unsealVariables(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	values.From = nil
	sealed, err := w.record.sealVariables(values)
	if err == nil {
		err = w.store.SaveSealed(t.Context(), w.c.RecordID, sealed.Service, sealed.Keys, sealed.Envelope)
	}
	if err != nil {
		t.Fatal(err)
	}
	checkVariables(t, w, "key generated secret, port default 8080, site set mine")
	w.write(t, "template.yaml", strings.Replace(text, "8080", "9090", 1))
	if m := w.remember(t, nil); states(m) != "" {
		t.Errorf("%s", states(m))
	}
}

func checkVariables(t *testing.T, w *world, want string) {
	t.Helper()
	list, err := w.record.Variables(t.Context(), func(ref string, _ map[string]string) (*template.Template, error) { return template.LoadDir(ref) })
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	for _, v := range list {
		value := "secret"
		if !v.Secret {
			value = *v.Value
		}
		words = append(words, fmt.Sprintf("%s %s %s", v.Name, v.From, value))
	}
	if got := strings.Join(words, ", "); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}
