package vault

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"unicode/utf8"
)

// PackValues writes a service's credentials as the text that is sealed: a JSON object of
// keys and values. JSON would damage a value that is not valid UTF-8, so such a value is
// written as {"base64":…}, and every byte comes back.
func PackValues(values map[string]string) ([]byte, error) {
	doc := make(map[string]any, len(values))
	for key, value := range values {
		if doc[key] = value; !utf8.ValidString(value) {
			doc[key] = packed{Base64: base64.StdEncoding.EncodeToString([]byte(value))}
		}
	}
	return json.Marshal(doc)
}

// UnpackValues reads the text that PackValues wrote.
func UnpackValues(text []byte) (map[string]string, error) {
	var doc map[string]json.RawMessage
	if json.Unmarshal(text, &doc) != nil {
		return nil, errValues
	}
	values := make(map[string]string, len(doc))
	for key, raw := range doc {
		var value string
		if json.Unmarshal(raw, &value) != nil {
			var p packed
			if json.Unmarshal(raw, &p) != nil {
				return nil, errValues
			}
			whole, err := base64.StdEncoding.DecodeString(p.Base64)
			if err != nil {
				return nil, errValues
			}
			value = string(whole)
		}
		values[key] = value
	}
	return values, nil
}

type packed struct {
	Base64 string `json:"base64"`
}

// errValues quotes no part of the text, because it is secret.
var errValues = errors.New("the sealed text is not a list of credentials")
