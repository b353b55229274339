package fleet

import (
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
)

// Setting is one flag of create that the file gives for a container.
type Setting struct{ Flag, Value string }

// over puts an entry on top of the defaults: a value replaces theirs, variables are replaced
// by name, and lists are added.
func (e entry) over(defaults entry) entry {
	out := defaults
	to, from := reflect.ValueOf(&out).Elem(), reflect.ValueOf(e)
	for i := range to.NumField() {
		t, f := to.Field(i), from.Field(i)
		switch {
		case f.IsNil():
		case f.Kind() == reflect.Map && !t.IsNil():
			both := reflect.MakeMap(t.Type())
			for _, m := range []reflect.Value{t, f} {
				for _, k := range m.MapKeys() {
					both.SetMapIndex(k, m.MapIndex(k))
				}
			}
			t.Set(both)
		case f.Kind() == reflect.Slice:
			all := slices.Clone(t.Interface().([]string))
			for _, s := range f.Interface().([]string) {
				if !slices.Contains(all, s) {
					all = append(all, s)
				}
			}
			t.Set(reflect.ValueOf(all))
		default:
			t.Set(f)
		}
	}
	return out
}

// settings are the flags that the entry stands for. Paths are relative to dir.
func (e entry) settings(dir string) (out []Setting) {
	v := reflect.ValueOf(e)
	for i := range v.NumField() {
		tag, f := v.Type().Field(i).Tag, v.Field(i)
		flag := tag.Get("flag")
		if flag == "" || f.IsNil() {
			continue
		}
		add := func(prefix, value string) {
			if tag.Get("path") == "true" {
				value = below(dir, value)
			}
			out = append(out, Setting{flag, prefix + value})
		}
		switch f.Kind() {
		case reflect.Map:
			m := f.Interface().(map[string]string)
			for _, k := range slices.Sorted(maps.Keys(m)) {
				add(k+"=", m[k])
			}
		case reflect.Slice:
			for _, s := range f.Interface().([]string) {
				add("", s)
			}
		default:
			add("", fmt.Sprint(f.Elem().Interface()))
		}
	}
	return out
}

// below is a path relative to dir if it says so with ./ or ../, and else the text as it is: it
// may be a name, an address or a key.
func below(dir, path string) string {
	if strings.HasPrefix(path, "./") || strings.HasPrefix(path, "../") || path == "." || path == ".." {
		if path = filepath.Join(dir, path); !filepath.IsAbs(path) && !strings.HasPrefix(path, "../") {
			path = "./" + path // a folder, and no name
		}
	}
	return path
}
