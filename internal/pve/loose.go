package pve

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"strings"
)

// text accepts a JSON string, number or boolean: Proxmox sends cpulimit as "0.5", an id
// either as 100 or as "100", and a flag as 1.
type text string

func (t *text) UnmarshalJSON(raw []byte) error {
	raw = bytes.TrimSpace(raw)
	if len(raw) > 0 && raw[0] == '"' {
		var s string
		if err := json.Unmarshal(raw, &s); err != nil {
			return err
		}
		*t = text(s)
		return nil
	}
	switch string(raw) {
	case "null":
		*t = ""
	case "true":
		*t = "1"
	case "false":
		*t = "0"
	default:
		*t = text(raw)
	}
	return nil
}

func (t text) String() string { return string(t) }

func (t text) bool() bool { return t != "" && t != "0" }

// int returns 0 for a text that is not a number, or is out of the range of int.
func (t text) int() int {
	n, _ := t.int64()
	return int(n)
}

func (t text) int64() (int64, bool) {
	f, err := strconv.ParseFloat(string(t), 64)
	if err != nil || !(math.Abs(f) < 1<<53) { // also false for NaN
		return 0, false
	}
	return int64(f), true
}

// property is one key of a Proxmox property string.
type property struct{ key, value string }

// properties splits a property string such as
// "name=eth0,bridge=vmbr0,ip=dhcp". A part without = has the key "".
func properties(s string) []property {
	var out []property
	for part := range strings.SplitSeq(s, ",") {
		if part == "" {
			continue
		}
		key, value, ok := strings.Cut(part, "=")
		if !ok {
			key, value = "", part
		}
		out = append(out, property{key, value})
	}
	return out
}
