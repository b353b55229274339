package event

import (
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// SecretsIn lists the secrets that a credential carries: its value where the key
// names a secret, and what is secret within the value whatever the key is. That is a
// URL's (URLSecrets), the strings of a JSON document, and the value of each line such
// as "PrivateKey = …", as far as their own keys name secrets.
func SecretsIn(key, value string) []string {
	found := URLSecrets(value)
	if !IsSecretKey(key) {
		return found
	}
	found = append(found, value)
	if leaves, ok := jsonSecrets(value); ok {
		return append(found, leaves...)
	}
	for line := range strings.Lines(value) {
		if m := settingLine.FindStringSubmatch(line); m != nil && IsSecretKey(m[1]) {
			found = append(found, unquoted(m[2]))
		}
	}
	return found
}

var (
	// A line of an environment, an ini file or YAML.
	settingLine = regexp.MustCompile(`^\s*(?:-\s+|export\s+|declare -x\s+)?["']?([A-Za-z_][\w.-]*)["']?\s*(?:=|:\s)\s*(\S.*?)\s*$`)
	urlText     = regexp.MustCompile("[A-Za-z][A-Za-z0-9+.-]*://[^\\s\"'<>`]+")
)

// unquoted takes off the quotes, or the comma of a list.
func unquoted(s string) string {
	s = strings.TrimSuffix(s, ",")
	if n := len(s) - 1; n > 0 && (s[0] == '"' || s[0] == '\'') && s[n] == s[0] {
		s = s[1:n]
	}
	return s
}

// URLSecrets lists what is secret in the URLs of a text: the password of a user, and
// of the query what is a token, a key, a secret, a password or a signature, each as it
// stands there and decoded. A user without a password is none, unless it is as long as
// the tokens that git hosts take in its place.
func URLSecrets(text string) []string {
	var found []string
	add := func(raw string, decode func(string) (string, error)) {
		found = append(found, raw)
		if plain, err := decode(raw); err == nil && plain != raw {
			found = append(found, plain)
		}
	}
	for _, u := range urlText.FindAllString(text, -1) {
		scheme, rest, _ := strings.Cut(u, "://")
		rest, _, _ = strings.Cut(rest, "#")
		user, password, ok := userOf(rest)
		switch {
		case ok:
			add(password, url.PathUnescape)
		case strings.HasPrefix(scheme, "http") && len(user) >= tokenLength:
			add(user, url.PathUnescape)
		}
		_, query, _ := strings.Cut(rest, "?")
		for _, pair := range strings.FieldsFunc(query, func(r rune) bool { return r == '&' || r == ';' }) {
			if name, value, ok := strings.Cut(pair, "="); ok && secretQuery(name) {
				add(value, url.QueryUnescape)
			}
		}
	}
	return found
}

// userOf cuts the user out of what follows a URL's scheme; ok: with a password. It
// ends at the last @ before the path, or at the last of all where a password holds a
// / or ? that should have been encoded.
func userOf(rest string) (user, password string, ok bool) {
	authority := rest
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		authority = rest[:i]
	}
	at := strings.LastIndexByte(authority, '@')
	if at < 0 {
		_, port, colon := strings.Cut(authority, ":")
		if !colon || port != "" && strings.Trim(port, "0123456789") == "" {
			return "", "", false
		}
		if at = strings.LastIndexByte(rest, '@'); at < 0 {
			return "", "", false
		}
	}
	return strings.Cut(rest[:at], ":")
}

// tokenLength is that of the shortest token that a git host gives out: GitLab's.
const tokenLength = 20

func secretQuery(name string) bool {
	words := keyWords(name)
	return len(words) > 0 && slices.Contains(queryWords, words[len(words)-1])
}

var queryWords = []string{"TOKEN", "KEY", "APIKEY", "SECRET", "PASSWORD", "PASSWD", "PASS", "PWD", "SIG", "SIGNATURE"}

// jsonSecrets lists the strings and numbers of a JSON object or array whose keys name
// secrets; those of an array have its key.
func jsonSecrets(text string) (found []string, ok bool) {
	trimmed := strings.TrimSpace(text)
	if trimmed == "" || trimmed[0] != '{' && trimmed[0] != '[' {
		return nil, false
	}
	var doc any
	dec := json.NewDecoder(strings.NewReader(trimmed))
	dec.UseNumber()
	if dec.Decode(&doc) != nil {
		return nil, false
	}
	var walk func(key string, v any)
	walk = func(key string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for k, inner := range v {
				walk(k, inner)
			}
		case []any:
			for _, inner := range v {
				walk(key, inner)
			}
		case json.Number:
			walk(key, v.String())
		case string:
			found = append(found, SecretsIn(key, v)...)
		}
	}
	walk("", doc)
	return found, true
}
