package event

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"

	"github.com/infrahaus/infrahaus/internal/lazy"
)

// SecretsIn lists the secrets that a credential carries. Whatever the key is, these are
// the secret parts of URLs in the value (URLSecrets). If the key names a secret, these
// are also the value itself, and the values inside it: in a JSON document or in lines
// such as "PrivateKey = …", those whose own keys name secrets.
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
		found = append(found, lineSecrets(line)...)
	}
	for _, m := range inlinePair().FindAllStringSubmatch(value, -1) {
		if secretQuery(m[1]) {
			found = append(found, unquoted(m[2]))
		}
	}
	return found
}

// lineSecrets returns the secrets in one line of a file whose whole text is one value. It
// knows "PrivateKey = …", user:password, host:port:db:user:password, "machine h login u
// password p" and "Authorization: Bearer …".
func lineSecrets(line string) (found []string) {
	if m := settingLine().FindStringSubmatch(line); m != nil && IsSecretKey(m[1]) {
		found = append(found, unquoted(m[2]))
	}
	if m := spokenPair().FindStringSubmatch(line); m != nil {
		found = append(found, m[1])
	}
	line = strings.TrimSpace(line)
	if strings.ContainsAny(line, " \t") || strings.Contains(line, "://") {
		return found
	}
	if _, after, ok := strings.Cut(line, ":"); ok {
		found = append(found, after, line[strings.LastIndexByte(line, ':')+1:])
	}
	return found
}

var (
	spokenPair = lazy.Regexp(`(?i)(?:^|\s)(?:password|bearer|basic)\s+(\S+)\s*$`)
	// A line of an environment file, an ini file or YAML.
	settingLine = lazy.Regexp(`^\s*(?:-\s+|export\s+|declare -x\s+)?["']?([A-Za-z_][\w.-]*)["']?\s*(?:=|:\s)\s*(\S.*?)\s*$`)
	// host=db password=x; Server=db;Password=x
	inlinePair = lazy.Regexp(`(?:^|[\s;,])([A-Za-z_][\w.-]*)=("[^"]*"|'[^']*'|[^\s;,]+)`)
	urlText    = lazy.Regexp("[A-Za-z][A-Za-z0-9+.-]*://[^\\s\"'<>`]+")
)

// unquoted removes surrounding quotes, and the comma that separates items of a list.
func unquoted(s string) string {
	s = strings.TrimSuffix(s, ",")
	if n := len(s) - 1; n > 0 && (s[0] == '"' || s[0] == '\'') && s[n] == s[0] {
		s = s[1:n]
	}
	return s
}

// URLSecrets lists the secrets in the URLs of a text, each as it is written and decoded.
// Secrets are the password of a user, and query values that are a token, a key, a secret,
// a password or a signature. A user name without a password is a secret only if it is as
// long as the tokens that git hosts accept in its place.
func URLSecrets(text string) []string {
	var found []string
	for _, u := range urlText().FindAllString(text, -1) {
		for _, s := range secretSpans(u) {
			raw := u[s.from:s.to]
			found = append(found, raw)
			if plain, err := s.decode(raw); err == nil && plain != raw {
				found = append(found, plain)
			}
		}
	}
	return found
}

// RedactURLs masks the secrets that URLSecrets finds in a text, even very short ones.
func RedactURLs(text string) string {
	if !strings.Contains(text, "://") {
		return text
	}
	return urlText().ReplaceAllStringFunc(text, func(u string) string {
		spans := secretSpans(u)
		for _, s := range slices.Backward(spans) {
			u = u[:s.from] + Mask + u[s.to:]
		}
		return u
	})
}

// span is the position of a secret in a URL, and how it is decoded.
type span struct {
	from, to int
	decode   func(string) (string, error)
}

// secretSpans finds the secrets of a URL, in the order of their positions.
func secretSpans(u string) []span {
	scheme, rest, _ := strings.Cut(u, "://")
	at := len(scheme) + len("://")
	rest, _, _ = strings.Cut(rest, "#")
	var spans []span
	user, password, ok := userOf(rest)
	switch {
	case ok && password != "":
		from := at + len(user) + 1
		spans = append(spans, span{from, from + len(password), url.PathUnescape})
	case strings.HasPrefix(scheme, "http") && len(user) >= tokenLength:
		spans = append(spans, span{at, at + len(user), url.PathUnescape})
	}
	before := 0 // the position of a ? that belongs to the password
	if ok {
		before = len(user) + 1 + len(password)
	}
	path, query, _ := strings.Cut(rest[before:], "?")
	at += before + len(path) + 1
	for query != "" {
		pair := query
		if i := strings.IndexAny(query, "&;"); i >= 0 {
			pair = query[:i]
		}
		if name, value, ok := strings.Cut(pair, "="); ok && value != "" && secretQuery(name) {
			from := at + len(name) + 1
			spans = append(spans, span{from, from + len(value), url.QueryUnescape})
		}
		query = query[min(len(query), len(pair)+1):]
		at += len(pair) + 1
	}
	return spans
}

// userOf extracts the user and password from the text after a URL's scheme; ok means that
// there is a password. They end at the last @ before the path. If the password contains a
// / or ? that should have been encoded, they end at the last @ of all.
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

// tokenLength is the length of the shortest token that a git host issues: GitLab's.
const tokenLength = 20

func secretQuery(name string) bool {
	words := keyWords(name)
	return len(words) > 0 && slices.Contains(queryWords, words[len(words)-1])
}

var queryWords = []string{"TOKEN", "KEY", "APIKEY", "SECRET", "PASSWORD", "PASSWD", "PASS", "PWD", "SIG", "SIGNATURE"}

// jsonSecrets lists the strings and numbers in a JSON object or array whose keys name
// secrets. The items of an array have the key of the array.
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
