package lxc

import (
	"fmt"
	"testing"
)

func TestCredentialKeys(t *testing.T) {
	for _, tt := range []struct {
		keys []string
		want string
	}{
		{[]string{"USER", "_x9", "dbPassword"}, "[USER _x9 dbPassword]"},
		{[]string{"postgres://app:pw@db/x?sslmode"}, "[password]"},
		{[]string{"a b", "9lives", "", "a.b", "é", "K"}, "[content K]"},
		{nil, "[]"},
	} {
		if got := fmt.Sprint(CredentialKeys(tt.keys)); got != tt.want {
			t.Errorf("%q: %s, want %s", tt.keys, got, tt.want)
		}
	}
}

func TestIsPadded(t *testing.T) {
	for _, name := range []string{"dGhlIHNlY3JldCBvZiBiNjQ", "c2VjcmV0cw", "JBSWY3DPEHPK3PX", "a+/bHVudGVyMjJo", "dV2Tg4iAmjcdg3YiNW40Ubj8dgTaD6UcafROln_HUvQ"} {
		if !IsPadded(name) {
			t.Errorf("%s is base64", name)
		}
	}
	for _, name := range []string{"", "PASSWORD", "ACCESS_TOKEN", "ACCESSTOKEN", "accesstoken", "adminPassword", "accessToken", "dGhlIHNlY3JldCBvZiBiNjQ=", "databaseUser", "Database_User_Of_App", "Db2_Password", "DB2_REPLICA_USER_PASSWORD_X"} {
		if IsPadded(name) {
			t.Errorf("%s is a name", name)
		}
	}
}
