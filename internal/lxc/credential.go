package lxc

import (
	"encoding/base32"
	"encoding/base64"
	"strings"
)

// The keys for a credentials file that is not a list of assignments. It is sealed as one
// value: a single line as PasswordKey, several lines as ContentKey.
const (
	PasswordKey = "password"
	ContentKey  = "content"
)

// IsCredentialKey reports whether a text can be the name of a credential's value:
// letters, digits and "_", with no digit first. Any other text before a "=" may be part
// of a secret and is never shown.
func IsCredentialKey(text string) bool {
	for i, r := range text {
		letter := r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return text != ""
}

// CredentialKeys returns keys that are safe to show: a text that is not a key is replaced
// by the key under which such a file is sealed.
func CredentialKeys(keys []string) []string {
	whole := PasswordKey
	if len(keys) > 1 {
		whole = ContentKey
	}
	if keys == nil {
		return nil
	}
	out := make([]string, 0, len(keys))
	seen := map[string]bool{}
	for _, k := range keys {
		if !IsCredentialKey(k) {
			k = whole
		}
		if !seen[k] {
			seen[k] = true
			out = append(out, k)
		}
	}
	return out
}

// IsPadded reports whether name is base64 or base32 once the padding is added that it
// lacks. An assignment without a value looks the same. Words in one case count as names,
// and so does a text with "_", unless it looks like a key in base64url.
func IsPadded(name string) bool {
	encoding, shortest := base64.StdEncoding, 10
	if strings.Contains(name, "_") {
		if encoding, shortest = base64.URLEncoding, 20; !strings.ContainsAny(name, "0123456789") {
			return false
		}
	}
	if len(name) < shortest {
		return false
	}
	upper := strings.ToUpper(name) == name
	if pad := strings.Repeat("=", (8-len(name)%8)%8); pad != "" && upper && strings.ContainsAny(name, "234567") {
		_, err := base32.StdEncoding.DecodeString(name + pad)
		return err == nil
	}
	pad := strings.Repeat("=", (4-len(name)%4)%4)
	if pad == "" || upper || strings.ToLower(name) == name {
		return false
	}
	_, err := encoding.Strict().DecodeString(name + pad)
	return err == nil
}
