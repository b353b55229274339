package discover

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"
)

// credential reads one file of /etc/infrahaus/credentials.
func (p *parser) credential(file, body string) {
	name := file
	for _, ending := range []string{".env", ".json", ".txt", ".conf"} {
		if n, ok := strings.CutSuffix(file, ending); ok {
			name = n
			break
		}
	}
	switch {
	case !validName(name) || strings.Contains(name, ".."):
		p.refused([]string{"name", file})
		return
	case reserved(name):
		p.note("the credentials file %s is not read: the name is this program's own", file)
		return
	case len(body) > MaxCredential+1 || len(p.Credentials) >= maxCredentials || p.credentialBytes+len(body) > maxAllFiles+maxCredentials:
		p.refused([]string{"many"})
		return
	}
	p.credentialBytes += len(body)
	// The probe ends every section with a newline of its own.
	body, env := strings.TrimSuffix(body, "\n"), strings.HasSuffix(file, ".env")
	kv := map[string]string{}
	if isText(body) {
		kv = parseCredential(body, env)
	} else {
		p.note("the credentials file %s is not all text; what is not is left out", name)
		keyValues(body, env, kv)
	}
	if len(kv) == 0 {
		return
	}
	if p.Credentials[name] == nil {
		p.Credentials[name] = kv
		return
	}
	for k, v := range kv { // nginx and nginx.env are one service
		p.Credentials[name][k] = v
	}
}

// parseCredential reads KEY=VALUE lines, or one flat JSON object. A text that is
// neither is one secret: "password" if it is a single line, else "content".
func parseCredential(body string, env bool) map[string]string {
	if kv := jsonCredential(body); kv != nil {
		return kv
	}
	kv := map[string]string{}
	if !keyValues(body, env, kv) || len(kv) > 0 {
		return kv
	}
	body = strings.TrimSpace(body)
	if strings.Contains(body, "\n") {
		return map[string]string{"content": body}
	}
	return map[string]string{"password": body}
}

func isText(s string) bool { return utf8.ValidString(s) && !strings.Contains(s, "\x00") }

// keyValues reads KEY=VALUE lines into kv, and reports whether there was any line
// but blanks and comments.
func keyValues(body string, env bool, kv map[string]string) (content bool) {
	lines(body, func(l string) bool {
		l = strings.TrimSpace(l)
		if l == "" || l[0] == '#' || !isText(l) {
			return true
		}
		content = true
		if env {
			l = strings.TrimPrefix(l, "export ")
		}
		k, v, ok := strings.Cut(l, "=")
		k, v = strings.TrimSpace(k), strings.TrimSpace(v)
		if !ok || !validKey(k) {
			return true
		}
		if q := len(v) - 1; env && q > 0 && v[0] == v[q] && (v[0] == '"' || v[0] == '\'') {
			v = v[1:q]
		}
		kv[k] = v
		return len(kv) < 500
	})
	return content
}

func jsonCredential(body string) map[string]string {
	if !strings.HasPrefix(strings.TrimSpace(body), "{") {
		return nil
	}
	var raw map[string]any
	dec := json.NewDecoder(strings.NewReader(body))
	dec.UseNumber()
	if dec.Decode(&raw) != nil {
		return nil
	}
	kv := map[string]string{}
	for k, v := range raw {
		if !validKey(k) || len(kv) >= 500 {
			continue
		}
		switch v := v.(type) {
		case nil:
		case string:
			kv[k] = v
		case map[string]any, []any:
			b, _ := json.Marshal(v)
			kv[k] = string(b)
		default:
			kv[k] = fmt.Sprint(v)
		}
	}
	return kv
}

// validKey is printable ASCII, since key names are shown.
func validKey(k string) bool {
	if k == "" || len(k) > 128 {
		return false
	}
	for i := 0; i < len(k); i++ {
		if k[i] < ' ' || k[i] >= 0x7f {
			return false
		}
	}
	return true
}

// reserved reports whether a name is one under which the catalogue seals what the
// guest has not made: a guest that could take it would replace root's password.
func reserved(name string) bool { return strings.HasPrefix(name, "_") || name == "root" }

// refused notes what the probe would not read. The name is shown only.
func (p *parser) refused(w []string) {
	name := "?"
	if len(w) > 1 {
		name = clean(w[1])
	}
	switch w := append(w, ""); w[0] {
	case "size":
		p.note("the credentials file %s is larger than %d KiB and is not read", name, MaxCredential>>10)
	case "many":
		p.note("there are more than %d credentials files, or they are larger than %d KiB together; the rest is not read", maxCredentials, maxAllFiles>>10)
	case "more":
		p.note("%s more credentials files are not read", name)
	case "name":
		p.note("the credentials file %s has a strange name and is not read: letters, digits and . _ @ - are taken", name)
	case "link":
		p.note("the credentials file %s is a link and is not followed", name)
	case "kind":
		p.note("the credentials file %s is no ordinary file and is not read", name)
	case "owner":
		p.note("the credentials file %s does not belong to root and is not read", name)
	case "mode":
		p.note("the credentials file %s cannot be read", name)
	case "folder-link":
		p.note("the credentials are not read: /etc/infrahaus/credentials is a link, or lies behind one")
	case "folder-open":
		p.note("the credentials are not read: others than root may write /etc/infrahaus/credentials; in the guest: chmod go-w /etc/infrahaus /etc/infrahaus/credentials")
	}
}
