package event

import (
	"strings"
	"unicode"
)

// plainWords are the last words of keys that hold no secret (contract section 5). Every
// other key of a credential counts as a secret.
var plainWords = map[string]bool{
	"USER": true, "USERNAME": true, "LOGIN": true, "ACCOUNT": true, "ROLE": true, "EMAIL": true, "MAIL": true,
	"HOST": true, "HOSTNAME": true, "ADDRESS": true, "ADDR": true, "IP": true, "DOMAIN": true, "FQDN": true,
	"PORT": true, "URL": true, "URI": true, "ENDPOINT": true, "SCHEME": true, "PROTOCOL": true, "SOCKET": true,
	"DB": true, "DATABASE": true, "DBNAME": true, "SCHEMA": true, "NAME": true, "ID": true, "SERVICE": true,
	"PATH": true, "DIR": true, "FILE": true, "VERSION": true, "TYPE": true, "REALM": true, "REGION": true, "BUCKET": true,
	"SSLMODE": true, "ENGINE": true, "DRIVER": true, "NOTE": true, "COMMENT": true,
	// Variables that the shell's export -p prints beside the credentials.
	"HOME": true, "SHELL": true, "TERM": true, "LANG": true, "LOGNAME": true, "OLDPWD": true, "SHLVL": true,
}

// IsSecretKey reports whether a key's value is a secret. The last word of the key
// decides: POSTGRES_USER, dbName and REDIS_PORT name no secret; PASSWORD, apiKey and all
// unknown words do.
func IsSecretKey(key string) bool {
	words := keyWords(key)
	if len(words) == 0 {
		return true
	}
	last := words[len(words)-1]
	if last == "KEY" && len(words) > 1 && words[len(words)-2] == "PUBLIC" {
		return false
	}
	return !plainWords[last]
}

// keyWords splits DB_PASSWORD, db-password and dbPassword into upper-case words,
// without digits.
func keyWords(key string) []string {
	var words []string
	var word strings.Builder
	end := func() {
		if word.Len() > 0 {
			words = append(words, strings.ToUpper(word.String()))
			word.Reset()
		}
	}
	var before rune
	for _, r := range key {
		switch {
		case unicode.IsDigit(r):
		case !unicode.IsLetter(r):
			end()
		default:
			if unicode.IsUpper(r) && unicode.IsLower(before) {
				end()
			}
			word.WriteRune(r)
		}
		before = r
	}
	end()
	return words
}
