package fleet

import "testing"

// Help and the schema have a text for every field.
func TestFieldsHaveTexts(t *testing.T) {
	fields := Fields()
	if len(fields) < 40 {
		t.Errorf("%d fields", len(fields))
	}
	for _, f := range fields {
		if f.Text == "" {
			t.Errorf("%s has no text", f.Path)
		}
	}
}
