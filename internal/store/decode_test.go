package store

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/infrahaus/infrahaus/internal/lxc"
)

// fillFields puts something into each field of a value.
func fillFields(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(`a "b" \ ü<` + "\n\u2028")
	case reflect.Int:
		v.SetInt(107)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fillFields(v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fillFields(v.Index(1))
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fillFields(key)
		fillFields(value)
		v.SetMapIndex(key, value)
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[lxc.Time]() {
			v.Set(reflect.ValueOf(lxc.At(time.Date(2024, 2, 29, 23, 59, 58, 7e6, time.UTC))))
			return
		}
		for i := range v.NumField() {
			fillFields(v.Field(i))
		}
	}
}

// Every field of a record is read without encoding/json, and as by it. A field that is new in
// lxc.Container fails here until decodePlain knows it.
func TestDecodePlain(t *testing.T) {
	var full lxc.Container
	fillFields(reflect.ValueOf(&full).Elem())
	doc, err := json.Marshal(full)
	if err != nil {
		t.Fatal(err)
	}
	var plain, want lxc.Container
	if err := json.Unmarshal(doc, &want); err != nil {
		t.Fatal(err)
	}
	if !decodePlain(string(doc), &plain) || !reflect.DeepEqual(plain, want) {
		t.Errorf("%+v\nwant %+v", plain, want)
	}
}

var odd = []string{
	`{}`, `[]`, `null`, ``, `{`, `{"id":"a"`, `{"id":"a",}`, `{"id":"a"}x`, `{"id":"a"} `, ` {"id":"a"}`, `{"id": "a"}`, `{"ID":"a"}`, `{"id":null}`,
	`{"id":"\u00e4\\\""}`, `{"id":"a\\"}`, `{"id":"a","id":"b"}`, `{"ctid":1e2}`, `{"ctid":"1"}`, `{"new":[{"a":"]"},"}"],"id":"x"}`,
	`{"createdAt":"2026-02-30T00:00:00.000Z"}`, `{"createdAt":"2026-01-02T03:04:05Z"}`, `{"createdAt":"2026-01-02T03:04:05.678+02:00"}`,
	`{"answering":null}`, `{"answering":false,"stoppedAt":"2026-01-02T03:04:05.678Z"}`, `{"image":{"reference":"a","x":[1,{}]}}`, `{"image":null}`,
	`{"marked":tru}`, `{"id":a}`, `{"id":"a"]`, `{"a":}`, `{:"a"}`, `{"marked":true,"status":"ready"}`, `{"error":"ü"}`,
}

// A document of any form is read as encoding/json reads it, or refused as it refuses it.
func FuzzDecodeContainer(f *testing.F) {
	for _, doc := range odd {
		f.Add(doc)
	}
	f.Fuzz(func(t *testing.T, doc string) {
		var got, want lxc.Container
		wrong := json.Unmarshal([]byte(doc), &want)
		if err := decodeContainer(doc, &got); wrong == nil && (err != nil || !reflect.DeepEqual(got, want)) {
			t.Errorf("%s: %+v, %v, want %+v", doc, got, err, want)
		}
	})
}

func TestMainURL(t *testing.T) {
	for _, doc := range []string{
		`[]`, `[{}]`, `[{"name":"a"},{"name":"b","url":"http://b"}]`, `[{"url":"http://s","system":true},{"url":"http://b","ports":[{"port":80}]},{"url":"http://c"}]`,
		`[{"system":false,"url":"http://b/\u003ca>"}]`, `[ {"url":"http://b"} ]`, `null`, `[{"note":"],}","url":"http://b"}]`,
	} {
		var services []lxc.Service
		if err := json.Unmarshal([]byte(doc), &services); err != nil {
			t.Fatal(err)
		}
		got, err := mainURL(doc)
		if want := lxc.MainURL(services); got != want || err != nil {
			t.Errorf("%s: %q, %v, want %q", doc, got, err, want)
		}
	}
}
