package lxc

import (
	"encoding/json"
	"time"
)

// Time is a moment as every JSON face writes it: RFC 3339 in UTC with three
// decimals. time.Time itself leaves out the zeros at the end, so that texts of the
// same column would differ in length and not sort.
type Time struct{ time.Time }

const timeFormat = "2006-01-02T15:04:05.000Z"

// At is t as a Time, to the millisecond that is written.
func At(t time.Time) Time { return Time{t.UTC().Truncate(time.Millisecond)} }

// MarshalJSON writes the moment; reading one is time.Time's.
func (t Time) MarshalJSON() ([]byte, error) { return json.Marshal(t.UTC().Format(timeFormat)) }
