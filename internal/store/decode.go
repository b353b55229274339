package store

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/infrahaus/infrahaus/internal/lxc"
)

// decodeContainer reads the document of a record. encoding/json needs most of the time that a
// list of many records takes, so the documents that this program writes are read here. Any
// other document, of another version or edited by hand, is left to encoding/json.
func decodeContainer(doc string, c *lxc.Container) error {
	if decodePlain(doc, c) {
		return nil
	}
	*c = lxc.Container{}
	if err := json.Unmarshal([]byte(doc), c); err != nil {
		return fmt.Errorf("cannot read a container's record: %w", err)
	}
	return nil
}

// decodePlain returns false for a document that it cannot read.
func decodePlain(doc string, c *lxc.Container) bool {
	return members(doc, func(key, raw string) bool {
		switch key {
		case "id":
			return text(raw, &c.RecordID)
		case "ctid":
			n, err := strconv.Atoi(raw)
			c.CTID = n
			return err == nil
		case "host":
			return text(raw, &c.Host)
		case "hostId":
			return text(raw, &c.HostID)
		case "node":
			return text(raw, &c.Node)
		case "hostname":
			return text(raw, &c.Hostname)
		case "fleet":
			return text(raw, &c.Fleet)
		case "template":
			return text(raw, &c.Template)
		case "osTemplate":
			return text(raw, &c.OSTemplate)
		case "image":
			return json.Unmarshal([]byte(raw), &c.Image) == nil
		case "baked":
			return text(raw, &c.Baked)
		case "status":
			return text(raw, (*string)(&c.Lifecycle))
		case "address":
			return text(raw, &c.Address)
		case "transport":
			return text(raw, &c.Transport)
		case "mac":
			return text(raw, &c.MAC)
		case "upid":
			return text(raw, &c.UPID)
		case "marked":
			return truth(raw, &c.Marked)
		case "adopted":
			return truth(raw, &c.Adopted)
		case "error":
			return text(raw, &c.Error)
		case "notes":
			return text(raw, &c.Notes)
		case "stoppedAt":
			c.StoppedAt = new(lxc.Time)
			return moment(raw, c.StoppedAt)
		case "answering":
			c.Answering = new(bool)
			return truth(raw, c.Answering)
		case "createdAt":
			return moment(raw, &c.CreatedAt)
		case "updatedAt":
			return moment(raw, &c.UpdatedAt)
		case "destroyedAt":
			c.DestroyedAt = new(lxc.Time)
			return moment(raw, c.DestroyedAt)
		}
		return false // perhaps the name of a field in another case, which encoding/json takes
	})
}

// members calls take for each member of a JSON object, with its key and its value as they are
// written. It returns false for anything but a whole object without spaces between its
// parts, and as soon as take does.
func members(doc string, take func(key, raw string) bool) bool {
	if len(doc) < 2 || doc[0] != '{' {
		return false
	}
	for rest := doc[1:]; ; {
		n := valueEnd(rest)
		if n < 2 || rest[0] != '"' || n >= len(rest) || rest[n] != ':' {
			return doc == "{}"
		}
		key := rest[1 : n-1]
		rest = rest[n+1:]
		if n = valueEnd(rest); n <= 0 || n >= len(rest) || !take(key, rest[:n]) {
			return false
		}
		if rest[n] != ',' {
			return rest[n:] == "}"
		}
		rest = rest[n+1:]
	}
}

// elements is members for an array.
func elements(doc string, take func(raw string) bool) bool {
	if len(doc) < 2 || doc[0] != '[' {
		return false
	}
	for rest := doc[1:]; ; {
		n := valueEnd(rest)
		if n <= 0 || n >= len(rest) {
			return doc == "[]"
		}
		if !take(rest[:n]) {
			return false
		}
		if rest[n] != ',' {
			return rest[n:] == "]"
		}
		rest = rest[n+1:]
	}
}

// valueEnd returns where the JSON value ends that text begins with; 0 if none does.
func valueEnd(text string) int {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			n := stringEnd(text[i+1:])
			if n < 0 {
				return 0
			}
			if i += n; depth == 0 {
				return i + 1
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return i
			}
			if depth--; depth == 0 {
				return i + 1
			}
		case ',':
			if depth == 0 {
				return i
			}
		case ' ', '\t', '\n', '\r':
			return 0
		}
	}
	return 0
}

// stringEnd returns the length of a JSON string without its first quote; -1 if it has no end.
func stringEnd(text string) int {
	for at := 0; ; {
		n := strings.IndexByte(text[at:], '"')
		if n < 0 {
			return -1
		}
		at += n
		escapes := 0
		for at-escapes > 0 && text[at-escapes-1] == '\\' {
			escapes++
		}
		if at++; escapes%2 == 0 {
			return at
		}
	}
}

func text(raw string, into *string) bool {
	if len(raw) < 2 || raw[0] != '"' {
		return false
	}
	if strings.IndexByte(raw, '\\') < 0 && utf8.ValidString(raw) {
		*into = raw[1 : len(raw)-1]
		return true
	}
	return json.Unmarshal([]byte(raw), into) == nil
}

func truth(raw string, into *bool) bool {
	*into = raw == "true"
	return *into || raw == "false"
}

// moment reads a time in the form of lxc.Time.
func moment(raw string, into *lxc.Time) bool {
	const form = `"2006-01-02T15:04:05.000Z"`
	if len(raw) != len(form) {
		return false
	}
	var n [7]int // year, month, day, hour, minute, second, millisecond
	field := 0
	for i := 1; i < len(form)-1; i++ {
		switch d := raw[i] - '0'; {
		case form[i] < '0' || form[i] > '9':
			if raw[i] != form[i] {
				return false
			}
			field++
		case d > 9:
			return false
		default:
			n[field] = 10*n[field] + int(d)
		}
	}
	t := time.Date(n[0], time.Month(n[1]), n[2], n[3], n[4], n[5], n[6]*int(time.Millisecond), time.UTC)
	*into = lxc.Time{Time: t}
	return t.Month() == time.Month(n[1]) && t.Day() == n[2] && t.Hour() == n[3] && t.Minute() == n[4]
}

// mainURL is lxc.MainURL of the services in a document.
func mainURL(doc string) (string, error) {
	var found string
	plain := elements(doc, func(raw string) bool {
		var url string
		var system bool
		ok := members(raw, func(key, raw string) bool {
			switch key {
			case "url":
				return text(raw, &url)
			case "system":
				return truth(raw, &system)
			}
			return true
		})
		if ok && !system {
			found = url
		}
		return ok && found == "" // the rest need not be read
	})
	if plain || found != "" {
		return found, nil
	}
	services, err := decodeServices(doc)
	return lxc.MainURL(services), err
}

func decodeServices(doc string) ([]lxc.Service, error) {
	if doc == "" {
		return nil, nil
	}
	var found []lxc.Service
	err := json.Unmarshal([]byte(doc), &found)
	return found, err
}
