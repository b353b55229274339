package catalogue

import "testing"

// Data that an older version has kept for a rollback brings no secret back.
func TestPastHasNamesAlone(t *testing.T) {
	p, err := readPast([]byte(`{"past":"{\"services\":[{\"name\":\"b64\",\"credentialKeys\":[\"dGhlIHNlY3JldCBvZiBiNjQ\"]},` +
		`{\"name\":\"db\",\"credentialKeys\":[\"PASSWORD\"]}]}"}`))
	if err != nil || len(p.Services) != 2 || p.Services[0].CredentialKeys[0] != "password" || p.Services[1].CredentialKeys[0] != "PASSWORD" {
		t.Errorf("%+v, %v", p.Services, err)
	}
}
