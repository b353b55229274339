package discover

import (
	"encoding/json"
	"fmt"
	"strings"
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
	if !validName(name) || strings.Contains(name, "..") {
		p.note("a credentials file with a strange name is not read")
		return
	}
	if len(body) > MaxCredential+1 || len(p.Credentials) >= maxCredentials {
		p.note("the credentials file %s is not read: too large, or too many", name)
		return
	}
	// The probe ends every section with a newline of its own.
	kv := parseCredential(strings.TrimSuffix(body, "\n"), strings.HasSuffix(file, ".env"))
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
	content := false
	lines(body, func(l string) bool {
		l = strings.TrimSpace(l)
		if l == "" || l[0] == '#' {
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
	if len(kv) > 0 || !content {
		return kv
	}
	body = strings.TrimSpace(body)
	if strings.Contains(body, "\n") {
		return map[string]string{"content": body}
	}
	return map[string]string{"password": body}
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

func (p *parser) refused(w []string) {
	switch {
	case len(w) > 1 && w[0] == "size" && validName(w[1]):
		p.note("the credentials file %s is larger than %d KiB and is not read", w[1], MaxCredential>>10)
	case len(w) > 0 && w[0] == "many":
		p.note("there are more than %d credentials files; the rest is not read", maxCredentials)
	case len(w) > 0 && w[0] == "name":
		p.note("a credentials file with a strange name is not read")
	}
}
