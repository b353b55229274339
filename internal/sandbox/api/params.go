package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/infrahaus/infrahaus/internal/sandbox/node"
)

// read collects the parameters from path, query and body.
func (c *call) read(req *http.Request, body []byte, vars map[string]string) error {
	for k, v := range vars {
		c.params[k] = v
	}
	form := req.URL.Query()
	if len(body) > 0 {
		kind, _, _ := mime.ParseMediaType(req.Header.Get("Content-Type"))
		var err error
		switch kind {
		case "application/json":
			err = jsonParams(body, form)
		case "application/x-www-form-urlencoded", "":
			var f url.Values
			f, err = url.ParseQuery(string(body))
			for k, v := range f {
				form[k] = append(form[k], v...)
			}
		default:
			return &node.Error{Status: 501, Message: "unknown content type '" + kind + "'"}
		}
		if err != nil {
			return &node.Error{Status: 500, Message: "malformed request body"}
		}
	}
	for k, v := range form {
		if _, twice := vars[k]; twice {
			return node.BadParams(map[string]string{k: "duplicate parameter (already defined in URI)"})
		}
		c.params[k] = strings.Join(v, "\x00")
	}
	return nil
}

// jsonParams flattens a JSON body: numbers in their written form, booleans as 1 and 0,
// null as absent.
func jsonParams(body []byte, form url.Values) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var m map[string]any
	if err := d.Decode(&m); err != nil {
		return err
	}
	for k, v := range m {
		switch v := v.(type) {
		case nil:
		case bool:
			form[k] = []string{"0"}
			if v {
				form[k] = []string{"1"}
			}
		case string:
			form[k] = []string{v}
		default:
			form[k] = []string{fmt.Sprint(v)}
		}
	}
	return nil
}

// permitted checks a route's rule: "" for every login, or a path and privileges of which
// one is enough.
func (c *call) permitted(rule string) error {
	if rule == "" {
		return nil
	}
	if strings.HasPrefix(rule, "@") {
		return c.permittedUser(rule)
	}
	f := strings.Fields(rule)
	parts := strings.Split(f[0], "/")
	for i, p := range parts {
		if strings.HasPrefix(p, "{") {
			parts[i] = c.params[strings.Trim(p, "{}")]
		}
	}
	path := strings.Join(parts, "/")
	privs := strings.Split(f[1], "|")
	if slices.Contains(parts[1:], "") && path != "/" {
		return nil // a missing parameter is reported by the schema
	}
	return c.srv.node.CheckAny(c.auth, path, privs...)
}
