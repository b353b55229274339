package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/infrahaus/infrahaus/internal/sandbox/node"
)

// read collects the parameters from path, query and body. The query outweighs the body.
func (c *call) read(req *http.Request, body []byte, vars map[string]string) error {
	form := url.Values{}
	if kind, _, _ := mime.ParseMediaType(req.Header.Get("Content-Type")); kind == "application/json" && len(body) > 0 {
		if err := jsonParams(body, form); err != nil {
			return err
		}
	} else if len(body) > 0 {
		decodeForm(string(body), form)
	}
	query := url.Values{}
	decodeForm(req.URL.RawQuery, query)
	maps.Copy(form, query)
	delete(form, "_dc") // with which a browser keeps off its cache
	for k, v := range form {
		c.params[k] = strings.Join(v, ",")
	}
	for k, v := range vars {
		if given, twice := c.params[k]; twice && given != v {
			return node.BadParams(map[string]string{k: "duplicate parameter (already defined in URI) with conflicting values!"})
		}
		c.params[k] = v
	}
	return nil
}

// decodeForm is decode_urlencoded, which has no errors. A key without "=" has no value and
// is left out.
func decodeForm(text string, form url.Values) {
	for pair := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == '&' || r == ';' }) {
		k, v, ok := strings.Cut(pair, "=")
		if v, _, _ = strings.Cut(v, "="); !ok { // Perl's split drops what follows a second "="
			continue
		}
		k, v = unescape(k), unescape(v)
		form[k] = append(form[k], v)
	}
}

// unescape decodes what is well-formed and keeps the rest.
func unescape(s string) string {
	if t, err := url.QueryUnescape(s); err == nil {
		return t
	}
	return strings.ReplaceAll(s, "+", " ")
}

// jsonParams flattens a JSON body: numbers in their written form, booleans as 1 and 0,
// lists joined by commas, null as absent. What is no JSON is refused in Perl's words and in
// plain text.
func jsonParams(body []byte, form url.Values) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var m map[string]any
	if err := d.Decode(&m); err != nil {
		return plainError{500, notJSON(string(body), err)}
	}
	for k, v := range m {
		switch v := v.(type) {
		case nil:
		case []any:
			for _, x := range v {
				form[k] = append(form[k], scalar(x))
			}
		default:
			form[k] = []string{scalar(v)}
		}
	}
	return nil
}

// notJSON is how Perl's JSON::XS refuses a text, for the commonest kinds of mistake.
func notJSON(text string, err error) string {
	what, at := "malformed JSON string, neither tag, array, object, number, string or atom", len(text)-len(strings.TrimLeft(text, " \t\r\n"))
	var wrong *json.SyntaxError
	if rest, object := strings.CutPrefix(text[at:], "{"); object {
		inner := strings.TrimLeft(rest, " \t\r\n")
		at = len(text) - len(inner)
		switch {
		case !strings.HasPrefix(inner, `"`):
			what = `'"' expected`
		case errors.As(err, &wrong):
			what, at = ", or } expected while parsing object/hash", min(len(text), max(0, int(wrong.Offset)-1))
		default:
			what, at = ", or } expected while parsing object/hash", len(text)
		}
	}
	before := text[at:]
	if before == "" {
		before = "(end of string)"
	}
	return fmt.Sprintf("%s, at character offset %d (before \"%s\") at /usr/share/perl5/PVE/APIServer/AnyEvent.pm line 934.\n", what, at, before)
}

func scalar(v any) string {
	switch v {
	case true:
		return "1"
	case false:
		return "0"
	}
	return fmt.Sprint(v)
}

// plainError is a refusal of the web server itself: its text is the reason and the body.
type plainError struct {
	status int
	text   string
}

func (e plainError) Error() string { return e.text }

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
