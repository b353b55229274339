package lxc

import (
	"encoding/json"
	"time"
)

// Time is a moment as all JSON output writes it: RFC 3339 in UTC with three decimals.
// time.Time omits trailing zeros, so that texts in one column would differ in length and
// not sort.
type Time struct{ time.Time }

const timeFormat = "2006-01-02T15:04:05.000Z"

// At returns t as a Time, cut to the millisecond that is written.
func At(t time.Time) Time { return Time{t.UTC().Truncate(time.Millisecond)} }

// MarshalJSON writes the moment; time.Time reads it.
func (t Time) MarshalJSON() ([]byte, error) { return json.Marshal(t.UTC().Format(timeFormat)) }
