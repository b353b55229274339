package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/infrahaus/infrahaus/internal/yamltext"
)

const (
	maxFile  = 1 << 20 // bytes
	maxDepth = 16
)

// decoder fills structs from YAML nodes by their yaml tags. It stops at the first problem
// and reports its place. An unknown key is a problem.
type decoder struct {
	file  string
	where map[string]*yaml.Node // by path: hosts.homelab.url
}

func (d *decoder) fail(n *yaml.Node, next, format string, args ...any) error {
	e := &Error{File: d.file, Text: fmt.Sprintf(format, args...), Next: next}
	if n != nil {
		e.Line, e.Col = n.Line, n.Column
	}
	return e
}

// at returns an error about the value at a path.
func (d *decoder) at(path, next, format string, args ...any) error {
	return d.fail(d.where[path], next, "%s: "+format, append([]any{path}, args...)...)
}

func (d *decoder) read(r io.Reader, v any) error {
	data, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return d.fail(nil, "", "cannot read it: %v", err)
	}
	if len(data) > maxFile {
		return d.fail(nil, "", "it is larger than %d KiB", maxFile>>10)
	}
	dec := yaml.NewDecoder(strings.NewReader(string(data)))
	var doc, more yaml.Node
	if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
		return nil // an empty file sets nothing
	} else if err != nil {
		f := yamltext.Explain(string(data), err)
		return &Error{File: d.file, Line: f.Line, Col: f.Col, Text: f.Text, Next: f.Next}
	}
	if dec.Decode(&more) == nil {
		return d.fail(&more, "keep the first", "it holds more than one document")
	}
	if len(doc.Content) == 0 {
		return nil
	}
	if err := d.checkVersion(doc.Content[0]); err != nil {
		return err
	}
	return d.decode("", doc.Content[0], reflect.ValueOf(v).Elem(), 0)
}

// Version is the newest version of the file that this program understands. A file without
// a version has version 1.
const Version = 1

// checkVersion comes before the rest of the file is looked at: a newer file may have keys
// and shapes that would get misleading errors.
func (d *decoder) checkVersion(root *yaml.Node) error {
	for i := 0; root.Kind == yaml.MappingNode && i+1 < len(root.Content); i += 2 {
		if root.Content[i].Value != "version" {
			continue
		}
		n := root.Content[i+1]
		v, err := strconv.Atoi(n.Value)
		switch {
		case err != nil || n.Kind != yaml.ScalarNode || v < 1:
			return d.fail(n, fmt.Sprintf("write version: %d, or leave it out", Version), "version must be a whole number from 1")
		case v > Version:
			return d.fail(n, "install a newer infrahaus, or give another file with --config", "it is of version %d, and this infrahaus knows versions up to %d", v, Version)
		}
	}
	return nil
}

func (d *decoder) decode(path string, n *yaml.Node, v reflect.Value, depth int) error {
	d.where[path] = n
	for range maxDepth {
		if n.Kind == yaml.AliasNode {
			n = n.Alias
		}
	}
	if depth > maxDepth || n.Kind == yaml.AliasNode {
		return d.fail(n, "", "it is nested too deeply")
	}
	if n.ShortTag() == "!!null" {
		return nil
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		return d.decode(path, n, v.Elem(), depth)
	case reflect.Struct, reflect.Map:
		if n.Kind != yaml.MappingNode {
			return d.fail(n, "", "%s must be a mapping of keys to values", named(path))
		}
		return d.mapping(path, n, v, depth)
	case reflect.Slice: // of words: a string is split, a list is taken as it is
		return d.words(path, n, v)
	}
	if n.Kind != yaml.ScalarNode {
		return d.fail(n, "", "%s must be a single value", named(path))
	}
	if v.Kind() == reflect.Bool {
		if n.Value != "true" && n.Value != "false" || n.ShortTag() != "!!bool" {
			return d.fail(n, "write true or false, without quotes", "%s must be true or false", named(path))
		}
		v.SetBool(n.Value == "true")
		return nil
	}
	v.SetString(n.Value)
	return nil
}

func (d *decoder) mapping(path string, n *yaml.Node, v reflect.Value, depth int) error {
	fields, names := map[string]int{}, []string{}
	if v.Kind() == reflect.Map {
		v.Set(reflect.MakeMap(v.Type()))
	} else {
		for i := range v.NumField() {
			name := v.Type().Field(i).Tag.Get("yaml")
			fields[name], names = i, append(names, name)
		}
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		sub := strings.TrimPrefix(path+"."+key.Value, ".")
		if key.Kind != yaml.ScalarNode || key.ShortTag() == "!!merge" {
			return d.fail(key, "", "%s: a key must be a word", named(path))
		}
		if seen[key.Value] {
			return d.fail(key, "remove one of them", "%s is given twice", sub)
		}
		seen[key.Value] = true
		var err error
		if v.Kind() == reflect.Map {
			e := reflect.New(v.Type().Elem()).Elem()
			err = d.decode(sub, value, e, depth+1)
			v.SetMapIndex(reflect.ValueOf(key.Value), e)
		} else if field, ok := fields[key.Value]; ok {
			err = d.decode(sub, value, v.Field(field), depth+1)
		} else {
			err = d.unknown(sub, key, value, v.Type(), names)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (d *decoder) unknown(sub string, key, value *yaml.Node, in reflect.Type, names []string) error {
	slices.Sort(names)
	next := "known here: " + strings.Join(names, ", ")
	if near := nearest(key.Value, names); near != "" {
		next = fmt.Sprintf("did you mean %q?", near)
	}
	if below := misplaced(key, value, in); below != "" {
		next = "indent it below " + below
	}
	return d.fail(key, next, "unknown key %q", sub)
}

// misplaced returns the key below which an unknown key belongs, because it or its content
// is known there: for a host's name at the left edge, or for a host's key without the
// host's name. It is "" if nothing matches.
func misplaced(key, value *yaml.Node, in reflect.Type) string {
	for i := range in.NumField() {
		field, name := in.Field(i).Type, in.Field(i).Tag.Get("yaml")
		switch field.Kind() {
		case reflect.Struct:
			if hasKey(field, key.Value) {
				return name
			}
		case reflect.Map:
			entry := field.Elem().Elem()
			if hasKey(entry, key.Value) {
				return "the name of one of the " + name
			}
			for j := 0; value.Kind == yaml.MappingNode && j < len(value.Content); j += 2 {
				if hasKey(entry, value.Content[j].Value) {
					return name
				}
			}
		}
	}
	return ""
}

func hasKey(in reflect.Type, key string) bool {
	for i := range in.NumField() {
		if in.Field(i).Tag.Get("yaml") == key {
			return true
		}
	}
	return false
}

func (d *decoder) words(path string, n *yaml.Node, v reflect.Value) error {
	var words []string
	switch n.Kind {
	case yaml.ScalarNode:
		var err error
		if words, err = splitWords(n.Value); err != nil {
			return d.fail(n, "", "%s: %v", path, err)
		}
	case yaml.SequenceNode:
		for _, item := range n.Content {
			if item.Kind != yaml.ScalarNode {
				return d.fail(item, "", "%s must be a list of words", path)
			}
			words = append(words, item.Value)
		}
	}
	if len(words) == 0 || words[0] == "" {
		return d.fail(n, "", "%s must be a %s", path, kindOf(v.Type()))
	}
	v.Set(reflect.ValueOf(words))
	return nil
}

func named(path string) string {
	if path == "" {
		return "it"
	}
	return path
}

// nearest returns the word that a mistyped one was most likely meant to be, or "".
func nearest(word string, words []string) string {
	best, distance := "", max(len(word)/3, 1)+1
	for _, w := range words {
		if d := edits(strings.ToLower(word), strings.ToLower(w)); d < distance {
			best, distance = w, d
		}
	}
	return best
}

// edits counts the letters to insert, remove or replace to make b of a.
func edits(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 64
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}

func openFile(path string, named bool) (*os.File, error) {
	f, err := os.Open(path)
	if os.IsNotExist(err) && !named {
		return nil, nil
	}
	if err != nil {
		next := ""
		if os.IsNotExist(err) {
			next = "give --config the path of a file that exists"
		}
		return nil, &Error{Text: "cannot read the config: " + err.Error(), Next: next}
	}
	return f, nil
}
